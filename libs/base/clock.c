#include "base/clock.h"

#include <stdio.h>
#include <time.h>

#include "base/assert.h"

static int64_t read_us(clockid_t which)
{
    struct timespec ts;
    int failed = clock_gettime(which, &ts);
    ASSERT(failed == 0);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* The one mutable global of this library: set by tests and the simulator only. */
static const struct clock_fake *fake;

void clock_use_fake(const struct clock_fake *now)
{
    fake = now;
}

int64_t clock_mono_ms(void)
{
    return clock_mono_us() / 1000;
}

int64_t clock_mono_us(void)
{
    return fake ? fake->mono_us : read_us(CLOCK_BOOTTIME);
}

int64_t clock_wall_us(void)
{
    return fake ? fake->wall_us + fake->ahead_us : read_us(CLOCK_REALTIME);
}

void clock_format_iso(int64_t wall_us, char ret_text[CLOCK_ISO_BYTES])
{
    const int64_t year_9999_us = INT64_C(253402300799999999);
    int64_t us = wall_us < 0 ? 0 : wall_us > year_9999_us ? year_9999_us : wall_us;
    time_t seconds = (time_t)(us / 1000000);
    struct tm tm;
    const struct tm *converted = gmtime_r(&seconds, &tm); /* LINT-OK: the re-entrant form */
    ASSERT(converted);
    size_t len = strftime(ret_text, CLOCK_ISO_BYTES, "%Y-%m-%dT%H:%M:%S", &tm);
    ASSERT(len == 19);
    int millis = (int)(us / 1000 % 1000);
    ret_text[19] = '.';
    ret_text[20] = (char)('0' + millis / 100);
    ret_text[21] = (char)('0' + millis / 10 % 10);
    ret_text[22] = (char)('0' + millis % 10);
    ret_text[23] = 'Z';
    ret_text[24] = '\0';
}
