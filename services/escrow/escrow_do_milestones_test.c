/* Deals in milestones: named cases, and a row for each side of each comparison. Every (state, message, role) cell is in
 * golden/escrow_table.txt. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/defer.h"
#include "escrow/escrow_chain.h"
#include "escrow/testing/escrow_checks.h"

#define PERIOD_US (ESCROW_INSPECTION_MIN_SECONDS * INT64_C(1000000))
#define FIRST_MINOR FIXTURE_PART_MINOR

static struct escrow_message mark_delivered(int64_t number)
{
    struct escrow_message message = as_user(ESCROW_MARK_DELIVERED, FIXTURE_SELLER);
    message.number = number;
    return message;
}

static struct escrow_message release(int64_t number)
{
    struct escrow_message message = as_user(ESCROW_RELEASE, FIXTURE_BUYER);
    message.number = number;
    return message;
}

static struct escrow_message inspection_over(void)
{
    struct escrow_message message = fixture_message(ESCROW_TIMER_FIRED);
    message.timer = ESCROW_TIMER_INSPECTION;
    return message;
}

static void begin(struct fixture *fixture, enum escrow_state state)
{
    fixture_init_with(fixture, state, &FIXTURE_FEES(true));
    fixture_add_milestones(fixture);
}

/* The first is delivered since before, the second as much later. */
static void begin_two(struct fixture *fixture, int64_t later_us)
{
    begin(fixture, ESCROW_DELIVERED);
    fixture->milestone[1].state = ESCROW_MILESTONE_DELIVERED;
    fixture->milestone[1].deadline_at_us = FIXTURE_NOW_US + later_us;
}

/* As the rows are after it: what the next decision starts from. */
static void apply(struct fixture *fixture, const struct escrow_decision *decision)
{
    assert_int_equal(decision->verdict, ESCROW_ACCEPT);
    fixture->escrow = decision->next;
    for (uint32_t i = 0; i < decision->milestone_count; i++) {
        const struct escrow_milestone_change *change = &decision->milestones[i];
        fixture->milestone[change->row.number - 1] = change->row;
    }
    assert_true(
        escrow_milestones_are_sound(&fixture->escrow, fixture->milestones, FIXTURE_MILESTONES));
}

static void expect_timer(const struct escrow_decision *decision, uint32_t index,
                         enum escrow_timer timer, int64_t generation, int64_t due_at_us)
{
    assert_true(index < decision->timer_count);
    assert_int_equal(decision->timers[index].timer, timer);
    assert_int_equal(decision->timers[index].generation, generation);
    assert_int_equal(decision->timers[index].due_at_us, due_at_us);
}

/* ---- Made ---- */

static struct escrow_milestone_terms three[] = {
    {{.ptr = "Draft", .len = 5}, 4000},
    {{.ptr = "Rework", .len = 6}, 3500},
    {{.ptr = "Final", .len = 5}, 2500},
};

static struct escrow_decision create(const struct escrow_milestone_terms *milestones, size_t count,
                                     const struct fee_terms *fees)
{
    struct fixture fixture;
    fixture_init(&fixture, ESCROW_CREATED);
    struct escrow_message message = fixture_message(ESCROW_CREATE);
    message.actor = (struct engine_actor){ENGINE_ACTOR_MARKETPLACE, FIXTURE_MARKETPLACE};
    message.terms.milestones = milestones;
    message.terms.milestone_count = count;
    message.terms.fees = *fees;
    return escrow_decide(NULL, &message, &fixture.facts);
}

