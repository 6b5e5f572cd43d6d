/* Cases of what the two show in a dispute: who, when, how much, and until when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/defer.h"
#include "escrow/testing/escrow_checks.h"
#include "escrow/testing/escrow_fixture.h"

#define S INT64_C(1000000)
#define HOUR_US (3600 * S)
#define ESCALATION_US (30 * 24 * HOUR_US)

/* Disputed, or nobody settled it and these many microseconds went by since. */
static void disputed(struct fixture *fixture)
{
    fixture_init(fixture, ESCROW_DISPUTED);
    fixture->escrow.deadline_at_us = FIXTURE_NOW_US + HOUR_US;
}

static void escalated_since(struct fixture *fixture, int64_t since_us)
{
    fixture_init(fixture, ESCROW_ESCALATED);
    fixture->escrow.deadline_at_us = FIXTURE_NOW_US + ESCALATION_US - since_us;
}

static struct escrow_decision submit(struct fixture *fixture, struct id who)
{
    struct escrow_message message = as_user(ESCROW_SUBMIT_EVIDENCE, who);
    return decide(fixture, &message);
}

static void evidence_moves_nothing_and_is_counted(void **state)
{
    (void)state;
    for (int of_seller = 0; of_seller < 2; of_seller++) {
        struct fixture fixture;
        disputed(&fixture);
        fixture_add_offer(&fixture, FIXTURE_BUYER);
        struct escrow_decision decision =
            submit(&fixture, of_seller ? FIXTURE_SELLER : FIXTURE_BUYER);
        assert_int_equal(decision.verdict, ESCROW_ACCEPT);
        assert_int_equal(decision.step_count, 1);
        const struct escrow_step *step = &decision.steps[0];
        const struct hash content = FIXTURE_CONTENT;
        assert_int_equal(step->event, ESCROW_EVENT_EVIDENCE_SUBMITTED);
        assert_int_equal(step->number, 1);
        assert_true(hash_eq(&step->content, &content));
        assert_int_equal(step->evidence, MEDIA_PNG);
        assert_int_equal(step->size_bytes, FIXTURE_EVIDENCE_BYTES);
        assert_true(str_eq(step->text, STR("why")));
        assert_int_equal(step->move_count, 0);
        assert_int_equal(decision.request_count + decision.timer_count, 0);
        assert_int_equal(decision.next.state, ESCROW_DISPUTED);
        assert_int_equal(decision.next.deadline_at_us, fixture.escrow.deadline_at_us);
        assert_true(id_eq(decision.next.split_by, FIXTURE_BUYER)); /* the offer stays open */
        assert_true(decision.has_dispute);
        const struct escrow_docket *own = &decision.dispute.row.docket[of_seller];
        const struct escrow_docket *other = &decision.dispute.row.docket[1 - of_seller];
        assert_int_equal(own->items, 1);
        assert_int_equal(own->bytes, FIXTURE_EVIDENCE_BYTES);
        assert_int_equal(own->last_at_us, FIXTURE_NOW_US);
        assert_int_equal(other->items + other->bytes + other->last_at_us, 0);
    }
}

static void only_the_two_show_something_and_only_in_a_dispute(void **state)
{
    (void)state;

    const struct engine_actor actors[] = {
        {ENGINE_ACTOR_USER, FIXTURE_BUYER},    {ENGINE_ACTOR_USER, FIXTURE_SELLER},
        {ENGINE_ACTOR_USER, FIXTURE_ARBITER},  {ENGINE_ACTOR_USER, FIXTURE_STRANGER},
        {ENGINE_ACTOR_STAFF, FIXTURE_STAFF},   {ENGINE_ACTOR_MARKETPLACE, FIXTURE_MARKETPLACE},
        {ENGINE_ACTOR_STAFF, FIXTURE_BUYER},   {ENGINE_ACTOR_MARKETPLACE, FIXTURE_SELLER},
        {ENGINE_ACTOR_SYSTEM, {.bytes = {0}}},
    };

    for (enum escrow_state in = ESCROW_CREATED; in < ESCROW_STATE_COUNT; in++) {
        for (size_t a = 0; a < ARRAY_LEN(actors); a++) {
            struct fixture fixture;
            fixture_init(&fixture, in);
            fixture_add_arbiter(&fixture);
            if (in == ESCROW_ESCALATED) {
                fixture.escrow.deadline_at_us += ESCALATION_US;
            }
            struct escrow_message message = fixture_message(ESCROW_SUBMIT_EVIDENCE);
            message.actor = actors[a];
            struct escrow_decision decision = decide(&fixture, &message);
            if (a > 1) {
                expect_refusal(decision, ESCROW_REASON_NOT_ALLOWED);
            } else if (in != ESCROW_DISPUTED && in != ESCROW_ESCALATED) {
                expect_refusal(decision, ESCROW_REASON_WRONG_STATE);
            } else {
                assert_int_equal(decision.verdict, ESCROW_ACCEPT);
            }
        }
    }
}

