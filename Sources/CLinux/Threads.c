// Threads that libdispatch starts, and what may be had of them. See pthread_create(3), setpriority(2).
#define _GNU_SOURCE 1

#include "CLinux.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>

/// Takes the place of glibc's in this program. libdispatch (swift-corelibs-libdispatch, pull request 842) gives each of its
/// threads a nice value of its own: that undoes what the administrator chose (`Nice=`), and where it is forbidden, by a
/// sandbox or for want of CAP_SYS_NICE, it writes a line to syslog for each thread. Nobody here asks for a priority.
int setpriority(__priority_which_t which, id_t who, int value) {
    (void)which;
    (void)who;
    (void)value;
    return 0;
}

struct gate {
    pthread_mutex_t mutex;
    pthread_cond_t opened;
    int is_open;
};

static void *wait_at(void *argument) {
    struct gate *gate = argument;
    pthread_mutex_lock(&gate->mutex);
    while (!gate->is_open) pthread_cond_wait(&gate->opened, &gate->mutex);
    pthread_mutex_unlock(&gate->mutex);
    return NULL;
}

int linux_try_threads(int count) {
    struct gate gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0};
    pthread_t *threads = calloc(count > 0 ? (size_t)count : 1, sizeof *threads);
    if (threads == NULL) return 0;
    int started = 0;
    while (started < count && pthread_create(&threads[started], NULL, wait_at, &gate) == 0) started++;
    pthread_mutex_lock(&gate.mutex);
    gate.is_open = 1;
    pthread_cond_broadcast(&gate.opened);
    pthread_mutex_unlock(&gate.mutex);
    for (int index = 0; index < started; index++) pthread_join(threads[index], NULL);
    free(threads);
    return started;
}

int linux_start_thread(void *(*body)(void *), void *context) {
    pthread_t thread;
    int code = pthread_create(&thread, NULL, body, context);
    if (code == 0) pthread_detach(thread);
    return code;
}

int linux_has_space_for_threads(int count) {
    pthread_attr_t attributes;
    size_t stack = 0, guard = 0;
    if (count <= 0) return 1;
    if (pthread_attr_init(&attributes) != 0) return 0;
    if (pthread_attr_getstacksize(&attributes, &stack) != 0 || pthread_attr_getguardsize(&attributes, &guard) != 0) stack = 0;
    pthread_attr_destroy(&attributes);
    size_t length;
    if (stack == 0 || __builtin_mul_overflow(stack + guard, (size_t)count, &length)) return 0;
    void *space = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (space == MAP_FAILED) return 0;
    munmap(space, length);
    return 1;
}

int linux_wait_readable(int first, int second, int milliseconds) {
    struct pollfd entries[2] = {{first, POLLIN, 0}, {second, POLLIN, 0}};
    return poll(entries, 2, milliseconds);
}
