#include "base/crash.h"

#include <signal.h>
#include <stdatomic.h>
#include <string.h>

#include "base/assert.h"

#define NAME_MAX_BYTES 64

static char armed_name[NAME_MAX_BYTES];
static int armed_signal;
static atomic_llong passes_left;

bool crash_arm(struct str spec)
{
    struct str name;
    struct str rest;
    struct str count;
    struct str how;
    int64_t n;
    bool formed = str_cut(spec, ':', &name, &rest) && str_cut(rest, ':', &count, &how) &&
                  str_to_i64(count, &n) && n >= 1 && name.len > 0 && name.len < NAME_MAX_BYTES &&
                  (str_eq(how, STR("kill")) || str_eq(how, STR("stop")));
    if (!formed) {
        return false;
    }
    memcpy(armed_name, name.ptr, name.len);
    armed_name[name.len] = '\0';
    armed_signal = str_eq(how, STR("kill")) ? SIGKILL : SIGSTOP;
    atomic_store(&passes_left, n);
    return true;
}

void crash_pass(const char *name)
{
    if (armed_signal == 0 || strcmp(name, armed_name) != 0) {
        return;
    }
    if (atomic_fetch_sub(&passes_left, 1) == 1) {
        int failed = raise(armed_signal);
        ASSERT(failed == 0);
    }
}
