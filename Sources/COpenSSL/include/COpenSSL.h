// The server's side of TLS, and digests, by OpenSSL 3, opened with dlopen: an agent that needs neither loads none of it.
//
// See ssl(7ossl) and the pages it names. Many of its calls are macros, and what went wrong lies in a queue of the thread:
// here each call also says why it failed, in words.
#pragma once

#include <stddef.h>
#include <stdint.h>

typedef struct ssl_ctx_st SSL_CTX;
typedef struct ssl_st SSL;

/// Opens libssl and libcrypto, and has the process ignore SIGPIPE. To be called once, and before everything else here.
/// Answers NULL, or why it failed.
const char *copenssl_open(void);

/// What the functions below answer instead of a count.
enum { TLS_WAITS_TO_READ = -1, TLS_WAITS_TO_WRITE = -2, TLS_FAILED = -3 };

/// The versions as they go over the wire.
enum { TLS_1_2 = 0x0303, TLS_1_3 = 0x0304 };

/// Why the last call of this thread failed; to be read before the next one.
const char *tls_reason(void);

/// NULL without memory. Whoever is called `int` below answers 1, or 0 when it failed.
SSL_CTX *tls_context_new(void);
void tls_context_free(SSL_CTX *context);
int tls_context_set_versions(SSL_CTX *context, int lowest, int highest);
/// Those for TLS 1.2, in OpenSSL's notation: openssl-ciphers(1).
int tls_context_set_ciphers(SSL_CTX *context, const char *ciphers);
/// PEM: the certificate, and after it those that lead to the authority.
int tls_context_use_certificate(SSL_CTX *context, const char *path);
/// PEM, without a passphrase. After the certificate, to which it must belong.
int tls_context_use_key(SSL_CTX *context, const char *path);
/// Asks clients for a certificate that one of these authorities has signed.
int tls_context_verify_clients(SSL_CTX *context, const char *authorities_path, int must_have_one);
/// Seconds since 1970 between which the certificate is valid.
int tls_context_validity(SSL_CTX *context, int64_t *from, int64_t *until);

/// A connection whose socket never waits, and stays the caller's. NULL without memory.
SSL *tls_new(SSL_CTX *context, int descriptor);
void tls_free(SSL *tls);
/// 0 when the handshake is done, or one of the three above.
long tls_accept(SSL *tls);
/// 0 when the client has finished.
long tls_read(SSL *tls, void *bytes, size_t count);
long tls_write(SSL *tls, const void *bytes, size_t count);
/// Tells the client that nothing more comes. Does not wait for its answer.
void tls_finish(SSL *tls);
/// The names in the client's certificate: hosts, mail addresses, URIs and IP addresses, a line for each. Answers how
/// many bytes it wrote, or -1 without a certificate. Names that do not fit, or have spaces in them, are left out.
long tls_client_names(SSL *tls, char *names, size_t size);

// MARK: Digests, by libcrypto alone. See EVP_DigestInit(3ossl), HMAC(3ossl).

typedef struct evp_md_ctx_st EVP_MD_CTX;

/// Opens libcrypto, without libssl. To be called once, and before the functions below. Answers NULL, or why it failed.
const char *cdigest_open(void);

/// Of SHA-256, and of an HMAC with it.
enum { DIGEST_BYTES = 32 };

/// What a thread computes digests with, one after another. NULL without memory.
EVP_MD_CTX *digest_new(void);
void digest_free(EVP_MD_CTX *context);
/// Writes DIGEST_BYTES to `digest`. Answers 0 without memory.
int digest_sha256(EVP_MD_CTX *context, const void *bytes, size_t count, uint8_t *digest);
int digest_hmac_sha256(const void *key, int key_count, const void *bytes, size_t count, uint8_t *digest);
