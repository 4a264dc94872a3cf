#include "CCrypt.h"

#include <crypt.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static __typeof__(&crypt_rn) crypt_call;

const char *ccrypt_open(void) {
    static char reason[512];
    // Fedora and those after it have the second; it is the same without some old calls.
    void *library = dlopen("libcrypt.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!library) library = dlopen("libcrypt.so.2", RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        const char *cause = dlerror();
        snprintf(reason, sizeof reason, "libcrypt cannot be opened: install the package libcrypt1 (%s)",
                 cause ? cause : "no reason given");
        return reason;
    }
    // glibc's own, of old, has neither this call nor bcrypt.
    crypt_call = (__typeof__(crypt_call))dlsym(library, "crypt_rn");
    if (!crypt_call) return "libcrypt lacks crypt_rn: libxcrypt is needed, of the package libcrypt1";
    // The first example of OpenBSD's bcrypt(3) that everybody tests with, at the lowest cost.
    return ccrypt_matches("U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW")
               ? NULL : "this libcrypt does not know bcrypt";
}

int ccrypt_matches(const char *password, const char *hash) {
    // 32 KiB: not for the stack of a queue's thread.
    struct crypt_data *data = calloc(1, sizeof *data);
    if (!data) return 0;
    const char *made = crypt_call(password, hash, data, sizeof *data);
    size_t length = strlen(hash);
    unsigned char difference = !made || strlen(made) != length;
    // All of it is compared, so that the time does not say how much of it was right.
    if (!difference)
        for (size_t i = 0; i < length; i++) difference |= (unsigned char)(made[i] ^ hash[i]);
    explicit_bzero(data, sizeof *data);
    free(data);
    return difference == 0;
}
