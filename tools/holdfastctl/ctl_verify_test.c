/* A right history has no finding; each way of changing it by hand has one. */
#include "holdfastctl/ctl_verify.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/defer.h"
#include "escrow/escrow_chain.h"

#define PRICE_MINOR 5000
#define TRANSITIONS 4

/* An escrow whose money is held: created, waiting, received and held. */
struct world {
    struct escrow escrow;
    struct escrow_transition transitions[TRANSITIONS + 3]; /* with room for what comes after */
    struct escrow_transfer transfers[2 + 3];
    struct ctl_history history;
};

static struct id id_of(uint8_t number)
{
    struct id id = {.bytes = {0}};
    id.bytes[0] = 1;
    id.bytes[15] = number;
    return id;
}

static void rehash(struct world *world)
{
    struct hash prev = escrow_chain_root(&world->escrow);
    for (uint32_t i = 0; i < world->history.transition_count; i++) {
        struct escrow_transition *row = &world->transitions[i];
        row->prev_hash = prev;
        const struct escrow_transfer *first = NULL;
        for (uint32_t t = 0; t < ARRAY_LEN(world->transfers) && !first; t++) {
            first = world->transfers[t].seq == row->seq ? &world->transfers[t] : NULL;
        }
        row->hash = escrow_chain_hash(row, first, (struct escrow_said){0});
        prev = row->hash;
    }
    world->escrow.chain_head = prev;
}

static void set_transfer(struct world *world, uint32_t index, int64_t seq,
                         enum escrow_account debit, enum escrow_account credit)
{
    world->transfers[index] = (struct escrow_transfer){.escrow_id = world->escrow.id,
                                                       .seq = seq,
                                                       .ordinal = 0,
                                                       .debit = debit,
                                                       .credit = credit,
                                                       .currency = STR("USD"),
                                                       .amount_minor = PRICE_MINOR,
                                                       .leg_id = id_of(9)};
}

static void build(struct world *world)
{
    static const enum escrow_event events[TRANSITIONS] = {
        ESCROW_EVENT_CREATED, ESCROW_EVENT_AWAIT_FUNDS, ESCROW_EVENT_FUNDS_RECEIVED,
        ESCROW_EVENT_FUNDS_HELD};

    static const enum escrow_state states[TRANSITIONS + 1] = {
        ESCROW_NONE, ESCROW_CREATED, ESCROW_AWAIT_FUNDS, ESCROW_AWAIT_FUNDS, ESCROW_FUNDS_HELD};

    *world = (struct world){
        .escrow = {.id = id_of(1),
                   .version = TRANSITIONS,
                   .seq = TRANSITIONS,
                   .state = ESCROW_FUNDS_HELD,
                   .currency = CURRENCY_USD,
                   .price_minor = PRICE_MINOR,
                   .received_minor = PRICE_MINOR,
                   .held_minor = PRICE_MINOR,
                   .marketplace_id = id_of(2),
                   .buyer_id = id_of(3),
                   .seller_id = id_of(4),
                   .seller_account = STR("acct_1"),
                   .funding_seconds = 7200,
                   .delivery_seconds = 3600,
                   .inspection_seconds = 86400,
                   .deadline_seq = TRANSITIONS,
                   .deadline_at_us = 1000 + TRANSITIONS - 1 + INT64_C(3600) * 1000000,
                   .description = STR("a sword"),
                   .paid_leg_id = id_of(9),
                   .created_at_us = 1000,
                   .updated_at_us = 1000 + TRANSITIONS},
    };
    for (uint32_t i = 0; i < TRANSITIONS; i++) {
        world->transitions[i] = (struct escrow_transition){.id = id_of((uint8_t)(20 + i)),
                                                           .escrow_id = world->escrow.id,
                                                           .seq = i + 1,
                                                           .event = events[i],
                                                           .from_state = states[i],
                                                           .to_state = states[i + 1],
                                                           .cause_id = id_of((uint8_t)(40 + i)),
                                                           .actor_kind = 4,
                                                           .at_us = 1000 + i};
    }
    set_transfer(world, 0, 3, ESCROW_ACCOUNT_PSP_CLEAR, ESCROW_ACCOUNT_ESCROW_IN);
    set_transfer(world, 1, 4, ESCROW_ACCOUNT_ESCROW_IN, ESCROW_ACCOUNT_ESCROW_HELD);
    world->transitions[2].transfer_count = 1;
    world->transitions[3].transfer_count = 1;
    world->history = (struct ctl_history){.escrow = &world->escrow,
                                          .transitions = world->transitions,
                                          .transition_count = TRANSITIONS,
                                          .transfers = world->transfers,
                                          .transfer_count = 2};
    rehash(world);
}

/* How often `what` was found; NULL: anything. */
static uint32_t found(const struct world *world, const char *what)
{
    static struct ctl_verification verification;
    static struct arena arena;
    arena_init(&arena, (size_t)1024 * 1024);
    struct op op = {.arena = &arena};
    memset(&verification, 0, sizeof(verification));
    ctl_verify_escrow(&op, &verification, &world->history);
    assert_int_equal(ctl_verify_finish(&op, &verification).kind, STATUS_OK);
    uint32_t count = 0;
    for (uint32_t i = 0; i < verification.finding_count; i++) {
        count += !what || str_eq(str_of(what), str_of(verification.findings[i].what)) ? 1 : 0;
    }
    arena_fini(&arena);
    return count;
}

