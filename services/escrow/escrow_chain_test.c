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
                STR("cb216200a81acabf66f8887cbb38125edef4d45ad8b6598a438a1293b0ed4daf"));
    expect_hash(escrow_chain_hash(&transition, transfers, (struct escrow_said){0}),
                STR("9097bc586064b15cd928e589601a4f44a7dd443225db62fa4f21fafdd62aebdc"));
    transition.milestone = 2;
    expect_hash(escrow_chain_hash(&transition, transfers, (struct escrow_said){0}),
                STR("bc304d5d25f50ef9f76a6d086d24c1fe11984d8d5118322517c12d9896367ebb"));
    struct fixture fixture;
    fixture_init(&fixture, ESCROW_AWAIT_FUNDS);
    fixture.escrow.fees = FIXTURE_FEES(/* refundable */ false);
    expect_hash(escrow_chain_root(&fixture.escrow),
                STR("aa23283bd2d9c7150b511ee40b98320dbd9e7219cd36b189d4c182bf05a7ec31"));
    fixture.escrow.fees.buyer_refundable = true;
    expect_hash(escrow_chain_root(&fixture.escrow),
                STR("0a8affb794cfaeda9dcadc64a81d34aeb45632ffe1024a7bd13f068c3db43672"));
    fixture_init_with(&fixture, ESCROW_AWAIT_FUNDS, &FIXTURE_FEES(/* refundable */ true));
    fixture_add_milestones(&fixture);
    expect_hash(fixture.escrow.milestones_hash,
                STR("11081baea936e2c39fd83ff026113b664999088c190a52f31dc7a1b0d01a6e16"));
    expect_hash(escrow_chain_root(&fixture.escrow),
                STR("babfcfc924172375d8ca5ca0509ffc39b63b83056d38f945afaf2e045ed5d72a"));
}

/* The fixture's verdict as a row of history, whose bytes live in the fixture. */
static struct hash hash_of_verdict(struct fixture *fixture, struct escrow_dispute_verdict *verdict)
{
    struct escrow_message message = fixture_verdict(fixture);

    const struct escrow_transfer transfers[2] = {
        {.debit = ESCROW_ACCOUNT_ESCROW_DISP,
         .credit = ESCROW_ACCOUNT_DUE_SELLER,
         .currency = STR("USD"),
         .amount_minor = message.seller_minor},
        {.ordinal = 1,
         .debit = ESCROW_ACCOUNT_ESCROW_DISP,
         .credit = ESCROW_ACCOUNT_DUE_BUYER,
         .currency = STR("USD"),
         .amount_minor = message.buyer_minor},
    };

    const struct escrow_transition transition = {
        .id = fixture_id(0x31),
        .escrow_id = FIXTURE_ESCROW,
        .seq = 6,
        .event = ESCROW_EVENT_DISPUTE_RESOLVED,
        .from_state = ESCROW_ESCALATED,
        .to_state = ESCROW_SETTLING,
        .cause_id = fixture_id(0x32),
        .actor_kind = ENGINE_ACTOR_USER,
        .actor_id = FIXTURE_ARBITER,
        .transfer_count = 2,
        .at_us = FIXTURE_NOW_US,
        .prev_hash = message.head,
    };
    if (verdict->dispute == 0) {
        *verdict = (struct escrow_dispute_verdict){.dispute = message.number,
                                                   .seller_minor = message.seller_minor,
                                                   .buyer_minor = message.buyer_minor,
                                                   .reason = message.text,
                                                   .signature = message.signature};
    }
    return escrow_chain_hash(&transition, transfers, (struct escrow_said){.verdict = verdict});
}

static void a_verdict_is_part_of_its_transition(void **state)
{
    (void)state;
    struct fixture fixture;
    struct escrow_dispute_verdict verdict = {.dispute = 0};
    fixture_init(&fixture, ESCROW_ESCALATED);
    fixture_add_arbiter(&fixture);
    expect_hash(escrow_chain_root(&fixture.escrow),
                STR("26c318cd2c84ed84d588e6443b0cfb91ed7735382e29e3c991f1d1e59a5526f9"));
    struct hash hash = hash_of_verdict(&fixture, &verdict);
    expect_hash(hash, STR("eb9eb253dbe763e366a1998a94afd78753cace0f558f34a5ef4710082ee2c7e7"));

    const struct {
        int64_t dispute, seller_minor, buyer_minor;
    } others[] = {
        {2, 3000, 7000}, {1, 3001, 7000}, {1, 3000, 7001}, {1, 3000, 7000}, {1, 3000, 7000}};

    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        struct escrow_dispute_verdict other = verdict;
        other.dispute = others[i].dispute;
        other.seller_minor = others[i].seller_minor;
        other.buyer_minor = others[i].buyer_minor;
        other.reason = i == 3 ? STR("Why") : other.reason;
        other.signature = i == 4 ? STR("") : other.signature;
        struct hash changed = hash_of_verdict(&fixture, &other);
        assert_false(hash_eq(&hash, &changed));
    }
}

static struct hash hash_of_evidence(const struct escrow_evidence *evidence)
{
    struct escrow_transition transition;
    struct escrow_transfer transfers[2];
    fill(&transition, transfers);
    transition.event = ESCROW_EVENT_EVIDENCE_SUBMITTED;
    transition.transfer_count = 0;
    return escrow_chain_hash(&transition, NULL, (struct escrow_said){.evidence = evidence});
}

static void evidence_is_part_of_its_transition(void **state)
{
    (void)state;
    const struct escrow_evidence evidence = {.dispute = 1,
                                             .content = FIXTURE_CONTENT,
                                             .type = MEDIA_PNG,
                                             .size_bytes = FIXTURE_EVIDENCE_BYTES,
                                             .description = STR("the box, open")};
    struct hash hash = hash_of_evidence(&evidence);
    expect_hash(hash, STR("a64895da3dc969b51f06ab6d8233ba3bdd347501183b7fda3e8f822d7918acf7"));
    for (uint32_t i = 0; i < 6; i++) {
        struct escrow_evidence other = evidence;
        other.dispute += i == 0 ? 1 : 0;
        other.content.bytes[31] ^= i == 1 ? 1 : 0;
        other.type = i == 2 ? MEDIA_JPEG : other.type;
        other.size_bytes += i == 3 ? 1 : 0;
        other.description = i == 4 ? STR("the box, shut") : other.description;
        struct hash changed = hash_of_evidence(i == 5 ? NULL : &other);
        assert_false(hash_eq(&hash, &changed));
    }
}

#define CHANGES(what)                                                                            \
    do {                                                                                         \
        fill(&transition, transfers);                                                            \
        struct hash before = escrow_chain_hash(&transition, transfers, (struct escrow_said){0}); \
        what;                                                                                    \
        struct hash after = escrow_chain_hash(&transition, transfers, (struct escrow_said){0});  \
        assert_false(hash_eq(&before, &after));                                                  \
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
    ROOT_CHANGES(escrow->arbiter_id = FIXTURE_ARBITER);
    ROOT_CHANGES(escrow->arbiter_key = STR("k"));
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
        cmocka_unit_test(a_verdict_is_part_of_its_transition),
        cmocka_unit_test(evidence_is_part_of_its_transition),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
