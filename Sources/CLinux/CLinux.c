#define _GNU_SOURCE 1

#include "CLinux.h"

#include <fcntl.h>
#include <link.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/sysmacros.h>
#include <unistd.h>

int linux_open(const char *path, int flags, mode_t mode) { return open(path, flags | O_CLOEXEC, mode); }

int linux_accept(int listener) { return accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK); }

int linux_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC); }

int linux_statfs(const char *path, struct statfs *out) { return statfs(path, out); }

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

int linux_lock(int descriptor) { return flock(descriptor, LOCK_EX | LOCK_NB); }

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

void linux_release_code(void) { dl_iterate_phdr(release_part, NULL); }