static void a_deal_is_made_with_its_milestones(void **state)
{
    (void)state;
    const struct fee_terms none = {.buyer_refundable = false};
    struct escrow_decision decision = create(three, ARRAY_LEN(three), &none);
    assert_int_equal(decision.verdict, ESCROW_ACCEPT);
    assert_int_equal(decision.next.milestone_count, 3);
    assert_int_equal(decision.milestone_count, 3);
    const struct escrow_milestone *rows[3];
    for (uint32_t i = 0; i < 3; i++) {
        const struct escrow_milestone *row = &decision.milestones[i].row;
        rows[i] = row;
        assert_int_equal(decision.milestones[i].index, ESCROW_MILESTONE_NEW);
        assert_true(id_eq(row->escrow_id, FIXTURE_ESCROW));
        assert_int_equal(row->number, i + 1);
        assert_int_equal(row->version, 1);
        assert_int_equal(row->state, ESCROW_MILESTONE_OPEN);
        assert_true(str_eq(row->title, three[i].title));
        assert_int_equal(row->price_minor, three[i].amount_minor);
        assert_int_equal(row->deadline_at_us, 0);
        assert_int_equal(row->created_at_us, FIXTURE_NOW_US);
        assert_int_equal(row->updated_at_us, FIXTURE_NOW_US);
    }
    struct hash hash = escrow_chain_milestones(rows, 3);
    assert_true(hash_eq(&hash, &decision.next.milestones_hash));
    decision = create(NULL, 0, &none);
    assert_int_equal(decision.verdict, ESCROW_ACCEPT);
    assert_int_equal(decision.next.milestone_count + decision.milestone_count, 0);
}

static void there_are_two_to_twenty_of_them(void **state)
{
    (void)state;
    const struct fee_terms none = {.buyer_refundable = false};
    struct escrow_milestone_terms many[ESCROW_MILESTONES_MAX + 1];
    for (size_t count = 1; count <= ARRAY_LEN(many); count++) {
        for (size_t i = 0; i < count; i++) {
            many[i] = (struct escrow_milestone_terms){STR("A piece"), 1};
        }
        many[count - 1].amount_minor = FIXTURE_PRICE_MINOR - (int64_t)count + 1;
        struct escrow_decision decision = create(many, count, &none);
        bool good = count >= ESCROW_MILESTONES_MIN && count <= ESCROW_MILESTONES_MAX;
        if (good) {
            assert_int_equal(decision.verdict, ESCROW_ACCEPT);
            assert_int_equal(decision.milestone_count, count);
        } else {
            expect_refusal(decision, ESCROW_REASON_BAD_MILESTONES);
        }
    }
}

static void they_come_to_the_price_and_have_titles(void **state)
{
    (void)state;
    static char text[ESCROW_TITLE_MAX_BYTES + 1];
    memset(text, 'x', sizeof(text));

    const struct {
        int64_t first_minor, second_minor;
        size_t title_len;
        bool good;
    } rows[] = {
        {FIXTURE_PRICE_MINOR - 1, 1, 1, true},
        {1, FIXTURE_PRICE_MINOR - 1, ESCROW_TITLE_MAX_BYTES, true},
        {1, FIXTURE_PRICE_MINOR - 1, ESCROW_TITLE_MAX_BYTES + 1, false},
        {1, FIXTURE_PRICE_MINOR - 1, 0, false},
        {1, FIXTURE_PRICE_MINOR - 2, 1, false},
        {1, FIXTURE_PRICE_MINOR, 1, false},
        {0, FIXTURE_PRICE_MINOR, 1, false},
        {-1, FIXTURE_PRICE_MINOR + 1, 1, false},
        {INT64_MIN, INT64_MAX, 1, false},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct fee_terms none = {.buyer_refundable = false};
        const struct escrow_milestone_terms two[] = {
            {{.ptr = text, .len = rows[i].title_len}, rows[i].first_minor},
            {STR("x"), rows[i].second_minor},
        };
        struct escrow_decision decision = create(two, ARRAY_LEN(two), &none);
        if (rows[i].good) {
            assert_int_equal(decision.verdict, ESCROW_ACCEPT);
        } else {
            expect_refusal(decision, ESCROW_REASON_BAD_MILESTONES);
        }
    }
}

/* Of 10,000 the platform takes 9,000 from the seller: nine of each ten, rounded up where the order is bad. */
static void each_leaves_something_to_the_seller(void **state)
{
    (void)state;
    const struct fee_terms fees = {.seller = {9000, 0}, .buyer_refundable = true};
    for (int64_t first_minor = 1; first_minor <= 20; first_minor++) {
        const struct escrow_milestone_terms two[] = {{STR("x"), first_minor},
                                                     {STR("y"), FIXTURE_PRICE_MINOR - first_minor}};
        struct escrow_decision decision = create(two, ARRAY_LEN(two), &fees);
        /* 9 * 11 / 10 = 9.9: 10 at worst, and 1 is left. Of 10, none might be. */
        if (first_minor >= 11) {
            assert_int_equal(decision.verdict, ESCROW_ACCEPT);
        } else {
            expect_refusal(decision, ESCROW_REASON_BAD_MILESTONES);
        }
    }
}

