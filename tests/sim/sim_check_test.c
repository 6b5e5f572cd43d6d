/* The checker can fail: a small world runs without troubles and is right; then one thing is tampered with, and exactly the
 * rules that forbid it are broken. */
#include "sim_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/assert.h"
#include "base/defer.h"
#include "engine/engine_tables.h"
#include "escrow/escrow_repo.h"
#include "gateway/gateway_repo.h"
#include "notifications/notifications_repo.h"
#include "payments/payments_repo.h"
#include "sim_check_tamper.h"
#include "sim_db_internal.h"
#include "sim_stripe_internal.h"
#include "sim_time.h"

#define RULE(name) (UINT64_C(1) << SIM_RULE_##name)

_Static_assert(SIM_RULE_COUNT <= 64, "a set of rules is one number");

/* ---- The world ---- */

static struct sim_run *open_world(struct sim_outcome *outcome)
{
    const struct sim_plan plan = {
        .seed = 2,
        .on = {[SIM_TROUBLE_TRAFFIC] = true},
        .replicas = {1, 1, 1, 1, 1},
        .deals = 16,
        .people = 4,
        .batch_max = 64,
        .troubled_us = INT64_C(30) * 1000000,
        .turn_us = 5000,
    };
    struct sim_run *run = test_calloc(1, sizeof(*run));
    sim_run_open(run, &plan, outcome);
    sim_run_live(run);
    return run;
}

static void close_world(struct sim_run *run)
{
    sim_run_close(run);
    test_free(run);
}

static uint64_t broken_rules(const struct sim_verdict *verdict)
{
    uint64_t rules = 0;
    for (int rule = SIM_RULE_NONE + 1; rule < SIM_RULE_COUNT; rule++) {
        rules |= verdict->counts[rule] > 0 ? UINT64_C(1) << rule : 0;
    }
    return rules;
}

/* ---- The provider ---- */

/* Something that no request of ours made. */
static struct sim_stripe_object *new_object(struct sim_run *run, enum sim_stripe_kind kind,
                                            enum sim_stripe_state state, struct id escrow_id)
{
    struct sim_stripe_object *object = sim_stripe_make(run->stripe);
    object->kind = kind;
    object->state = state;
    object->escrow_id = escrow_id;
    object->leg_id = tamper_fresh();
    object->intent = SIM_STRIPE_NO_INTENT;
    CHANGED(struct effect_row, effect, tamper_first_row(run, SIM_PAYMENTS, &engine_effect_table));
    object->key = effect.id; /* somebody's */
    memcpy(object->currency, "usd", sizeof(object->currency));
    return object;
}

static void a_leg_moves_twice(struct sim_run *run)
{
    const struct escrow *escrow = tamper_deal_in(run, ESCROW_RELEASED);
    new_object(run, SIM_STRIPE_TRANSFER, SIM_STRIPE_PROCESSING, escrow->id)->leg_id =
        escrow->payout_leg_id;
}

static void more_goes_out_than_came(struct sim_run *run)
{
    new_object(run, SIM_STRIPE_REFUND, SIM_STRIPE_PROCESSING,
               tamper_deal_in(run, ESCROW_RELEASED)->id)
        ->asked_minor = 1;
}

static void foreign_money_goes_out(struct sim_run *run)
{
    struct sim_stripe_object *refund = new_object(run, SIM_STRIPE_REFUND, SIM_STRIPE_PROCESSING,
                                                  tamper_deal_in(run, ESCROW_RELEASED)->id);
    refund->asked_minor = 1;
    memcpy(refund->currency, "eur", sizeof(refund->currency));
}

static void a_second_transfer_leaves(struct sim_run *run)
{
    new_object(run, SIM_STRIPE_TRANSFER, SIM_STRIPE_MOVED,
               tamper_deal_in(run, ESCROW_RELEASED)->id);
}

