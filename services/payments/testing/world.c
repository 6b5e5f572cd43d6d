/* Keeps rows as the engine would, and asserts what every decision must keep. */
#include "payments/testing/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

struct id world_id(uint8_t number)
{
    struct id id = {.bytes = {1}};
    id.bytes[15] = number;
    return id;
}

void world_keep(struct world *world, const struct payments_decision *out)
{
    world->alarm_count += out->alarm ? 1 : 0;
    if (out->verdict != PAYMENTS_CHANGED) {
        assert_int_equal(out->event_count, 0);
        assert_int_equal(out->effect_count, 0);
        return;
    }
    assert_int_equal(out->payment_new, !world->has_payment);
    assert_int_equal(out->payment.version, out->payment_new ? 1 : world->payment.version + 1);
    assert_int_equal(out->payment.seq, world->payment.seq + out->event_count);
    for (uint32_t i = 0; i < out->event_count; i++) {
        assert_int_equal(out->events[i].seq, world->payment.seq + 1 + i);
        assert_true(world->event_count < WORLD_EVENTS_MAX);
        world->events[world->event_count++] = out->events[i];
    }
    for (uint32_t i = 0; i < out->effect_count; i++) {
        assert_true(world->effect_count < WORLD_EFFECTS_MAX);
        world->effects[world->effect_count++] = out->effects[i];
    }
    world->payment = out->payment;
    world->has_payment = true;
    if (out->leg_new) {
        assert_true(world->leg_count < WORLD_LEGS_MAX);
        world->legs[world->leg_count++] = out->leg;
    }
    for (uint32_t i = 0; out->leg_changed && i < world->leg_count; i++) {
        if (id_eq(world->legs[i].id, out->leg.id)) {
            assert_int_equal(out->leg.version, world->legs[i].version + 1);
            world->legs[i] = out->leg;
        }
    }
}

/* The view borrows; legs must outlive it. */
static struct payments_view world_view(const struct world *world, const void **legs)
{
    for (uint32_t i = 0; i < world->leg_count; i++) {
        legs[i] = &world->legs[i];
    }
    return (struct payments_view){
        .payment = world->has_payment ? &world->payment : NULL,
        .legs = legs,
        .leg_count = world->leg_count,
    };
}

struct payments_decision world_say(struct world *world, const struct payments_command *command)
{
    const void *legs[WORLD_LEGS_MAX];
    struct payments_view view = world_view(world, legs);
    struct payments_decision out = payments_decide_command(&view, command, WORLD_NOW_US);
    world_keep(world, &out);
    return out;
}

struct payments_decision world_tell(struct world *world, struct id leg_id,
                                    const struct payments_fact *fact)
{
    const void *legs[WORLD_LEGS_MAX];
    struct payments_view view = world_view(world, legs);
    struct payments_fact told = *fact;
    for (uint32_t i = 0; told.about == LEG_KIND_NONE && i < world->leg_count; i++) {
        told.about = id_eq(world->legs[i].id, leg_id) ? world->legs[i].kind : LEG_KIND_NONE;
    }
    if (told.about == LEG_KIND_NONE) {
        told.about = LEG_IN; /* of no leg that is there */
    }
    struct payments_decision out = payments_decide_fact(&view, leg_id, &told, WORLD_NOW_US);
    world_keep(world, &out);
    return out;
}

struct payments_command world_create(int64_t amount_minor)
{
    return (struct payments_command){
        .kind = PAYMENTS_CREATE_PAYMENT_INTENT,
        .escrow_id = WORLD_ESCROW_ID,
        .leg_id = WORLD_PAY_LEG,
        .currency = CURRENCY_USD,
        .amount_minor = amount_minor,
        .rail = LEG_RAIL_STRIPE,
        .description = STR("a lamp"),
    };
}

struct payments_command world_cancel(void)
{
    return (struct payments_command){.kind = PAYMENTS_CANCEL_PAYMENT, .escrow_id = WORLD_ESCROW_ID};
}

struct payments_command world_transfer(uint8_t leg, int64_t amount_minor)
{
    return (struct payments_command){
        .kind = PAYMENTS_TRANSFER_TO_SELLER,
        .escrow_id = WORLD_ESCROW_ID,
        .leg_id = world_id(leg),
        .currency = CURRENCY_USD,
        .amount_minor = amount_minor,
        .seller_account = STR("acct_seller"),
        .paid_leg_id = WORLD_PAY_LEG,
    };
}

struct payments_command world_refund(uint8_t leg, int64_t amount_minor)
{
    return (struct payments_command){
        .kind = PAYMENTS_REFUND_BUYER,
        .escrow_id = WORLD_ESCROW_ID,
        .leg_id = world_id(leg),
        .currency = CURRENCY_USD,
        .amount_minor = amount_minor,
        .paid_leg_id = WORLD_PAY_LEG,
    };
}

const struct payments_fact world_fact_made = {
    .kind = PAYMENTS_FACT_MADE,
    .provider_ref = STR("pi_1"),
    .client_secret = STR("pi_1_secret_x"),
};
const struct payments_fact world_fact_exists = {
    .kind = PAYMENTS_FACT_EXISTS,
    .provider_ref = STR("pi_1"),
};
const struct payments_fact world_fact_paid = {
    .kind = PAYMENTS_FACT_SUCCEEDED,
    .provider_ref = STR("pi_1"),
    .charge_ref = STR("ch_9"),
    .amount_minor = 5000,
    .currency = STR("USD"),
};
const struct payments_fact world_fact_canceled = {
    .kind = PAYMENTS_FACT_CANCELED,
    .provider_ref = STR("pi_1"),
};
const struct payments_fact world_fact_setup_failed = {
    .kind = PAYMENTS_FACT_FAILED,
    .failure_code = STR("amount_too_small"),
};

struct payments_fact world_declined(const char *charge)
{
    return (struct payments_fact){
        .kind = PAYMENTS_FACT_DECLINED,
        .provider_ref = STR("pi_1"),
        .charge_ref = str_of(charge),
        .failure_code = STR("card_declined"),
    };
}

struct payments_fact world_moved(const char *ref, int64_t amount_minor)
{
    return (struct payments_fact){
        .kind = PAYMENTS_FACT_SUCCEEDED,
        .provider_ref = str_of(ref),
        .amount_minor = amount_minor,
        .currency = STR("USD"),
    };
}

struct world world_paid(void)
{
    struct world world = {0};
    struct payments_command command = world_create(5000);
    world_say(&world, &command);
    world_tell(&world, WORLD_PAY_LEG, &world_fact_made);
    world_tell(&world, WORLD_PAY_LEG, &world_fact_paid);
    assert_int_equal(world.legs[0].state, LEG_DONE);
    return world;
}

uint32_t world_events(const struct world *world, enum payments_event_kind kind)
{
    uint32_t total = 0;
    for (uint32_t i = 0; i < world->event_count; i++) {
        total += world->events[i].kind == kind ? 1 : 0;
    }
    return total;
}

uint32_t world_effects(const struct world *world, enum payments_effect_kind kind)
{
    uint32_t total = 0;
    for (uint32_t i = 0; i < world->effect_count; i++) {
        total += world->effects[i].kind == kind ? 1 : 0;
    }
    return total;
}
