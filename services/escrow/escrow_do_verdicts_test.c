/* Cases of a dispute that an arbiter decides, or staff past a silent one: who, when, over what, and which money moves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/defer.h"
#include "escrow/testing/escrow_checks.h"
#include "escrow/testing/escrow_fixture.h"

#define REST_MINOR (FIXTURE_PRICE_MINOR - FIXTURE_SPLIT_MINOR)
#define S INT64_C(1000000)
#define NOBODY ((struct id){.bytes = {0}})

static void escalated(struct fixture *fixture)
{
    fixture_init(fixture, ESCROW_ESCALATED);
    fixture_add_arbiter(fixture);
}

static void a_verdict_divides_what_is_frozen(void **state)
{
    (void)state;
    struct fixture fixture;
    escalated(&fixture);
    struct escrow_message message = fixture_verdict(&fixture);
    struct escrow_decision decision = decide(&fixture, &message);
    assert_int_equal(decision.verdict, ESCROW_ACCEPT);
    assert_int_equal(decision.step_count, 1);
    const struct escrow_step *step = &decision.steps[0];
    assert_int_equal(step->event, ESCROW_EVENT_DISPUTE_RESOLVED);
    assert_int_equal(step->number, 1);
    assert_int_equal(step->seller_minor, FIXTURE_SPLIT_MINOR);
    assert_int_equal(step->buyer_minor, REST_MINOR);
    assert_int_equal(step->seller_gets_minor, FIXTURE_SPLIT_MINOR);
    assert_int_equal(step->buyer_gets_minor, REST_MINOR);
    assert_true(str_eq(step->text, STR("why")));
    assert_true(str_eq(step->signature, message.signature));
    assert_int_equal(step->move_count, 2);
    expect_move(step, 0, ESCROW_ACCOUNT_ESCROW_DISP, ESCROW_ACCOUNT_DUE_SELLER, FIXTURE_SPLIT_MINOR,
                NOBODY);
    expect_move(step, 1, ESCROW_ACCOUNT_ESCROW_DISP, ESCROW_ACCOUNT_DUE_BUYER, REST_MINOR, NOBODY);
    assert_int_equal(decision.next.state, ESCROW_SETTLING);
    assert_int_equal(decision.request_count, 2);
    assert_int_equal(decision.requests[0].kind, ESCROW_REQUEST_TRANSFER_TO_SELLER);
    assert_int_equal(decision.requests[0].amount_minor, FIXTURE_SPLIT_MINOR);
    assert_int_equal(decision.requests[1].kind, ESCROW_REQUEST_REFUND_BUYER);
    assert_int_equal(decision.requests[1].amount_minor, REST_MINOR);
    assert_true(decision.has_dispute);
    assert_int_equal(decision.dispute.row.state, ESCROW_DISPUTE_SETTLED);
    assert_int_equal(decision.dispute.row.seller_minor, FIXTURE_SPLIT_MINOR);
    assert_int_equal(decision.dispute.row.buyer_minor, REST_MINOR);
    assert_int_equal(decision.timer_count, 1); /* the last clock stops */
    assert_int_equal(decision.timers[0].timer, ESCROW_TIMER_ESCALATION);
    assert_int_equal(decision.timers[0].due_at_us, 0);
}

