#include "bench_busy.h"

#include <stdio.h>

#include "base/assert.h"
#include "base/str.h"
#include "bench_report.h"

#define LINE_BYTES 256
#define IDLE 3 /* the fields of /proc/stat that are no work */
#define IOWAIT 4

struct bench_busy bench_busy_now(void)
{
    char line[LINE_BYTES];
    struct bench_busy now = {.all = 0};
    FILE *file = fopen("/proc/stat", "re");
    ASSERT(file);
    char *got = fgets(line, sizeof(line), file);
    ASSERT(got);
    int failed = fclose(file);
    ASSERT(failed == 0);
    struct str rest = str_trim(str_after(str_of(line), sizeof("cpu ") - 1));
    struct str field;
    for (int i = 0; str_cut(rest, ' ', &field, &rest) && i < 8; i++) {
        int64_t ticks = 0;
        bool is_number = str_to_i64(field, &ticks);
        ASSERT(is_number);
        now.all += ticks;
        now.busy += i == IDLE || i == IOWAIT ? 0 : ticks;
    }
    return now;
}

int64_t bench_busy_since(struct bench_busy then)
{
    struct bench_busy now = bench_busy_now();
    return bench_percent_of(now.busy - then.busy, now.all - then.all);
}
