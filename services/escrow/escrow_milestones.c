/* What must always hold of the milestones of a deal, and what its state follows from them. Pure. */
#include "base/assert.h"
#include "base/money.h"
#include "escrow/escrow.h"

const char *escrow_milestone_state_name(enum escrow_milestone_state state)
{
    switch (state) {
    case ESCROW_MILESTONE_NONE: return "";
    case ESCROW_MILESTONE_OPEN: return "OPEN";
    case ESCROW_MILESTONE_DELIVERED: return "DELIVERED";
    case ESCROW_MILESTONE_RELEASED: return "RELEASED";
    case ESCROW_MILESTONE_REFUNDED: return "REFUNDED";
    case ESCROW_MILESTONE_DIVIDED: return "DIVIDED";
    case ESCROW_MILESTONE_REJECTED: return "REJECTED";
    case ESCROW_MILESTONE_STATE_COUNT: break;
    }
    UNREACHABLE("escrow milestone state");
}

enum escrow_timer escrow_milestone_timer(const struct escrow_milestone *milestone)
{
    return milestone->state == ESCROW_MILESTONE_DELIVERED  ? ESCROW_TIMER_INSPECTION
           : milestone->state == ESCROW_MILESTONE_REJECTED ? ESCROW_TIMER_ANSWER
                                                           : ESCROW_TIMER_NONE;
}

bool escrow_milestone_is_alive(const struct escrow_milestone *milestone)
{
    return milestone->state == ESCROW_MILESTONE_OPEN ||
           escrow_milestone_timer(milestone) != ESCROW_TIMER_NONE;
}

uint32_t escrow_milestone_at(const struct escrow_milestone *const *milestones,
                             uint32_t milestone_count, int64_t number)
{
    uint32_t at = 0;
    while (at < milestone_count && milestones[at]->number != number) {
        at++;
    }
    return at;
}

/* Rows come in any order. */
static bool is_sooner(const struct escrow_milestone *one, const struct escrow_milestone *other)
{
    return one->deadline_at_us != other->deadline_at_us
               ? one->deadline_at_us < other->deadline_at_us
               : one->number < other->number;
}

uint32_t escrow_milestone_soonest(const struct escrow_milestone *const *milestones,
                                  uint32_t milestone_count)
{
    uint32_t soonest = milestone_count;
    for (uint32_t i = 0; i < milestone_count; i++) {
        if (escrow_milestone_timer(milestones[i]) != ESCROW_TIMER_NONE &&
            (soonest == milestone_count || is_sooner(milestones[i], milestones[soonest]))) {
            soonest = i;
        }
    }
    return soonest;
}

/* What the milestones come to, and how many are in each state. */
struct milestone_sums {
    int64_t price_minor;
    int64_t released_minor;
    int64_t refunded_minor;
    uint32_t in[ESCROW_MILESTONE_STATE_COUNT];
    uint32_t numbers;
};

static struct milestone_sums sum_milestones(const struct escrow_milestone *const *milestones,
                                            uint32_t milestone_count)
{
    struct milestone_sums sums = {0};
    for (uint32_t i = 0; i < milestone_count; i++) {
        const struct escrow_milestone *one = milestones[i];
        bool released = one->state == ESCROW_MILESTONE_RELEASED;
        bool refunded = one->state == ESCROW_MILESTONE_REFUNDED;
        sums.in[one->state]++;
        sums.numbers |= UINT32_C(1) << one->number;
        sums.released_minor += released ? one->price_minor : 0;
        sums.refunded_minor += refunded ? one->price_minor : 0;
        if (!money_try_add(sums.price_minor, one->price_minor, &sums.price_minor)) {
            return (struct milestone_sums){.price_minor = -1}; /* fits no deal */
        }
    }
    return sums;
}

static enum escrow_state state_by(const struct milestone_sums *sums)
{
    if (sums->in[ESCROW_MILESTONE_DELIVERED] > 0) {
        return ESCROW_DELIVERED;
    }
    if (sums->in[ESCROW_MILESTONE_REJECTED] > 0) {
        return ESCROW_DELIVERY_REJECTED;
    }
    uint32_t ended = sums->in[ESCROW_MILESTONE_RELEASED] + sums->in[ESCROW_MILESTONE_REFUNDED];
    return ended > 0 ? ESCROW_PARTIALLY_SETTLED : ESCROW_FUNDS_HELD;
}

enum escrow_state escrow_state_by_milestones(const struct escrow_milestone *const *milestones,
                                             uint32_t milestone_count)
{
    struct milestone_sums sums = sum_milestones(milestones, milestone_count);
    return state_by(&sums);
}

static uint32_t count_alive(const struct milestone_sums *sums)
{
    return sums->in[ESCROW_MILESTONE_OPEN] + sums->in[ESCROW_MILESTONE_DELIVERED] +
           sums->in[ESCROW_MILESTONE_REJECTED];
}