/* Who is left nothing is sent nothing. */
static void a_verdict_for_one_of_them_releases_or_refunds(void **state)
{
    (void)state;
    for (int all = 0; all < 2; all++) {
        struct fixture fixture;
        escalated(&fixture);
        struct escrow_message message = fixture_verdict(&fixture);
        message.seller_minor = all ? FIXTURE_PRICE_MINOR : 0;
        message.buyer_minor = all ? 0 : FIXTURE_PRICE_MINOR;
        fixture_sign(&fixture, &message);
        struct escrow_decision decision = decide(&fixture, &message);
        assert_int_equal(decision.verdict, ESCROW_ACCEPT);
        assert_int_equal(decision.step_count, 2);
        assert_int_equal(decision.steps[0].event, ESCROW_EVENT_DISPUTE_RESOLVED);
        assert_int_equal(decision.steps[0].move_count, 0);
        assert_true(str_eq(decision.steps[0].text, STR("why")));
        assert_true(str_eq(decision.steps[0].signature, message.signature));
        assert_int_equal(decision.steps[1].event,
                         all ? ESCROW_EVENT_RELEASE_STARTED : ESCROW_EVENT_REFUND_STARTED);
        assert_true(str_eq(decision.steps[1].text, STR("VERDICT")));
        assert_int_equal(decision.steps[1].signature.len, 0);
        assert_int_equal(decision.next.state, all ? ESCROW_RELEASING : ESCROW_REFUNDING);
        assert_int_equal(decision.request_count, 1);
        assert_int_equal(decision.requests[0].amount_minor, FIXTURE_PRICE_MINOR);
        assert_int_equal(decision.dispute.row.seller_minor, message.seller_minor);
        assert_int_equal(decision.dispute.row.buyer_minor, message.buyer_minor);
    }
}

/* Fees fall on the parts as in any other division, also when a part was released before. */
static void fees_are_as_in_any_division(void **state)
{
    (void)state;
    const struct fee_terms fees = FIXTURE_FEES(/* refundable */ true);
    struct fixture fixture;
    fixture_init_with(&fixture, ESCROW_ESCALATED, &fees);
    fixture_add_arbiter(&fixture);
    fixture_add_part(&fixture, ESCROW_PART_PAID);
    struct escrow_message message = fixture_verdict(&fixture);
    assert_int_equal(message.buyer_minor,
                     FIXTURE_PRICE_MINOR - FIXTURE_PART_MINOR - FIXTURE_SPLIT_MINOR);
    struct escrow_decision verdict = decide(&fixture, &message);
    fixture_add_offer(&fixture, FIXTURE_SELLER);
    message = as_user(ESCROW_ACCEPT_SPLIT, FIXTURE_BUYER);
    struct escrow_decision split = decide(&fixture, &message);
    assert_int_equal(verdict.verdict, ESCROW_ACCEPT);
    assert_int_equal(split.verdict, ESCROW_ACCEPT);
    assert_true(verdict.steps[0].seller_gets_minor < FIXTURE_SPLIT_MINOR);
    assert_int_equal(verdict.steps[0].seller_gets_minor, split.steps[0].seller_gets_minor);
    assert_int_equal(verdict.steps[0].buyer_gets_minor, split.steps[0].buyer_gets_minor);
    assert_int_equal(verdict.steps[0].move_count, split.steps[0].move_count);
    assert_memory_equal(verdict.steps[0].moves, split.steps[0].moves,
                        sizeof(split.steps[0].moves[0]) * split.steps[0].move_count);
}

/* What is signed is what is decided: nothing of it can be another's. */
static void the_signature_is_over_all_of_it(void **state)
{
    (void)state;
    struct fixture fixture;
    escalated(&fixture);

    for (int i = 0; i < 8; i++) {
        escalated(&fixture);
        struct escrow_message message = fixture_verdict(&fixture);
        struct signature other = fixture.signature;
        other.bytes[i] ^= 1;
        switch (i) {
        case 0: message.text = STR("whY"); break;
        case 1: message.seller_minor--, message.buyer_minor++; break;
        case 2: message.signature.ptr = (const char *)other.bytes; break;
        case 3: message.signature.len = 0; break;
        case 4: message.signature.len--; break;
        case 5: fixture.arbiter_key.bytes[0] ^= 1; break;
        case 6:
            fixture.escrow.id = message.escrow_id = fixture_id(0xe1),
            fixture.dispute.escrow_id = fixture_id(0xe1);
            break;
        default: memset(message.head.bytes, 0x5e, HASH_BYTES); break; /* as it was */
        }
        struct escrow_decision decision = decide(&fixture, &message);
        if (i < 7) {
            expect_refusal(decision, ESCROW_REASON_BAD_SIGNATURE);
        } else {
            assert_int_equal(decision.verdict, ESCROW_ACCEPT);
        }
    }
}

