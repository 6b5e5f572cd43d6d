/* What becomes of goods that the buyer does not take, and of disputes: named cases, and a row for each side of each
 * comparison. Every (state, message, role) cell is in golden/escrow_table.txt. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/defer.h"
#include "escrow/testing/escrow_checks.h"

#define S INT64_C(1000000)

static struct escrow_message rejection(void)
{
    struct escrow_message message = as_user(ESCROW_REJECT_DELIVERY, FIXTURE_BUYER);
    message.text = STR("not as described");
    return message;
}

static struct escrow_message firing(enum escrow_timer timer)
{
    struct escrow_message message = fixture_message(ESCROW_TIMER_FIRED);
    message.timer = timer;
    return message;
}

/* ---- The buyer rejects ---- */

static void a_rejection_holds_the_money_and_starts_the_sellers_time(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture, ESCROW_DELIVERED);
    struct escrow_message message = rejection();
    struct escrow_decision decision = decide(&fixture, &message);
    assert_int_equal(decision.verdict, ESCROW_ACCEPT);
    assert_int_equal(decision.step_count, 1);
    assert_int_equal(decision.steps[0].event, ESCROW_EVENT_REJECTED);
    assert_int_equal(decision.steps[0].move_count, 0);
    assert_true(str_eq(decision.steps[0].text, STR("not as described")));
    assert_int_equal(decision.request_count, 0);
    assert_int_equal(decision.next.state, ESCROW_DELIVERY_REJECTED);
    assert_int_equal(decision.next.held_minor, FIXTURE_PRICE_MINOR);
    assert_int_equal(decision.timer_count, 2);
    assert_int_equal(decision.timers[0].timer, ESCROW_TIMER_INSPECTION);
    assert_int_equal(decision.timers[0].due_at_us, 0);
    assert_int_equal(decision.timers[1].timer, ESCROW_TIMER_ANSWER);
    assert_int_equal(decision.timers[1].generation, 6);
    assert_int_equal(decision.timers[1].due_at_us, FIXTURE_NOW_US + 72 * 3600 * S);
    assert_int_equal(decision.next.deadline_at_us, FIXTURE_NOW_US + 72 * 3600 * S);
}

static void a_rejection_says_why(void **state)
{
    (void)state;
    static const char text[ESCROW_REASON_MAX_BYTES + 1];

    const struct {
        size_t len;
        bool good;
    } rows[] = {{0, false},
                {1, true},
                {2, true},
                {ESCROW_REASON_MAX_BYTES - 1, true},
                {ESCROW_REASON_MAX_BYTES, true},
                {ESCROW_REASON_MAX_BYTES + 1, false}};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture fixture;
        fixture_init(&fixture, ESCROW_DELIVERED);
        struct escrow_message message = rejection();
        message.text = (struct str){.ptr = text, .len = rows[i].len};
        if (rows[i].good) {
            assert_int_equal(decide(&fixture, &message).verdict, ESCROW_ACCEPT);
        } else {
            expect_refusal(decide(&fixture, &message), ESCROW_REASON_BAD_TEXT);
        }
    }
}

/* Whoever comes first in the lane: the buyer, or the end of the time to inspect. */
static void the_clock_and_the_buyer_are_decided_one_after_the_other(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture, ESCROW_DELIVERED);
    struct escrow_message message = rejection();
    struct escrow_message fired = firing(ESCROW_TIMER_INSPECTION);
    fixture.escrow = decide(&fixture, &message).next;
    assert_int_equal(decide(&fixture, &fired).verdict, ESCROW_IGNORE);

    fixture_init(&fixture, ESCROW_DELIVERED);
    fixture.escrow = decide(&fixture, &fired).next;
    assert_int_equal(fixture.escrow.state, ESCROW_RELEASING);
    expect_refusal(decide(&fixture, &message), ESCROW_REASON_WRONG_STATE);
}

/* ---- The seller answers, or does not ---- */

