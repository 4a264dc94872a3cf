/* What the benchmarks send to: counts lines and does nothing else with them, so that the shipper alone is measured.

   usage: receiver http|lines PORT EXPECTED NUMBERS [DELAY]

   `http` answers each POST with 200, also one in gzip, DELAY milliseconds after its last byte; `lines` is plain TCP. Each line has a number behind a '~', less
   than NUMBERS, and maybe the time at which it was written, CLOCK_MONOTONIC in nanoseconds, behind a colon. Prints a
   line of JSON when it listens, one when EXPECTED numbers have arrived, and at the end of its standard input how often
   numbers came twice, what came without one, and how long lines were on their way. */

#define _GNU_SOURCE /* for ppoll */

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

enum {
    CONNECTIONS = 16,
    BUFFER_BYTES = 1 << 20,
    /* A line that is not yet whole, while the rest of it is awaited. */
    LINE_BYTES = 64 << 10,
    /* Times on the way are counted by tens of microseconds, to ten seconds. */
    STEP_NANOSECONDS = 10000,
    STEPS = 1000000,
};

struct text {
    char bytes[LINE_BYTES + BUFFER_BYTES];
    size_t count;
};

struct connection {
    int socket;
    /* The bytes that came: all of a request's head, or a piece of its body. */
    char input[BUFFER_BYTES + 1];
    size_t count;
    uint64_t body_left;
    /* When to answer; 0 while nothing waits for it. */
    uint64_t due;
    int is_gzip;
    z_stream stream;
    struct text text;
};

static struct connection *connections[CONNECTIONS];
static int connection_count;
static int is_http;
static uint64_t delay;
static uint8_t *seen;
static uint64_t expected, numbers, arrived, repeated, strange;
static uint32_t steps[STEPS];
static uint64_t timed, slowest;

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static uint64_t decimal(const char **at, const char *end) {
    uint64_t value = 0;
    while (*at < end && **at >= '0' && **at <= '9') value = value * 10 + (uint64_t)(*(*at)++ - '0');
    return value;
}

static void take_line(const char *line, const char *end, uint64_t time) {
    const char *at = memchr(line, '~', (size_t)(end - line));
    uint64_t number = numbers;
    if (at && ++at < end && *at >= '0' && *at <= '9') number = decimal(&at, end);
    if (number >= numbers) {
        strange++;
        return;
    }
    uint8_t bit = (uint8_t)(1 << number % 8);
    if (seen[number / 8] & bit) {
        repeated++;
        return;
    }
    seen[number / 8] |= bit;
    if (at < end && *at == ':') {
        at++;
        uint64_t written = decimal(&at, end), way = time > written ? time - written : 0;
        steps[way / STEP_NANOSECONDS < STEPS ? way / STEP_NANOSECONDS : STEPS - 1]++;
        if (way > slowest) slowest = way;
        timed++;
    }
    if (++arrived == expected) {
        printf("{\"complete\": %llu}\n", (unsigned long long)time);
        fflush(stdout);
    }
}

/* Takes the whole lines out of what was added to the text. */
static void take_lines(struct text *text, uint64_t time) {
    char *line = text->bytes, *end = text->bytes + text->count, *newline;
    while ((newline = memchr(line, '\n', (size_t)(end - line)))) {
        take_line(line, newline, time);
        line = newline + 1;
    }
    text->count = (size_t)(end - line);
    if (text->count > LINE_BYTES) {
        strange++;
        text->count = 0;
    }
    memmove(text->bytes, line, text->count);
}

/* A piece of a body, of no more than BUFFER_BYTES. */
static void take(struct connection *of, const char *bytes, size_t count) {
    uint64_t time = now();
    if (!of->is_gzip) {
        memcpy(of->text.bytes + of->text.count, bytes, count);
        of->text.count += count;
        take_lines(&of->text, time);
        return;
    }
    of->stream.next_in = (Bytef *)bytes;
    of->stream.avail_in = (uInt)count;
    int code;
    do {
        of->stream.next_out = (Bytef *)of->text.bytes + of->text.count;
        of->stream.avail_out = BUFFER_BYTES;
        code = inflate(&of->stream, Z_NO_FLUSH);
        if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR) strange++;
        of->text.count += BUFFER_BYTES - of->stream.avail_out;
        take_lines(&of->text, time);
    } while (code == Z_OK && (of->stream.avail_in || !of->stream.avail_out));
}

