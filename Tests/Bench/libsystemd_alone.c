/* What reading a journal costs without us: every field of every entry is looked at, and nothing is done with it.

   usage: libsystemd_alone DIRECTORY */

#include <stdio.h>
#include <systemd/sd-journal.h>
#include <time.h>

int main(int count, char **arguments) {
    sd_journal *journal;
    if (count != 2 || sd_journal_open_directory(&journal, arguments[1], 0) < 0) return 1;
    unsigned long entries = 0, fields = 0, bytes = 0;
    while (sd_journal_next(journal) > 0) {
        const void *data;
        size_t size;
        sd_journal_restart_data(journal);
        while (sd_journal_enumerate_data(journal, &data, &size) > 0) fields++, bytes += size;
        entries++;
    }
    struct timespec used;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    printf("%lu %lu %lu %.6f\n", entries, fields, bytes, used.tv_sec + used.tv_nsec / 1e9);
}