static void expect_refund(const struct escrow_decision *decision, uint32_t index, struct str reason)
{
    assert_int_equal(decision->verdict, ESCROW_ACCEPT);
    assert_int_equal(decision->step_count, index + 1);
    const struct escrow_step *step = &decision->steps[index];
    assert_int_equal(step->event, ESCROW_EVENT_REFUND_STARTED);
    assert_int_equal(step->move_count, 1);
    expect_move(step, 0, ESCROW_ACCOUNT_ESCROW_HELD, ESCROW_ACCOUNT_DUE_BUYER, FIXTURE_PRICE_MINOR,
                (struct id){.bytes = {0}});
    assert_true(str_eq(step->text, reason));
    assert_int_equal(step->amount_minor, FIXTURE_PRICE_MINOR);
    assert_int_equal(decision->next.state, ESCROW_REFUNDING);
    assert_int_equal(decision->request_count, 1);
    assert_int_equal(decision->requests[0].kind, ESCROW_REQUEST_REFUND_BUYER);
    assert_int_equal(decision->requests[0].amount_minor, FIXTURE_PRICE_MINOR);
    assert_true(id_eq(decision->requests[0].paid_leg_id, FIXTURE_PAID_LEG));
    assert_true(id_eq(decision->requests[0].leg_id, decision->next.refund_leg_id));
}

static void an_accepted_return_is_refunded(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture, ESCROW_DELIVERY_REJECTED);
    struct escrow_message message = as_user(ESCROW_ACCEPT_RETURN, FIXTURE_SELLER);
    struct escrow_decision decision = decide(&fixture, &message);
    assert_int_equal(decision.steps[0].event, ESCROW_EVENT_RETURN_ACCEPTED);
    assert_int_equal(decision.steps[0].move_count, 0);
    assert_int_equal(decision.steps[0].after.state, ESCROW_DELIVERY_REJECTED);
    expect_refund(&decision, 1, STR("RETURN_ACCEPTED"));
    assert_int_equal(decision.timer_count, 1);
    assert_int_equal(decision.timers[0].timer, ESCROW_TIMER_ANSWER);
    assert_int_equal(decision.timers[0].due_at_us, 0);
}

static void a_seller_who_does_not_answer_has_lost(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture, ESCROW_DELIVERY_REJECTED);
    struct escrow_message message = firing(ESCROW_TIMER_ANSWER);
    struct escrow_decision decision = decide(&fixture, &message);
    expect_refund(&decision, 0, STR("NOT_ANSWERED"));
    assert_int_equal(decision.timer_count, 0);
    message.fired_at_us = FIXTURE_NOW_US - 1;
    assert_int_equal(decide(&fixture, &message).verdict, ESCROW_PARK);
}

static void the_buyer_may_change_his_mind(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture, ESCROW_DELIVERY_REJECTED);
    struct escrow_message message = as_user(ESCROW_RELEASE, FIXTURE_BUYER);
    struct escrow_decision decision = decide(&fixture, &message);
    assert_int_equal(decision.verdict, ESCROW_ACCEPT);
    assert_int_equal(decision.next.state, ESCROW_RELEASING);
    assert_int_equal(decision.next.due_seller_minor, FIXTURE_PRICE_MINOR);
    message = as_user(ESCROW_RELEASE, FIXTURE_SELLER);
    expect_refusal(decide(&fixture, &message), ESCROW_REASON_NOT_ALLOWED);
}

/* ---- Disputes ---- */

static struct escrow_message dispute_by(struct id who)
{
    struct escrow_message message = as_user(ESCROW_RAISE_DISPUTE, who);
    message.text = STR("the chain is missing");
    return message;
}

/* As the handlers would keep it. */
static void apply(struct fixture *fixture, const struct escrow_decision *decision)
{
    assert_int_equal(decision->verdict, ESCROW_ACCEPT);
    fixture->escrow = decision->next;
    if (decision->has_dispute) {
        fixture->dispute = decision->dispute.row;
        fixture->disputes[0] = &fixture->dispute;
        fixture->facts.disputes = fixture->disputes;
        fixture->facts.dispute_count = 1;
    }
}

static const enum escrow_state disputable[] = {ESCROW_FUNDS_HELD, ESCROW_DELIVERED,
                                               ESCROW_DELIVERY_REJECTED};