static void the_price_goes_back_too(struct sim_run *run)
{
    const struct escrow *escrow = tamper_deal_in(run, ESCROW_RELEASED);
    uint32_t paid = 0;
    assert_int_equal(sim_stripe_made(run->stripe, SIM_STRIPE_INTENT, escrow->id, &paid), 1);
    new_object(run, SIM_STRIPE_REFUND, SIM_STRIPE_MOVED, escrow->id)->intent = paid;
}

static void another_request_has_the_key(struct sim_run *run)
{
    run->stripe->counts.different++;
}

static void nobody_asked_for_it(struct sim_run *run)
{
    sim_stripe_object(run->stripe, 0)->key = tamper_fresh();
}

static void a_forgotten_key_is_used(struct sim_run *run)
{
    run->stripe->counts.forgotten++;
}

static void money_comes_that_nobody_booked(struct sim_run *run)
{
    struct sim_stripe_object *intent = new_object(run, SIM_STRIPE_INTENT, SIM_STRIPE_MOVED,
                                                  tamper_deal_in(run, ESCROW_RELEASED)->id);
    intent->moved_minor = 1;
}

static struct sim_stripe_object *refund_of(struct sim_run *run, const struct escrow *escrow)
{
    for (uint32_t i = 0; i < sim_stripe_count(run->stripe); i++) {
        struct sim_stripe_object *object = sim_stripe_object(run->stripe, i);
        if (object->kind == SIM_STRIPE_REFUND && id_eq(object->leg_id, escrow->refund_leg_id)) {
            return object;
        }
    }
    fail_msg("no refund");
    return NULL;
}

static void a_refund_comes_back_that_nobody_booked(struct sim_run *run)
{
    refund_of(run, tamper_deal_in(run, ESCROW_REFUNDED))->state = SIM_STRIPE_RETURNED;
}

static void another_payment_is_given_back(struct sim_run *run)
{
    uint32_t other = 0;
    (void)sim_stripe_made(run->stripe, SIM_STRIPE_INTENT, tamper_deal_in(run, ESCROW_RELEASED)->id,
                          &other);
    refund_of(run, tamper_deal_in(run, ESCROW_REFUNDED))->intent = other;
}

static void a_leg_is_credited_with_more(struct sim_run *run)
{
    struct sim_db *db = run->place.dbs[SIM_PAYMENTS];
    uint32_t cursor = 0;
    const struct leg *leg;
    while ((leg = sim_db_next(db, &payments_repo_leg, &cursor)) && leg->received_minor == 0) {
    }
    ASSERT(leg);
    CHANGED(struct leg, more, leg);
    more.received_minor++;
    tamper_put(run, SIM_PAYMENTS, &payments_repo_leg, &more);
}

/* ---- What waits for a person after a restore ---- */

/* Payments was put back, and a deal of its has decisions to make again that wait behind a call which is too old. Returns
 * that deal's payout at the provider. */
static struct sim_stripe_object *wait_for_person(struct sim_run *run)
{
    const struct escrow *escrow = tamper_deal_in(run, ESCROW_RELEASED);
    uint32_t at = 0;
    assert_int_equal(sim_stripe_made(run->stripe, SIM_STRIPE_TRANSFER, escrow->id, &at), 1);
    struct sim_stripe_object *payout = sim_stripe_object(run->stripe, at);
    const struct effect_row like = {.id = payout->key};
    CHANGED(struct effect_row, effect,
            sim_db_find(run->place.dbs[SIM_PAYMENTS], &engine_effect_table, &like));
    effect.open = true;
    effect.caused_at_us -= DAY_US;
    tamper_put(run, SIM_PAYMENTS, &engine_effect_table, &effect);
    const struct restored_row row = {
        .id = tamper_fresh(), .key = escrow->id, .topic = STR("test"), .n = 1, .open = true};
    tamper_put(run, SIM_PAYMENTS, &engine_restored_table, &row);
    sim_check_reads_again(run->check);
    return payout;
}

