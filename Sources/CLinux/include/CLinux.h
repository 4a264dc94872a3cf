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
#include <sys/types.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

/// open(2) is variadic, which Swift cannot call. Always with O_CLOEXEC.
int linux_open(const char *path, int flags, mode_t mode);

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

/// flock(2), exclusive and without waiting; in Swift its name is also that of a structure.
int linux_lock(int descriptor);

/// Takes the program's code and constants out of this process's memory: what it goes on using comes back from the page
/// cache, and what only its start needed does not. See madvise(2), MADV_DONTNEED.
void linux_release_code(void);
