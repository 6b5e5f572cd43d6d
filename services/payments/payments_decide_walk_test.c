/* Every order of one payment's facts, and a random walk that keeps its own ledger. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/defer.h"
#include "base/random.h"
#include "payments/testing/world.h"
#include "testing/testing_env.h"

/* ---- Every order (INV27, INV28) ---- */

#define ORDER_MAX 7

/* What must be the same in every order. Declines are notes to people and do not count. */
struct outcome {
    enum leg_state state;
    int64_t received_minor;
    uint32_t events[PAYMENTS_EVENT_COUNT];
};

static struct outcome outcome_of(const struct world *world, uint32_t leg)
{
    struct outcome outcome = {
        .state = world->legs[leg].state,
        .received_minor = world->legs[leg].received_minor,
    };
    for (uint32_t i = 0; i < world->event_count; i++) {
        if (!world->events[i].charge_declined) {
            outcome.events[world->events[i].kind]++;
        }
    }
    return outcome;
}

struct ordering {
    struct world start;
    uint32_t leg;
    const struct payments_fact *facts;
    size_t count;
    struct outcome wanted;
    enum payments_event_kind maybe; /* told or not, as the order has it */
    uint64_t tried;
};

/* A refund that dies when it was done alarms, and so does whatever is heard of a dead one but death. */
static uint32_t alarms_wanted(const struct ordering *ordering, const size_t *order)
{
    uint32_t wanted = 0;
    bool dead = false;
    bool done = false;
    for (size_t i = 0; i < ordering->count; i++) {
        enum payments_fact_kind kind = ordering->facts[order[i]].kind;
        bool dies = kind == PAYMENTS_FACT_FAILED;
        wanted += (dies ? done && !dead : dead) ? 1 : 0;
        dead = dead || dies;
        done = done || kind == PAYMENTS_FACT_SUCCEEDED;
    }
    return wanted;
}

static void try_order(void *context, const size_t *order)
{
    struct ordering *ordering = context;
    struct world world = ordering->start;
    for (size_t i = 0; i < ordering->count; i++) {
        struct payments_decision out =
            world_tell(&world, world.legs[ordering->leg].id, &ordering->facts[order[i]]);
        assert_int_not_equal(out.verdict, PAYMENTS_BROKEN);
    }
    struct outcome outcome = outcome_of(&world, ordering->leg);
    outcome.events[ordering->maybe] = 0;
    assert_memory_equal(&outcome, &ordering->wanted, sizeof(outcome));
    assert_int_equal(world.alarm_count, alarms_wanted(ordering, order));
    ordering->tried++;
}

/* Heap's way through all permutations, without recursion. */
static void for_each_order(size_t count, void (*visit)(void *context, const size_t *order),
                           void *context)
{
    size_t order[ORDER_MAX];
    size_t turn[ORDER_MAX] = {0};
    assert_true(count <= ORDER_MAX);
    for (size_t i = 0; i < count; i++) {
        order[i] = i;
    }
    visit(context, order);
    for (size_t i = 0; i < count;) {
        if (turn[i] >= i) {
            turn[i++] = 0;
            continue;
        }
        size_t other = i % 2 == 0 ? 0 : turn[i];
        size_t kept = order[other];
        order[other] = order[i];
        order[i] = kept;
        visit(context, order);
        turn[i]++;
        i = 0;
    }
}

static void try_all_orders(struct ordering *ordering)
{
    for_each_order(ordering->count, try_order, ordering);
}

static struct world asked_world(void)
{
    struct world world = {0};
    struct payments_command command = world_create(5000);
    world_say(&world, &command);
    return world;
}

static void every_order_of_a_payment_ends_alike(void **state)
{
    (void)state;
    struct payments_fact facts[ORDER_MAX] = {
        world_fact_made,        world_fact_exists, world_fact_exists, world_declined("ch_1"),
        world_declined("ch_1"), world_fact_paid,   world_fact_paid};
    struct ordering ordering = {
        .start = asked_world(),
        .facts = facts,
        .count = ORDER_MAX,
        .wanted = {.state = LEG_DONE, .received_minor = 5000},
    };
    ordering.wanted.events[PAYMENTS_PAYMENT_INTENT_CREATED] = 1;
    ordering.wanted.events[PAYMENTS_PAYMENT_SUCCEEDED] = 1;
    try_all_orders(&ordering);
    struct payments_command stop = world_cancel(); /* too late, in whatever order */
    world_say(&ordering.start, &stop);
    try_all_orders(&ordering);
    assert_int_equal(ordering.tried, 2 * 5040);
}