static void a_right_history(void **state)
{
    (void)state;
    struct world world;
    build(&world);
    assert_int_equal(found(&world, NULL), 0);
}

static void what_is_changed_is_found(void **state)
{
    (void)state;
    struct world world;
    build(&world);
    world.transfers[1].amount_minor--;
    assert_true(found(&world, "hash") == 1);
    rehash(&world); /* even by somebody who can compute hashes */
    assert_true(found(&world, "balance") > 0);

    build(&world);
    world.transfers[0].credit = ESCROW_ACCOUNT_SUSPENSE;
    rehash(&world);
    assert_true(found(&world, "balance") > 0);

    build(&world);
    world.transitions[1].at_us = 5;
    assert_true(found(&world, "hash") == 1);
    assert_true(found(&world, "time_order") == 1);

    build(&world);
    world.escrow.price_minor++;
    assert_true(found(&world, "chain") > 0); /* the terms are the root */

    build(&world);
    world.escrow.state = ESCROW_DELIVERED;
    assert_true(found(&world, "state") == 1);

    build(&world);
    world.escrow.chain_head.bytes[0] ^= 1;
    assert_true(found(&world, "chain_head") == 1);

    build(&world);
    world.transitions[3].from_state = ESCROW_CREATED;
    rehash(&world);
    assert_true(found(&world, "state_chain") == 1);
}

static void a_deadline_follows_from_history_and_terms(void **state)
{
    (void)state;
    struct world world;
    for (int diff = -1; diff <= 1; diff++) {
        build(&world);
        world.escrow.deadline_at_us += diff;
        assert_int_equal(found(&world, "deadline"), diff == 0 ? 0 : 1);
        build(&world);
        world.escrow.delivery_seconds += diff;
        rehash(&world);
        assert_int_equal(found(&world, "deadline"), diff == 0 ? 0 : 1);
    }
    const int64_t strange[] = {0, TRANSITIONS - 1, TRANSITIONS + 1};
    for (size_t i = 0; i < ARRAY_LEN(strange); i++) {
        build(&world);
        world.escrow.deadline_seq = strange[i];
        assert_int_equal(found(&world, "deadline"), 1);
    }
    build(&world); /* what looks right behind the end is no history */
    world.transitions[TRANSITIONS] = world.transitions[TRANSITIONS - 1];
    world.escrow.deadline_seq = TRANSITIONS + 1;
    assert_int_equal(found(&world, "deadline"), 1);
    build(&world); /* of the right time, but of another state */
    world.escrow.deadline_seq = TRANSITIONS - 1;
    world.transitions[TRANSITIONS - 2].at_us = world.transitions[TRANSITIONS - 1].at_us;
    rehash(&world);
    assert_int_equal(found(&world, "deadline"), 1);
}

static void what_is_missing_is_found(void **state)
{
    (void)state;
    struct world world;
    build(&world);
    world.history.transfer_count = 1;
    assert_true(found(&world, "transfer_count") == 1);
    assert_true(found(&world, "balance") > 0);

    build(&world);
    world.history.transition_count = TRANSITIONS - 1;
    assert_true(found(&world, "seq") == 1);
    assert_true(found(&world, "chain_head") == 1);

    build(&world);
    world.transitions[1] = world.transitions[2];
    world.transitions[2] = world.transitions[3];
    world.history.transition_count = TRANSITIONS - 1;
    rehash(&world);
    assert_true(found(&world, "seq_gap") > 0);
}

/* From held to refunded, and back: what the bank sent back was received once and is owed again. */
static void a_refund_that_came_back(void **state)
{
    (void)state;

    static const struct {
        enum escrow_event event;
        enum escrow_state after;
        enum escrow_account debit, credit;
    } steps[] = {
        {ESCROW_EVENT_REFUND_STARTED, ESCROW_REFUNDING, ESCROW_ACCOUNT_ESCROW_HELD,
         ESCROW_ACCOUNT_DUE_BUYER},
        {ESCROW_EVENT_REFUNDED, ESCROW_REFUNDED, ESCROW_ACCOUNT_DUE_BUYER,
         ESCROW_ACCOUNT_PSP_CLEAR},
        {ESCROW_EVENT_REFUND_FAILED, ESCROW_REFUNDING, ESCROW_ACCOUNT_PSP_CLEAR,
         ESCROW_ACCOUNT_DUE_BUYER},
    };
    struct world world;
    build(&world);
    for (uint32_t i = 0; i < ARRAY_LEN(steps); i++) {
        uint32_t at = TRANSITIONS + i;
        world.transitions[at] = world.transitions[at - 1];
        world.transitions[at].seq++;
        world.transitions[at].event = steps[i].event;
        world.transitions[at].from_state = world.transitions[at - 1].to_state;
        world.transitions[at].to_state = steps[i].after;
        set_transfer(&world, 2 + i, at + 1, steps[i].debit, steps[i].credit);
        world.history.transition_count++;
        world.history.transfer_count++;
        world.escrow.seq++;
    }
    world.escrow.state = ESCROW_REFUNDING;
    world.escrow.deadline_seq = 0;
    world.escrow.deadline_at_us = 0;
    world.escrow.refund_leg_id = id_of(10);
    world.escrow.held_minor = 0;
    world.escrow.due_buyer_minor = PRICE_MINOR;
    world.escrow.refund_failed_minor = PRICE_MINOR;
    rehash(&world);
    assert_int_equal(found(&world, NULL), 0);
}