static struct sim_stripe_object *paid_by(struct sim_run *run,
                                         const struct sim_stripe_object *payout)
{
    uint32_t at = 0;
    assert_int_equal(sim_stripe_made(run->stripe, SIM_STRIPE_INTENT, payout->escrow_id, &at), 1);
    return sim_stripe_object(run->stripe, at);
}

static void a_call_was_lost(struct sim_run *run)
{
    paid_by(run, wait_for_person(run))->key = tamper_fresh();
}

static void a_call_is_made_all_the_same(struct sim_run *run)
{
    struct sim_stripe_object *intent = paid_by(run, wait_for_person(run));
    intent->key = tamper_fresh();
    intent->asked_us = run->world->clock.wall_us + 1;
}

static void it_is_booked_and_did_not_move(struct sim_run *run)
{
    wait_for_person(run)->state = SIM_STRIPE_FAILED;
}

/* ---- The ledger ---- */

static void a_line_has_no_amount(struct sim_run *run)
{
    CHANGED(struct escrow_transfer, line,
            tamper_first_row(run, SIM_ESCROW, &escrow_transfer_table));
    line.amount_minor = 0;
    tamper_put(run, SIM_ESCROW, &escrow_transfer_table, &line);
}

static void a_sum_is_not_that_of_its_lines(struct sim_run *run)
{
    CHANGED(struct escrow, escrow, tamper_deal_in(run, ESCROW_RELEASED));
    escrow.foreign_money = !escrow.foreign_money;
    tamper_put(run, SIM_ESCROW, &escrow_table, &escrow);
}

static void a_line_belongs_to_nothing(struct sim_run *run)
{
    CHANGED(struct escrow_transfer, line,
            tamper_first_row(run, SIM_ESCROW, &escrow_transfer_table));
    line.seq = 999;
    tamper_put(run, SIM_ESCROW, &escrow_transfer_table, &line);
}

static void the_chain_has_another_head(struct sim_run *run)
{
    CHANGED(struct escrow, escrow, tamper_deal_in(run, ESCROW_RELEASED));
    escrow.chain_head.bytes[0] ^= 1;
    tamper_put(run, SIM_ESCROW, &escrow_table, &escrow);
}

static void history_is_rewritten(struct sim_run *run)
{
    CHANGED(struct escrow_transition, row,
            tamper_first_row(run, SIM_ESCROW, &escrow_transition_table));
    row.actor_kind++;
    tamper_put(run, SIM_ESCROW, &escrow_transition_table, &row);
}

static void a_row_is_not_sound(struct sim_run *run)
{
    CHANGED(struct leg, leg, tamper_first_row(run, SIM_PAYMENTS, &payments_repo_leg));
    leg.version = 0;
    tamper_put(run, SIM_PAYMENTS, &payments_repo_leg, &leg);
}

/* ---- People ---- */

static void a_notice_has_two_deliveries(struct sim_run *run)
{
    CHANGED(struct delivery, row,
            tamper_first_row(run, SIM_NOTIFICATIONS, &notifications_repo_delivery));
    row.id = tamper_fresh();
    row.state = DELIVERY_FAILED;
    tamper_put(run, SIM_NOTIFICATIONS, &notifications_repo_delivery, &row);
}

static void a_message_is_said_twice(struct sim_run *run)
{
    assert_true(sim_discord_count(run->discord) > 1);
    struct sim_discord_message *first = sim_discord_message(run->discord, 0);
    struct sim_discord_message *second = NULL;
    for (uint32_t i = 1; !second && i < sim_discord_count(run->discord); i++) {
        struct sim_discord_message *message = sim_discord_message(run->discord, i);
        second = message->recipient == first->recipient ? message : NULL;
    }
    ASSERT(second);
    memcpy(second->nonce, first->nonce, sizeof(second->nonce));
    second->at_us = first->at_us;
}

static void somebody_else_reads_it(struct sim_run *run)
{
    sim_discord_message(run->discord, 0)->recipient++;
}