/* ---- Delivered ---- */

static void the_first_that_is_delivered_is_inspected(void **state)
{
    (void)state;

    const enum escrow_state states[] = {ESCROW_FUNDS_HELD, ESCROW_PARTIALLY_SETTLED};

    for (size_t i = 0; i < ARRAY_LEN(states); i++) {
        struct fixture fixture;
        begin(&fixture, states[i]);
        struct escrow_message message = mark_delivered(3);
        struct escrow_decision decision = decide(&fixture, &message);
        assert_int_equal(decision.verdict, ESCROW_ACCEPT);
        assert_int_equal(decision.next.state, ESCROW_DELIVERED);
        assert_int_equal(decision.step_count, 1);
        assert_int_equal(decision.steps[0].event, ESCROW_EVENT_DELIVERED);
        assert_int_equal(decision.steps[0].milestone, 3);
        assert_int_equal(decision.steps[0].move_count, 0);
        assert_int_equal(decision.milestone_count, 1);
        const struct escrow_milestone *row = &decision.milestones[0].row;
        assert_int_equal(row->number, 3);
        assert_int_equal(row->version, 2);
        assert_int_equal(row->state, ESCROW_MILESTONE_DELIVERED);
        assert_int_equal(row->deadline_at_us, FIXTURE_NOW_US + PERIOD_US);
        assert_int_equal(row->updated_at_us, FIXTURE_NOW_US);
        assert_int_equal(decision.timer_count, 2);
        expect_timer(&decision, 0, ESCROW_TIMER_DELIVERY, FIXTURE_DEADLINE_SEQ, 0);
        expect_timer(&decision, 1, ESCROW_TIMER_INSPECTION, fixture.escrow.seq + 1,
                     FIXTURE_NOW_US + PERIOD_US);
        apply(&fixture, &decision);
    }
}

static void another_one_may_be_delivered_while_the_buyer_inspects(void **state)
{
    (void)state;
    struct fixture fixture;
    begin(&fixture, ESCROW_DELIVERED);
    struct escrow_message message = mark_delivered(2);
    struct escrow_decision decision = decide(&fixture, &message);
    apply(&fixture, &decision);
    assert_int_equal(decision.next.state, ESCROW_DELIVERED);
    assert_int_equal(decision.timer_count, 0); /* the first one's inspection ends first */
    assert_int_equal(decision.next.deadline_seq, FIXTURE_DEADLINE_SEQ);
    assert_int_equal(decision.next.deadline_at_us, FIXTURE_NOW_US);
}

