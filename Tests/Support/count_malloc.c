/* Preloaded into the agent by Tests/EndToEnd/test_allocations.py: counts what is allocated, in the first bytes of the
   file that COUNT_MALLOC names. The functions that are called are those of glibc behind malloc(3).

   A file with room for it also gets who allocates while `takes_sites` is not 0: the return addresses of each call. */

#include <execinfo.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

enum { DEPTH = 30 };

struct site {
    uint64_t bytes;
    uint64_t depth;
    uint64_t stack[DEPTH];
};

static struct counts {
    _Atomic uint64_t calls;
    _Atomic uint64_t bytes;
    _Atomic uint64_t takes_sites;
    _Atomic uint64_t site_count;
    /* Where the program was loaded: its addresses less this are those of its symbols. */
    uint64_t base;
    struct site sites[];
} before_main, *counts = &before_main;

static uint64_t site_limit;
static __thread int is_inside;

/* The first line of the map is that of the program. */
static unsigned long find_base(void) {
    unsigned long start = 0;
    FILE *maps = fopen("/proc/self/maps", "re");
    if (maps && fscanf(maps, "%lx", &start) != 1) start = 0;
    if (maps) fclose(maps);
    return start;
}

__attribute__((constructor)) static void share(void) {
    const char *path = getenv("COUNT_MALLOC");
    int file = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    struct stat status;
    if (file < 0 || fstat(file, &status) != 0) return;
    struct counts *shared = mmap(NULL, (size_t)status.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (shared == MAP_FAILED) return;
    shared->base = find_base();
    site_limit = ((size_t)status.st_size - sizeof *shared) / sizeof *shared->sites;
    counts = shared;
}

static void count(size_t bytes) {
    atomic_fetch_add_explicit(&counts->calls, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&counts->bytes, bytes, memory_order_relaxed);
    if (!counts->takes_sites || is_inside) return;
    is_inside = 1; /* The first backtrace allocates. */
    uint64_t index = atomic_fetch_add(&counts->site_count, 1);
    if (index < site_limit) {
        counts->sites[index].bytes = bytes;
        counts->sites[index].depth = (uint64_t)backtrace((void **)counts->sites[index].stack, DEPTH);
    }
    is_inside = 0;
}

void *malloc(size_t size) {
    count(size);
    return __libc_malloc(size);
}

void *calloc(size_t number, size_t size) {
    count(number * size);
    return __libc_calloc(number, size);
}

void *realloc(void *memory, size_t size) {
    count(size);
    return __libc_realloc(memory, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size) {
    count(size);
    *memory = __libc_memalign(alignment, size);
    return *memory ? 0 : 12;
}

void *aligned_alloc(size_t alignment, size_t size) {
    count(size);
    return __libc_memalign(alignment, size);
}
