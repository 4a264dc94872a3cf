// What the program was started with. The loader calls functions of .init_array with what `main` gets: see the System V
// ABI, "Initialization and Termination Functions", and glibc's csu/.
#include "CLinux.h"

#include <stddef.h>

static int argument_count;
static char **arguments;

__attribute__((constructor)) static void keep_arguments(int count, char **given) {
    argument_count = count;
    arguments = given;
}

int linux_argument_count(void) { return argument_count; }

const char *linux_argument(int index) {
    return arguments != NULL && index >= 0 && index < argument_count ? arguments[index] : NULL;
}