/* Another dispute of the same deal cannot be meant, even with a signature for it. */
static void a_verdict_names_the_dispute_that_is_open(void **state)
{
    (void)state;
    for (int64_t number = 0; number <= 2; number++) {
        struct fixture fixture;
        escalated(&fixture);
        struct escrow_message message = fixture_verdict(&fixture);
        message.number = number;
        fixture_sign(&fixture, &message);
        struct escrow_decision decision = decide(&fixture, &message);
        if (number == 1) {
            assert_int_equal(decision.verdict, ESCROW_ACCEPT);
        } else {
            expect_refusal(decision, ESCROW_REASON_OTHER_DISPUTE);
        }
    }
}

/* Something happened since: the arbiter has not seen it. */
static void a_verdict_is_over_the_history_as_it_is(void **state)
{
    (void)state;
    struct fixture fixture;
    escalated(&fixture);
    struct escrow_message message = fixture_verdict(&fixture);
    fixture.escrow.chain_head.bytes[HASH_BYTES - 1] ^= 1;
    expect_refusal(decide(&fixture, &message), ESCROW_REASON_STALE_VERDICT);
    fixture_sign(&fixture, &message);
    assert_int_equal(decide(&fixture, &message).verdict, ESCROW_ACCEPT);
}

static void a_verdict_is_over_all_that_is_frozen(void **state)
{
    (void)state;

    const struct {
        int64_t seller_minor, buyer_minor;
        bool right;
    } rows[] = {
        {FIXTURE_SPLIT_MINOR, REST_MINOR, true},      {FIXTURE_SPLIT_MINOR, REST_MINOR - 1, false},
        {FIXTURE_SPLIT_MINOR, REST_MINOR + 1, false}, {-1, FIXTURE_PRICE_MINOR + 1, false},
        {FIXTURE_PRICE_MINOR + 1, -1, false},         {INT64_MAX, INT64_MAX, false},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture fixture;
        escalated(&fixture);
        struct escrow_message message = fixture_verdict(&fixture);
        message.seller_minor = rows[i].seller_minor;
        message.buyer_minor = rows[i].buyer_minor;
        fixture_sign(&fixture, &message);
        if (rows[i].right) {
            assert_int_equal(decide(&fixture, &message).verdict, ESCROW_ACCEPT);
        } else {
            expect_refusal(decide(&fixture, &message), ESCROW_REASON_BAD_SPLIT);
        }
    }
}

static void a_verdict_says_why(void **state)
{
    (void)state;
    static const char text[ESCROW_REASON_MAX_BYTES + 1] = {'a'};

    const size_t lengths[] = {0, 1, ESCROW_REASON_MAX_BYTES, ESCROW_REASON_MAX_BYTES + 1};

    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        struct fixture fixture;
        escalated(&fixture);
        struct escrow_message message = fixture_verdict(&fixture);
        message.text = (struct str){.ptr = text, .len = lengths[i]};
        fixture_sign(&fixture, &message);
        bool right = lengths[i] >= 1 && lengths[i] <= ESCROW_REASON_MAX_BYTES;
        struct escrow_decision decision = decide(&fixture, &message);
        assert_int_equal(decision.verdict, right ? ESCROW_ACCEPT : ESCROW_REJECT);
        assert_int_equal(decision.reason, right ? ESCROW_REASON_NONE : ESCROW_REASON_BAD_TEXT);
    }
}

