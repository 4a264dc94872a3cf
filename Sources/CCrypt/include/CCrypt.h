// bcrypt by libcrypt, opened with dlopen: only an agent that knows users pays for it. See crypt(3), crypt(5).
#pragma once

/// Opens libcrypt, and sees that it knows bcrypt. To be called once. Answers NULL, or why it failed.
const char *ccrypt_open(void);

/// 1 when `password` is the one that `hash` was made of, else 0. Takes as long as the cost in the hash says, whatever
/// the answer, from any thread.
int ccrypt_matches(const char *password, const char *hash);
