/*
 * Calls that are too old to be repeated: looked up at the provider, and where that tells nothing settled by two people;
 * webhooks decided again from their stored bytes. Counted at the provider, not at us.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/defer.h"
#include "base/lane.h"
#include "payments/payments_repo.h"
#include "payments/payments_signal.h"
#include "rig.h"

#define HOUR_US INT64_C(3600000000)

static void pass_hours(struct rig *rig, int64_t hours)
{
    sim_world_pass(rig->world, hours * HOUR_US);
}

static void script(struct rig *rig, enum sim_stripe_fault fault)
{
    sim_stripe_script(rig->stripe, &fault, 1);
}

/* What the provider tells of its own accord never arrives. */
static struct rig *open_without_webhooks(void)
{
    static const struct sim_stripe_rates rates = {.webhook_lost = SIM_STRIPE_CHANCE};
    struct rig *rig = rig_open();
    sim_stripe_set_rates(rig->stripe, &rates);
    rig_start(rig);
    return rig;
}

/* The one call of this kind. */
static const struct effect_row *effect_of(struct rig *rig, enum payments_effect_kind kind)
{
    const struct effect_row *found = NULL;
    const struct effect_row *row;
    uint32_t cursor = 0;
    while ((row = sim_db_next(rig->db, &engine_effect_table, &cursor))) {
        found = row->kind == (int)kind ? row : found;
    }
    assert_non_null(found);
    return found;
}

static void await_answer(struct rig *rig, enum payments_effect_kind kind, const char *code)
{
    for (int64_t spent = 0; !str_eq(effect_of(rig, kind)->last_answer, str_of(code));
         spent += RIG_STEP_MS) {
        assert_true(spent < RIG_RUN_MS);
        rig_step(rig);
    }
}

/* ---- What people ask ---- */

static struct id ask(struct rig *rig, struct admin_request_row request)
{
    static uint32_t count;
    char name[16];
    (void)snprintf(name, sizeof(name), "%u", count++);
    request.id = id_v5(id_namespace(STR("test/request")), str_of(name));
    request.requested_by = STR("ada");
    request.created_at_us = rig->world->clock.wall_us;
    request.open = true;
    sim_db_put(rig->db, &engine_admin_request_table, &request);
    return request.id;
}

static void assert_answered(struct rig *rig, struct id id, const char *prefix)
{
    const struct admin_request_row like = {.id = id};
    const struct admin_request_row *row = sim_db_find(rig->db, &engine_admin_request_table, &like);
    for (int64_t spent = 0; row->open; spent += RIG_STEP_MS) {
        assert_true(spent < RIG_RUN_MS);
        rig_step(rig);
        row = sim_db_find(rig->db, &engine_admin_request_table, &like);
    }
    if (!str_has_prefix(row->result, str_of(prefix))) {
        print_error("answered: " STR_FMT "\n", STR_ARG(row->result));
        fail();
    }
}

/* What two people say; each row of the table below spoils one thing of it. */
static struct admin_request_row settling(struct rig *rig, enum payments_effect_kind kind,
                                         enum engine_verdict verdict, const char *object)
{
    static struct hash content;
    const struct effect_row *effect = effect_of(rig, kind);
    content = hash_of(effect->request);
    return (struct admin_request_row){
        .lane = effect->lane,
        .kind = ADMIN_SETTLE,
        .key = effect->id,
        .verdict = verdict,
        .answer = str_of(object),
        .content = {.ptr = (const char *)content.bytes, .len = sizeof(content.bytes)},
        .reason = STR("looked it up"),
        .approved_by = STR("grace"),
    };
}

static void settle(struct rig *rig, enum payments_effect_kind kind, enum engine_verdict verdict,
                   const char *object, const char *result)
{
    assert_answered(rig, ask(rig, settling(rig, kind, verdict, object)), result);
}

/* ---- Deals ---- */

static void pay(struct rig *rig, struct id escrow)
{
    rig_create(rig, escrow);
    rig_run_until(rig, escrow, CREATED);
    rig_signal(rig, escrow, LEG_PAY, "a", "payment_intent.succeeded", rig_intent_ref(rig, escrow));
    rig_run_until(rig, escrow, SUCCEEDED);
}

