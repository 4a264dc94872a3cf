#define _GNU_SOURCE 1

#include "COpenSSL.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

// Every function that is used, so that a library that lacks one is found when it is opened. The types come from
// OpenSSL's headers; what is a macro there is its SSL_CTX_ctrl here.
#define EACH_OF_SSL(DO) \
    DO(OPENSSL_init_ssl) DO(TLS_server_method) DO(SSL_CTX_new) DO(SSL_CTX_free) DO(SSL_CTX_ctrl) \
    DO(SSL_CTX_set_options) DO(SSL_CTX_set_num_tickets) DO(SSL_CTX_set_session_id_context) \
    DO(SSL_CTX_set_default_passwd_cb) DO(SSL_CTX_set_cipher_list) DO(SSL_CTX_use_certificate_chain_file) \
    DO(SSL_CTX_use_PrivateKey_file) DO(SSL_CTX_check_private_key) DO(SSL_CTX_load_verify_locations) \
    DO(SSL_load_client_CA_file) DO(SSL_CTX_set_client_CA_list) DO(SSL_CTX_set_verify) DO(SSL_CTX_get0_certificate) \
    DO(SSL_new) DO(SSL_free) DO(SSL_set_fd) DO(SSL_accept) DO(SSL_read) DO(SSL_write) DO(SSL_shutdown) \
    DO(SSL_get_error) DO(SSL_get_verify_result) DO(SSL_get1_peer_certificate)
#define EACH_OF_CRYPTO(DO) \
    DO(ERR_get_error) DO(ERR_clear_error) DO(ERR_reason_error_string) DO(X509_verify_cert_error_string) \
    DO(X509_free) DO(X509_get0_notBefore) DO(X509_get0_notAfter) DO(ASN1_TIME_to_tm) DO(X509_get_ext_d2i) \
    DO(GENERAL_NAMES_free) DO(OPENSSL_sk_num) DO(OPENSSL_sk_value) DO(ASN1_STRING_get0_data) DO(ASN1_STRING_length)

#define FIELD(name) __typeof__(&name) name;
static struct { EACH_OF_SSL(FIELD) EACH_OF_CRYPTO(FIELD) } library;

static _Thread_local char reason[256];

const char *tls_reason(void) { return reason; }

static const char *fail(const char *words) {
    snprintf(reason, sizeof reason, "%s", words);
    return reason;
}

static const char *cannot_open(const char *name) {
    const char *cause = dlerror();
    snprintf(reason, sizeof reason, "%s cannot be opened: install the package libssl3 (%s)", name,
             cause ? cause : "no reason given");
    return reason;
}