/* The first two of somebody, told in their order, change places. */
static void the_later_is_said_first(struct sim_run *run)
{
    struct sim_discord_message *first = sim_discord_message(run->discord, 0);
    for (uint32_t i = 1; i < sim_discord_count(run->discord); i++) {
        struct sim_discord_message *message = sim_discord_message(run->discord, i);
        if (message->recipient == first->recipient) {
            struct sim_discord_message kept = *first;
            memcpy(first->nonce, message->nonce, sizeof(first->nonce));
            memcpy(message->nonce, kept.nonce, sizeof(message->nonce));
            return;
        }
    }
    fail();
}

static void what_waited_for_discord_is_not_sent(struct sim_run *run)
{
    CHANGED(struct delivery, waits,
            tamper_first_row(run, SIM_NOTIFICATIONS, &notifications_repo_delivery));
    int64_t happened_at_us = waits.happened_at_us;
    waits.state = DELIVERY_WAITING;
    waits.happened_at_us = sim_db_decision_us(run->place.dbs[SIM_NOTIFICATIONS]);
    tamper_put(run, SIM_NOTIFICATIONS, &notifications_repo_delivery, &waits);
    sim_check_without_discord(run->check, false);
    CHANGED(struct delivery, row,
            tamper_first_row(run, SIM_NOTIFICATIONS, &notifications_repo_delivery));
    row.state = DELIVERY_EXPIRED;
    row.happened_at_us = happened_at_us;
    tamper_put(run, SIM_NOTIFICATIONS, &notifications_repo_delivery, &row);
}

static void a_delivery_waits_for_ever(struct sim_run *run)
{
    CHANGED(struct delivery, row,
            tamper_first_row(run, SIM_NOTIFICATIONS, &notifications_repo_delivery));
    row.open = true;
    row.state = DELIVERY_WAITING;
    tamper_put(run, SIM_NOTIFICATIONS, &notifications_repo_delivery, &row);
}

static void a_delivery_is_kept_from_who_is_there(struct sim_run *run)
{
    CHANGED(struct delivery, row,
            tamper_first_row(run, SIM_NOTIFICATIONS, &notifications_repo_delivery));
    row.open = true;
    row.state = DELIVERY_NO_CHANNEL;
    tamper_put(run, SIM_NOTIFICATIONS, &notifications_repo_delivery, &row);
}

/* ---- The end ---- */

static void a_request_has_no_outcome(struct sim_run *run)
{
    CHANGED(struct intake_row, row, tamper_first_row(run, SIM_GATEWAY, &engine_intake_table));
    row.open = true;
    tamper_put(run, SIM_GATEWAY, &engine_intake_table, &row);
}

static void a_call_is_still_open(struct sim_run *run)
{
    CHANGED(struct effect_row, row, tamper_first_row(run, SIM_PAYMENTS, &engine_effect_table));
    row.open = true;
    row.caused_at_us = sim_db_decision_us(run->place.dbs[SIM_PAYMENTS]);
    tamper_put(run, SIM_PAYMENTS, &engine_effect_table, &row);
}

static void a_record_is_quarantined(struct sim_run *run)
{
    const struct quarantine_row row = {
        .topic = STR("test"), .reason = STR("test"), .key = STR(""), .value = STR("")};
    tamper_put(run, SIM_PAYMENTS, &engine_quarantine_table, &row);
}

static void a_decision_is_not_made_again(struct sim_run *run)
{
    const struct restored_row row = {
        .id = tamper_fresh(), .key = tamper_fresh(), .topic = STR("test"), .n = 1, .open = true};
    tamper_put(run, SIM_ESCROW, &engine_restored_table, &row);
}

static void a_restore_has_no_end(struct sim_run *run)
{
    const struct lane_restore_row row = {.topic = STR("test")};
    tamper_put(run, SIM_GATEWAY, &engine_lane_restore_table, &row);
}

static void a_lane_is_stopped(struct sim_run *run)
{
    run->place.dbs[SIM_ORACLE]->lanes[3].stopped = true;
}

