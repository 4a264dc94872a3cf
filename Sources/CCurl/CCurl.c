#include "CCurl.h"

#include <dlfcn.h>
#include <linux/sockios.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

// Every function that is used, so that a libcurl that lacks one is found when it is opened.
static struct {
    __typeof__(curl_global_init) *global_init;
    __typeof__(curl_version) *version;
    __typeof__(curl_easy_init) *easy_init;
    __typeof__(curl_easy_setopt) *easy_setopt;
    __typeof__(curl_easy_perform) *easy_perform;
    __typeof__(curl_easy_getinfo) *easy_getinfo;
    __typeof__(curl_easy_strerror) *easy_strerror;
    __typeof__(curl_easy_cleanup) *easy_cleanup;
    __typeof__(curl_slist_append) *slist_append;
    __typeof__(curl_slist_free_all) *slist_free_all;
} curl;

// HTTP dates have 29 characters at the most common, the longest old form has 33.
// What is kept of an answer's headers: those of cloud services are about 300 bytes, a proxy's may be more.
// No receiver of logs has more than ANSWER_LIMIT to say; who sends more is none, or means harm. A client that wants to keep
// more reads more.
// The last words of TLS have fewer bytes than UNSENT_LIMIT.
enum { RETRY_AFTER_LIMIT = 64, HEADERS_LIMIT = 4096, ANSWER_LIMIT = 1 << 20, UNSENT_LIMIT = 1024 };

struct ccurl_client {
    CURL *handle;
    struct curl_slist *headers;
    char error[CURL_ERROR_SIZE];
    char retry_after[RETRY_AFTER_LIMIT];
    char answered[HEADERS_LIMIT];
    size_t answered_count;
    // Times that the request was sent: libcurl does so once more by itself when a connection that it had kept ends before
    // the answer, also when the server had taken the request.
    long sent_count;
    // Bytes that the kernel still had when a connection was closed in the last transfer.
    long long unsent;
    // Of the body, what was read; what is kept; and how much may be. And of the headers, what was read.
    size_t read_count, body_count, body_limit, header_count;
    // The headers of an answer that is no interim one (1xx) have come.
    int has_headers;
    // The status of the answer whose headers are coming.
    int status;
    char body[];
};

