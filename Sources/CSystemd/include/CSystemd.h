// The calls of libsystemd's sd-journal.h and sd-bus.h that are needed here, without linking the library.
//
// csystemd_load() opens it and fills a table; the other functions here call through that table, and must not be
// called before it succeeded. Each does what the function of the same name with `sd_` in front does, and answers what
// that answers: a negative errno when it failed. See sd-journal(3), sd-bus(3) and the pages they name.
#pragma once

#include <stddef.h>
#include <stdint.h>

typedef struct sd_journal sd_journal;
typedef struct sd_bus sd_bus;
typedef struct sd_bus_message sd_bus_message;

/// SD_JOURNAL_LOCAL_ONLY: not the journals that other machines sent here.
extern const int csystemd_local_only;
/// SD_JOURNAL_ALL_NAMESPACES, and SD_JOURNAL_INCLUDE_DEFAULT_NAMESPACE: sd_journal_open_namespace(3).
extern const int csystemd_all_namespaces;
extern const int csystemd_own_namespace_too;
/// What journal_process answers when files came or went: SD_JOURNAL_INVALIDATE.
extern const int csystemd_invalidated;

/// Opens the library called `name` and finds every call in it. 0, or -1 with the reason, ended by a zero, in `problem`.
/// What is loaded stays loaded. May be called from any thread, and again.
int csystemd_load(const char *name, char *problem, size_t problem_size);

/// Whether this thread is reading a journal. libsystemd maps the files into memory, and a page that is no longer in its
/// file (cut short, or the disk fails) raises SIGBUS, which would end the process. Between begin and end such a page is
/// replaced by one of zeros, which libsystemd takes for damage; everywhere else SIGBUS does what it did.
void journal_begin_reading(void);
void journal_end_reading(void);
/// How many pages were replaced on this thread. One that reads another journal is not concerned.
unsigned long journal_lost_pages(void);

int journal_open(sd_journal **journal, int flags);
int journal_open_namespace(sd_journal **journal, const char *name, int flags);
int journal_open_directory(sd_journal **journal, const char *path, int flags);
void journal_close(sd_journal *journal);

int journal_add_match(sd_journal *journal, const void *data, size_t size);
int journal_add_disjunction(sd_journal *journal);
int journal_add_conjunction(sd_journal *journal);
void journal_flush_matches(sd_journal *journal);

int journal_seek_head(sd_journal *journal);
int journal_seek_realtime_usec(sd_journal *journal, uint64_t microseconds);
int journal_seek_cursor(sd_journal *journal, const char *cursor);
int journal_next(sd_journal *journal);
int journal_get_cursor(sd_journal *journal, char **cursor);
int journal_test_cursor(sd_journal *journal, const char *cursor);

int journal_set_data_threshold(sd_journal *journal, size_t bytes);
void journal_restart_data(sd_journal *journal);
int journal_enumerate_available_data(sd_journal *journal, const void **data, size_t *size);
int journal_get_realtime_usec(sd_journal *journal, uint64_t *microseconds);

int journal_get_fd(sd_journal *journal);
int journal_get_events(sd_journal *journal);
int journal_get_timeout(sd_journal *journal, uint64_t *monotonic_microseconds);
int journal_process(sd_journal *journal);

int journal_get_usage(sd_journal *journal, uint64_t *bytes);
int journal_query_unique(sd_journal *journal, const char *field);
int journal_enumerate_available_unique(sd_journal *journal, const void **data, size_t *size);
void journal_restart_fields(sd_journal *journal);
int journal_enumerate_fields(sd_journal *journal, const char **field);

int bus_new(sd_bus **bus);
int bus_open_system(sd_bus **bus);
int bus_set_address(sd_bus *bus, const char *address);
int bus_start(sd_bus *bus);
/// Closes without sending what still waits, and lets go.
void bus_close_unref(sd_bus *bus);
int bus_send(sd_bus *bus, sd_bus_message *message, uint64_t *cookie);
int bus_process(sd_bus *bus, sd_bus_message **message);
int bus_wait(sd_bus *bus, uint64_t microseconds);

int bus_message_new_method_call(
    sd_bus *bus, sd_bus_message **message, const char *destination, const char *path, const char *interface,
    const char *member);
int bus_message_set_auto_start(sd_bus_message *message, int flag);
int bus_message_append_basic(sd_bus_message *message, char type, const void *value);
int bus_message_get_reply_cookie(sd_bus_message *message, uint64_t *cookie);
int bus_message_enter_container(sd_bus_message *message, char type, const char *contents);
int bus_message_exit_container(sd_bus_message *message);
int bus_message_read_basic(sd_bus_message *message, char type, void *value);
void bus_message_unref(sd_bus_message *message);
/// The name and the text of the error that a message is; both NULL for one that is none.
void bus_message_error(sd_bus_message *message, const char **name, const char **text);