/* A payout that meets this, and nobody asks again for a day. */
static struct id old_transfer(struct rig *rig, enum sim_stripe_fault fault)
{
    struct id escrow = rig_escrow(1);
    pay(rig, escrow);
    script(rig, fault);
    rig_transfer(rig, escrow);
    rig_run_for(rig, 100);
    assert_int_equal(effect_of(rig, PAYMENTS_EFFECT_CREATE_TRANSFER)->attempts, 1);
    pass_hours(rig, 22);
    return escrow;
}

/* INV31: it happened, its answer was lost, and the provider has forgotten the key. */
static void what_happened_is_found(void **state)
{
    (void)state;
    struct rig *rig = open_without_webhooks();
    struct id escrow = old_transfer(rig, SIM_STRIPE_REPLY_LOST);
    rig_run_until(rig, escrow, TRANSFERRED);
    assert_int_equal(rig_made(rig, SIM_STRIPE_TRANSFER), 1);
    assert_int_equal(sim_stripe_counts(rig->stripe).forgotten, 0);
    assert_int_equal(sim_stripe_counts(rig->stripe).bad, 0);
    rig_run_for(rig, 1000);
    rig_assert_quiet(rig);
    rig_close(rig);
}

/* Whatever the look-up meets says nothing about what it asks for. */
static void a_look_up_that_fails_is_no_answer(void **state)
{
    (void)state;

    static const enum sim_stripe_fault faults[] = {
        SIM_STRIPE_REFUSED,   SIM_STRIPE_SAVED_500,  SIM_STRIPE_ERROR_500,   SIM_STRIPE_STRANGE,
        SIM_STRIPE_GARBAGE,   SIM_STRIPE_REPLY_LOST, SIM_STRIPE_LIMITED_429, SIM_STRIPE_NOT_SENT,
        SIM_STRIPE_CALL_LOST, SIM_STRIPE_BUSY_409,
    };

    for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
        struct rig *rig = open_without_webhooks();
        struct id escrow = old_transfer(rig, SIM_STRIPE_REPLY_LOST);
        script(rig, faults[i]);
        script(rig, faults[i]);
        for (int64_t spent = 0; !rig_has_heard(rig, escrow, TRANSFERRED); spent++) {
            assert_true(spent < 400);
            rig_run_for(rig, 1000);
            if (faults[i] == SIM_STRIPE_GARBAGE && spent % 10 == 9) {
                pass_hours(rig, 1); /* what told nothing is asked again hourly */
            }
        }
        assert_false(rig_has_heard(rig, escrow, TRANSFER_FAILED));
        assert_int_equal(rig_made(rig, SIM_STRIPE_TRANSFER), 1);
        rig_close(rig);
    }
}

/* Nothing was made: an intent is given up, for nobody has its secret; money waits for people. */
static void what_did_not_happen_is_not_guessed(void **state)
{
    (void)state;
    struct rig *rig = open_without_webhooks();
    struct id escrow = old_transfer(rig, SIM_STRIPE_CALL_LOST);
    await_answer(rig, PAYMENTS_EFFECT_CREATE_TRANSFER, "not_found_at_provider");
    int32_t attempts = effect_of(rig, PAYMENTS_EFFECT_CREATE_TRANSFER)->attempts;
    rig_run_for(rig, RIG_RUN_MS);
    assert_int_equal(effect_of(rig, PAYMENTS_EFFECT_CREATE_TRANSFER)->attempts, attempts);
    assert_true(effect_of(rig, PAYMENTS_EFFECT_CREATE_TRANSFER)->open);
    assert_false(rig_has_heard(rig, escrow, TRANSFER_FAILED));
    assert_int_equal(rig_made(rig, SIM_STRIPE_TRANSFER), 0);

    struct id other = rig_escrow(2);
    script(rig, SIM_STRIPE_CALL_LOST);
    rig_create(rig, other);
    rig_run_for(rig, 100);
    pass_hours(rig, 22);
    rig_run_until(rig, other, PAYMENT_FAILED);
    assert_int_equal(rig_made(rig, SIM_STRIPE_INTENT), 1);
    rig_close(rig);
}