static const char *find(void *library) {
#define FIND(field, name)                                                                                              \
    if (!(curl.field = (__typeof__(curl.field))dlsym(library, #name))) return "libcurl lacks " #name
    FIND(global_init, curl_global_init);
    FIND(version, curl_version);
    FIND(easy_init, curl_easy_init);
    FIND(easy_setopt, curl_easy_setopt);
    FIND(easy_perform, curl_easy_perform);
    FIND(easy_getinfo, curl_easy_getinfo);
    FIND(easy_strerror, curl_easy_strerror);
    FIND(easy_cleanup, curl_easy_cleanup);
    FIND(slist_append, curl_slist_append);
    FIND(slist_free_all, curl_slist_free_all);
#undef FIND
    return NULL;
}

const char *ccurl_open(void) {
    // The second is the same library built with GnuTLS; Debian installs either.
    void *library = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
    if (!library) library = dlopen("libcurl-gnutls.so.4", RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        static char reason[512];
        const char *cause = dlerror();
        snprintf(reason, sizeof reason, "libcurl cannot be opened: install the package libcurl4 (%s)",
                 cause ? cause : "no reason given");
        return reason;
    }
    // With CURLOPT_NOSIGNAL libcurl leaves SIGPIPE alone, and a TLS library that writes to a closed socket may raise it.
    signal(SIGPIPE, SIG_IGN);
    const char *missing = find(library);
    if (missing) return missing;
    return curl.global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? NULL : "curl_global_init failed";
}

const char *ccurl_version(void) { return curl.version(); }
const char *ccurl_strerror(CURLcode code) { return curl.easy_strerror(code); }

static size_t answer_limit(const ccurl_client *client) {
    return client->body_limit > ANSWER_LIMIT ? client->body_limit : ANSWER_LIMIT;
}

static size_t take_body(char *bytes, size_t size, size_t count, void *context) {
    ccurl_client *client = context;
    client->read_count += size * count;
    // Less than was given ends the transfer.
    if (client->read_count > answer_limit(client)) return 0;
    size_t taken = client->body_limit - client->body_count;
    if (taken > size * count) taken = size * count;
    memcpy(client->body + client->body_count, bytes, taken);
    client->body_count += taken;
    return size * count;
}

static int first_number(const char *text, const char *end) {
    int number = 0;
    for (int digits = 0; digits < 3 && text < end && *text >= '0' && *text <= '9'; digits++) {
        number = number * 10 + (*text++ - '0');
    }
    return number;
}

static size_t take_header(char *bytes, size_t size, size_t count, void *context) {
    static const char name[] = "retry-after:";
    ccurl_client *client = context;
    size_t length = size * count;
    // Headers, interim answers and trailers without an end: less than was given ends the transfer.
    client->header_count += length;
    if (client->header_count > ANSWER_LIMIT) return 0;
    if (length > 5 && strncmp(bytes, "HTTP/", 5) == 0) {
        // Another answer begins: the one before was a proxy's, or a 1xx.
        client->answered_count = 0;
        const char *blank = memchr(bytes, ' ', length);
        client->has_headers = 0;
        client->status = blank ? first_number(blank + 1, bytes + length) : 0;
    } else if (length <= 2 && client->status >= 200) {
        client->has_headers = 1;
    }
    // A line that does not fit is left out as a whole.
    if (length <= HEADERS_LIMIT - client->answered_count) {
        memcpy(client->answered + client->answered_count, bytes, length);
        client->answered_count += length;
    }
    if (length > sizeof name - 1 && strncasecmp(bytes, name, sizeof name - 1) == 0) {
        const char *value = bytes + sizeof name - 1, *end = bytes + length;
        while (value < end && (*value == ' ' || *value == '\t')) value++;
        while (end > value && strchr(" \t\r\n", end[-1])) end--;
        // What is too long is no date and no number.
        size_t kept = (size_t)(end - value) < RETRY_AFTER_LIMIT ? (size_t)(end - value) : 0;
        memcpy(client->retry_after, value, kept);
        client->retry_after[kept] = 0;
    } else if (length > 5 && strncmp(bytes, "HTTP/", 5) == 0) {
        client->retry_after[0] = 0;
    }
    return length;
}

static int note_sent(CURL *handle, curl_infotype type, char *bytes, size_t count, void *context) {
    (void)handle;
    ccurl_client *client = context;
    if (type != CURLINFO_HEADER_OUT || (count > 8 && strncmp(bytes, "CONNECT ", 8) == 0)) return 0;
    // A header that was sent in pieces has its first line in one of them.
    const char *end = memchr(bytes, '\r', count);
    if (end && end - bytes > 9 && strncmp(end - 9, " HTTP/1.", 8) == 0) client->sent_count += 1;
    return 0;
}

// What has not got through when a transfer is given up is dropped. The kernel would go on sending it, over a link that
// may be slow, beside the next try; and the receiver would take what we count as not sent.
static int close_socket(void *context, curl_socket_t socket) {
    ccurl_client *client = context;
    int left = 0;
    if (ioctl(socket, SIOCOUTQ, &left) == 0 && left > UNSENT_LIMIT) {
        client->unsent = left;
        struct linger at_once = {.l_onoff = 1, .l_linger = 0};
        setsockopt(socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    }
    return close(socket);
}

ccurl_client *ccurl_client_new(size_t body_limit) {
    ccurl_client *client = calloc(1, sizeof *client + body_limit);
    if (!client) return NULL;
    client->body_limit = body_limit;
    client->handle = curl.easy_init();
    if (!client->handle) {
        free(client);
        return NULL;
    }
    curl.easy_setopt(client->handle, CURLOPT_ERRORBUFFER, client->error);
    curl.easy_setopt(client->handle, CURLOPT_WRITEFUNCTION, take_body);
    curl.easy_setopt(client->handle, CURLOPT_WRITEDATA, client);
    curl.easy_setopt(client->handle, CURLOPT_HEADERFUNCTION, take_header);
    curl.easy_setopt(client->handle, CURLOPT_HEADERDATA, client);
    curl.easy_setopt(client->handle, CURLOPT_DEBUGFUNCTION, note_sent);
    curl.easy_setopt(client->handle, CURLOPT_DEBUGDATA, client);
    curl.easy_setopt(client->handle, CURLOPT_VERBOSE, 1L);
    curl.easy_setopt(client->handle, CURLOPT_CLOSESOCKETFUNCTION, close_socket);
    curl.easy_setopt(client->handle, CURLOPT_CLOSESOCKETDATA, client);
    return client;
}

void ccurl_client_free(ccurl_client *client) {
    curl.easy_cleanup(client->handle);
    curl.slist_free_all(client->headers);
    free(client);
}

CURLcode ccurl_set_long(ccurl_client *client, CURLoption option, long value) {
    return curl.easy_setopt(client->handle, option, value);
}

CURLcode ccurl_set_text(ccurl_client *client, CURLoption option, const char *value) {
    return curl.easy_setopt(client->handle, option, value);
}

CURLcode ccurl_set_body(ccurl_client *client, const void *body, size_t count) {
    curl.easy_setopt(client->handle, CURLOPT_POST, 1L);
    CURLcode code = curl.easy_setopt(client->handle, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)count);
    // NULL would mean a body that a callback reads, which there is none of.
    return code == CURLE_OK ? curl.easy_setopt(client->handle, CURLOPT_POSTFIELDS, body ? body : "") : code;
}

int ccurl_add_header(ccurl_client *client, const char *header) {
    struct curl_slist *longer = curl.slist_append(client->headers, header);
    if (longer) client->headers = longer;
    return longer != NULL;
}

void ccurl_clear_headers(ccurl_client *client) {
    curl.easy_setopt(client->handle, CURLOPT_HTTPHEADER, NULL);
    curl.slist_free_all(client->headers);
    client->headers = NULL;
}

CURLcode ccurl_perform(ccurl_client *client) {
    client->error[0] = 0;
    client->retry_after[0] = 0;
    client->read_count = client->body_count = client->header_count = 0;
    client->answered_count = 0;
    client->has_headers = client->status = 0;
    client->sent_count = 0;
    client->unsent = 0;
    curl.easy_setopt(client->handle, CURLOPT_HTTPHEADER, client->headers);
    return curl.easy_perform(client->handle);
}

long ccurl_status(ccurl_client *client) {
    long status = 0;
    curl.easy_getinfo(client->handle, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

long ccurl_tunnel_status(ccurl_client *client) {
    long status = 0;
    curl.easy_getinfo(client->handle, CURLINFO_HTTP_CONNECTCODE, &status);
    return status;
}

int ccurl_has_headers(const ccurl_client *client) { return client->has_headers; }

const char *ccurl_redirect_url(ccurl_client *client) {
    char *url = NULL;
    curl.easy_getinfo(client->handle, CURLINFO_REDIRECT_URL, &url);
    return url;
}

long ccurl_sent_count(const ccurl_client *client) { return client->sent_count; }

long ccurl_new_connections(ccurl_client *client) {
    long count = 0;
    curl.easy_getinfo(client->handle, CURLINFO_NUM_CONNECTS, &count);
    return count;
}

long long ccurl_uploaded(ccurl_client *client) {
    curl_off_t count = 0;
    curl.easy_getinfo(client->handle, CURLINFO_SIZE_UPLOAD_T, &count);
    return count;
}

long long ccurl_unsent(const ccurl_client *client) { return client->unsent; }

long ccurl_os_error(ccurl_client *client) {
    long error = 0;
    curl.easy_getinfo(client->handle, CURLINFO_OS_ERRNO, &error);
    return error;
}

const char *ccurl_error(const ccurl_client *client) { return client->error; }

const char *ccurl_body(const ccurl_client *client, size_t *count) {
    *count = client->body_count;
    return client->body;
}

int ccurl_answer_was_cut(const ccurl_client *client) {
    return client->read_count > answer_limit(client) || client->header_count > ANSWER_LIMIT;
}

const char *ccurl_retry_after(const ccurl_client *client) { return client->retry_after; }

const char *ccurl_headers(const ccurl_client *client, size_t *count) {
    *count = client->answered_count;
    return client->answered;
}
