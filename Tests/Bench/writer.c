/* A program that logs: so many lines a second into a file, one write(2) for each, with its number and the time at which
   it is written, as receiver.c reads them.

   usage: writer FILE LINES_A_SECOND SECONDS

   Prints how many there were, and by how much the latest of them was late: on a machine that is busy it falls behind,
   and makes up for it at once. */

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

/* About as long and as mixed as the lines of the other cases. */
static const char *const forms[] = {
    "192.0.2.7 - - [21/Nov/2026:03:02:01 +0000] \"GET /api/v1/items/~%llu:%llu?page=3 HTTP/1.1\" 200 4211 "
    "\"https://example.com/list\" \"Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/128.0\"\n",
    "{\"time\":\"2026-11-21T03:02:01Z\",\"level\":\"info\",\"msg\":\"request done\",\"id\":\"~%llu:%llu\",\"path\":"
    "\"/cart/17\",\"took_ms\":12,\"user\":\"u4711\",\"shard\":3,\"host\":\"web-2\"}\n",
    "Nov 21 03:02:01 web-2 worker[1017]: finished job ~%llu:%llu of queue default in 12 ms, 3 retries, result of 18211 "
    "bytes stored under /var/spool/results\n",
};

int main(int count, char **arguments) {
    if (count != 4) return 2;
    int file = open(arguments[1], O_WRONLY | O_APPEND | O_CREAT, 0644);
    uint64_t rate = strtoull(arguments[2], NULL, 10), lines = rate * strtoull(arguments[3], NULL, 10);
    uint64_t began = now(), latest = 0;
    for (uint64_t number = 0; number < lines; number++) {
        uint64_t due = began + number * 1000000000 / rate, time;
        struct timespec until = {.tv_sec = (time_t)(due / 1000000000), .tv_nsec = (long)(due % 1000000000)};
        while (now() < due) clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
        char line[512];
        time = now();
        if (time - due > latest) latest = time - due;
        int length = snprintf(line, sizeof line, forms[number % 3], (unsigned long long)number, (unsigned long long)time);
        if (write(file, line, (size_t)length) != length) {
            perror(arguments[1]);
            return 1;
        }
    }
    printf("{\"lines\": %llu, \"latest_ms\": %.2f}\n", (unsigned long long)lines, (double)latest / 1e6);
    return 0;
}