static void what_is_named_must_be_there_and_at_its_point(void **state)
{
    (void)state;

    const struct {
        enum escrow_state state;
        bool delivers; /* else releases */
        int64_t number;
        enum escrow_reason reason;
    } rows[] = {
        {ESCROW_FUNDS_HELD, true, 0, ESCROW_REASON_WHICH_MILESTONE},
        {ESCROW_FUNDS_HELD, true, -1, ESCROW_REASON_NO_MILESTONE},
        {ESCROW_FUNDS_HELD, true, FIXTURE_MILESTONES + 1, ESCROW_REASON_NO_MILESTONE},
        {ESCROW_FUNDS_HELD, true, INT64_MAX, ESCROW_REASON_NO_MILESTONE},
        {ESCROW_FUNDS_HELD, true, INT64_MIN, ESCROW_REASON_NO_MILESTONE},
        {ESCROW_FUNDS_HELD, false, 0, ESCROW_REASON_WHICH_MILESTONE},
        {ESCROW_PARTIALLY_SETTLED, true, 0, ESCROW_REASON_WHICH_MILESTONE},
        {ESCROW_PARTIALLY_SETTLED, true, 1, ESCROW_REASON_MILESTONE_STATE},
        {ESCROW_PARTIALLY_SETTLED, false, 1, ESCROW_REASON_MILESTONE_STATE},
        {ESCROW_DELIVERED, true, 0, ESCROW_REASON_WHICH_MILESTONE},
        {ESCROW_DELIVERED, true, 1, ESCROW_REASON_MILESTONE_STATE},
        {ESCROW_DELIVERED, false, 0, ESCROW_REASON_WHICH_MILESTONE},
        {ESCROW_DELIVERED, false, FIXTURE_MILESTONES + 1, ESCROW_REASON_NO_MILESTONE},
        {ESCROW_DISPUTED, false, 1, ESCROW_REASON_MILESTONE_STATE},
        {ESCROW_ESCALATED, false, 2, ESCROW_REASON_MILESTONE_STATE},
        {ESCROW_DISPUTED, true, 2, ESCROW_REASON_WRONG_STATE},
        {ESCROW_RELEASED, true, 1, ESCROW_REASON_WRONG_STATE},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture fixture;
        begin(&fixture, rows[i].state);
        struct escrow_message message =
            rows[i].delivers ? mark_delivered(rows[i].number) : release(rows[i].number);
        struct escrow_decision decision = decide(&fixture, &message);
        expect_refusal(decision, rows[i].reason);
        assert_int_equal(decision.milestone_count, 0);
    }
}

static void a_deal_in_one_piece_has_no_milestone(void **state)
{
    (void)state;
    struct fixture fixture;
    struct escrow_message message = mark_delivered(1);
    fixture_init(&fixture, ESCROW_FUNDS_HELD);
    expect_refusal(decide(&fixture, &message), ESCROW_REASON_NO_MILESTONE);
    message = release(1);
    fixture_init(&fixture, ESCROW_DELIVERED);
    expect_refusal(decide(&fixture, &message), ESCROW_REASON_NO_MILESTONE);
    fixture_init(&fixture, ESCROW_DELIVERY_REJECTED);
    expect_refusal(decide(&fixture, &message), ESCROW_REASON_NO_MILESTONE);
    fixture_init(&fixture, ESCROW_DISPUTED);
    expect_refusal(decide(&fixture, &message), ESCROW_REASON_NO_MILESTONE);
    message = mark_delivered(0);
    fixture_init(&fixture, ESCROW_DELIVERED);
    expect_refusal(decide(&fixture, &message), ESCROW_REASON_WRONG_STATE);
}

/* ---- Released ---- */

static void one_is_paid_out_and_the_rest_stays_held(void **state)
{
    (void)state;
    struct fixture fixture;
    begin(&fixture, ESCROW_DELIVERED);
    struct escrow_message message = release(1);
    struct escrow_decision decision = decide(&fixture, &message);
    assert_int_equal(decision.step_count, 1);
    const struct escrow_step *step = &decision.steps[0];
    assert_int_equal(step->event, ESCROW_EVENT_PARTIALLY_RELEASED);
    assert_int_equal(step->milestone, 1);
    assert_int_equal(step->number, 1);
    assert_int_equal(step->amount_minor, FIRST_MINOR);
    assert_int_equal(step->seller_minor, FIXTURE_PART_NET_MINOR);
    assert_int_equal(step->text.len, 0);
    expect_move(step, 0, ESCROW_ACCOUNT_ESCROW_HELD, ESCROW_ACCOUNT_DUE_SELLER,
                FIXTURE_PART_NET_MINOR, (struct id){0});
    assert_int_equal(decision.request_count, 1);
    assert_int_equal(decision.requests[0].amount_minor, FIXTURE_PART_NET_MINOR);
    assert_int_equal(decision.part_count, 1);
    assert_int_equal(decision.parts[0].row.price_minor, FIRST_MINOR);
    assert_int_equal(decision.milestone_count, 1);
    assert_int_equal(decision.milestones[0].row.state, ESCROW_MILESTONE_RELEASED);
    assert_int_equal(decision.milestones[0].row.deadline_at_us, 0);
    assert_int_equal(decision.next.held_minor, FIXTURE_PRICE_MINOR - FIRST_MINOR);
    /* The seller's time to deliver the next one begins. */
    assert_int_equal(decision.next.state, ESCROW_PARTIALLY_SETTLED);
    assert_int_equal(decision.timer_count, 2);
    expect_timer(&decision, 0, ESCROW_TIMER_INSPECTION, FIXTURE_DEADLINE_SEQ, 0);
    expect_timer(&decision, 1, ESCROW_TIMER_DELIVERY, fixture.escrow.seq + 1,
                 FIXTURE_NOW_US + escrow_period_us(&fixture.escrow, ESCROW_TIMER_DELIVERY));
    apply(&fixture, &decision);
}