const char *copenssl_open(void) {
    void *crypto = dlopen("libcrypto.so.3", RTLD_NOW | RTLD_LOCAL);
    if (!crypto) return cannot_open("libcrypto.so.3");
    void *ssl = dlopen("libssl.so.3", RTLD_NOW | RTLD_LOCAL);
    if (!ssl) return cannot_open("libssl.so.3");
#define FIND_SSL(name) if (!(library.name = (__typeof__(&name))dlsym(ssl, #name))) return fail("libssl lacks " #name);
#define FIND_CRYPTO(name) \
    if (!(library.name = (__typeof__(&name))dlsym(crypto, #name))) return fail("libcrypto lacks " #name);
    EACH_OF_SSL(FIND_SSL)
    EACH_OF_CRYPTO(FIND_CRYPTO)
    // OpenSSL writes without MSG_NOSIGNAL.
    signal(SIGPIPE, SIG_IGN);
    // Its clean-up at the exit would take away what other threads may still use.
    return library.OPENSSL_init_ssl(OPENSSL_INIT_NO_ATEXIT, NULL) == 1 ? NULL : fail("OpenSSL cannot be initialized");
}

/// Keeps the first error of the thread's queue: the later ones only say that it failed higher up too.
static void take_reason(const char *otherwise) {
    unsigned long code = library.ERR_get_error();
    const char *words = NULL;
    if (code != 0) words = ERR_SYSTEM_ERROR(code) ? strerror(ERR_GET_REASON(code)) : library.ERR_reason_error_string(code);
    fail(words ? words : otherwise);
    library.ERR_clear_error();
}

static int check(int result) {
    if (result != 1) take_reason("OpenSSL gave no reason");
    return result == 1;
}

// MARK: Contexts

/// Without this one OpenSSL would ask at the terminal.
static int no_passphrase(char *buffer, int size, int writing, void *context) {
    (void)buffer, (void)size, (void)writing, (void)context;
    return -1;
}

SSL_CTX *tls_context_new(void) {
    static const unsigned char name[] = "vitals";
    library.ERR_clear_error();
    SSL_CTX *context = library.SSL_CTX_new(library.TLS_server_method());
    if (!context) {
        take_reason("no memory");
        return NULL;
    }
    // HTTP says itself where a request ends: a client may close without a word of TLS.
    library.SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                             SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_IGNORE_UNEXPECTED_EOF);
    library.SSL_CTX_ctrl(context, SSL_CTRL_MODE,
                         SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS,
                         NULL);
    // Sessions live in the tickets that clients keep. With client certificates a session must say whose it is.
    library.SSL_CTX_ctrl(context, SSL_CTRL_SET_SESS_CACHE_MODE, SSL_SESS_CACHE_OFF, NULL);
    library.SSL_CTX_set_num_tickets(context, 1);
    library.SSL_CTX_set_session_id_context(context, name, sizeof name - 1);
    library.SSL_CTX_set_default_passwd_cb(context, no_passphrase);
    return context;
}

void tls_context_free(SSL_CTX *context) { library.SSL_CTX_free(context); }

int tls_context_set_versions(SSL_CTX *context, int lowest, int highest) {
    library.ERR_clear_error();
    return check(library.SSL_CTX_ctrl(context, SSL_CTRL_SET_MIN_PROTO_VERSION, lowest, NULL) == 1 &&
                 library.SSL_CTX_ctrl(context, SSL_CTRL_SET_MAX_PROTO_VERSION, highest, NULL) == 1);
}

int tls_context_set_ciphers(SSL_CTX *context, const char *ciphers) {
    library.ERR_clear_error();
    return check(library.SSL_CTX_set_cipher_list(context, ciphers));
}

int tls_context_use_certificate(SSL_CTX *context, const char *path) {
    library.ERR_clear_error();
    return check(library.SSL_CTX_use_certificate_chain_file(context, path));
}

int tls_context_use_key(SSL_CTX *context, const char *path) {
    library.ERR_clear_error();
    // The second finds a key of another kind than the certificate's, which the first accepts.
    return check(library.SSL_CTX_use_PrivateKey_file(context, path, SSL_FILETYPE_PEM) == 1 &&
                 library.SSL_CTX_check_private_key(context) == 1);
}

int tls_context_verify_clients(SSL_CTX *context, const char *authorities_path, int must_have_one) {
    library.ERR_clear_error();
    if (!check(library.SSL_CTX_load_verify_locations(context, authorities_path, NULL))) return 0;
    // Their names go to the client, which chooses its certificate by them.
    STACK_OF(X509_NAME) *names = library.SSL_load_client_CA_file(authorities_path);
    if (!check(names != NULL)) return 0;
    library.SSL_CTX_set_client_CA_list(context, names);
    library.SSL_CTX_set_verify(context, SSL_VERIFY_PEER | (must_have_one ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), NULL);
    return 1;
}

static int unix_seconds(const ASN1_TIME *time, int64_t *seconds) {
    struct tm parts;
    if (!time || library.ASN1_TIME_to_tm(time, &parts) != 1) return 0;
    *seconds = timegm(&parts);
    return 1;
}

int tls_context_validity(SSL_CTX *context, int64_t *from, int64_t *until) {
    library.ERR_clear_error();
    X509 *certificate = library.SSL_CTX_get0_certificate(context);
    return check(certificate && unix_seconds(library.X509_get0_notBefore(certificate), from) &&
                 unix_seconds(library.X509_get0_notAfter(certificate), until));
}

// MARK: Connections

SSL *tls_new(SSL_CTX *context, int descriptor) {
    library.ERR_clear_error();
    SSL *tls = library.SSL_new(context);
    if (tls && library.SSL_set_fd(tls, descriptor) != 1) {
        library.SSL_free(tls);
        tls = NULL;
    }
    if (!tls) take_reason("no memory");
    return tls;
}

void tls_free(SSL *tls) { library.SSL_free(tls); }

/// What a call that moved nothing means, and why.
static long stopped(SSL *tls, int result) {
    int system_error = errno;
    switch (library.SSL_get_error(tls, result)) {
    case SSL_ERROR_WANT_READ: return TLS_WAITS_TO_READ;
    case SSL_ERROR_WANT_WRITE: return TLS_WAITS_TO_WRITE;
    case SSL_ERROR_ZERO_RETURN: return 0;
    default: break;
    }
    take_reason(system_error ? strerror(system_error) : "the client closed the connection");
    return TLS_FAILED;
}

long tls_accept(SSL *tls) {
    library.ERR_clear_error();
    errno = 0;
    int result = library.SSL_accept(tls);
    if (result == 1) return 0;
    long answer = stopped(tls, result);
    if (answer == 0) {
        fail("the client closed the connection");
        return TLS_FAILED;
    }
    long verified = library.SSL_get_verify_result(tls);
    if (answer == TLS_FAILED && verified != X509_V_OK) {
        snprintf(reason, sizeof reason, "the client's certificate is refused: %s",
                 library.X509_verify_cert_error_string(verified));
    }
    return answer;
}

long tls_read(SSL *tls, void *bytes, size_t count) {
    library.ERR_clear_error();
    errno = 0;
    int result = library.SSL_read(tls, bytes, count > INT32_MAX ? INT32_MAX : (int)count);
    return result > 0 ? result : stopped(tls, result);
}

long tls_write(SSL *tls, const void *bytes, size_t count) {
    library.ERR_clear_error();
    errno = 0;
    int result = library.SSL_write(tls, bytes, count > INT32_MAX ? INT32_MAX : (int)count);
    return result > 0 ? result : stopped(tls, result);
}

void tls_finish(SSL *tls) {
    library.ERR_clear_error();
    library.SSL_shutdown(tls);
    library.ERR_clear_error();
}

/// Appends a line, when all of it is printable and there is room.
static size_t append_name(char *names, size_t used, size_t size, const unsigned char *bytes, int count) {
    if (count <= 0 || used + (size_t)count + 1 > size) return used;
    for (int i = 0; i < count; i++)
        if (bytes[i] <= ' ' || bytes[i] > '~') return used;
    memcpy(names + used, bytes, (size_t)count);
    names[used + (size_t)count] = '\n';
    return used + (size_t)count + 1;
}

long tls_client_names(SSL *tls, char *names, size_t size) {
    X509 *certificate = library.SSL_get1_peer_certificate(tls);
    if (!certificate) return -1;
    size_t used = 0;
    GENERAL_NAMES *all = library.X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    // The calls behind the macros of openssl/safestack.h, which would have to be linked.
    const OPENSSL_STACK *stack = (const OPENSSL_STACK *)all;
    for (int i = 0, count = all ? library.OPENSSL_sk_num(stack) : 0; i < count; i++) {
        const GENERAL_NAME *name = library.OPENSSL_sk_value(stack, i);
        // One place for all kinds of text in the union.
        const ASN1_STRING *text = name->d.ia5;
        switch (name->type) {
        case GEN_DNS: case GEN_EMAIL: case GEN_URI:
            used = append_name(names, used, size, library.ASN1_STRING_get0_data(text),
                               library.ASN1_STRING_length(text));
            break;
        case GEN_IPADD: {
            char address[INET6_ADDRSTRLEN] = "";
            int length = library.ASN1_STRING_length(text);
            if (length == 4 || length == 16)
                inet_ntop(length == 4 ? AF_INET : AF_INET6, library.ASN1_STRING_get0_data(text), address, sizeof address);
            used = append_name(names, used, size, (const unsigned char *)address, (int)strlen(address));
            break;
        }
        default: break;
        }
    }
    if (all) library.GENERAL_NAMES_free(all);
    library.X509_free(certificate);
    library.ERR_clear_error();
    return (long)used;
}