static void every_order_of_a_cancellation_ends_alike(void **state)
{
    (void)state;
    struct payments_fact facts[] = {world_fact_made,     world_fact_exists,
                                    world_fact_exists,   world_declined("ch_1"),
                                    world_fact_canceled, world_fact_canceled};
    struct ordering ordering = {
        .start = asked_world(),
        .facts = facts,
        .count = ARRAY_LEN(facts),
        .wanted = {.state = LEG_CANCELED},
    };
    ordering.wanted.events[PAYMENTS_PAYMENT_INTENT_CREATED] = 1;
    ordering.wanted.events[PAYMENTS_PAYMENT_CANCELED] = 1;
    try_all_orders(&ordering);
    struct payments_command stop = world_cancel();
    world_say(&ordering.start, &stop);
    try_all_orders(&ordering);
    assert_int_equal(ordering.tried, 2 * 720);
}

static void every_order_of_money_out_ends_alike(void **state)
{
    (void)state;
    struct payments_fact sent[] = {world_moved("tr_1", 5000), world_moved("tr_1", 5000),
                                   world_moved("tr_1", 5000)};
    struct payments_fact pending = {.kind = PAYMENTS_FACT_MADE, .provider_ref = STR("re_1")};
    struct payments_fact seen = {.kind = PAYMENTS_FACT_EXISTS, .provider_ref = STR("re_1")};
    struct payments_fact good[] = {pending, seen, seen, world_moved("re_1", 5000),
                                   world_moved("re_1", 5000)};
    struct payments_fact lost = {
        .kind = PAYMENTS_FACT_FAILED,
        .provider_ref = STR("re_1"),
        .failure_code = STR("declined"),
    };
    struct payments_fact bad[] = {pending, seen, seen, lost, lost};

    struct payments_command command = world_transfer(2, 5000);
    struct ordering ordering = {
        .start = world_paid(),
        .leg = 1,
        .facts = sent,
        .count = ARRAY_LEN(sent),
        .wanted = {.state = LEG_DONE},
    };
    ordering.start.event_count = 0;
    struct ordering refunded = ordering;
    world_say(&ordering.start, &command);
    ordering.wanted.events[PAYMENTS_TRANSFER_SUCCEEDED] = 1;
    try_all_orders(&ordering);

    command = world_refund(3, 5000);
    world_say(&refunded.start, &command);
    refunded.facts = good;
    refunded.count = ARRAY_LEN(good);
    refunded.wanted.events[PAYMENTS_REFUND_SUCCEEDED] = 1;
    try_all_orders(&refunded);

    refunded.facts = bad;
    refunded.count = ARRAY_LEN(bad);
    refunded.wanted = (struct outcome){.state = LEG_FAILED};
    refunded.wanted.events[PAYMENTS_REFUND_FAILED] = 1;
    try_all_orders(&refunded);

    struct payments_fact sent_back[] = {pending, seen, world_moved("re_1", 5000), lost, lost};
    refunded.facts = sent_back;
    refunded.count = ARRAY_LEN(sent_back);
    refunded.maybe = PAYMENTS_REFUND_SUCCEEDED;
    try_all_orders(&refunded);
    assert_int_equal(ordering.tried + refunded.tried, 6 + 120 + 120 + 120);
}

/* Each part of this order now, and then all of them, in every order. */
static void try_parts(void *context, const size_t *order)
{
    struct ordering *ordering = context;
    struct ordering later = *ordering;
    for (size_t told = 1; told <= ordering->count; told++) {
        world_tell(&later.start, WORLD_PAY_LEG, &ordering->facts[order[told - 1]]);
        try_all_orders(&later);
    }
    ordering->tried = later.tried;
}