static void the_clock_is_that_of_whose_inspection_ends_first(void **state)
{
    (void)state;

    const struct {
        int64_t number;
        int64_t later_us;
        bool moves;
    } rows[] = {
        {1, 1, true},  /* the other one ends later */
        {1, 0, false}, /* in the same moment */
        {2, 1, false}, /* the first one still runs */
        {1, 5000, true},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture fixture;
        begin_two(&fixture, rows[i].later_us);
        struct escrow_message message = release(rows[i].number);
        struct escrow_decision decision = decide(&fixture, &message);
        assert_int_equal(decision.next.state, ESCROW_DELIVERED);
        assert_int_equal(decision.timer_count, rows[i].moves ? 1 : 0);
        if (rows[i].moves) { /* a higher generation replaces what runs */
            expect_timer(&decision, 0, ESCROW_TIMER_INSPECTION, fixture.escrow.seq + 1,
                         FIXTURE_NOW_US + rows[i].later_us);
        }
        apply(&fixture, &decision);
    }
}

static void the_last_one_ends_the_deal(void **state)
{
    (void)state;
    struct fixture fixture;
    begin(&fixture, ESCROW_PARTIALLY_SETTLED);
    fixture.milestone[1].state = ESCROW_MILESTONE_RELEASED; /* and with it all but the third */
    fixture.escrow.state = ESCROW_DELIVERED;
    fixture.milestone[2].state = ESCROW_MILESTONE_DELIVERED;
    fixture.milestone[2].deadline_at_us = FIXTURE_NOW_US;
    /* The second's money, as a second part that was paid: by the terms, to the cent. */
    int64_t until_minor = FIRST_MINOR + FIXTURE_SECOND_MINOR;
    struct escrow *escrow = &fixture.escrow;
    struct escrow_part second = fixture.part;
    second.id = second.leg_id = fixture_id(0x1a);
    second.number = 2;
    second.price_minor = FIXTURE_SECOND_MINOR;
    second.amount_minor = escrow_net_of_next(escrow, FIXTURE_SECOND_MINOR);
    const struct escrow_part *parts[] = {&fixture.part, &second};
    fixture.facts.parts = parts;
    fixture.facts.part_count = 2;
    escrow->paid_out_minor += second.amount_minor;
    escrow->released_minor = until_minor;
    escrow->held_minor = FIXTURE_THIRD_MINOR;
    escrow->fee_deferred_minor = escrow->buyer_fee_minor - escrow_buyer_fee_of(escrow, until_minor);
    escrow->fee_minor =
        escrow_buyer_fee_of(escrow, until_minor) + escrow_seller_fee_of(escrow, until_minor);
    struct escrow_message message = release(3);
    struct escrow_decision decision = decide(&fixture, &message);
    apply(&fixture, &decision);
    assert_int_equal(decision.next.state, ESCROW_RELEASING);
    assert_int_equal(decision.steps[0].event, ESCROW_EVENT_RELEASE_STARTED);
    assert_int_equal(decision.steps[0].milestone, 3);
    assert_int_equal(decision.part_count, 0);
    assert_int_equal(decision.next.released_minor, FIXTURE_PRICE_MINOR);
    /* To the cent what the whole would have brought. */
    assert_int_equal(decision.next.paid_out_minor + decision.next.due_seller_minor,
                     FIXTURE_NET_MINOR);
    assert_int_equal(decision.next.fee_minor, FIXTURE_BUYER_FEE_MINOR + FIXTURE_SELLER_FEE_MINOR);
}