static void a_dispute_freezes_what_is_held(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(disputable); i++) {
        struct fixture fixture;
        fixture_init(&fixture, disputable[i]);
        struct escrow_message message = dispute_by(i == 1 ? FIXTURE_BUYER : FIXTURE_SELLER);
        struct escrow_decision decision = decide(&fixture, &message);
        assert_int_equal(decision.verdict, ESCROW_ACCEPT);
        assert_int_equal(decision.step_count, 1);
        const struct escrow_step *step = &decision.steps[0];
        assert_int_equal(step->event, ESCROW_EVENT_DISPUTED);
        assert_int_equal(step->move_count, 1);
        expect_move(step, 0, ESCROW_ACCOUNT_ESCROW_HELD, ESCROW_ACCOUNT_ESCROW_DISP,
                    FIXTURE_PRICE_MINOR, (struct id){.bytes = {0}});
        assert_int_equal(step->amount_minor, FIXTURE_PRICE_MINOR);
        assert_int_equal(step->number, 1);
        assert_true(str_eq(step->text, STR("the chain is missing")));
        assert_int_equal(decision.next.state, ESCROW_DISPUTED);
        assert_int_equal(decision.next.held_minor, 0);
        assert_int_equal(decision.next.disputed_minor, FIXTURE_PRICE_MINOR);
        assert_int_equal(decision.request_count, 0);
        const struct escrow_dispute *dispute = &decision.dispute.row;
        assert_true(decision.has_dispute);
        assert_int_equal(decision.dispute.index, ESCROW_DISPUTE_NEW);
        assert_int_equal(dispute->state, ESCROW_DISPUTE_OPEN);
        assert_int_equal(dispute->before, disputable[i]);
        assert_true(id_eq(dispute->raiser_id, message.actor.id));
        assert_true(id_eq(dispute->id, fixture_id(0x21)));
        assert_int_equal(decision.timer_count, 2);
        assert_int_equal(decision.timers[0].timer, escrow_timer_of(disputable[i]));
        assert_int_equal(decision.timers[0].due_at_us, 0);
        assert_int_equal(decision.timers[1].timer, ESCROW_TIMER_DISPUTE);
        assert_int_equal(decision.timers[1].due_at_us, FIXTURE_NOW_US + 14 * 86400 * S);
    }
}

static void a_dispute_says_why(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture, ESCROW_DELIVERED);
    struct escrow_message message = dispute_by(FIXTURE_BUYER);
    message.text = STR("");
    expect_refusal(decide(&fixture, &message), ESCROW_REASON_BAD_TEXT);
}

static void a_dispute_stops_the_release_by_time(void **state)
{
    (void)state;
    struct fixture fixture;
    struct escrow_message message = dispute_by(FIXTURE_BUYER);
    struct escrow_message fired = firing(ESCROW_TIMER_INSPECTION);
    fixture_init(&fixture, ESCROW_DELIVERED);
    struct escrow_decision decision = decide(&fixture, &message);
    apply(&fixture, &decision);
    assert_int_equal(decide(&fixture, &fired).verdict, ESCROW_IGNORE);
}

static void a_dispute_comes_too_late_for_a_release(void **state)
{
    (void)state;
    struct fixture fixture;
    struct escrow_message message = dispute_by(FIXTURE_BUYER);
    struct escrow_message fired = firing(ESCROW_TIMER_INSPECTION);
    fixture_init(&fixture, ESCROW_DELIVERED);
    fixture.escrow = decide(&fixture, &fired).next;
    expect_refusal(decide(&fixture, &message), ESCROW_REASON_WRONG_STATE);
}

static void a_withdrawal_leads_back_and_starts_the_clock_anew(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(disputable); i++) {
        struct fixture fixture;
        fixture_init(&fixture, ESCROW_DISPUTED);
        fixture.dispute.before = disputable[i];
        struct escrow_message message = as_user(ESCROW_WITHDRAW_DISPUTE, FIXTURE_BUYER);
        struct escrow_decision decision = decide(&fixture, &message);
        assert_int_equal(decision.verdict, ESCROW_ACCEPT);
        expect_move(&decision.steps[0], 0, ESCROW_ACCOUNT_ESCROW_DISP, ESCROW_ACCOUNT_ESCROW_HELD,
                    FIXTURE_PRICE_MINOR, (struct id){.bytes = {0}});
        assert_int_equal(decision.next.state, disputable[i]);
        assert_int_equal(decision.next.held_minor, FIXTURE_PRICE_MINOR);
        assert_int_equal(decision.dispute.row.state, ESCROW_DISPUTE_WITHDRAWN);
        assert_int_equal(decision.dispute.row.version, 2);
        enum escrow_timer timer = escrow_timer_of(disputable[i]);
        assert_int_equal(decision.timers[1].timer, timer);
        assert_int_equal(decision.timers[1].due_at_us,
                         FIXTURE_NOW_US + escrow_period_us(&fixture.escrow, timer));
    }
}