static void it_is_of_a_type_and_size_that_is_taken(void **state)
{
    (void)state;

    const struct {
        enum media type;
        int64_t size_bytes;
        size_t text_bytes;
        bool has_hash, accepted;
    } rows[] = {
        {MEDIA_NONE, 1, 0, true, false},
        {MEDIA_TEXT, 1, 0, true, true},
        {MEDIA_WEBP, ESCROW_EVIDENCE_MAX_BYTES, 500, true, true},
        {MEDIA_COUNT, 1, 0, true, false},
        {MEDIA_PDF, 0, 0, true, false},
        {MEDIA_PDF, -1, 0, true, false},
        {MEDIA_PDF, ESCROW_EVIDENCE_MAX_BYTES + 1, 0, true, false},
        {MEDIA_PDF, INT64_MAX, 0, true, false},
        {MEDIA_PDF, 1, 501, true, false},
        {MEDIA_PDF, 1, 0, false, false},
    };

    char text[501];
    memset(text, 'x', sizeof(text));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture fixture;
        disputed(&fixture);
        struct escrow_message message = as_user(ESCROW_SUBMIT_EVIDENCE, FIXTURE_BUYER);
        message.evidence = rows[i].type;
        message.size_bytes = rows[i].size_bytes;
        message.text = (struct str){.ptr = text, .len = rows[i].text_bytes};
        message.content = rows[i].has_hash ? message.content : (struct hash){.bytes = {0}};
        struct escrow_decision decision = decide(&fixture, &message);
        if (rows[i].accepted) {
            assert_int_equal(decision.verdict, ESCROW_ACCEPT);
        } else {
            expect_refusal(decision, ESCROW_REASON_BAD_EVIDENCE);
        }
    }
}

static void a_side_shows_ten_pieces_and_16_mib_at_most(void **state)
{
    (void)state;

    const struct {
        int64_t items, bytes;
        bool accepted;
    } rows[] = {
        {9, 9, true},
        {10, 10, false},
        {4, ESCROW_EVIDENCE_SUM_MAX_BYTES - FIXTURE_EVIDENCE_BYTES, true},
        {4, ESCROW_EVIDENCE_SUM_MAX_BYTES - FIXTURE_EVIDENCE_BYTES + 1, false},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture fixture;
        disputed(&fixture);
        fixture.dispute.docket[ESCROW_PARTY_BUYER] =
            (struct escrow_docket){rows[i].items, rows[i].bytes, FIXTURE_NOW_US - 1};
        struct escrow_decision decision = submit(&fixture, FIXTURE_BUYER);
        if (rows[i].accepted) {
            assert_int_equal(decision.verdict, ESCROW_ACCEPT);
        } else {
            expect_refusal(decision, ESCROW_REASON_TOO_MUCH_EVIDENCE);
        }
        assert_int_equal(submit(&fixture, FIXTURE_SELLER).verdict, ESCROW_ACCEPT);
    }
}

/* Three days from the escalation on, the same for both. */
static void the_time_for_it_ends(void **state)
{
    (void)state;
    for (int64_t since_us = 72 * HOUR_US - 1; since_us <= 72 * HOUR_US; since_us++) {
        for (int of_seller = 0; of_seller < 2; of_seller++) {
            struct fixture fixture;
            escalated_since(&fixture, since_us);
            struct escrow_decision decision =
                submit(&fixture, of_seller ? FIXTURE_SELLER : FIXTURE_BUYER);
            if (since_us < 72 * HOUR_US) {
                assert_int_equal(decision.verdict, ESCROW_ACCEPT);
            } else {
                expect_refusal(decision, ESCROW_REASON_EVIDENCE_CLOSED);
            }
        }
    }
}