static void who_does_not_object_in_time_has_accepted_that_one(void **state)
{
    (void)state;
    struct fixture fixture;
    begin(&fixture, ESCROW_DELIVERED);
    struct escrow_message message = inspection_over();
    struct escrow_decision decision = decide(&fixture, &message);
    apply(&fixture, &decision);
    assert_int_equal(decision.next.state, ESCROW_PARTIALLY_SETTLED);
    assert_int_equal(decision.steps[0].milestone, 1);
    assert_true(str_eq(decision.steps[0].text, STR("INSPECTION_OVER")));
    assert_int_equal(decision.timer_count, 1); /* the inspection's has fired */
    assert_int_equal(decision.timers[0].timer, ESCROW_TIMER_DELIVERY);
    assert_true(decision.timers[0].due_at_us > 0);
}

/* Of two, each has its own moment, also where they are the same: each has its own firing. */
static void each_inspection_ends_by_itself(void **state)
{
    (void)state;
    for (int64_t later_us = 0; later_us <= 1; later_us++) {
        struct fixture fixture;
        begin_two(&fixture, later_us);
        struct escrow_message message = inspection_over();
        struct escrow_decision decision = decide(&fixture, &message);
        apply(&fixture, &decision);
        assert_int_equal(decision.next.state, ESCROW_DELIVERED);
        assert_int_equal(decision.steps[0].milestone, 1);
        assert_int_equal(decision.milestone_count, 1);
        assert_int_equal(decision.timer_count, 1);
        expect_timer(&decision, 0, ESCROW_TIMER_INSPECTION, fixture.escrow.seq,
                     FIXTURE_NOW_US + later_us);
    }
    /* Which one is first does not follow from the numbers. */
    struct fixture fixture;
    begin_two(&fixture, -1);
    fixture.escrow.deadline_at_us = FIXTURE_NOW_US - 1;
    struct escrow_message message = inspection_over();
    struct escrow_decision decision = decide(&fixture, &message);
    apply(&fixture, &decision);
    assert_int_equal(decision.steps[0].milestone, 2);
}

/* ---- What is about all that is held ---- */

static void no_part_is_of_a_milestone(void **state)
{
    (void)state;

    const enum escrow_state states[] = {ESCROW_FUNDS_HELD, ESCROW_DELIVERED,
                                        ESCROW_PARTIALLY_SETTLED};

    for (size_t i = 0; i < ARRAY_LEN(states); i++) {
        struct fixture fixture;
        begin(&fixture, states[i]);
        struct escrow_message message = as_user(ESCROW_RELEASE_PART, FIXTURE_BUYER);
        expect_refusal(decide(&fixture, &message), ESCROW_REASON_HAS_MILESTONES);
    }
}

static void expect_ends(const struct escrow_decision *decision, uint32_t count,
                        enum escrow_milestone_state state)
{
    assert_int_equal(decision->milestone_count, count);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(decision->milestones[i].row.state, state);
        assert_int_equal(decision->milestones[i].row.deadline_at_us, 0);
    }
}

static void what_is_left_ends_together(void **state)
{
    (void)state;
    struct fixture fixture;
    struct escrow_message message = as_user(ESCROW_REFUND, FIXTURE_SELLER);
    begin(&fixture, ESCROW_PARTIALLY_SETTLED);
    struct escrow_decision decision = decide(&fixture, &message);
    apply(&fixture, &decision);
    assert_int_equal(decision.next.state, ESCROW_REFUNDING);
    expect_ends(&decision, 2, ESCROW_MILESTONE_REFUNDED);

    begin(&fixture, ESCROW_PARTIALLY_SETTLED); /* the next one is not delivered in time */
    message = fixture_message(ESCROW_TIMER_FIRED);
    message.timer = ESCROW_TIMER_DELIVERY;
    decision = decide(&fixture, &message);
    apply(&fixture, &decision);
    assert_int_equal(decision.next.state, ESCROW_REFUNDING);
    assert_true(str_eq(decision.steps[0].text, STR("NOT_DELIVERED")));
    expect_ends(&decision, 2, ESCROW_MILESTONE_REFUNDED);

    begin(&fixture, ESCROW_DISPUTED); /* the buyer gives in */
    message = release(0);
    decision = decide(&fixture, &message);
    apply(&fixture, &decision);
    assert_int_equal(decision.next.state, ESCROW_RELEASING);
    assert_int_equal(decision.steps[0].milestone, 0);
    expect_ends(&decision, 3, ESCROW_MILESTONE_RELEASED);

    begin(&fixture, ESCROW_PARTIALLY_SETTLED);
    fixture_add_offer(&fixture, FIXTURE_SELLER);
    message = as_user(ESCROW_ACCEPT_SPLIT, FIXTURE_BUYER);
    decision = decide(&fixture, &message);
    apply(&fixture, &decision);
    assert_int_equal(decision.next.state, ESCROW_SETTLING);
    expect_ends(&decision, 2, ESCROW_MILESTONE_DIVIDED);
}

