#include "CSystemd.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-journal.h>

const int csystemd_local_only = SD_JOURNAL_LOCAL_ONLY;
const int csystemd_all_namespaces = SD_JOURNAL_ALL_NAMESPACES;
const int csystemd_own_namespace_too = SD_JOURNAL_INCLUDE_DEFAULT_NAMESPACE;
const int csystemd_invalidated = SD_JOURNAL_INVALIDATE;

#define EACH_CALL(DO) \
    DO(journal_open) DO(journal_open_namespace) DO(journal_open_directory) DO(journal_close) \
    DO(journal_add_match) DO(journal_add_disjunction) DO(journal_add_conjunction) DO(journal_flush_matches) \
    DO(journal_seek_head) DO(journal_seek_realtime_usec) DO(journal_seek_cursor) DO(journal_next) \
    DO(journal_get_cursor) DO(journal_test_cursor) \
    DO(journal_set_data_threshold) DO(journal_restart_data) DO(journal_enumerate_available_data) \
    DO(journal_get_realtime_usec) \
    DO(journal_get_fd) DO(journal_get_events) DO(journal_get_timeout) DO(journal_process) \
    DO(journal_get_usage) DO(journal_query_unique) DO(journal_enumerate_available_unique) \
    DO(journal_enumerate_fields) DO(journal_restart_fields) \
    DO(bus_new) DO(bus_open_system) DO(bus_set_address) DO(bus_start) DO(bus_close_unref) \
    DO(bus_send) DO(bus_process) DO(bus_wait) \
    DO(bus_message_new_method_call) DO(bus_message_set_auto_start) DO(bus_message_append_basic) \
    DO(bus_message_get_reply_cookie) DO(bus_message_enter_container) DO(bus_message_exit_container) \
    DO(bus_message_read_basic) DO(bus_message_unref) DO(bus_message_get_error)

// The types come from systemd's headers, so that a wrapper below that disagrees with them does not compile.
#define FIELD(name) __typeof__(&sd_##name) name;
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
    found.name = (__typeof__(&sd_##name))dlsym(handle, "sd_" #name); \
    if (!found.name) { \
        snprintf(problem, problem_size, "%s, older than systemd 246, has no sd_" #name, library); \
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

int journal_open(sd_journal **journal, int flags) { return calls.journal_open(journal, flags); }
int journal_open_namespace(sd_journal **journal, const char *name, int flags) {
    return calls.journal_open_namespace(journal, name, flags);
}
int journal_open_directory(sd_journal **journal, const char *path, int flags) {
    return calls.journal_open_directory(journal, path, flags);
}
void journal_close(sd_journal *journal) { calls.journal_close(journal); }

int journal_add_match(sd_journal *journal, const void *data, size_t size) {
    return calls.journal_add_match(journal, data, size);
}
int journal_add_disjunction(sd_journal *journal) { return calls.journal_add_disjunction(journal); }
int journal_add_conjunction(sd_journal *journal) { return calls.journal_add_conjunction(journal); }
void journal_flush_matches(sd_journal *journal) { calls.journal_flush_matches(journal); }

int journal_seek_head(sd_journal *journal) { return calls.journal_seek_head(journal); }
int journal_seek_realtime_usec(sd_journal *journal, uint64_t microseconds) {
    return calls.journal_seek_realtime_usec(journal, microseconds);
}
int journal_seek_cursor(sd_journal *journal, const char *cursor) { return calls.journal_seek_cursor(journal, cursor); }
int journal_next(sd_journal *journal) { return calls.journal_next(journal); }
int journal_get_cursor(sd_journal *journal, char **cursor) { return calls.journal_get_cursor(journal, cursor); }
int journal_test_cursor(sd_journal *journal, const char *cursor) { return calls.journal_test_cursor(journal, cursor); }

int journal_set_data_threshold(sd_journal *journal, size_t bytes) { return calls.journal_set_data_threshold(journal, bytes); }
void journal_restart_data(sd_journal *journal) { calls.journal_restart_data(journal); }
int journal_enumerate_available_data(sd_journal *journal, const void **data, size_t *size) {
    return calls.journal_enumerate_available_data(journal, data, size);
}
int journal_get_realtime_usec(sd_journal *journal, uint64_t *microseconds) {
    return calls.journal_get_realtime_usec(journal, microseconds);
}

int journal_get_fd(sd_journal *journal) { return calls.journal_get_fd(journal); }
int journal_get_events(sd_journal *journal) { return calls.journal_get_events(journal); }
int journal_get_timeout(sd_journal *journal, uint64_t *monotonic_microseconds) {
    return calls.journal_get_timeout(journal, monotonic_microseconds);
}
int journal_process(sd_journal *journal) { return calls.journal_process(journal); }

int journal_get_usage(sd_journal *journal, uint64_t *bytes) { return calls.journal_get_usage(journal, bytes); }
int journal_query_unique(sd_journal *journal, const char *field) { return calls.journal_query_unique(journal, field); }
int journal_enumerate_available_unique(sd_journal *journal, const void **data, size_t *size) {
    return calls.journal_enumerate_available_unique(journal, data, size);
}
void journal_restart_fields(sd_journal *journal) { calls.journal_restart_fields(journal); }
int journal_enumerate_fields(sd_journal *journal, const char **field) {
    return calls.journal_enumerate_fields(journal, field);
}

int bus_new(sd_bus **bus) { return calls.bus_new(bus); }
int bus_open_system(sd_bus **bus) { return calls.bus_open_system(bus); }
int bus_set_address(sd_bus *bus, const char *address) { return calls.bus_set_address(bus, address); }
int bus_start(sd_bus *bus) { return calls.bus_start(bus); }
void bus_close_unref(sd_bus *bus) { calls.bus_close_unref(bus); }
int bus_send(sd_bus *bus, sd_bus_message *message, uint64_t *cookie) { return calls.bus_send(bus, message, cookie); }
int bus_process(sd_bus *bus, sd_bus_message **message) { return calls.bus_process(bus, message); }
int bus_wait(sd_bus *bus, uint64_t microseconds) { return calls.bus_wait(bus, microseconds); }

int bus_message_new_method_call(
    sd_bus *bus, sd_bus_message **message, const char *destination, const char *path, const char *interface,
    const char *member) {
    return calls.bus_message_new_method_call(bus, message, destination, path, interface, member);
}
int bus_message_set_auto_start(sd_bus_message *message, int flag) {
    return calls.bus_message_set_auto_start(message, flag);
}
int bus_message_append_basic(sd_bus_message *message, char type, const void *value) {
    return calls.bus_message_append_basic(message, type, value);
}
int bus_message_get_reply_cookie(sd_bus_message *message, uint64_t *cookie) {
    return calls.bus_message_get_reply_cookie(message, cookie);
}
int bus_message_enter_container(sd_bus_message *message, char type, const char *contents) {
    return calls.bus_message_enter_container(message, type, contents);
}
int bus_message_exit_container(sd_bus_message *message) { return calls.bus_message_exit_container(message); }
int bus_message_read_basic(sd_bus_message *message, char type, void *value) {
    return calls.bus_message_read_basic(message, type, value);
}
void bus_message_unref(sd_bus_message *message) { calls.bus_message_unref(message); }
void bus_message_error(sd_bus_message *message, const char **name, const char **text) {
    const sd_bus_error *error = calls.bus_message_get_error(message);
    *name = error ? error->name : NULL;
    *text = error ? error->message : NULL;
}
