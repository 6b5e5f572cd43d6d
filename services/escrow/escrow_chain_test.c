/* The layout that the header documents, against hashes made by another program in another language. */
#include "escrow/escrow_chain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/defer.h"
#include "escrow/testing/escrow_fixture.h"

static void expect_hash(struct hash hash, struct str hex)
{
    struct hash wanted;
    assert_true(str_from_hex(hex, wanted.bytes, sizeof(wanted.bytes)));
    assert_memory_equal(hash.bytes, wanted.bytes, sizeof(wanted.bytes));
}

static void fill(struct escrow_transition *transition, struct escrow_transfer transfers[2])
{
    struct fixture fixture;
    fixture_init(&fixture, ESCROW_AWAIT_FUNDS);
    *transition = (struct escrow_transition){
        .id = fixture_id(0x31),
        .escrow_id = FIXTURE_ESCROW,
        .seq = 3,
        .event = ESCROW_EVENT_FUNDS_SUSPENDED,
        .from_state = ESCROW_AWAIT_FUNDS,
        .to_state = ESCROW_AWAIT_FUNDS,
        .cause_id = fixture_id(0x32),
        .actor_kind = ENGINE_ACTOR_SYSTEM,
        .transfer_count = 2,
        .at_us = FIXTURE_NOW_US,
        .prev_hash = escrow_chain_root(&fixture.escrow),
    };
    transfers[0] = (struct escrow_transfer){
        .ordinal = 0,
        .debit = ESCROW_ACCOUNT_PSP_CLEAR,
        .credit = ESCROW_ACCOUNT_SUSPENSE,
        .currency = STR("USD"),
        .amount_minor = 250,
        .leg_id = FIXTURE_EXTRA_LEG,
    };
    transfers[1] = (struct escrow_transfer){
        .ordinal = 1,
        .debit = ESCROW_ACCOUNT_SUSPENSE,
        .credit = ESCROW_ACCOUNT_DUE_BUYER,
        .currency = STR("USD"),
        .amount_minor = 250,
    };
}

static void the_layout_is_the_documented_one(void **state)
{
    (void)state;
    struct escrow_transition transition;
    struct escrow_transfer transfers[2];
    fill(&transition, transfers);
    expect_hash(transition.prev_hash,
                STR("504582e2227b882d771bdae8e26cf0048c9dbcd4dbe8b2ba71ca0d4ac4b72343"));
    expect_hash(escrow_chain_hash(&transition, transfers),
                STR("d96555c3e8ab5115c269c72258d445c11e6091c980cf123aa87c991d789c2eeb"));
    transition.milestone = 2;
    expect_hash(escrow_chain_hash(&transition, transfers),
                STR("3da651dd2caaac43c99aafc8003c8bd85f59f3407b095fb4cd8af4ae0e731444"));
    struct fixture fixture;
    fixture_init(&fixture, ESCROW_AWAIT_FUNDS);
    fixture.escrow.fees = FIXTURE_FEES(/* refundable */ false);
    expect_hash(escrow_chain_root(&fixture.escrow),
                STR("1f01e63a8dc250e11d5fe4d5e4884123e2726662497d10d977797f847c4d6215"));
    fixture.escrow.fees.buyer_refundable = true;
    expect_hash(escrow_chain_root(&fixture.escrow),
                STR("c221f17485f02789751c12636be02a15a3210214534902ff77a298e2b219dde4"));
    fixture_init_with(&fixture, ESCROW_AWAIT_FUNDS, &FIXTURE_FEES(/* refundable */ true));
    fixture_add_milestones(&fixture);
    expect_hash(fixture.escrow.milestones_hash,
                STR("11081baea936e2c39fd83ff026113b664999088c190a52f31dc7a1b0d01a6e16"));
    expect_hash(escrow_chain_root(&fixture.escrow),
                STR("f98719b0d5c0206a3e5290b01b44ffcddbbf35860ee76a3f4c222398d3e9f40b"));
}

#define CHANGES(what)                                                   \
    do {                                                                \
        fill(&transition, transfers);                                   \
        struct hash before = escrow_chain_hash(&transition, transfers); \
        what;                                                           \
        struct hash after = escrow_chain_hash(&transition, transfers);  \
        assert_false(hash_eq(&before, &after));                         \
    } while (0)