static void only_the_raiser_withdraws(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture, ESCROW_DISPUTED);
    struct escrow_message message = as_user(ESCROW_WITHDRAW_DISPUTE, FIXTURE_SELLER);
    struct escrow_decision decision = decide(&fixture, &message);
    expect_refusal(decision, ESCROW_REASON_NOT_RAISER);
    assert_false(decision.has_dispute);
}

static void a_deal_has_three_disputes_at_most(void **state)
{
    (void)state;
    for (uint32_t count = ESCROW_DISPUTES_MAX - 1; count <= ESCROW_DISPUTES_MAX; count++) {
        struct fixture fixture;
        struct escrow_dispute rows[ESCROW_DISPUTES_MAX];
        const struct escrow_dispute *all[ESCROW_DISPUTES_MAX];
        fixture_init(&fixture, ESCROW_DISPUTED);
        for (uint32_t i = 0; i < count; i++) {
            rows[i] = fixture.dispute;
            rows[i].number = (int64_t)i + 1;
            rows[i].state = ESCROW_DISPUTE_WITHDRAWN;
            all[i] = &rows[i];
        }
        fixture_init(&fixture, ESCROW_DELIVERED);
        fixture.facts.disputes = all;
        fixture.facts.dispute_count = count;
        struct escrow_message message = dispute_by(FIXTURE_BUYER);
        if (count < ESCROW_DISPUTES_MAX) {
            assert_int_equal(decide(&fixture, &message).dispute.row.number, ESCROW_DISPUTES_MAX);
        } else {
            expect_refusal(decide(&fixture, &message), ESCROW_REASON_TOO_MANY_DISPUTES);
        }
    }
}

/* Who gives in, and what the other one gets. */
static void either_side_can_give_in(void **state)
{
    (void)state;

    const enum escrow_state states[] = {ESCROW_DISPUTED, ESCROW_ESCALATED};

    for (size_t i = 0; i < ARRAY_LEN(states); i++) {
        struct fixture fixture;
        fixture_init(&fixture, states[i]);
        struct escrow_message message = as_user(ESCROW_RELEASE, FIXTURE_BUYER);
        struct escrow_decision decision = decide(&fixture, &message);
        assert_int_equal(decision.next.state, ESCROW_RELEASING);
        expect_move(&decision.steps[0], 0, ESCROW_ACCOUNT_ESCROW_DISP, ESCROW_ACCOUNT_DUE_SELLER,
                    FIXTURE_PRICE_MINOR, (struct id){.bytes = {0}});
        assert_true(str_eq(decision.steps[0].text, STR("DISPUTE_CONCEDED")));
        assert_int_equal(decision.dispute.row.state, ESCROW_DISPUTE_SETTLED);
        assert_int_equal(decision.dispute.row.seller_minor, FIXTURE_PRICE_MINOR);
        assert_int_equal(decision.dispute.row.buyer_minor, 0);
        assert_int_equal(decision.requests[0].kind, ESCROW_REQUEST_TRANSFER_TO_SELLER);
        assert_int_equal(decision.requests[0].amount_minor, FIXTURE_PRICE_MINOR);

        message = as_user(ESCROW_REFUND, FIXTURE_SELLER);
        message.text = STR("you are right");
        decision = decide(&fixture, &message);
        assert_int_equal(decision.next.state, ESCROW_REFUNDING);
        expect_move(&decision.steps[0], 0, ESCROW_ACCOUNT_ESCROW_DISP, ESCROW_ACCOUNT_DUE_BUYER,
                    FIXTURE_PRICE_MINOR, (struct id){.bytes = {0}});
        assert_true(str_eq(decision.steps[0].text, STR("you are right")));
        assert_int_equal(decision.dispute.row.seller_minor, 0);
        assert_int_equal(decision.dispute.row.buyer_minor, FIXTURE_PRICE_MINOR);
        assert_int_equal(decision.requests[0].kind, ESCROW_REQUEST_REFUND_BUYER);
    }
}