static void every_part_now_and_all_of_it_later_ends_alike(void **state)
{
    (void)state;
    struct payments_fact facts[] = {world_fact_made, world_fact_exists, world_declined("ch_1"),
                                    world_fact_paid};
    struct ordering ordering = {
        .start = asked_world(),
        .facts = facts,
        .count = ARRAY_LEN(facts),
        .wanted = {.state = LEG_DONE, .received_minor = 5000},
    };
    ordering.wanted.events[PAYMENTS_PAYMENT_INTENT_CREATED] = 1;
    ordering.wanted.events[PAYMENTS_PAYMENT_SUCCEEDED] = 1;
    for_each_order(ordering.count, try_parts, &ordering);
    facts[ARRAY_LEN(facts) - 1] = world_fact_canceled;
    ordering.wanted = (struct outcome){.state = LEG_CANCELED};
    ordering.wanted.events[PAYMENTS_PAYMENT_INTENT_CREATED] = 1;
    ordering.wanted.events[PAYMENTS_PAYMENT_CANCELED] = 1;
    for_each_order(ordering.count, try_parts, &ordering);
    assert_int_equal(ordering.tried, 2 * 24 * 4 * 24);
}

/* Some now, all later, some twice: as a provider that retries for days would have it. */
static void any_part_now_and_the_rest_later_ends_alike(void **state)
{
    (void)state;
    struct random random = random_seeded(27);
    struct payments_fact facts[] = {world_fact_made, world_fact_exists, world_declined("ch_1"),
                                    world_declined("ch_2"), world_fact_paid};
    for (int round = 0; round < 5000; round++) {
        struct world world = asked_world();
        for (int extra = 0; extra < 8; extra++) {
            world_tell(&world, WORLD_PAY_LEG, &facts[random_below(&random, ARRAY_LEN(facts))]);
        }
        for (size_t i = 0; i < ARRAY_LEN(facts); i++) {
            world_tell(&world, WORLD_PAY_LEG, &facts[i]);
        }
        struct outcome outcome = outcome_of(&world, 0);
        assert_int_equal(outcome.state, LEG_DONE);
        assert_int_equal(outcome.events[PAYMENTS_PAYMENT_INTENT_CREATED], 1);
        assert_int_equal(outcome.events[PAYMENTS_PAYMENT_SUCCEEDED], 1);
        assert_int_equal(outcome.received_minor, 5000);
    }
}

/* ---- The random walk: its own ledger, from what went out alone ---- */

struct walk {
    struct random random;
    struct world world;
    uint32_t event_count;
    int64_t in_minor;  /* told by PaymentSucceeded */
    int64_t out_minor; /* asked for and not told to have failed */
    uint32_t told[WORLD_LEGS_MAX][PAYMENTS_EVENT_COUNT];
    uint32_t asked[WORLD_LEGS_MAX][PAYMENTS_EFFECT_COUNT];
    int64_t amount[WORLD_LEGS_MAX];
};

static uint64_t below(struct walk *walk, uint64_t bound)
{
    return random_below(&walk->random, bound);
}

static void walk_count_event(struct walk *walk, const struct payments_event *event)
{
    uint8_t leg = event->leg_id.bytes[15];
    uint32_t told = ++walk->told[leg][event->kind];
    if (!event->charge_declined) {
        assert_int_equal(told, 1); /* nothing is told twice, above all no transfer */
    }
    if (event->kind == PAYMENTS_PAYMENT_SUCCEEDED) {
        walk->in_minor += event->amount_minor;
    }
    if (event->kind == PAYMENTS_TRANSFER_FAILED || event->kind == PAYMENTS_REFUND_FAILED) {
        walk->out_minor -= walk->amount[leg];
    }
    if (event->kind == PAYMENTS_TRANSFER_SUCCEEDED || event->kind == PAYMENTS_REFUND_SUCCEEDED) {
        assert_int_equal(event->amount_minor, walk->amount[leg]);
    }
}

static void walk_count_effect(struct walk *walk, const struct payments_effect *effect)
{
    uint8_t leg = effect->leg_id.bytes[15];
    uint32_t asked = ++walk->asked[leg][effect->kind];
    if (effect->kind == PAYMENTS_EFFECT_CANCEL_INTENT) {
        return;
    }
    assert_int_equal(asked, 1);
    walk->amount[leg] = effect->amount_minor;
    if (effect->kind != PAYMENTS_EFFECT_CREATE_INTENT) {
        walk->out_minor += effect->amount_minor;
        assert_true(walk->out_minor <= walk->in_minor);
    }
}

