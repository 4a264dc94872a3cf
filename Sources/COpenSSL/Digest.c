#define _GNU_SOURCE 1

#include "COpenSSL.h"

#include <dlfcn.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>

// Every function that is used, so that a library that lacks one is found when it is opened. libssl is not needed here.
#define EACH(DO) \
    DO(OPENSSL_init_crypto) DO(EVP_MD_fetch) DO(EVP_MD_CTX_new) DO(EVP_MD_CTX_free) DO(EVP_DigestInit_ex) \
    DO(EVP_DigestUpdate) DO(EVP_DigestFinal_ex) DO(HMAC)

#define FIELD(name) __typeof__(&name) name;
static struct { EACH(FIELD) } library;

/// Looked up once: to find an algorithm among OpenSSL's providers takes longer than to hash a kilobyte.
static EVP_MD *sha256;

const char *cdigest_open(void) {
    static char reason[512];
    void *crypto = dlopen("libcrypto.so.3", RTLD_NOW | RTLD_LOCAL);
    if (!crypto) {
        const char *cause = dlerror();
        snprintf(reason, sizeof reason, "libcrypto.so.3 cannot be opened: install the package libssl3 (%s)",
                 cause ? cause : "no reason given");
        return reason;
    }
#define FIND(name) \
    if (!(library.name = (__typeof__(&name))dlsym(crypto, #name))) return "libcrypto lacks " #name;
    EACH(FIND)
    // Its clean-up at the exit would take away what other threads may still use.
    if (library.OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL) != 1) return "libcrypto cannot be initialized";
    sha256 = library.EVP_MD_fetch(NULL, "SHA256", NULL);
    if (!sha256) return "libcrypto offers no SHA-256";
    // A library that cannot hash shall be found here, not in the middle of a request.
    uint8_t digest[DIGEST_BYTES];
    EVP_MD_CTX *context = digest_new();
    int works = context && digest_sha256(context, "", 0, digest) && digest_hmac_sha256("key", 3, "", 0, digest);
    if (context) digest_free(context);
    return works ? NULL : "libcrypto computes no SHA-256";
}

EVP_MD_CTX *digest_new(void) { return library.EVP_MD_CTX_new(); }
void digest_free(EVP_MD_CTX *context) { library.EVP_MD_CTX_free(context); }

int digest_sha256(EVP_MD_CTX *context, const void *bytes, size_t count, uint8_t *digest) {
    return library.EVP_DigestInit_ex(context, sha256, NULL) == 1 &&
           library.EVP_DigestUpdate(context, bytes, count) == 1 &&
           library.EVP_DigestFinal_ex(context, digest, NULL) == 1;
}

int digest_hmac_sha256(const void *key, int key_count, const void *bytes, size_t count, uint8_t *digest) {
    return library.HMAC(sha256, key, key_count, bytes, count, digest, NULL) != NULL;
}