static void a_deal_hangs(struct sim_run *run)
{
    CHANGED(struct escrow, escrow, tamper_deal_in(run, ESCROW_RELEASED));
    escrow.due_seller_minor += escrow.paid_out_minor;
    escrow.paid_out_minor = 0;
    tamper_put(run, SIM_ESCROW, &escrow_table, &escrow);
}

static void a_deal_that_ended_can_be_paid(struct sim_run *run)
{
    uint32_t intent = 0;
    const struct escrow *escrow = tamper_deal_in(run, ESCROW_EXPIRED);
    assert_int_equal(sim_stripe_made(run->stripe, SIM_STRIPE_INTENT, escrow->id, &intent), 1);
    sim_stripe_object(run->stripe, intent)->state = SIM_STRIPE_OPEN;
}

static void a_clock_runs_for_nothing(struct sim_run *run)
{
    CHANGED(struct timer_row, timer, tamper_first_row(run, SIM_ORACLE, &engine_timer_table));
    timer.open = true;
    timer.due_at_us = sim_db_decision_us(run->place.dbs[SIM_ORACLE]) + DAY_US;
    tamper_put(run, SIM_ORACLE, &engine_timer_table, &timer);
}

static void the_gateway_shows_something_else(struct sim_run *run)
{
    CHANGED(struct gateway_view, view, tamper_first_row(run, SIM_GATEWAY, &gateway_view_table));
    view.held_minor++;
    tamper_put(run, SIM_GATEWAY, &gateway_view_table, &view);
}

/* ---- All of them ---- */

