#include "bench_probe.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/hash.h"

#define SHA_RUNS 21
#define SHA_ROUNDS 20000
#define FSYNC_RUNS 101

static int compare(const void *a, const void *b)
{
    int64_t x;
    int64_t y;
    memcpy(&x, a, sizeof(x));
    memcpy(&y, b, sizeof(y));
    return (x > y) - (x < y);
}

int64_t bench_median(int64_t *values, uint32_t count)
{
    qsort(values, count, sizeof(*values), compare);
    return count == 0 ? 0 : values[count / 2];
}

int64_t bench_probe_sha_ns(void)
{
    int64_t runs[SHA_RUNS];
    char block[64] = {0};
    for (int r = 0; r < SHA_RUNS; r++) {
        int64_t began_us = clock_mono_us();
        for (int i = 0; i < SHA_ROUNDS; i++) {
            struct hash hash = hash_of((struct str){.ptr = block, .len = sizeof(block)});
            memcpy(block, hash.bytes, sizeof(hash.bytes)); /* each needs the one before */
        }
        runs[r] = (clock_mono_us() - began_us) * 1000 / SHA_ROUNDS;
    }
    return bench_median(runs, SHA_RUNS);
}

int64_t bench_probe_fsync_us(void)
{
    char name[] = "bench-probe-XXXXXX";
    char block[8192] = {0};
    int64_t runs[FSYNC_RUNS];
    int fd = mkstemp(name);
    ASSERT(fd >= 0);
    for (int i = 0; i < FSYNC_RUNS; i++) {
        int64_t began_us = clock_mono_us();
        ssize_t written = write(fd, block, sizeof(block));
        ASSERT(written == (ssize_t)sizeof(block));
        int failed = fdatasync(fd);
        ASSERT(failed == 0);
        runs[i] = clock_mono_us() - began_us;
    }
    int failed = close(fd) | unlink(name);
    ASSERT(failed == 0);
    return bench_median(runs, FSYNC_RUNS);
}
