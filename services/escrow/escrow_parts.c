/* What must always hold of the parts of a price that were released, or given back, while the rest stayed held. Pure. */
#include "base/assert.h"
#include "base/money.h"
#include "escrow/escrow.h"

const char *escrow_part_state_name(enum escrow_part_state state)
{
    switch (state) {
    case ESCROW_PART_NONE: return "";
    case ESCROW_PART_SENDING: return "SENDING";
    case ESCROW_PART_FAILED: return "FAILED";
    case ESCROW_PART_PAID: return "PAID";
    case ESCROW_PART_STATE_COUNT: break;
    }
    UNREACHABLE("escrow part state");
}

/* What the parts come to that go one way. */
struct part_sums {
    int64_t price_minor;
    int64_t gets_minor;
    int64_t due_minor;
    int64_t failed_minor;
};

/* False: they do not fit. */
static bool sum_parts(const struct escrow_part *const *parts, uint32_t part_count, bool to_buyer,
                      struct part_sums *sums)
{
    for (uint32_t i = 0; i < part_count; i++) {
        const struct escrow_part *part = parts[i];
        if (part->to_buyer != to_buyer) {
            continue;
        }
        if (!money_try_add(sums->price_minor, part->price_minor, &sums->price_minor) ||
            !money_try_add(sums->gets_minor, part->amount_minor, &sums->gets_minor)) {
            return false;
        }
        /* Within gets_minor: these fit, too. */
        sums->due_minor += part->state != ESCROW_PART_PAID ? part->amount_minor : 0;
        sums->failed_minor += part->state == ESCROW_PART_FAILED ? part->amount_minor : 0;
    }
    return true;
}

static bool part_is_sound(const struct escrow_part *part, const struct escrow *escrow)
{
    return part->state > ESCROW_PART_NONE && part->state < ESCROW_PART_STATE_COUNT &&
           part->version >= 1 && part->number >= 1 && part->number <= ESCROW_PARTS_MAX &&
           part->price_minor >= 1 && part->amount_minor >= 1 &&
           (part->to_buyer ? part->amount_minor >= part->price_minor
                           : part->amount_minor <= part->price_minor) &&
           !id_is_none(part->id) && !id_is_none(part->leg_id) && id_eq(part->escrow_id, escrow->id);
}

bool escrow_parts_back(const struct escrow_part *const *parts, uint32_t part_count,
                       int64_t *ret_due_minor, int64_t *ret_failed_minor)
{
    struct part_sums sums = {0};
    bool fits = sum_parts(parts, part_count, /* to_buyer */ true, &sums);
    *ret_due_minor = sums.due_minor;
    *ret_failed_minor = sums.failed_minor;
    return fits;
}

int64_t escrow_rest_due_minor(const struct escrow *escrow, const struct escrow_part *const *parts,
                              uint32_t part_count)
{
    struct part_sums sums = {0};
    return sum_parts(parts, part_count, /* to_buyer */ false, &sums)
               ? escrow->due_seller_minor - sums.due_minor
               : 0;
}

int64_t escrow_rest_failed_minor(const struct escrow *escrow,
                                 const struct escrow_part *const *parts, uint32_t part_count)
{
    struct part_sums sums = {0};
    return sum_parts(parts, part_count, /* to_buyer */ false, &sums)
               ? escrow->payout_failed_minor - sums.failed_minor
               : 0;
}

bool escrow_parts_are_sound(const struct escrow *escrow, const struct escrow_part *const *parts,
                            uint32_t part_count)
{
    struct part_sums sums = {0};
    struct part_sums back = {0};
    uint32_t numbers = 0;
    for (uint32_t i = 0; i < part_count; i++) {
        if (!part_is_sound(parts[i], escrow)) {
            return false;
        }
        numbers |= UINT32_C(1) << parts[i]->number;
    }
    /* Numbered from 1 on, each once. */
    if (part_count > ESCROW_PARTS_MAX || numbers != (UINT32_C(1) << (part_count + 1)) - 2 ||
        !sum_parts(parts, part_count, /* to_buyer */ false, &sums) ||
        !sum_parts(parts, part_count, /* to_buyer */ true, &back) ||
        sums.price_minor > escrow->released_minor || back.price_minor != escrow->returned_minor ||
        back.gets_minor != escrow_back_of(escrow, back.price_minor)) {
        return false;
    }
    int64_t net_minor = sums.price_minor - escrow_seller_fee_of(escrow, sums.price_minor);
    int64_t all_minor =
        escrow->released_minor - escrow_seller_fee_of(escrow, escrow->released_minor);
    bool has_rest = sums.price_minor < escrow->released_minor;
    int64_t rest_due_minor = escrow->due_seller_minor - sums.due_minor;
    int64_t rest_failed_minor = escrow->payout_failed_minor - sums.failed_minor;
    return sums.gets_minor == net_minor && has_rest == !id_is_none(escrow->payout_leg_id) &&
           (rest_due_minor == 0 || rest_due_minor == all_minor - net_minor) &&
           (rest_failed_minor == 0 || rest_failed_minor == rest_due_minor);
}
