/* What is produced and acknowledged, counted by lane. */
#include "engine/intake_wait.h"

#include <string.h>

#include "base/assert.h"

static struct intake_wait_lane *lane_at(struct intake_wait *wait, int32_t lane)
{
    ASSERT(lane >= 0);
    ASSERT(lane < LANES);
    return &wait->lanes[lane];
}

void intake_wait_produced(struct intake_wait *wait, int32_t lane, int64_t now_ms)
{
    struct intake_wait_lane *at = lane_at(wait, lane);
    at->produced++;
    struct intake_wait_mark *newest = at->mark_count > 0 ? &at->marks[at->mark_count - 1] : NULL;
    if (newest && (now_ms - newest->since_ms < INTAKE_WAIT_MARK_MS ||
                   at->mark_count == INTAKE_WAIT_MARKS_MAX)) {
        newest->last = at->produced;
        return;
    }
    at->marks[at->mark_count++] =
        (struct intake_wait_mark){.last = at->produced, .since_ms = now_ms};
}

void intake_wait_acknowledged(struct intake_wait *wait, int32_t lane)
{
    struct intake_wait_lane *at = lane_at(wait, lane);
    wait->stuck_since_ms = 0; /* Kafka takes records again: so do the owners of the lanes */
    if (at->acknowledged == at->produced) {
        return; /* of a producer that is gone */
    }
    at->acknowledged++;
    if (at->marks[0].last == at->acknowledged) {
        at->mark_count--;
        memmove(&at->marks[0], &at->marks[1], at->mark_count * sizeof(at->marks[0]));
    }
}

static int64_t older(int64_t a_ms, int64_t b_ms)
{
    return a_ms != 0 && (b_ms == 0 || a_ms < b_ms) ? a_ms : b_ms;
}

void intake_wait_left(struct intake_wait *wait, int64_t now_ms)
{
    wait->stuck_since_ms = older(wait->stuck_since_ms, now_ms);
}

static int64_t on_the_way_since_ms(const struct intake_wait *wait)
{
    int64_t since_ms = 0;
    for (int32_t lane = 0; lane < LANES; lane++) {
        if (wait->lanes[lane].mark_count > 0) {
            since_ms = older(since_ms, wait->lanes[lane].marks[0].since_ms);
        }
    }
    return since_ms;
}

void intake_wait_dropped(struct intake_wait *wait, int64_t now_ms)
{
    int64_t since_ms = older(on_the_way_since_ms(wait), now_ms);
    wait->stuck_since_ms = older(wait->stuck_since_ms, since_ms);
    memset(wait->lanes, 0, sizeof(wait->lanes));
}

int64_t intake_wait_since_ms(const struct intake_wait *wait)
{
    int64_t since_ms = on_the_way_since_ms(wait);
    return since_ms == 0 ? 0 : older(since_ms, wait->stuck_since_ms);
}