static const struct {
    const char *name;
    void (*tamper)(struct sim_run *run);
    uint64_t rules; /* where more than one: what is wrong in the ledger is wrong in its sums too */
} tamperings[] = {
    {"a leg moves twice", a_leg_moves_twice, RULE(LEG_ONCE) | RULE(TERMS)},
    {"more goes out than came", more_goes_out_than_came, RULE(NO_OVERSPEND)},
    {"foreign money goes out", foreign_money_goes_out, RULE(NO_OVERSPEND)},
    {"a second transfer", a_second_transfer_leaves, RULE(ONE_END) | RULE(STATEMENT) | RULE(TERMS)},
    {"the price goes back too", the_price_goes_back_too, RULE(ONE_END) | RULE(STATEMENT)},
    {"another request under a key", another_request_has_the_key, RULE(SAME_REQUEST)},
    {"nobody asked", nobody_asked_for_it, RULE(ASKED)},
    {"a forgotten key", a_forgotten_key_is_used, RULE(SAME_REQUEST)},
    {"money not booked", money_comes_that_nobody_booked, RULE(STATEMENT) | RULE(TERMS)},
    {"a return not booked", a_refund_comes_back_that_nobody_booked, RULE(STATEMENT)},
    {"another payment", another_payment_is_given_back, RULE(RIGHT_MONEY)},
    {"lost by a restore", a_call_was_lost, 0},
    {"after a restore", a_call_is_made_all_the_same, RULE(ASKED)},
    {"booked, not moved", it_is_booked_and_did_not_move, RULE(CREDITED) | RULE(STATEMENT)},
    {"credited too much", a_leg_is_credited_with_more, RULE(CREDITED)},
    {"a line without amount", a_line_has_no_amount,
     RULE(TRANSFER) | RULE(BALANCE) | RULE(CHAIN) | RULE(STATEMENT)},
    {"a wrong sum", a_sum_is_not_that_of_its_lines, RULE(BALANCE)},
    {"a part paid by nobody", tamper_a_part_is_paid_by_nobody, RULE(BALANCE)},
    {"a part never released", tamper_a_part_was_never_released, RULE(BALANCE)},
    {"a part that brings more", tamper_a_part_brings_more, RULE(BALANCE)},
    {"more released", tamper_more_was_released,
     RULE(BALANCE) | RULE(SOUND) | RULE(TERMS) | RULE(VIEWS)},
    {"more returned", tamper_more_was_returned,
     RULE(BALANCE) | RULE(SOUND) | RULE(TERMS) | RULE(VIEWS)},
    {"a part of the other one", tamper_a_part_went_to_the_other_one, RULE(BALANCE)},
    {"a line of nothing", a_line_belongs_to_nothing, RULE(TRANSITION)},
    {"another head", the_chain_has_another_head, RULE(CHAIN)},
    {"another history", history_is_rewritten, RULE(CHAIN) | RULE(VIEWS)},
    {"an unsound row", a_row_is_not_sound, RULE(SOUND)},
    {"a gap", tamper_a_number_is_left_out, RULE(GAPLESS) | RULE(OUTBOX)},
    {"a fork", tamper_a_number_has_two_records, RULE(SAME_N)},
    {"published, not committed", tamper_a_record_was_never_committed, RULE(OUTBOX)},
    {"forgotten too early", tamper_the_outbox_forgets_too_early, RULE(OUTBOX)},
    {"committed, not published", tamper_a_commit_was_never_published, RULE(OUTBOX)},
    {"a leg settles twice", tamper_a_leg_settles_twice, RULE(ONE_EVENT)},
    {"a seq is skipped", tamper_an_event_skips_a_seq, RULE(SEQ)},
    {"a seq comes twice", tamper_an_escrow_event_comes_twice, RULE(SEQ)},
    {"too early", tamper_a_timer_fires_too_early, RULE(TOO_EARLY) | RULE(CHAIN) | RULE(TERMS)},
    {"another moment", tamper_a_timer_fires_for_another_moment, RULE(TOO_EARLY)},
    {"fired twice", tamper_a_timer_fires_twice, RULE(TOO_EARLY)},
    {"fired for nothing", tamper_a_timer_fires_for_nothing, RULE(TOO_EARLY)},
    {"a stale clock counts", tamper_a_stale_clock_counts, RULE(TIMERS) | RULE(CHAIN)},
    {"ahead of the log", tamper_somebody_is_ahead_of_the_log, RULE(POSITION) | RULE(CAUGHT_UP)},
    {"behind the log", tamper_somebody_is_behind_the_log, RULE(CAUGHT_UP)},
    {"noted elsewhere", tamper_a_message_is_noted_for_another_key, RULE(INBOX) | RULE(TAKEN)},
    {"two contents", tamper_a_request_has_two_contents, RULE(INBOX) | RULE(CAUGHT_UP)},
    {"decided twice", tamper_a_message_is_decided_twice, RULE(INBOX) | RULE(CHAIN)},
    {"another seller", tamper_another_seller_is_paid, RULE(TERMS)},
    {"another currency", tamper_another_currency_is_asked_for, RULE(TERMS)},
    {"other terms", tamper_a_deal_has_other_terms, RULE(TERMS) | RULE(CHAIN)},
    {"another piece", tamper_a_milestone_is_another_one, RULE(TERMS) | RULE(VIEWS)},
    {"other evidence", tamper_evidence_is_something_else, RULE(TERMS) | RULE(CHAIN)},
    {"another docket", tamper_the_docket_shows_another, RULE(TERMS)},
    {"forgotten", tamper_a_request_is_forgotten, RULE(TAKEN)},
    {"never published", tamper_a_request_was_never_published, RULE(TAKEN)},
    {"another request", tamper_a_request_is_another_one, RULE(TAKEN)},
    {"refused", tamper_a_deal_was_refused, RULE(TAKEN)},
    {"lost by a restore", tamper_a_request_was_lost_by_a_restore, 0},
    {"not told", tamper_somebody_is_not_told, RULE(TOLD_ALL)},
    {"the other one is told", tamper_the_other_one_is_told, RULE(TOLD_ALL)},
    {"another event", tamper_another_event_is_shown, RULE(VIEWS)},
    {"two deliveries", a_notice_has_two_deliveries, RULE(TOLD_ONCE)},
    {"said twice", a_message_is_said_twice, RULE(TOLD_ONCE) | RULE(TOLD_RIGHT)},
    {"another reader", somebody_else_reads_it, RULE(TOLD_RIGHT)},
    {"the later first", the_later_is_said_first, RULE(TOLD_ORDER)},
    {"not sent after all", what_waited_for_discord_is_not_sent, RULE(TOLD_RIGHT)},
    {"a delivery waits", a_delivery_waits_for_ever, RULE(TOLD_ONCE)},
    {"a delivery is kept from who is there", a_delivery_is_kept_from_who_is_there,
     RULE(TOLD_RIGHT)},
    {"no outcome", a_request_has_no_outcome, RULE(OUTCOME)},
    {"an open call", a_call_is_still_open, RULE(EFFECTS)},
    {"a parked key", tamper_a_key_is_parked, RULE(PARKED)},
    {"a quarantined record", a_record_is_quarantined, RULE(PARKED)},
    {"not decided again", a_decision_is_not_made_again, RULE(RESTORED)},
    {"an endless restore", a_restore_has_no_end, RULE(RESTORED)},
    {"a stopped lane", a_lane_is_stopped, RULE(STOPPED)},
    {"a deal hangs", a_deal_hangs, RULE(BALANCE) | RULE(SOUND) | RULE(ENDED) | RULE(VIEWS)},
    {"still payable", a_deal_that_ended_can_be_paid, RULE(PAYABLE)},
    {"a clock too many", a_clock_runs_for_nothing, RULE(TIMERS)},
    {"a forgotten leg", tamper_a_leg_is_forgotten, RULE(LOOKS)},
    {"looked at for nothing", tamper_a_settled_leg_is_looked_at, RULE(LOOKS) | RULE(SOUND)},
    {"another view", the_gateway_shows_something_else, RULE(VIEWS)},
};

