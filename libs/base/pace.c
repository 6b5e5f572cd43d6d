#include "base/pace.h"

#include "base/assert.h"

int64_t pace_wait_us(const struct pace *pace, int64_t now_us)
{
    ASSERT(pace->burst >= 1);
    int64_t wait_us = pace->next_us - now_us - (pace->burst - 1) * pace->interval_us;
    return wait_us > 0 ? wait_us : 0;
}

void pace_take(struct pace *pace, int64_t now_us)
{
    int64_t from_us = pace->next_us > now_us ? pace->next_us : now_us;
    pace->next_us = from_us + pace->interval_us;
}
