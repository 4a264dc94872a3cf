#define _GNU_SOURCE 1

#include "CLinux.h"

#include <fcntl.h>
#include <malloc.h>
#include <sys/sysmacros.h>
#include <unistd.h>

int linux_open(const char *path, int flags, mode_t mode) { return open(path, flags | O_CLOEXEC, mode); }

int linux_accept(int listener) { return accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK); }

int linux_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC); }

int linux_statfs(const char *path, struct statfs *out) { return statfs(path, out); }

unsigned linux_major(dev_t device) { return major(device); }
unsigned linux_minor(dev_t device) { return minor(device); }

void linux_limit_arenas(int count) { mallopt(M_ARENA_MAX, count); }