/* Who was shown something in the last day of it has a day to answer; that answer gives the other no more than a day. */
static void who_is_shown_something_late_has_a_day_to_answer(void **state)
{
    (void)state;

    const struct {
        int64_t shown_us, until_us; /* since the escalation */
    } rows[] = {
        {0, 72 * HOUR_US},
        {48 * HOUR_US, 72 * HOUR_US},
        {48 * HOUR_US + 1, 72 * HOUR_US + 1},
        {72 * HOUR_US - 1, 96 * HOUR_US - 1},
        {72 * HOUR_US, 96 * HOUR_US},
        {96 * HOUR_US - 1, 96 * HOUR_US}, /* it was an answer itself */
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (int64_t early_us = 1; early_us >= 0; early_us--) {
            struct fixture fixture;
            escalated_since(&fixture, rows[i].until_us - early_us);
            fixture.dispute.docket[ESCROW_PARTY_BUYER] = (struct escrow_docket){
                1, 1, FIXTURE_NOW_US - (rows[i].until_us - early_us) + rows[i].shown_us};
            struct escrow_decision decision = submit(&fixture, FIXTURE_SELLER);
            if (early_us > 0) {
                assert_int_equal(decision.verdict, ESCROW_ACCEPT);
            } else {
                expect_refusal(decision, ESCROW_REASON_EVIDENCE_CLOSED);
            }
            if (rows[i].until_us > 72 * HOUR_US) { /* one's own item opens nothing for oneself */
                expect_refusal(submit(&fixture, FIXTURE_BUYER), ESCROW_REASON_EVIDENCE_CLOSED);
            }
        }
    }
}

static void a_new_dispute_has_an_empty_docket(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture, ESCROW_DELIVERED);
    struct escrow_message message = as_user(ESCROW_RAISE_DISPUTE, FIXTURE_BUYER);
    struct escrow_decision decision = decide(&fixture, &message);
    for (uint32_t i = 0; i < ESCROW_PARTY_COUNT; i++) {
        const struct escrow_docket *docket = &decision.dispute.row.docket[i];
        assert_int_equal(docket->items + docket->bytes + docket->last_at_us, 0);
    }
}

/* What was signed before it was seen counts no more. */
static void a_verdict_is_over_all_that_was_shown(void **state)
{
    (void)state;
    struct fixture fixture;
    escalated_since(&fixture, HOUR_US);
    fixture_add_arbiter(&fixture);
    struct escrow_message verdict = fixture_verdict(&fixture);
    assert_int_equal(decide(&fixture, &verdict).verdict, ESCROW_ACCEPT);
    fixture.escrow.chain_head.bytes[0]++; /* as any transition does, evidence too */
    expect_refusal(decide(&fixture, &verdict), ESCROW_REASON_STALE_VERDICT);
}

static void broken_dockets_are_seen(void **state)
{
    (void)state;

    const struct escrow_docket broken[] = {
        {-1, 0, 0}, {11, 11, 1}, {1, 0, 1}, {0, 1, 0},
        {0, 0, 1},  {1, 1, 0},   {2, 1, 1}, {1, ESCROW_EVIDENCE_SUM_MAX_BYTES + 1, 1},
        {1, 1, -1},
    };

    const struct escrow_docket sound[] = {{0, 0, 0}, {1, 1, 1}, {10, 10, 1}};

    for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
        struct fixture fixture;
        disputed(&fixture);
        assert_false(escrow_docket_is_sound(&broken[i]));
        fixture.dispute.docket[i % 2] = broken[i];
        assert_false(escrow_disputes_are_sound(&fixture.escrow, fixture.disputes, 1));
    }
    for (size_t i = 0; i < ARRAY_LEN(sound); i++) {
        assert_true(escrow_docket_is_sound(&sound[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(evidence_moves_nothing_and_is_counted),
        cmocka_unit_test(only_the_two_show_something_and_only_in_a_dispute),
        cmocka_unit_test(it_is_of_a_type_and_size_that_is_taken),
        cmocka_unit_test(a_side_shows_ten_pieces_and_16_mib_at_most),
        cmocka_unit_test(the_time_for_it_ends),
        cmocka_unit_test(who_is_shown_something_late_has_a_day_to_answer),
        cmocka_unit_test(a_new_dispute_has_an_empty_docket),
        cmocka_unit_test(a_verdict_is_over_all_that_was_shown),
        cmocka_unit_test(broken_dockets_are_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