/* The arbiter decides what was escalated, and nobody else does in his name. */
static void the_arbiter_decides_what_was_escalated(void **state)
{
    (void)state;
    const struct engine_actor others[] = {
        {ENGINE_ACTOR_USER, FIXTURE_BUYER},
        {ENGINE_ACTOR_USER, FIXTURE_SELLER},
        {ENGINE_ACTOR_USER, FIXTURE_STRANGER},
        {ENGINE_ACTOR_MARKETPLACE, FIXTURE_MARKETPLACE},
        {ENGINE_ACTOR_MARKETPLACE, FIXTURE_ARBITER},
        {ENGINE_ACTOR_SYSTEM, {{0}}},
    };
    for (enum escrow_state s = ESCROW_CREATED; s < ESCROW_STATE_COUNT; s++) {
        struct fixture fixture;
        fixture_init(&fixture, s);
        fixture_add_arbiter(&fixture);
        struct escrow_message message = fixture_verdict(&fixture);
        struct escrow_decision decision = decide(&fixture, &message);
        if (s == ESCROW_ESCALATED) {
            assert_int_equal(decision.verdict, ESCROW_ACCEPT);
        } else {
            expect_refusal(decision, ESCROW_REASON_WRONG_STATE);
        }
        for (size_t i = 0; i < ARRAY_LEN(others); i++) {
            message.actor = others[i];
            expect_refusal(decide(&fixture, &message), ESCROW_REASON_NOT_ALLOWED);
        }
    }
}

/* Without an arbiter nobody is one, not even a user without an id. */
static void a_deal_without_arbiter_has_none(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture, ESCROW_ESCALATED);
    struct escrow_message message = as_user(ESCROW_RESOLVE_DISPUTE, FIXTURE_ARBITER);
    expect_refusal(decide(&fixture, &message), ESCROW_REASON_NOT_ALLOWED);
    message.actor.id = NOBODY;
    expect_refusal(decide(&fixture, &message), ESCROW_REASON_NOT_ALLOWED);
}

/* Staff decides at once where there is no arbiter, and else when the arbiter was silent for five days. */
static void staff_decides_past_a_silent_arbiter(void **state)
{
    (void)state;
    for (int64_t waited_us = 5 * 86400 * S - 1; waited_us <= 5 * 86400 * S; waited_us++) {
        struct fixture fixture;
        escalated(&fixture);
        fixture.escrow.deadline_at_us = FIXTURE_NOW_US + 30 * 86400 * S - waited_us;
        struct escrow_message message = fixture_message(ESCROW_RESOLVE_DISPUTE);
        struct escrow_decision decision = decide(&fixture, &message);
        if (waited_us < 5 * 86400 * S) {
            expect_refusal(decision, ESCROW_REASON_ARBITER_HAS_TIME);
        } else {
            assert_int_equal(decision.verdict, ESCROW_ACCEPT);
            assert_int_equal(decision.steps[0].signature.len, 0);
        }
        message = fixture_verdict(&fixture); /* who was late is not too late */
        assert_int_equal(decide(&fixture, &message).verdict, ESCROW_ACCEPT);
    }
    struct fixture fixture;
    fixture_init(&fixture, ESCROW_ESCALATED);
    fixture.escrow.deadline_at_us = FIXTURE_NOW_US + 30 * 86400 * S;
    struct escrow_message message = fixture_message(ESCROW_RESOLVE_DISPUTE);
    assert_int_equal(decide(&fixture, &message).verdict, ESCROW_ACCEPT);
}

/* The same holds for a refund by staff, which would make the verdict of no use; the seller may give in at any time. */
static void staff_refunds_past_a_silent_arbiter(void **state)
{
    (void)state;

    static const struct {
        enum escrow_state state;
        int64_t waited_us;
        bool has_arbiter, accepted;
    } rows[] = {
        {ESCROW_DISPUTED, 0, true, false},
        {ESCROW_ESCALATED, 5 * 86400 * S - 1, true, false},
        {ESCROW_ESCALATED, 5 * 86400 * S, true, true},
        {ESCROW_DISPUTED, 0, false, true},
        {ESCROW_ESCALATED, 0, false, true},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture fixture;
        fixture_init(&fixture, rows[i].state);
        if (rows[i].has_arbiter) {
            fixture_add_arbiter(&fixture);
        }
        fixture.escrow.deadline_at_us = FIXTURE_NOW_US + 30 * 86400 * S - rows[i].waited_us;
        struct escrow_message message = fixture_message(ESCROW_REFUND);
        message.actor = (struct engine_actor){ENGINE_ACTOR_STAFF, FIXTURE_STAFF};
        struct escrow_decision decision = decide(&fixture, &message);
        if (rows[i].accepted) {
            assert_int_equal(decision.verdict, ESCROW_ACCEPT);
        } else {
            expect_refusal(decision, ESCROW_REASON_ARBITER_HAS_TIME);
        }
        message.actor = (struct engine_actor){ENGINE_ACTOR_USER, FIXTURE_SELLER};
        assert_int_equal(decide(&fixture, &message).verdict, ESCROW_ACCEPT);
    }
}