/* A crash between the look-up and its answer asks again. */
static void a_takeover_looks_up_again(void **state)
{
    (void)state;
    struct rig *rig = open_without_webhooks();
    struct id escrow = old_transfer(rig, SIM_STRIPE_REPLY_LOST);
    script(rig, SIM_STRIPE_REPLY_LOST);
    while (effect_of(rig, PAYMENTS_EFFECT_CREATE_TRANSFER)->attempts < 2) {
        rig_step(rig);
    }
    rig_end(rig);
    rig_start(rig);
    rig_run_until(rig, escrow, TRANSFERRED);
    assert_int_equal(rig_made(rig, SIM_STRIPE_TRANSFER), 1);
    rig_close(rig);
}

/* INV: a call is settled by two people who looked at these very bytes, and never while it may still arrive. */
static void settling_is_refused(void **state)
{
    (void)state;
    struct rig *rig = open_without_webhooks();
    struct id escrow = rig_escrow(1);
    enum payments_effect_kind kind = PAYMENTS_EFFECT_CREATE_TRANSFER;
    pay(rig, escrow);
    script(rig, SIM_STRIPE_CALL_LOST);
    rig_transfer(rig, escrow);
    rig_run_for(rig, 100);
    settle(rig, kind, ENGINE_VERDICT_FAILED, "", "engine.effect_goes_on"); /* it is asked for */
    rig_close(rig);

    rig = open_without_webhooks();
    escrow = old_transfer(rig, SIM_STRIPE_CALL_LOST);
    await_answer(rig, kind, "not_found_at_provider");
    struct admin_request_row alone = settling(rig, kind, ENGINE_VERDICT_FAILED, "");
    alone.approved_by = STR("ada");
    assert_answered(rig, ask(rig, alone), "engine.needs_two_people");
    struct admin_request_row nobody = settling(rig, kind, ENGINE_VERDICT_FAILED, "");
    nobody.approved_by = STR("");
    assert_answered(rig, ask(rig, nobody), "engine.needs_two_people");
    struct admin_request_row silent = settling(rig, kind, ENGINE_VERDICT_FAILED, "");
    silent.reason = STR("");
    assert_answered(rig, ask(rig, silent), "engine.settle_incomplete");
    settle(rig, kind, ENGINE_VERDICT_DONE, "", "engine.settle_incomplete");
    settle(rig, kind, ENGINE_VERDICT_FAILED, "tr_1", "engine.settle_incomplete");
    settle(rig, kind, ENGINE_VERDICT_NONE, "", "engine.settle_incomplete");
    settle(rig, kind, ENGINE_VERDICT_DONE, "tr 1", "payments.not_to_be_settled");
    static struct hash wrong;
    wrong = hash_of(STR("another"));
    struct admin_request_row other = settling(rig, kind, ENGINE_VERDICT_FAILED, "");
    other.content = (struct str){.ptr = (const char *)wrong.bytes, .len = sizeof(wrong.bytes)};
    assert_answered(rig, ask(rig, other), "engine.effect_differs");
    struct admin_request_row unknown = settling(rig, kind, ENGINE_VERDICT_FAILED, "");
    unknown.key = rig_escrow(99);
    assert_answered(rig, ask(rig, unknown), "engine.no_effect");
    assert_true(effect_of(rig, kind)->open);
    assert_false(rig_has_heard(rig, escrow, TRANSFER_FAILED));
    settle(rig, kind, ENGINE_VERDICT_FAILED, "", "done");
    settle(rig, kind, ENGINE_VERDICT_FAILED, "", "engine.effect_settled");
    rig_run_until(rig, escrow, TRANSFER_FAILED);
    static const int kinds[] = {CREATED, SUCCEEDED, TRANSFER_FAILED};
    rig_assert_heard(rig, escrow, kinds, ARRAY_LEN(kinds));
    rig_run_for(rig, 1000);
    rig_assert_quiet(rig);
    rig_close(rig);
}

