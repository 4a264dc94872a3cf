// What Swift's Glibc module hides: headers it leaves out, variadic calls, and (in CLinux.c) functions behind _GNU_SOURCE.
//
// _GNU_SOURCE must not be set in this header: it changes structures that the Glibc module has too, and Swift then
// refuses both.
#pragma once

#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/timex.h>
#include <sys/types.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

/// open(2) is variadic, which Swift cannot call. Always with O_CLOEXEC.
int linux_open(const char *path, int flags, mode_t mode);

/// openat(2), with O_CLOEXEC; nothing is created.
int linux_open_at(int directory, const char *path, int flags);

/// open(2) with O_PATH, of a directory: to begin a path at.
int linux_open_root(const char *path);

/// openat(2) with O_PATH and O_NOFOLLOW: `name` itself, also when it is a symbolic link.
int linux_open_place(int directory, const char *name);

/// openat2(2) with RESOLVE_IN_ROOT, with O_CLOEXEC: `root` is the root directory for the path, for links in it and for
/// `..`. ENOSYS before Linux 5.6.
int linux_open_in_root(int root, const char *path, int flags);

/// openat(2) with O_PATH: takes hold of what a name in a directory is, without a right to read it; of a symbolic link
/// itself when it is not to be followed.
int linux_hold(int directory, const char *name, int follows_link);

/// accept4(2): closed on exec, and never waits.
int linux_accept(int listener);

/// pipe2(2), closed on exec.
int linux_pipe(int ends[2]);

/// statfs(2); in Swift its name is also that of the structure.
int linux_statfs(const char *path, struct statfs *out);

unsigned linux_major(dev_t device);
unsigned linux_minor(dev_t device);

/// mallopt(3): threads that come and go must not each keep an arena of their own, and buffers of megabytes must go back
/// to the system when they are freed.
void linux_tune_malloc(int arenas);

/// Ignores SIGPIPE, blocks SIGTERM, SIGINT and SIGHUP in this thread and those it starts, and gives a signalfd(2) for them.
int linux_open_signals(void);

/// The next signal of that descriptor; 0 when there is none. Never waits.
int linux_next_signal(int descriptor);

/// getdents64(2): entries of a directory, as many as fit; 0 at its end.
ssize_t linux_list(int directory, void *entries, size_t bytes);

/// perf_event_open(2): counts an event of all processes on one CPU from now on; its descriptor, or -1 and errno.
int linux_count_event(uint32_t type, uint64_t config, int cpu);

/// flock(2), exclusive and without waiting; in Swift its name is also that of a structure.
int linux_lock(int descriptor);

/// ioctl(2) SIOCOUTQ: bytes written to a TCP socket that the other side's kernel has not acknowledged, or -1.
int linux_unacknowledged(int descriptor);

/// flock(2) LOCK_UN: lets go of it also for copies of the descriptor, as a child has that was forked meanwhile.
int linux_unlock(int descriptor);

/// statx(2) STATX_BTIME: when an open file was made, in nanoseconds since 1970. 1 when that is known, 0 when the file
/// system does not keep it or may make it up (FUSE, network file systems, overlays), -1 and errno.
int linux_birth(int descriptor, int64_t *unix_nanoseconds);

/// lseek(2) SEEK_DATA: the first offset from `offset` on that is in no hole, or -1 and errno: ENXIO when there is none.
int64_t linux_seek_data(int descriptor, int64_t offset);

#define LINUX_INTERFACE_NAME_BYTES 16

/// ioctl(2) SIOCGIFNAME on any socket; `name` has room for LINUX_INTERFACE_NAME_BYTES.
int linux_interface_name(int descriptor, unsigned index, char *name);

/// ioctl(2) SIOCETHTOOL on any socket: `data` is one of the structures of linux/ethtool.h and what is written into it.
/// The kernel writes as much as the driver has to say, whatever room there is: what is more than `bytes` fails with
/// EFAULT here, since an unmapped page follows.
int linux_ethtool(int descriptor, const char *name, void *data, size_t bytes);

/// Gives back what malloc(3) has and nobody uses, and takes the program's code and constants out of this process's
/// memory: what it goes on using comes back from the page cache, and what only its start needed does not. See madvise(2),
/// MADV_DONTNEED.
void linux_release_memory(void);

/// One device of a btrfs file system.
struct linux_btrfs_device {
    uint64_t size;
    uint64_t allocated;
    /// Writing, reading, flushing, corruption, generation: BTRFS_DEV_STAT_*.
    uint64_t errors[5];
    /// They are not known of a device that is missing.
    int has_errors;
    uint8_t uuid[16];
    /// Ends with a zero; empty when the device is missing.
    char path[1025];
};

/// BTRFS_IOC_FS_INFO of an open file or directory. ioctl(2) is variadic, which Swift cannot call.
int linux_btrfs_file_system(int descriptor, uint8_t uuid[16], uint64_t *last_device);

/// BTRFS_IOC_DEV_INFO and BTRFS_IOC_GET_DEV_STATS; ENODEV when there is none of that number.
int linux_btrfs_device(int descriptor, uint64_t number, struct linux_btrfs_device *out);

/// The first `count` bytes of a log page of an NVMe disk, by NVME_IOCTL_ADMIN_CMD.
int linux_nvme_log_page(int descriptor, uint8_t page, void *data, uint32_t count);

/// What the program was started with, as the loader gave it: Swift's own CommandLine reads /proc, which a chroot or a
/// sandbox may not have.
int linux_argument_count(void);
const char *linux_argument(int index);

/// Starts threads that are all there at the same time, up to `count`, with the stack that others get, and ends them.
/// How many there were: fewer when a limit was reached. See pthread_create(3), EAGAIN.
int linux_try_threads(int count);

/// A thread that runs `body` with `context`, and ends. 0, or the error of pthread_create(3). Nothing is allocated on it:
/// the first allocation of a thread makes an arena, which takes as long as the thread itself.
int linux_start_thread(void *(*body)(void *), void *context);

/// 1 when the stacks of `count` threads fit into the address space, all at once (RLIMIT_AS, RLIMIT_DATA, what the kernel
/// commits itself to); 0 when not, or when that cannot be told.
int linux_has_space_for_threads(int count);

/// poll(2) for reading on two descriptors; `milliseconds` below zero waits for ever.
int linux_wait_readable(int first, int second, int milliseconds);
