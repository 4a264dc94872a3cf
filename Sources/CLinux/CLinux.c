#define _GNU_SOURCE 1

#include "CLinux.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <linux/btrfs.h>
#include <linux/magic.h>
#include <linux/nvme_ioctl.h>
#include <linux/openat2.h>
#include <linux/perf_event.h>
#include <linux/sockios.h>
#include <malloc.h>
#include <net/if.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

int linux_open(const char *path, int flags, mode_t mode) { return open(path, flags | O_CLOEXEC, mode); }

int linux_open_at(int directory, const char *path, int flags) { return openat(directory, path, flags | O_CLOEXEC); }

int linux_open_root(const char *path) { return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC); }

int linux_open_place(int directory, const char *name) {
    return openat(directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
}

int linux_open_in_root(int root, const char *path, int flags) {
#ifdef SYS_openat2
    struct open_how how = {.flags = (uint64_t)(flags | O_CLOEXEC), .resolve = RESOLVE_IN_ROOT};
    return (int)syscall(SYS_openat2, root, path, &how, sizeof how);
#else
    errno = ENOSYS;
    return -1;
#endif
}

int linux_hold(int directory, const char *name, int follows_link) {
    return openat(directory, name, O_PATH | O_CLOEXEC | (follows_link ? 0 : O_NOFOLLOW));
}

int linux_accept(int listener) { return accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK); }

int linux_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC); }

int linux_statfs(const char *path, struct statfs *out) { return statfs(path, out); }

int linux_birth(int descriptor, int64_t *unix_nanoseconds) {
    struct statx status;
    if (statx(descriptor, "", AT_EMPTY_PATH, STATX_BTIME, &status) != 0) {
        // Before Linux 4.11, or a container's filter of system calls does not know it.
        return errno == ENOSYS || errno == EPERM || errno == EINVAL ? 0 : -1;
    }
    if (!(status.stx_mask & STATX_BTIME) || (status.stx_btime.tv_sec == 0 && status.stx_btime.tv_nsec == 0)) return 0;
    struct statfs system;
    if (fstatfs(descriptor, &system) != 0) return -1;
    switch ((uint32_t)system.f_type) {
    case EXT4_SUPER_MAGIC:
    case XFS_SUPER_MAGIC:
    case BTRFS_SUPER_MAGIC:
    case F2FS_SUPER_MAGIC:
    case TMPFS_MAGIC:
    case 0x2FC12FC1: // ZFS
    case 0xCA451A4E: // bcachefs
        *unix_nanoseconds = (int64_t)status.stx_btime.tv_sec * 1000000000 + status.stx_btime.tv_nsec;
        return 1;
    default: return 0;
    }
}

int64_t linux_seek_data(int descriptor, int64_t offset) { return lseek(descriptor, offset, SEEK_DATA); }

unsigned linux_major(dev_t device) { return major(device); }
unsigned linux_minor(dev_t device) { return minor(device); }

void linux_tune_malloc(int arenas) {
    mallopt(M_ARENA_MAX, arenas);
    // Setting either switches off that glibc raises both to twice the largest block that was ever freed.
    mallopt(M_MMAP_THRESHOLD, 128 << 10);
    mallopt(M_TRIM_THRESHOLD, 128 << 10);
}

int linux_open_signals(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    signal(SIGPIPE, SIG_IGN);
    if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0) return -1;
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int linux_next_signal(int descriptor) {
    struct signalfd_siginfo info;
    return read(descriptor, &info, sizeof info) == sizeof info ? (int)info.ssi_signo : 0;
}

ssize_t linux_list(int directory, void *entries, size_t bytes) { return getdents64(directory, entries, bytes); }

