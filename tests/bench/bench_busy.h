#pragma once

#include <stdint.h>

/* How busy all processors of this machine were since, whoever used them. */
struct bench_busy {
    int64_t busy, all; /* ticks since the machine started */
};

struct bench_busy bench_busy_now(void);
/* Hundredths of all processors. */
int64_t bench_busy_since(struct bench_busy then);