enum escrow_state escrow_state_when_soonest_over(const struct escrow_milestone *const *milestones,
                                                 uint32_t milestone_count)
{
    struct milestone_sums sums = sum_milestones(milestones, milestone_count);
    uint32_t soonest = escrow_milestone_soonest(milestones, milestone_count);
    ASSERT(soonest < milestone_count);
    bool released = milestones[soonest]->state == ESCROW_MILESTONE_DELIVERED;
    sums.in[milestones[soonest]->state]--;
    sums.in[released ? ESCROW_MILESTONE_RELEASED : ESCROW_MILESTONE_REFUNDED]++;
    if (count_alive(&sums) > 0) {
        return state_by(&sums);
    }
    return released ? ESCROW_RELEASING : ESCROW_REFUNDING;
}

static bool milestone_is_sound(const struct escrow_milestone *one, const struct escrow *escrow)
{
    bool runs = escrow_milestone_timer(one) != ESCROW_TIMER_NONE;
    return one->state > ESCROW_MILESTONE_NONE && one->state < ESCROW_MILESTONE_STATE_COUNT &&
           one->version >= 1 && one->number >= 1 && one->number <= escrow->milestone_count &&
           one->title.len > 0 && one->title.len <= ESCROW_TITLE_MAX_BYTES &&
           one->price_minor >= 1 && one->price_minor < escrow->price_minor &&
           runs == (one->deadline_at_us > 0) && one->deadline_at_us >= 0 &&
           id_eq(one->escrow_id, escrow->id);
}

/* That all have ended when the deal has, and that none is divided but with the rest of the price. */
static bool ends_are_sound(const struct escrow *escrow, const struct milestone_sums *sums)
{
    uint32_t alive = count_alive(sums);
    bool divided = sums->in[ESCROW_MILESTONE_DIVIDED] > 0;
    switch (escrow->state) {
    case ESCROW_CREATED:
    case ESCROW_AWAIT_FUNDS:
    case ESCROW_CANCELLED:
    case ESCROW_EXPIRED: return sums->in[ESCROW_MILESTONE_OPEN] == escrow->milestone_count;
    case ESCROW_FUNDS_HELD:
    case ESCROW_DELIVERED:
    case ESCROW_DELIVERY_REJECTED:
    case ESCROW_PARTIALLY_SETTLED: return alive > 0 && !divided && escrow->state == state_by(sums);
    case ESCROW_DISPUTED:
    case ESCROW_ESCALATED: return alive > 0 && !divided;
    case ESCROW_RELEASING:
    case ESCROW_RELEASED:
    case ESCROW_REFUNDING:
    case ESCROW_REFUNDED: return alive == 0 && !divided;
    case ESCROW_SETTLING:
    case ESCROW_SETTLED_SPLIT: return alive == 0 && divided;
    case ESCROW_NONE:
    case ESCROW_STATE_COUNT: break;
    }
    return false;
}

/* What was released is what the released ones are of; an agreement about the rest gives the seller some of it, too. What
 * was returned is what the refunded ones are of; a refund of the rest adds to them. */
static bool sums_are_sound(const struct escrow *escrow, const struct milestone_sums *sums)
{
    bool divided = sums->in[ESCROW_MILESTONE_DIVIDED] > 0;
    bool rest_refunded = escrow->state == ESCROW_REFUNDING || escrow->state == ESCROW_REFUNDED;
    return sums->price_minor == escrow->price_minor &&
           (divided ? sums->released_minor < escrow->released_minor
                    : sums->released_minor == escrow->released_minor) &&
           (rest_refunded ? sums->refunded_minor > escrow->returned_minor
                          : sums->refunded_minor == escrow->returned_minor);
}

bool escrow_milestones_are_sound(const struct escrow *escrow,
                                 const struct escrow_milestone *const *milestones,
                                 uint32_t milestone_count)
{
    if (milestone_count != escrow->milestone_count || milestone_count > ESCROW_MILESTONES_MAX) {
        return false;
    }
    if (milestone_count == 0) {
        return true;
    }
    for (uint32_t i = 0; i < milestone_count; i++) {
        if (!milestone_is_sound(milestones[i], escrow)) {
            return false;
        }
    }
    struct milestone_sums sums = sum_milestones(milestones, milestone_count);
    uint32_t soonest = escrow_milestone_soonest(milestones, milestone_count);
    bool runs = escrow->state == ESCROW_DELIVERED || escrow->state == ESCROW_DELIVERY_REJECTED;
    /* Numbered from 1 on, each once. */
    return sums.numbers == (UINT32_C(1) << (milestone_count + 1)) - 2 &&
           sums_are_sound(escrow, &sums) && ends_are_sound(escrow, &sums) &&
           (!runs || (soonest < milestone_count &&
                      milestones[soonest]->deadline_at_us == escrow->deadline_at_us));
}
