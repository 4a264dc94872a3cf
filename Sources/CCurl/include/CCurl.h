// libcurl's easy interface, opened with dlopen: only an agent that sends over HTTP pays for it, and nothing links it.
//
// See https://curl.se/libcurl/c/. curl_easy_setopt and curl_easy_getinfo are variadic, which Swift cannot call: here
// they come once for each type of value.
#pragma once

// The newer names of some options are not known by the libcurl of older distributions; the old ones work everywhere.
#define CURL_DISABLE_DEPRECATION 1
// curl's checks are macros over the variadic calls; these go through pointers.
#define CURL_DISABLE_TYPECHECK 1
#include <curl/curl.h>
#include <stddef.h>

/// Opens libcurl, calls curl_global_init, and has the process ignore SIGPIPE. To be called once. Answers NULL, or why
/// it failed.
const char *ccurl_open(void);

/// The text of curl_version(), as in "libcurl/7.88.1 OpenSSL/3.0.15".
const char *ccurl_version(void);
const char *ccurl_strerror(CURLcode code);

/// What an answer left behind, and the handle that it came by.
typedef struct ccurl_client ccurl_client;

/// NULL without memory. At most `body_limit` bytes of an answer's body are kept; the rest is read and dropped, up to
/// 1 MiB of it, and of headers: more ends the transfer with CURLE_WRITE_ERROR.
ccurl_client *ccurl_client_new(size_t body_limit);
void ccurl_client_free(ccurl_client *client);

CURLcode ccurl_set_long(ccurl_client *client, CURLoption option, long value);
/// libcurl copies the text. NULL sets the option back.
CURLcode ccurl_set_text(ccurl_client *client, CURLoption option, const char *value);
/// libcurl does not copy it: the body must last until the transfer is over. NULL is an empty body.
CURLcode ccurl_set_body(ccurl_client *client, const void *body, size_t count);

/// Appends a copy of `header`, "Name: value", to those of the next requests; 0 without memory.
int ccurl_add_header(ccurl_client *client, const char *header);
void ccurl_clear_headers(ccurl_client *client);

/// Sends, and waits for the answer.
CURLcode ccurl_perform(ccurl_client *client);

long ccurl_status(ccurl_client *client);
/// Whether all headers of an answer that is no interim one (1xx) have come, also when the transfer failed later.
int ccurl_has_headers(const ccurl_client *client);
/// What a proxy has answered to CONNECT; 0 when none was asked.
long ccurl_tunnel_status(ccurl_client *client);
/// Where a redirection leads that was not followed; NULL when there is none.
const char *ccurl_redirect_url(ccurl_client *client);
/// How often the last request was sent: more than once when a kept connection ended before the answer.
long ccurl_sent_count(const ccurl_client *client);
/// How many connections the last transfer had to open: 0 when it used the one that was kept.
long ccurl_new_connections(ccurl_client *client);
/// Bytes of the body that the last transfer gave to the kernel.
long long ccurl_uploaded(ccurl_client *client);
/// Of these, what the kernel had not got through when the connection was closed: it was dropped.
long long ccurl_unsent(const ccurl_client *client);
/// The errno of the system call that failed in the last transfer; 0 when none did.
long ccurl_os_error(ccurl_client *client);
/// What went wrong in the last transfer, in more words than ccurl_strerror has; may be empty.
const char *ccurl_error(const ccurl_client *client);
const char *ccurl_body(const ccurl_client *client, size_t *count);
/// Whether the last transfer was ended by us, since the answer had no end.
int ccurl_answer_was_cut(const ccurl_client *client);
/// The value of Retry-After; empty when there was none.
const char *ccurl_retry_after(const ccurl_client *client);
/// The status line and the headers of the answer, as they came; those that did not fit are left out.
const char *ccurl_headers(const ccurl_client *client, size_t *count);
