// Pages of mapped journal files that are lost while they are read: see journal_begin_reading in the header, mmap(2) for
// SIGBUS, and sigaction(2) for si_code.

#include "CSystemd.h"

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

static _Thread_local volatile sig_atomic_t is_reading;
// Of this thread, as the signal is: what another one lost says nothing of what this one reads.
static _Thread_local volatile unsigned long lost_pages;
static uintptr_t page_mask;
static struct sigaction before;
static pthread_once_t installing = PTHREAD_ONCE_INIT;

// Only what may be called in a signal handler: mmap is a plain system call in glibc.
static void on_sigbus(int number, siginfo_t *info, void *context) {
    (void)context;
    if (is_reading && info->si_code == BUS_ADRERR) {
        void *page = (void *)((uintptr_t)info->si_addr & page_mask);
        size_t length = ~page_mask + 1;
        if (mmap(page, length, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == page) {
            lost_pages += 1;
            return;
        }
    }
    // Not ours: what was there before gets it when the instruction is tried again.
    sigaction(number, &before, NULL);
}

static void install(void) {
    page_mask = ~((uintptr_t)sysconf(_SC_PAGESIZE) - 1);
    struct sigaction action = {.sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO | SA_RESTART};
    sigemptyset(&action.sa_mask);
    sigaction(SIGBUS, &action, &before);
}

void journal_begin_reading(void) {
    pthread_once(&installing, install);
    is_reading = 1;
}
void journal_end_reading(void) { is_reading = 0; }
unsigned long journal_lost_pages(void) { return lost_pages; }