/* All that is held is frozen, and the inspections stand still; then they begin anew. */
static void a_dispute_stops_every_inspection(void **state)
{
    (void)state;
    struct fixture fixture;
    begin_two(&fixture, 7);
    struct escrow_message message = as_user(ESCROW_RAISE_DISPUTE, FIXTURE_BUYER);
    struct escrow_decision decision = decide(&fixture, &message);
    assert_int_equal(decision.next.state, ESCROW_DISPUTED);
    assert_int_equal(decision.next.disputed_minor, FIXTURE_PRICE_MINOR);
    assert_int_equal(decision.milestone_count, 0);
    apply(&fixture, &decision);

    begin(&fixture, ESCROW_DISPUTED);
    fixture.milestone[1].state = ESCROW_MILESTONE_DELIVERED;
    fixture.milestone[1].deadline_at_us = FIXTURE_NOW_US + 7;
    message = as_user(ESCROW_WITHDRAW_DISPUTE, FIXTURE_BUYER);
    decision = decide(&fixture, &message);
    apply(&fixture, &decision);
    assert_int_equal(decision.next.state, ESCROW_DELIVERED);
    assert_int_equal(decision.milestone_count, 2);
    for (uint32_t i = 0; i < 2; i++) {
        assert_int_equal(fixture.milestone[i].deadline_at_us, FIXTURE_NOW_US + PERIOD_US);
    }
    assert_int_equal(decision.next.deadline_at_us, FIXTURE_NOW_US + PERIOD_US);
    /* A dispute between two milestones leads back there. */
    begin(&fixture, ESCROW_PARTIALLY_SETTLED);
    message = as_user(ESCROW_RAISE_DISPUTE, FIXTURE_SELLER);
    decision = decide(&fixture, &message);
    apply(&fixture, &decision);
    assert_int_equal(decision.dispute.row.before, ESCROW_PARTIALLY_SETTLED);
    assert_int_equal(decision.dispute.row.amount_minor, FIXTURE_PRICE_MINOR - FIRST_MINOR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_deal_is_made_with_its_milestones),
        cmocka_unit_test(there_are_two_to_twenty_of_them),
        cmocka_unit_test(they_come_to_the_price_and_have_titles),
        cmocka_unit_test(each_leaves_something_to_the_seller),
        cmocka_unit_test(the_first_that_is_delivered_is_inspected),
        cmocka_unit_test(another_one_may_be_delivered_while_the_buyer_inspects),
        cmocka_unit_test(what_is_named_must_be_there_and_at_its_point),
        cmocka_unit_test(a_deal_in_one_piece_has_no_milestone),
        cmocka_unit_test(one_is_paid_out_and_the_rest_stays_held),
        cmocka_unit_test(the_clock_is_that_of_whose_inspection_ends_first),
        cmocka_unit_test(the_last_one_ends_the_deal),
        cmocka_unit_test(who_does_not_object_in_time_has_accepted_that_one),
        cmocka_unit_test(each_inspection_ends_by_itself),
        cmocka_unit_test(no_part_is_of_a_milestone),
        cmocka_unit_test(what_is_left_ends_together),
        cmocka_unit_test(a_dispute_stops_every_inspection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
