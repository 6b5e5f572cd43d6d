/* The table of rails, and who is meant. */
#include "payments/payments_rail.h"

#include "base/assert.h"
#include "payments/payments_rail_stripe.h"

/* REQ-H1: the order is the rule. */
static const struct payments_rail *const rails[LEG_RAIL_COUNT] = {
    [LEG_RAIL_STRIPE] = &payments_rail_stripe,
};

enum leg_rail payments_rail_choose(enum currency currency, int64_t amount_minor)
{
    for (int kind = LEG_RAIL_NONE + 1; kind < LEG_RAIL_COUNT; kind++) {
        if (rails[kind]->currency == currency && amount_minor > 0 &&
            amount_minor <= rails[kind]->amount_max_minor) {
            return rails[kind]->kind;
        }
    }
    return LEG_RAIL_NONE;
}

const struct payments_rail *payments_rail_of(enum leg_rail kind)
{
    ASSERT(kind > LEG_RAIL_NONE);
    ASSERT(kind < LEG_RAIL_COUNT);
    return rails[kind];
}

const struct payments_rail *payments_rail_named(struct str name)
{
    for (int kind = LEG_RAIL_NONE + 1; kind < LEG_RAIL_COUNT; kind++) {
        if (str_eq(rails[kind]->name, name)) {
            return rails[kind];
        }
    }
    return NULL;
}

int payments_rail_effect_kind(enum leg_rail rail, enum payments_effect_kind kind)
{
    return ((int)rail - 1) * PAYMENTS_RAIL_EFFECTS + (int)kind;
}

enum payments_effect_kind payments_rail_operation(int effect_kind)
{
    ASSERT(effect_kind > 0);
    return (enum payments_effect_kind)(effect_kind % PAYMENTS_RAIL_EFFECTS);
}

const struct payments_rail *payments_rail_of_effect(int effect_kind)
{
    ASSERT(effect_kind > 0);
    return payments_rail_of((enum leg_rail)(effect_kind / PAYMENTS_RAIL_EFFECTS + 1));
}
