#pragma once

#include <stdint.h>

/* Time of this machine. Decisions never read it: they get the database's time of the fence. */

/* Milliseconds of CLOCK_BOOTTIME: goes on while the machine sleeps, never jumps. For deadlines. */
int64_t clock_mono_ms(void);
/* Microseconds of the same clock, for measuring. */
int64_t clock_mono_us(void);
/* Microseconds since 1970 by this machine's wall clock: logs, signatures' ages. */
int64_t clock_wall_us(void);

/*
 * For tests and simulation alone: from now on the clocks stand still at *now (its fields are read at each
 * call). NULL: the machine's clocks again. Not thread-safe.
 */
struct clock_fake {
    int64_t mono_us;
    int64_t wall_us;  /* the true time: simulated servers read it here */
    int64_t ahead_us; /* so far the asking machine's clock is ahead of it; negative: behind */
};

/* For tests, of the whole process; NULL: the real ones again. */
void clock_use_fake(const struct clock_fake *now);

#define CLOCK_ISO_BYTES 25 /* "2026-11-21T04:05:06.789Z" and a NUL */

/* RFC 3339 in UTC with milliseconds. Years 1970 to 9999; others show as the nearest of these. */
void clock_format_iso(int64_t wall_us, char ret_text[CLOCK_ISO_BYTES]);