/* Whether there was a whole head; then it is taken from the input. */
static int take_head(struct connection *of) {
    of->input[of->count] = 0;
    char *end = strstr(of->input, "\r\n\r\n");
    if (!end) return 0;
    of->is_gzip = 0;
    for (char *line = strstr(of->input, "\r\n"); line && line < end; line = strstr(line + 2, "\r\n")) {
        if (!strncasecmp(line, "\r\ncontent-length:", 17)) of->body_left = strtoull(line + 17, NULL, 10);
        if (!strncasecmp(line, "\r\ncontent-encoding: gzip", 24)) of->is_gzip = 1;
    }
    if (of->is_gzip) inflateReset(&of->stream);
    of->count -= (size_t)(end + 4 - of->input);
    memmove(of->input, end + 4, of->count);
    return 1;
}

static void answer(struct connection *of) {
    static const char text[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    of->due = 0;
    if (write(of->socket, text, sizeof text - 1) < 0) fail("write");
}

static void take_http(struct connection *of) {
    while (of->count && (of->body_left || take_head(of))) {
        size_t count = of->count < of->body_left ? of->count : of->body_left;
        take(of, of->input, count);
        of->body_left -= count;
        of->count -= count;
        memmove(of->input, of->input + count, of->count);
        if (of->body_left) continue;
        if (delay) {
            of->due = now() + delay;
        } else {
            answer(of);
        }
    }
}

static int receive(struct connection *of) {
    ssize_t count = read(of->socket, of->input + of->count, BUFFER_BYTES - of->count);
    if (count <= 0) return 0;
    of->count += (size_t)count;
    if (is_http) {
        take_http(of);
    } else {
        take(of, of->input, of->count);
        of->count = 0;
    }
    return 1;
}

static void add_connection(int listener) {
    int socket = accept(listener, NULL, NULL), yes = 1;
    if (socket < 0 || connection_count == CONNECTIONS) fail("accept");
    setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    struct connection *added = calloc(1, sizeof *added);
    if (!added || inflateInit2(&added->stream, 15 + 16) != Z_OK) fail("connection");
    added->socket = socket;
    connections[connection_count++] = added;
}

/* Gives the answers that are due. Returns the nanoseconds until the next one, 0 when there is none. */
static uint64_t give_answers(void) {
    uint64_t next = 0, time = now();
    for (int i = 0; i < connection_count; i++) {
        if (connections[i]->due && connections[i]->due <= time) answer(connections[i]);
        uint64_t due = connections[i]->due;
        if (due && (!next || due - time < next)) next = due - time;
    }
    return next;
}

static double milliseconds(double share) {
    uint64_t count = 0;
    for (int step = 0; step < STEPS; step++) {
        count += steps[step];
        if ((double)count >= share * (double)timed) return (step + 1) * (STEP_NANOSECONDS / 1e6);
    }
    return 0;
}

int main(int count, char **arguments) {
    if (count != 5 && count != 6) return 2;
    is_http = !strcmp(arguments[1], "http");
    expected = strtoull(arguments[3], NULL, 10);
    numbers = strtoull(arguments[4], NULL, 10);
    delay = count == 6 ? strtoull(arguments[5], NULL, 10) * 1000000 : 0;
    seen = calloc(numbers / 8 + 1, 1);

    int listener = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)atoi(arguments[2])),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 8)) fail("listen");
    puts("{\"listens\": true}");
    fflush(stdout);

    for (;;) {
        struct pollfd ready[CONNECTIONS + 2] = {{.fd = 0, .events = POLLIN}, {.fd = listener, .events = POLLIN}};
        for (int i = 0; i < connection_count; i++)
            ready[i + 2] = (struct pollfd){.fd = connections[i]->socket, .events = POLLIN};
        uint64_t wait = give_answers();
        struct timespec time = {.tv_sec = (time_t)(wait / 1000000000), .tv_nsec = (long)(wait % 1000000000)};
        if (ppoll(ready, (nfds_t)connection_count + 2, wait ? &time : NULL, NULL) < 0) fail("ppoll");
        /* From the last: one that ends gives its place to it. */
        for (int i = connection_count - 1; i >= 0; i--) {
            if (!ready[i + 2].revents || receive(connections[i])) continue;
            close(connections[i]->socket);
            inflateEnd(&connections[i]->stream);
            free(connections[i]);
            connections[i] = connections[--connection_count];
        }
        if (ready[1].revents) add_connection(listener);
        if (ready[0].revents) break;
    }
    printf("{\"arrived\": %llu, \"repeated\": %llu, \"strange\": %llu, \"median_ms\": %.2f, \"p99_ms\": %.2f, "
           "\"slowest_ms\": %.2f}\n",
           (unsigned long long)arrived, (unsigned long long)repeated, (unsigned long long)strange, milliseconds(0.5),
           milliseconds(0.99), (double)slowest / 1e6);
    return 0;
}
