// Preloaded: the first pread(2) calls of at most 2 KiB of files whose name ends with VITALS_FAIL_NAME, as many as
// VITALS_FAIL_COUNT says, fail with VITALS_FAIL_ERRNO. Larger ones are those of lines.
#define _GNU_SOURCE 1

#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static atomic_int failed;

static int is_to_fail(int descriptor, size_t bytes) {
    const char *name = getenv("VITALS_FAIL_NAME"), *count = getenv("VITALS_FAIL_COUNT");
    if (!name || !count || bytes > 2048) return 0;
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < (ssize_t)strlen(name)) return 0;
    path[length] = 0;
    if (strcmp(path + length - strlen(name), name) != 0) return 0;
    return atomic_fetch_add(&failed, 1) < atoi(count);
}

ssize_t pread(int descriptor, void *into, size_t bytes, off_t offset) {
    static ssize_t (*original)(int, void *, size_t, off_t);
    if (!original) original = (ssize_t (*)(int, void *, size_t, off_t))dlsym(RTLD_NEXT, "pread");
    if (is_to_fail(descriptor, bytes)) {
        errno = atoi(getenv("VITALS_FAIL_ERRNO"));
        return -1;
    }
    return original(descriptor, into, bytes, offset);
}