static struct payments_decision walk_step(struct walk *walk)
{
    static const char *const refs[] = {"", "pi_1", "pi_2"};
    struct payments_command commands[] = {world_create(1 + (int64_t)below(walk, 9)), world_cancel(),
                                          world_transfer((uint8_t)(2 + below(walk, 3)), 5),
                                          world_refund((uint8_t)(5 + below(walk, 3)), 4)};
    if (!walk->world.has_payment || below(walk, 3) == 0) {
        return world_say(&walk->world, &commands[below(walk, ARRAY_LEN(commands))]);
    }
    uint8_t leg = (uint8_t)(1 + below(walk, 7));
    struct payments_fact fact = {
        .kind = PAYMENTS_FACT_EXISTS + (enum payments_fact_kind)below(walk, 6),
        .provider_ref = str_of(refs[below(walk, leg == 1 ? 3 : 1)]),
        .charge_ref = STR("ch_1"),
        .failure_code = STR("declined"),
        .amount_minor = leg == 1  ? (int64_t)below(walk, 20)
                        : leg < 7 ? 5
                                  : 4,
        .currency = STR("USD"),
    };
    /* A transfer that failed and exists after all is the provider's contradiction, not ours. */
    if (leg > 1 && walk->told[leg][PAYMENTS_TRANSFER_FAILED] > 0) {
        fact.kind = PAYMENTS_FACT_FAILED;
    }
    return world_tell(&walk->world, world_id(leg), &fact);
}

static void a_random_walk_keeps_the_books(void **state)
{
    (void)state;
    struct walk walk = {.random = random_seeded(testing_env_seed(20261121))};
    bool reached[LEG_KIND_COUNT][LEG_STATE_COUNT] = {0};
    uint64_t payouts = 0;
    for (int deal = 0; deal < 4000; deal++) {
        walk = (struct walk){.random = walk.random};
        for (int step = 0; step < 60; step++) {
            enum leg_state before[WORLD_LEGS_MAX];
            uint32_t leg_count = walk.world.leg_count;
            for (uint32_t i = 0; i < leg_count; i++) {
                before[i] = walk.world.legs[i].state;
            }
            struct payments_decision out = walk_step(&walk);
            walk.event_count += out.event_count;
            walk.world.event_count = 0;
            walk.world.effect_count = 0;
            for (uint32_t i = 0; i < out.event_count; i++) {
                walk_count_event(&walk, &out.events[i]);
                payouts += out.events[i].kind == PAYMENTS_TRANSFER_SUCCEEDED ? 1 : 0;
            }
            for (uint32_t i = 0; i < out.effect_count; i++) {
                walk_count_effect(&walk, &out.effects[i]);
            }
            for (uint32_t i = 0; i < walk.world.leg_count; i++) {
                const struct leg *leg = &walk.world.legs[i];
                reached[leg->kind][leg->state] = true;
                bool taken_back = leg->kind == LEG_REFUND && leg->state == LEG_FAILED;
                assert_true(i >= leg_count || before[i] != LEG_DONE || leg->state == LEG_DONE ||
                            taken_back);
                assert_true(i >= leg_count || leg->state >= before[i] || leg->state == LEG_DONE);
            }
        }
        assert_int_equal(walk.world.payment.seq, walk.event_count);
    }
    for (int leg_state = LEG_ASKED; leg_state < LEG_STATE_COUNT; leg_state++) {
        assert_true(reached[LEG_IN][leg_state]);
        assert_true(reached[LEG_REFUND][leg_state] == (leg_state != LEG_CANCELED));
        assert_true(reached[LEG_TRANSFER][leg_state] ==
                    (leg_state != LEG_CANCELED && leg_state != LEG_OPEN));
    }
    assert_true(payouts > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_order_of_a_payment_ends_alike),
        cmocka_unit_test(every_order_of_a_cancellation_ends_alike),
        cmocka_unit_test(every_order_of_money_out_ends_alike),
        cmocka_unit_test(every_part_now_and_all_of_it_later_ends_alike),
        cmocka_unit_test(any_part_now_and_the_rest_later_ends_alike),
        cmocka_unit_test(a_random_walk_keeps_the_books),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
