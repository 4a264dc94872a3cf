#include "CSystemd.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <systemd/sd-journal.h>

const int csystemd_local_only = SD_JOURNAL_LOCAL_ONLY;
const int csystemd_invalidated = SD_JOURNAL_INVALIDATE;

#define EACH_CALL(DO) \
    DO(open) DO(open_directory) DO(close) \
    DO(add_match) DO(add_disjunction) DO(add_conjunction) DO(flush_matches) \
    DO(seek_head) DO(seek_realtime_usec) DO(seek_cursor) DO(next) DO(get_cursor) DO(test_cursor) \
    DO(set_data_threshold) DO(restart_data) DO(enumerate_available_data) DO(get_realtime_usec) \
    DO(get_fd) DO(get_events) DO(get_timeout) DO(process) \
    DO(get_usage) DO(query_unique) DO(enumerate_available_unique)

// The types come from systemd's header, so that a wrapper below that disagrees with it does not compile.
#define FIELD(name) __typeof__(&sd_journal_##name) name;
typedef struct { EACH_CALL(FIELD) } calls_table;

static calls_table calls;
static int is_loaded;
static pthread_mutex_t loading = PTHREAD_MUTEX_INITIALIZER;

static int find_calls(const char *library, char *problem, size_t problem_size) {
    // RTLD_NODELETE: it is never unloaded, so a handle that failed half way need not be kept.
    void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!handle) {
        const char *reason = dlerror();
        snprintf(problem, problem_size, "%s", reason ? reason : "dlopen gave no reason");
        return -1;
    }
    calls_table found;
#define FIND(name) \
    found.name = (__typeof__(&sd_journal_##name))dlsym(handle, "sd_journal_" #name); \
    if (!found.name) { \
        snprintf(problem, problem_size, "%s, older than systemd 246, has no sd_journal_" #name, library); \
        dlclose(handle); \
        return -1; \
    }
    EACH_CALL(FIND)
    if (!is_loaded) calls = found;
    is_loaded = 1;
    return 0;
}

int csystemd_load(const char *library, char *problem, size_t problem_size) {
    pthread_mutex_lock(&loading);
    int result = find_calls(library, problem, problem_size);
    pthread_mutex_unlock(&loading);
    return result;
}

int journal_open(sd_journal **journal, int flags) { return calls.open(journal, flags); }
int journal_open_directory(sd_journal **journal, const char *path, int flags) {
    return calls.open_directory(journal, path, flags);
}
void journal_close(sd_journal *journal) { calls.close(journal); }

int journal_add_match(sd_journal *journal, const void *data, size_t size) {
    return calls.add_match(journal, data, size);
}
int journal_add_disjunction(sd_journal *journal) { return calls.add_disjunction(journal); }
int journal_add_conjunction(sd_journal *journal) { return calls.add_conjunction(journal); }
void journal_flush_matches(sd_journal *journal) { calls.flush_matches(journal); }

int journal_seek_head(sd_journal *journal) { return calls.seek_head(journal); }
int journal_seek_realtime_usec(sd_journal *journal, uint64_t microseconds) {
    return calls.seek_realtime_usec(journal, microseconds);
}
int journal_seek_cursor(sd_journal *journal, const char *cursor) { return calls.seek_cursor(journal, cursor); }
int journal_next(sd_journal *journal) { return calls.next(journal); }
int journal_get_cursor(sd_journal *journal, char **cursor) { return calls.get_cursor(journal, cursor); }
int journal_test_cursor(sd_journal *journal, const char *cursor) { return calls.test_cursor(journal, cursor); }

int journal_set_data_threshold(sd_journal *journal, size_t bytes) { return calls.set_data_threshold(journal, bytes); }
void journal_restart_data(sd_journal *journal) { calls.restart_data(journal); }
int journal_enumerate_available_data(sd_journal *journal, const void **data, size_t *size) {
    return calls.enumerate_available_data(journal, data, size);
}
int journal_get_realtime_usec(sd_journal *journal, uint64_t *microseconds) {
    return calls.get_realtime_usec(journal, microseconds);
}

int journal_get_fd(sd_journal *journal) { return calls.get_fd(journal); }
int journal_get_events(sd_journal *journal) { return calls.get_events(journal); }
int journal_get_timeout(sd_journal *journal, uint64_t *monotonic_microseconds) {
    return calls.get_timeout(journal, monotonic_microseconds);
}
int journal_process(sd_journal *journal) { return calls.process(journal); }

int journal_get_usage(sd_journal *journal, uint64_t *bytes) { return calls.get_usage(journal, bytes); }
int journal_query_unique(sd_journal *journal, const char *field) { return calls.query_unique(journal, field); }
int journal_enumerate_available_unique(sd_journal *journal, const void **data, size_t *size) {
    return calls.enumerate_available_unique(journal, data, size);
}