static void every_field_of_history_counts(void **state)
{
    (void)state;
    struct escrow_transition transition;
    struct escrow_transfer transfers[2];
    CHANGES(transition.id = FIXTURE_STRANGER);
    CHANGES(transition.escrow_id = FIXTURE_STRANGER);
    CHANGES(transition.seq++);
    CHANGES(transition.event = ESCROW_EVENT_FUNDS_HELD);
    CHANGES(transition.from_state = ESCROW_CREATED);
    CHANGES(transition.to_state = ESCROW_CREATED);
    CHANGES(transition.cause_id = FIXTURE_STRANGER);
    CHANGES(transition.actor_kind = ENGINE_ACTOR_STAFF);
    CHANGES(transition.actor_id = FIXTURE_STRANGER);
    CHANGES(transition.at_us++);
    CHANGES(transition.transfer_count--);
    CHANGES(transition.milestone++);
    CHANGES(transition.prev_hash.bytes[31] ^= 1);
    CHANGES(transfers[1].ordinal++);
    CHANGES(transfers[1].debit = ESCROW_ACCOUNT_ESCROW_IN);
    CHANGES(transfers[1].credit = ESCROW_ACCOUNT_ESCROW_IN);
    CHANGES(transfers[1].currency = STR("EUR"));
    CHANGES(transfers[1].amount_minor++);
    CHANGES(transfers[1].leg_id = FIXTURE_STRANGER);
}

#define ROOT_CHANGES(what)                                       \
    do {                                                         \
        fixture_init(&fixture, ESCROW_AWAIT_FUNDS);              \
        struct hash before = escrow_chain_root(&fixture.escrow); \
        what;                                                    \
        struct hash after = escrow_chain_root(&fixture.escrow);  \
        assert_false(hash_eq(&before, &after));                  \
    } while (0)

static void every_term_of_the_deal_counts(void **state)
{
    (void)state;
    struct fixture fixture;
    struct escrow *escrow = &fixture.escrow;
    ROOT_CHANGES(escrow->id = FIXTURE_STRANGER);
    ROOT_CHANGES(escrow->marketplace_id = FIXTURE_STRANGER);
    ROOT_CHANGES(escrow->buyer_id = FIXTURE_STRANGER);
    ROOT_CHANGES(escrow->seller_id = FIXTURE_STRANGER);
    ROOT_CHANGES(escrow->currency = CURRENCY_NONE);
    ROOT_CHANGES(escrow->price_minor++);
    ROOT_CHANGES(escrow->seller_account = STR("acct_2"));
    ROOT_CHANGES(escrow->funding_seconds++);
    ROOT_CHANGES(escrow->delivery_seconds++);
    ROOT_CHANGES(escrow->inspection_seconds++);
    ROOT_CHANGES(escrow->fees.buyer.basis_points++);
    ROOT_CHANGES(escrow->fees.buyer.fixed_minor++);
    ROOT_CHANGES(escrow->fees.seller.basis_points++);
    ROOT_CHANGES(escrow->fees.seller.fixed_minor++);
    ROOT_CHANGES(escrow->fees = FIXTURE_FEES(/* refundable */ false));
    ROOT_CHANGES(escrow->description = STR("A bicycl"));
    ROOT_CHANGES(escrow->created_at_us++);
    ROOT_CHANGES(escrow->fees.buyer_refundable = true);
    ROOT_CHANGES(escrow->milestone_count++);
    ROOT_CHANGES(escrow->milestones_hash.bytes[31] ^= 1);
    /* What changes in a deal's life is in its transitions, not in its root. */
    fixture_init(&fixture, ESCROW_AWAIT_FUNDS);
    struct hash before = escrow_chain_root(escrow);
    fixture_init(&fixture, ESCROW_RELEASED);
    struct hash after = escrow_chain_root(escrow);
    assert_true(hash_eq(&before, &after));
}

static void every_piece_that_was_agreed_to_counts(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture, ESCROW_AWAIT_FUNDS);
    fixture_add_milestones(&fixture);
    struct hash before = fixture.escrow.milestones_hash;
    fixture.milestone[1].title = STR("A whee");
    struct hash title = escrow_chain_milestones(fixture.milestones, FIXTURE_MILESTONES);
    fixture.milestone[1].title = STR("A wheel");
    fixture.milestone[1].price_minor++;
    struct hash price = escrow_chain_milestones(fixture.milestones, FIXTURE_MILESTONES);
    fixture.milestone[1].price_minor--;
    struct hash fewer = escrow_chain_milestones(fixture.milestones, FIXTURE_MILESTONES - 1);
    assert_false(hash_eq(&before, &title) || hash_eq(&before, &price) || hash_eq(&before, &fewer));
    fixture.milestone[0].number = 2;
    fixture.milestone[1].number = 1;
    struct hash order = escrow_chain_milestones(fixture.milestones, FIXTURE_MILESTONES);
    assert_false(hash_eq(&before, &order));
    /* What becomes of them is in the transitions, not here. */
    fixture_init(&fixture, ESCROW_PARTIALLY_SETTLED);
    assert_true(hash_eq(&before, &fixture.escrow.milestones_hash));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_layout_is_the_documented_one),
        cmocka_unit_test(every_field_of_history_counts),
        cmocka_unit_test(every_term_of_the_deal_counts),
        cmocka_unit_test(every_piece_that_was_agreed_to_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