static void what_people_say_was_done_is_booked(void **state)
{
    (void)state;
    struct rig *rig = open_without_webhooks();
    struct id escrow = old_transfer(rig, SIM_STRIPE_CALL_LOST);
    await_answer(rig, PAYMENTS_EFFECT_CREATE_TRANSFER, "not_found_at_provider");
    settle(rig, PAYMENTS_EFFECT_CREATE_TRANSFER, ENGINE_VERDICT_DONE, "tr_77", "done");
    rig_run_until(rig, escrow, TRANSFERRED);
    rig_run_for(rig, 1000);
    rig_assert_quiet(rig);
    rig_close(rig);
}

/* The money was never sent, two people say so, and it goes back to the buyer instead. */
static void a_settled_payout_can_be_refunded(void **state)
{
    (void)state;
    struct rig *rig = open_without_webhooks();
    struct id escrow = old_transfer(rig, SIM_STRIPE_CALL_LOST);
    await_answer(rig, PAYMENTS_EFFECT_CREATE_TRANSFER, "not_found_at_provider");
    settle(rig, PAYMENTS_EFFECT_CREATE_TRANSFER, ENGINE_VERDICT_FAILED, "", "done");
    rig_run_until(rig, escrow, TRANSFER_FAILED);
    rig_refund(rig, escrow);
    rig_run_until(rig, escrow, REFUNDED);
    assert_int_equal(rig_made(rig, SIM_STRIPE_REFUND), 1);
    assert_int_equal(rig_made(rig, SIM_STRIPE_TRANSFER), 0);
    rig_close(rig);
}

/* ---- Webhooks again ---- */

#define EVENT_BYTES 1024

/* A webhook as it was stored when nobody understood it; nothing else is there of it. */
static struct id store_webhook(struct rig *rig, struct id escrow, const char *type,
                               const char *state_word)
{
    static char body[EVENT_BYTES];
    char escrow_text[ID_TEXT_BYTES];
    char leg_text[ID_TEXT_BYTES];
    id_format(escrow, escrow_text);
    id_format(rig_leg(escrow, LEG_PAY), leg_text);
    int len = snprintf(
        body, sizeof(body),
        "{\"id\":\"evt_again\",\"type\":\"%s\",\"livemode\":false,\"data\":{\"object\":{\"id\":"
        "\"%s\",\"object\":\"payment_intent\",\"status\":\"%s\",\"amount_received\":%d,"
        "\"currency\":\"usd\",\"latest_charge\":\"ch_1\",\"metadata\":{\"escrow_id\":"
        "\"%s\",\"leg_id\":\"%s\"}}}}",
        type, rig_intent_ref(rig, escrow), state_word, RIG_AMOUNT, escrow_text, leg_text);
    assert_in_range(len, 1, sizeof(body) - 1);
    const struct payments_webhook row = {
        .id = payments_signal_id(STR("stripe"), STR("evt_again")),
        .provider = STR("stripe"),
        .event_id = STR("evt_again"),
        .event_type = str_of(type),
        .disposition = STRIPE_UNMATCHED,
        .body = str_of(body),
        .received_at_us = rig->world->clock.wall_us,
    };
    sim_db_put(rig->db, &payments_repo_webhook, &row);
    return row.id;
}

static void replay(struct rig *rig, struct id webhook, struct id escrow, const char *result)
{
    assert_answered(rig,
                    ask(rig, (struct admin_request_row){.lane = lane_of_key(escrow),
                                                        .kind = ADMIN_REPLAY,
                                                        .key = webhook}),
                    result);
}

/* What was lost is decided, and however often it is asked for: once. */
struct calls {
    uint32_t questions, others;
};

static struct calls count_calls(struct rig *rig)
{
    struct calls calls = {.questions = 0};
    uint32_t cursor = 0;
    const struct effect_row *row;
    while ((row = sim_db_next(rig->db, &engine_effect_table, &cursor))) {
        bool asks = row->kind >= PAYMENTS_EFFECT_LOOK_AT_INTENT;
        calls.questions += asks ? 1 : 0;
        calls.others += asks ? 0 : 1;
    }
    return calls;
}