static void what_nobody_settles_goes_to_staff_and_then_back(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture, ESCROW_DISPUTED);
    struct escrow_message message = firing(ESCROW_TIMER_DISPUTE);
    struct escrow_decision decision = decide(&fixture, &message);
    assert_int_equal(decision.next.state, ESCROW_ESCALATED);
    assert_int_equal(decision.steps[0].event, ESCROW_EVENT_DISPUTE_ESCALATED);
    assert_int_equal(decision.steps[0].move_count, 0);
    assert_false(decision.has_dispute);
    assert_int_equal(decision.timers[0].timer, ESCROW_TIMER_ESCALATION);
    assert_int_equal(decision.timers[0].due_at_us, FIXTURE_NOW_US + 30 * 86400 * S);

    fixture_init(&fixture, ESCROW_ESCALATED);
    message = firing(ESCROW_TIMER_ESCALATION);
    decision = decide(&fixture, &message);
    assert_int_equal(decision.next.state, ESCROW_REFUNDING);
    assert_true(str_eq(decision.steps[0].text, STR("NOT_RESOLVED")));
    assert_int_equal(decision.next.due_buyer_minor, FIXTURE_PRICE_MINOR);
    assert_int_equal(decision.dispute.row.buyer_minor, FIXTURE_PRICE_MINOR);
}

#define UNSOUND(change)                                                           \
    do {                                                                          \
        fixture_init(&fixture, ESCROW_DISPUTED);                                  \
        change;                                                                   \
        assert_false(escrow_disputes_are_sound(&fixture.escrow, fixture.disputes, \
                                               fixture.facts.dispute_count));     \
    } while (0)

static void broken_disputes_are_seen(void **state)
{
    (void)state;
    struct fixture fixture;
    struct escrow_dispute *row = &fixture.dispute;
    fixture_init(&fixture, ESCROW_DISPUTED);
    assert_true(escrow_disputes_are_sound(&fixture.escrow, fixture.disputes, 1));
    UNSOUND(fixture.facts.dispute_count = 0);
    UNSOUND(fixture.escrow.state = ESCROW_DELIVERED);
    UNSOUND(fixture.escrow.disputed_minor -= 1);
    UNSOUND(row->state = ESCROW_DISPUTE_NONE);
    UNSOUND(row->state = ESCROW_DISPUTE_STATE_COUNT);
    UNSOUND(row->state = ESCROW_DISPUTE_WITHDRAWN);
    UNSOUND(row->state = ESCROW_DISPUTE_SETTLED);
    UNSOUND(row->number = 0);
    UNSOUND(row->number = 2);
    UNSOUND(row->number = ESCROW_DISPUTES_MAX + 1);
    UNSOUND(row->version = 0);
    UNSOUND(row->id = (struct id){.bytes = {0}});
    UNSOUND(row->escrow_id = FIXTURE_STRANGER);
    UNSOUND(row->raiser_id = FIXTURE_STRANGER);
    UNSOUND(row->before = ESCROW_RELEASING);
    UNSOUND(row->amount_minor += 1);
    UNSOUND(row->amount_minor = 0; fixture.escrow.disputed_minor = 0);
    UNSOUND(row->seller_minor = 1);
    UNSOUND(row->seller_minor = -1; row->buyer_minor = 1);
    UNSOUND(row->seller_minor = 1; row->buyer_minor = -1);
}

/* ---- Every cell of the new messages ---- */

#define IN(state) (UINT32_C(1) << (state))
#define BUYER UINT32_C(1)
#define SELLER UINT32_C(2)
#define OPEN_DISPUTE (IN(ESCROW_DISPUTED) | IN(ESCROW_ESCALATED))