static void an_undisturbed_world_is_right(void **state)
{
    (void)state;
    struct sim_outcome *outcome = test_calloc(1, sizeof(*outcome));
    struct sim_run *run = open_world(outcome);
    assert_string_equal(sim_verdict_line(&outcome->verdict), "");
    assert_int_equal(outcome->verdict.failures, 0);
    /* What the tamperings need is there. */
    (void)tamper_deal_in(run, ESCROW_RELEASED);
    (void)tamper_deal_in(run, ESCROW_REFUNDED);
    close_world(run);
    test_free(outcome);
}

static void every_tampering_breaks_its_rules(void **state)
{
    (void)state;
    uint64_t seen = 0;
    for (size_t i = 0; i < ARRAY_LEN(tamperings); i++) {
        struct sim_outcome *outcome = test_calloc(1, sizeof(*outcome));
        struct sim_run *run = open_world(outcome);
        assert_int_equal(outcome->verdict.failures, 0);
        tamperings[i].tamper(run);
        struct sim_verdict *verdict = test_calloc(1, sizeof(*verdict));
        sim_check_end(run->check, verdict);
        uint64_t rules = broken_rules(verdict);
        if (rules != tamperings[i].rules) {
            for (int rule = SIM_RULE_NONE + 1; rule < SIM_RULE_COUNT; rule++) {
                if (verdict->counts[rule] > 0) {
                    print_error("%s\n", verdict->texts[rule]);
                }
            }
            fail_msg("%s: other rules than expected", tamperings[i].name);
        }
        seen |= rules;
        close_world(run);
        test_free(verdict);
        test_free(outcome);
    }
    for (int rule = SIM_RULE_NONE + 1; rule < SIM_RULE_COUNT; rule++) {
        if ((seen & (UINT64_C(1) << rule)) == 0) {
            fail_msg("%s was never broken", sim_rule_name((enum sim_rule)rule));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_undisturbed_world_is_right),
        cmocka_unit_test(every_tampering_breaks_its_rules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