/* Looked at now and then, as long as that takes. */
static void live_for(struct rig *rig, uint32_t times, int64_t pass_us)
{
    for (uint32_t i = 0; i < times; i++) {
        sim_world_pass(rig->world, pass_us);
        rig_run_for(rig, 50);
    }
}

/* A buyer who does not pay is asked about each ten minutes; what can move money is kept for ever. */
static void questions_are_forgotten_after_a_week(void **state)
{
    (void)state;
    struct rig *rig = open_without_webhooks();
    struct id escrow = rig_escrow(1);
    rig_create(rig, escrow);
    rig_run_until(rig, escrow, CREATED);
    live_for(rig, 450, HOUR_US / 1800);
    struct calls asked = count_calls(rig);
    assert_true(asked.questions > 5);
    assert_true(asked.others > 0);
    sim_world_pass(rig->world, 6 * 24 * HOUR_US);
    live_for(rig, 450, HOUR_US / 1800);
    assert_true(count_calls(rig).questions >= asked.questions);
    sim_world_pass(rig->world, 24 * HOUR_US);
    live_for(rig, 450, HOUR_US / 1800);
    struct calls left = count_calls(rig);
    assert_true(left.questions < asked.questions);
    assert_int_equal(left.others, asked.others);
    rig_close(rig);
}

static void a_webhook_is_replayed(void **state)
{
    (void)state;
    struct rig *rig = open_without_webhooks();
    struct id escrow = rig_escrow(3);
    rig_create(rig, escrow);
    rig_run_until(rig, escrow, CREATED);
    struct id webhook = store_webhook(rig, escrow, "payment_intent.succeeded", "succeeded");
    for (int i = 0; i < 5; i++) {
        replay(rig, webhook, escrow, "done");
    }
    rig_run_for(rig, 2000);
    static const int kinds[] = {CREATED, SUCCEEDED};
    rig_assert_heard(rig, escrow, kinds, ARRAY_LEN(kinds));
    rig_assert_quiet(rig);
    rig_close(rig);
}

static void what_cannot_be_replayed_says_why(void **state)
{
    (void)state;
    struct rig *rig = open_without_webhooks();
    struct id escrow = rig_escrow(4);
    rig_create(rig, escrow);
    rig_run_until(rig, escrow, CREATED);
    replay(rig, rig_escrow(99), escrow, "engine.not_kept");
    struct id dispute = store_webhook(rig, escrow, "charge.dispute.created", "needs_response");
    replay(rig, dispute, escrow, "payments.no_signal");
    rig_close(rig);

    rig = open_without_webhooks();
    rig_create(rig, escrow);
    rig_run_until(rig, escrow, CREATED);
    struct id paid = store_webhook(rig, escrow, "payment_intent.succeeded", "succeeded");
    uint32_t other = 5;
    while (lane_of_key(rig_escrow(other)) == lane_of_key(escrow)) {
        other++;
    }
    replay(rig, paid, rig_escrow(other), "engine.other_lane");
    Holdfast__Payments__V1__PaymentsCommand strange;
    holdfast__payments__v1__payments_command__init(&strange);
    rig_command(rig, escrow, &strange); /* parks the deal */
    while (!rig_parked(rig, escrow)) {
        rig_step(rig);
    }
    replay(rig, paid, escrow, "engine.key_waits");
    assert_false(rig_has_heard(rig, escrow, SUCCEEDED));
    rig_close(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_happened_is_found),
        cmocka_unit_test(a_look_up_that_fails_is_no_answer),
        cmocka_unit_test(what_did_not_happen_is_not_guessed),
        cmocka_unit_test(a_takeover_looks_up_again),
        cmocka_unit_test(settling_is_refused),
        cmocka_unit_test(what_people_say_was_done_is_booked),
        cmocka_unit_test(a_settled_payout_can_be_refunded),
        cmocka_unit_test(questions_are_forgotten_after_a_week),
        cmocka_unit_test(a_webhook_is_replayed),
        cmocka_unit_test(what_cannot_be_replayed_says_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