int linux_count_event(uint32_t type, uint64_t config, int cpu) {
    struct perf_event_attr event = { .type = type, .size = sizeof event, .config = config, .exclude_hv = 1 };
    return (int)syscall(SYS_perf_event_open, &event, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
}

int linux_lock(int descriptor) { return flock(descriptor, LOCK_EX | LOCK_NB); }

int linux_unlock(int descriptor) { return flock(descriptor, LOCK_UN); }

int linux_interface_name(int descriptor, unsigned index, char *name) {
    struct ifreq request;
    memset(&request, 0, sizeof request);
    request.ifr_ifindex = (int)index;
    if (ioctl(descriptor, SIOCGIFNAME, &request) != 0) return -1;
    memcpy(name, request.ifr_name, LINUX_INTERFACE_NAME_BYTES);
    return 0;
}

int linux_ethtool(int descriptor, const char *name, void *data, size_t bytes) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t room = (bytes + page - 1) / page * page;
    char *start = mmap(NULL, room + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (start == MAP_FAILED) return -1;
    int result = mprotect(start + room, page, PROT_NONE);
    char *copy = start + room - bytes;
    if (result == 0) {
        struct ifreq request;
        memset(&request, 0, sizeof request);
        strncpy(request.ifr_name, name, sizeof request.ifr_name - 1);
        memcpy(copy, data, bytes);
        request.ifr_data = copy;
        result = ioctl(descriptor, SIOCETHTOOL, &request);
        if (result == 0) memcpy(data, copy, bytes);
    }
    int error = errno;
    munmap(start, room + page);
    errno = error;
    return result;
}

// A part of a library that is never written is the same on the disk: what is needed again is mapped again.
static int release_part(struct dl_phdr_info *library, size_t size, void *unused) {
    (void)size, (void)unused;
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    for (int index = 0; index < library->dlpi_phnum; index++) {
        const ElfW(Phdr) *part = &library->dlpi_phdr[index];
        if (part->p_type != PT_LOAD || (part->p_flags & PF_W)) continue;
        size_t start = (library->dlpi_addr + part->p_vaddr) / page * page;
        size_t end = (library->dlpi_addr + part->p_vaddr + part->p_memsz + page - 1) / page * page;
        madvise((void *)start, end - start, MADV_DONTNEED);
    }
    return 0;
}

void linux_release_memory(void) {
    malloc_trim(0);
    dl_iterate_phdr(release_part, NULL);
}

int linux_btrfs_file_system(int descriptor, uint8_t uuid[16], uint64_t *last_device) {
    struct btrfs_ioctl_fs_info_args info = {0};
    if (ioctl(descriptor, BTRFS_IOC_FS_INFO, &info) != 0) return -1;
    memcpy(uuid, info.fsid, 16);
    *last_device = info.max_id;
    return 0;
}

int linux_btrfs_device(int descriptor, uint64_t number, struct linux_btrfs_device *out) {
    struct btrfs_ioctl_dev_info_args info = {.devid = number};
    if (ioctl(descriptor, BTRFS_IOC_DEV_INFO, &info) != 0) return -1;
    struct btrfs_ioctl_get_dev_stats stats = {.devid = number, .nr_items = 5};
    memset(out, 0, sizeof *out);
    out->has_errors = ioctl(descriptor, BTRFS_IOC_GET_DEV_STATS, &stats) == 0;
    out->size = info.total_bytes;
    out->allocated = info.bytes_used;
    for (int item = 0; item < 5; item++) out->errors[item] = stats.values[item];
    memcpy(out->uuid, info.uuid, 16);
    memcpy(out->path, info.path, sizeof info.path);
    return 0;
}

int linux_unacknowledged(int descriptor) {
    int bytes = 0;
    // TIOCOUTQ is SIOCOUTQ's number, without linux/sockios.h.
    return ioctl(descriptor, TIOCOUTQ, &bytes) == 0 ? bytes : -1;
}

int linux_nvme_log_page(int descriptor, uint8_t page, void *data, uint32_t count) {
    struct nvme_admin_cmd command = {
        .opcode = 0x02,  // Get Log Page
        .nsid = 1,
        .addr = (uintptr_t)data,
        .data_len = count,
        .cdw10 = page | (count / 4 - 1) << 16,  // in words of 4 bytes, less one
    };
    int status = ioctl(descriptor, NVME_IOCTL_ADMIN_CMD, &command);
    // A positive one is the controller's: it has no such page.
    if (status > 0) errno = EOPNOTSUPP;
    return status == 0 ? 0 : -1;
}
