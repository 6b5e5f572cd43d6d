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
                STR("550557dcdd76c4bdf7da1f164abdcdf565b465711c855c68104ee60aba2741e2"));
    expect_hash(escrow_chain_hash(&transition, transfers),
                STR("6c3a9ac676aa7ae6814acb7f9a432b4fdf40796b38e08c21900d3deba254c80d"));
    struct fixture fixture;
    fixture_init(&fixture, ESCROW_AWAIT_FUNDS);
    fixture.escrow.fees = FIXTURE_FEES(/* refundable */ false);
    expect_hash(escrow_chain_root(&fixture.escrow),
                STR("a54ce9dd955f89005b0d717c7f9c986c8b1dff9339fc31b6dccdbce3a787cd75"));
    fixture.escrow.fees.buyer_refundable = true;
    expect_hash(escrow_chain_root(&fixture.escrow),
                STR("1e57983ba5be5832c01076f200f6ee7fbe0b16d734f319e2db1d0476bc201129"));
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
    /* What changes in a deal's life is in its transitions, not in its root. */
    fixture_init(&fixture, ESCROW_AWAIT_FUNDS);
    struct hash before = escrow_chain_root(escrow);
    fixture_init(&fixture, ESCROW_RELEASED);
    struct hash after = escrow_chain_root(escrow);
    assert_true(hash_eq(&before, &after));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_layout_is_the_documented_one),
        cmocka_unit_test(every_field_of_history_counts),
        cmocka_unit_test(every_term_of_the_deal_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