static void staff_signs_nothing(void **state)
{
    (void)state;
    struct fixture fixture;
    escalated(&fixture);
    struct escrow_message message = fixture_verdict(&fixture);
    message.actor = (struct engine_actor){ENGINE_ACTOR_STAFF, FIXTURE_STAFF};
    expect_refusal(decide(&fixture, &message), ESCROW_REASON_BAD_SIGNATURE);
}

/* ---- The arbiter as a term ---- */

static void an_arbiter_is_a_third_person_with_a_key(void **state)
{
    (void)state;
    static const char key[SIGN_PUBLIC_BYTES + 1];

    const struct {
        struct id arbiter_id;
        size_t key_len;
        bool right;
    } rows[] = {
        {NOBODY, 0, true},
        {NOBODY, SIGN_PUBLIC_BYTES, false},
        {FIXTURE_ARBITER, SIGN_PUBLIC_BYTES, true},
        {FIXTURE_ARBITER, SIGN_PUBLIC_BYTES - 1, false},
        {FIXTURE_ARBITER, SIGN_PUBLIC_BYTES + 1, false},
        {FIXTURE_ARBITER, 0, false},
        {FIXTURE_BUYER, SIGN_PUBLIC_BYTES, false},
        {FIXTURE_SELLER, SIGN_PUBLIC_BYTES, false},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture fixture;
        fixture_init(&fixture, ESCROW_CREATED);
        struct escrow_message message = fixture_message(ESCROW_CREATE);
        message.actor = (struct engine_actor){ENGINE_ACTOR_MARKETPLACE, FIXTURE_MARKETPLACE};
        message.terms.arbiter_id = rows[i].arbiter_id;
        message.terms.arbiter_key = (struct str){.ptr = key, .len = rows[i].key_len};
        struct escrow_decision decision = escrow_decide(NULL, &message, &fixture.facts);
        if (rows[i].right) {
            assert_int_equal(decision.verdict, ESCROW_ACCEPT);
            assert_true(id_eq(decision.next.arbiter_id, rows[i].arbiter_id));
            assert_int_equal(decision.next.arbiter_key.len, rows[i].key_len);
        } else {
            expect_refusal(decision, ESCROW_REASON_BAD_ARBITER);
        }
        struct escrow row = fixture.escrow;
        row.arbiter_id = rows[i].arbiter_id;
        row.arbiter_key = message.terms.arbiter_key;
        assert_int_equal(escrow_is_sound(&row), rows[i].right);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_verdict_divides_what_is_frozen),
        cmocka_unit_test(a_verdict_for_one_of_them_releases_or_refunds),
        cmocka_unit_test(fees_are_as_in_any_division),
        cmocka_unit_test(the_signature_is_over_all_of_it),
        cmocka_unit_test(a_verdict_names_the_dispute_that_is_open),
        cmocka_unit_test(a_verdict_is_over_the_history_as_it_is),
        cmocka_unit_test(a_verdict_is_over_all_that_is_frozen),
        cmocka_unit_test(a_verdict_says_why),
        cmocka_unit_test(the_arbiter_decides_what_was_escalated),
        cmocka_unit_test(a_deal_without_arbiter_has_none),
        cmocka_unit_test(staff_decides_past_a_silent_arbiter),
        cmocka_unit_test(staff_refunds_past_a_silent_arbiter),
        cmocka_unit_test(staff_signs_nothing),
        cmocka_unit_test(an_arbiter_is_a_third_person_with_a_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