/* The answer to somebody who may ask for it. */
static enum escrow_reason answer_in(enum escrow_message_kind kind, uint32_t states,
                                    enum escrow_state state, bool is_buyer)
{
    if (kind == ESCROW_RAISE_DISPUTE && (OPEN_DISPUTE & IN(state)) != 0) {
        return ESCROW_REASON_DISPUTED;
    }
    if ((states & IN(state)) == 0) {
        return ESCROW_REASON_WRONG_STATE;
    }
    /* The fixture's disputes are the buyer's. */
    return kind == ESCROW_WITHDRAW_DISPUTE && !is_buyer ? ESCROW_REASON_NOT_RAISER
                                                        : ESCROW_REASON_NONE;
}

static void each_is_for_its_roles_in_its_states(void **state)
{
    (void)state;

    const struct {
        enum escrow_message_kind kind;
        uint32_t states;
        uint32_t who;
    } rows[] = {
        {ESCROW_REJECT_DELIVERY, IN(ESCROW_DELIVERED), BUYER},
        {ESCROW_ACCEPT_RETURN, IN(ESCROW_DELIVERY_REJECTED), SELLER},
        {ESCROW_RAISE_DISPUTE,
         IN(ESCROW_FUNDS_HELD) | IN(ESCROW_DELIVERED) | IN(ESCROW_DELIVERY_REJECTED) |
             IN(ESCROW_PARTIALLY_SETTLED),
         BUYER | SELLER},
        {ESCROW_WITHDRAW_DISPUTE, OPEN_DISPUTE, BUYER | SELLER},
    };

    const struct engine_actor actors[] = {
        {ENGINE_ACTOR_USER, FIXTURE_BUYER},    {ENGINE_ACTOR_USER, FIXTURE_SELLER},
        {ENGINE_ACTOR_USER, FIXTURE_STRANGER}, {ENGINE_ACTOR_MARKETPLACE, FIXTURE_MARKETPLACE},
        {ENGINE_ACTOR_STAFF, FIXTURE_STAFF},   {ENGINE_ACTOR_STAFF, FIXTURE_BUYER},
        {ENGINE_ACTOR_SYSTEM, {.bytes = {0}}},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (enum escrow_state s = ESCROW_CREATED; s < ESCROW_STATE_COUNT; s++) {
            for (size_t a = 0; a < ARRAY_LEN(actors); a++) {
                struct fixture fixture;
                fixture_init(&fixture, s);
                struct escrow_message message = fixture_message(rows[i].kind);
                message.actor = actors[a];
                struct escrow_decision decision = decide(&fixture, &message);
                bool user = actors[a].kind == ENGINE_ACTOR_USER;
                bool buyer = user && id_eq(actors[a].id, FIXTURE_BUYER);
                bool seller = user && id_eq(actors[a].id, FIXTURE_SELLER);
                enum escrow_reason reason = answer_in(rows[i].kind, rows[i].states, s, buyer);
                if ((rows[i].who & ((buyer ? BUYER : 0) | (seller ? SELLER : 0))) == 0) {
                    expect_refusal(decision, ESCROW_REASON_NOT_ALLOWED);
                } else if (reason != ESCROW_REASON_NONE) {
                    expect_refusal(decision, reason);
                } else {
                    assert_int_equal(decision.verdict, ESCROW_ACCEPT);
                }
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rejection_holds_the_money_and_starts_the_sellers_time),
        cmocka_unit_test(a_rejection_says_why),
        cmocka_unit_test(the_clock_and_the_buyer_are_decided_one_after_the_other),
        cmocka_unit_test(an_accepted_return_is_refunded),
        cmocka_unit_test(a_seller_who_does_not_answer_has_lost),
        cmocka_unit_test(the_buyer_may_change_his_mind),
        cmocka_unit_test(a_dispute_freezes_what_is_held),
        cmocka_unit_test(a_dispute_says_why),
        cmocka_unit_test(a_dispute_stops_the_release_by_time),
        cmocka_unit_test(a_dispute_comes_too_late_for_a_release),
        cmocka_unit_test(a_withdrawal_leads_back_and_starts_the_clock_anew),
        cmocka_unit_test(only_the_raiser_withdraws),
        cmocka_unit_test(a_deal_has_three_disputes_at_most),
        cmocka_unit_test(either_side_can_give_in),
        cmocka_unit_test(what_nobody_settles_goes_to_staff_and_then_back),
        cmocka_unit_test(broken_disputes_are_seen),
        cmocka_unit_test(each_is_for_its_roles_in_its_states),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
