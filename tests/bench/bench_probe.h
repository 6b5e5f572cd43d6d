#pragma once

#include <stdint.h>

/* What stands beside every figure: how fast this machine is right now. */

/* Nanoseconds of one SHA-256 over 64 bytes, median of many. */
int64_t bench_probe_sha_ns(void);
/* Microseconds of writing 8 KiB and fdatasync, median of many, in the current folder. */
int64_t bench_probe_fsync_us(void);

int64_t bench_median(int64_t *values, uint32_t count); /* sorts them */