/* Of the held price a part is on its way to the seller. */
static void a_part_that_was_released(void **state)
{
    (void)state;
    struct world world;
    build(&world);
    struct escrow_transition *row = &world.transitions[TRANSITIONS];
    *row = world.transitions[TRANSITIONS - 1];
    row->seq++;
    row->event = ESCROW_EVENT_PARTIALLY_RELEASED;
    row->from_state = row->to_state;
    set_transfer(&world, 2, row->seq, ESCROW_ACCOUNT_ESCROW_HELD, ESCROW_ACCOUNT_DUE_SELLER);
    world.transfers[2].amount_minor = 2000;
    world.history.transition_count++;
    world.history.transfer_count++;
    const struct escrow_part part = {.id = id_of(11),
                                     .escrow_id = world.escrow.id,
                                     .version = 1,
                                     .state = ESCROW_PART_SENDING,
                                     .number = 1,
                                     .price_minor = 2000,
                                     .amount_minor = 2000,
                                     .leg_id = id_of(11)};
    world.history.parts = &part;
    world.history.part_count = 1;
    world.escrow.seq++;
    world.escrow.held_minor -= 2000;
    world.escrow.due_seller_minor = 2000;
    world.escrow.released_minor = 2000;
    rehash(&world);
    assert_int_equal(found(&world, NULL), 0);
    world.history.part_count = 0;
    assert_int_equal(found(&world, "unsound"), 1);
    world.history.part_count = ESCROW_PARTS_MAX + 1;
    assert_int_equal(found(&world, "unsound"), 1);
    world.history.part_count = 1;
    world.escrow.released_minor--;
    assert_int_equal(found(&world, "balance"), 1);
}

/* And one is on its way back: what was returned follows from the lines of that transition. */
static void a_part_that_was_given_back(void **state)
{
    (void)state;
    struct world world;
    build(&world);
    struct escrow_transition *row = &world.transitions[TRANSITIONS];
    *row = world.transitions[TRANSITIONS - 1];
    row->seq++;
    row->event = ESCROW_EVENT_PARTIALLY_REFUNDED;
    row->from_state = row->to_state;
    set_transfer(&world, 2, row->seq, ESCROW_ACCOUNT_ESCROW_HELD, ESCROW_ACCOUNT_DUE_BUYER);
    world.transfers[2].amount_minor = 2000;
    world.history.transition_count++;
    world.history.transfer_count++;
    struct escrow_part part = {.id = id_of(11),
                               .escrow_id = world.escrow.id,
                               .version = 1,
                               .state = ESCROW_PART_SENDING,
                               .number = 1,
                               .to_buyer = true,
                               .price_minor = 2000,
                               .amount_minor = 2000,
                               .leg_id = id_of(11)};
    world.history.parts = &part;
    world.history.part_count = 1;
    world.escrow.seq++;
    world.escrow.held_minor -= 2000;
    world.escrow.due_buyer_minor = 2000;
    world.escrow.returned_minor = 2000;
    rehash(&world);
    assert_int_equal(found(&world, NULL), 0);
    part.to_buyer = false;
    assert_int_equal(found(&world, "unsound"), 1);
    part.to_buyer = true;
    world.escrow.returned_minor--;
    assert_int_equal(found(&world, "balance"), 1);
    world.escrow.returned_minor++;
    row->event = ESCROW_EVENT_FUNDS_HELD; /* then these lines give nothing back */
    assert_int_equal(found(&world, "balance"), 1);
}

static void only_so_many_are_listed(void **state)
{
    (void)state;
    DEFER(arena_fini) struct arena arena;
    arena_init(&arena, (size_t)1024 * 1024);
    struct op op = {.arena = &arena};
    static struct ctl_verification verification;
    for (int i = 0; i < CTL_FINDINGS_MAX + 5; i++) {
        ctl_verify_add(&op, &verification, id_of(1), "x", "%d", i);
    }
    assert_int_equal(verification.finding_count, CTL_FINDINGS_MAX);
    assert_int_equal(verification.findings_total, CTL_FINDINGS_MAX + 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_right_history),
        cmocka_unit_test(what_is_changed_is_found),
        cmocka_unit_test(a_deadline_follows_from_history_and_terms),
        cmocka_unit_test(what_is_missing_is_found),
        cmocka_unit_test(a_refund_that_came_back),
        cmocka_unit_test(a_part_that_was_released),
        cmocka_unit_test(a_part_that_was_given_back),
        cmocka_unit_test(only_so_many_are_listed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
