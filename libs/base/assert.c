/* Says what broke on stderr and ends the process: the engine's recovery is the way back. */
#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>

void assert_fail(const char *what, const char *file, int line)
{
    /* Nothing can be done about a failing stderr here. */
    if (fprintf(stderr,
                "{\"level\":\"fatal\",\"event\":\"assert\",\"what\":\"%s\",\"at\":\"%s:%d\"}\n",
                what, file, line) < 0) {
        abort();
    }
    abort();
}
