/* The handlers: what is decoded, what parks, what is published under which id, replays. */
#include "escrow/escrow_in.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/defer.h"
#include "escrow/testing/escrow_fake.h"
#include "escrow/testing/escrow_fixture.h"
#include "escrow/testing/escrow_records.h"
#include "holdfast/escrow/v1/commands.pb-c.h"
#include "holdfast/escrow/v1/events.pb-c.h"
#include "holdfast/oracle/v1/commands.pb-c.h"
#include "holdfast/oracle/v1/events.pb-c.h"
#include "holdfast/payments/v1/events.pb-c.h"
#include "wire/wire.h"

static struct engine_turn fake;

static int setup(void **state)
{
    (void)state;
    fake_init(&fake);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fake_fini(&fake);
    return 0;
}

static struct escrow_message create_message(void)
{
    struct escrow_message message = fixture_message(ESCROW_CREATE);
    message.actor =
        (struct engine_actor){.kind = ENGINE_ACTOR_MARKETPLACE, .id = FIXTURE_MARKETPLACE};
    return message;
}

static struct str command_bytes(const struct escrow_message *message, uint8_t id)
{
    struct str value = {0};
    assert_false(status_failed(records_command(&fake.op, message, fixture_id(id), &value)));
    return value;
}

static struct str news_bytes(const struct escrow_message *message, uint8_t id)
{
    struct str value = {0};
    assert_false(status_failed(records_news(&fake.op, message, fixture_id(id), &value)));
    return value;
}

static struct status fire(const struct escrow_message *message, struct id key, uint8_t id)
{
    struct str value = {0};
    assert_false(status_failed(records_firing(&fake.op, message, fixture_id(id), &value)));
    return fake_deliver(&fake, TOPIC_ORACLE_EVENTS_V1, key, value);
}

static void create(void)
{
    struct escrow_message message = create_message();
    assert_false(status_failed(
        fake_deliver(&fake, TOPIC_ESCROW_COMMANDS_V1, FIXTURE_ESCROW, command_bytes(&message, 1))));
}

static void expect(struct status st, enum status_kind kind, const char *code)
{
    if (st.kind != kind || strcmp(fake.op.err.code, code) != 0) {
        fail_msg("expected %s %s, got %s %s", status_kind_name(kind), code,
                 status_kind_name(st.kind), fake.op.err.code ? fake.op.err.code : "-");
    }
}

static const Holdfast__Escrow__V1__EscrowEvent *event_of(const struct fake_record *record)
{
    ProtobufCMessage *message = NULL;
    assert_int_equal(record->topic, TOPIC_ESCROW_EVENTS_V1);
    assert_false(
        status_failed(wire_unpack(&fake.op, &holdfast__escrow__v1__escrow_event__descriptor,
                                  record->payload, WIRE_BUDGET_BYTES, &message)));
    return (const Holdfast__Escrow__V1__EscrowEvent *)message;
}

static void creating_writes_history_and_asks_payments(void **state)
{
    (void)state;
    create();
    assert_true(fake.rows.exists);
    assert_int_equal(fake.rows.transition_count, 1);
    assert_int_equal(fake.rows.transfer_count, 0);
    assert_int_equal(fake.rows.record_count, 2);
    assert_true(str_eq(fake.records[0].type, STR("holdfast.escrow.v1.EscrowCreated")));
    assert_true(str_eq(fake.records[1].type, STR("holdfast.payments.v1.CreatePaymentIntent")));
    assert_int_equal(fake.records[1].topic, TOPIC_PAYMENTS_COMMANDS_V1);
    const Holdfast__Escrow__V1__EscrowEvent *event = event_of(&fake.records[0]);
    assert_int_equal(event->seq, 1);
    assert_int_equal(event->state, HOLDFAST__ESCROW__V1__ESCROW_STATE__ESCROW_STATE_CREATED);
    assert_string_equal(event->escrow_created->description, "A bicycle");
    assert_string_equal(event->escrow_created->seller_account, "acct_1");
    assert_int_equal(event->escrow_created->price->amount_minor, FIXTURE_PRICE_MINOR);
    assert_int_equal(event->escrow_created->funding_seconds, ESCROW_FUNDING_MIN_SECONDS);
    assert_int_equal(event->escrow_created->delivery_seconds, ESCROW_DELIVERY_MIN_SECONDS + 1);
    assert_int_equal(event->escrow_created->inspection_seconds, ESCROW_INSPECTION_MIN_SECONDS);
    assert_null(event->deadline);
    assert_memory_equal(event->escrow_created->buyer_id.data, FIXTURE_BUYER.bytes, 16);
    assert_int_equal(event->meta->committed_at_us, fake.op.now_us);
    assert_true(fake.message.creates);
    const struct escrow_transition *transition = &fake.transitions[0];
    assert_true(id_eq(transition->cause_id, fixture_id(1)));
    assert_true(id_eq(transition->id, fake.records[0].id));
    assert_int_equal(transition->actor_kind, ENGINE_ACTOR_MARKETPLACE);
    assert_true(id_eq(transition->actor_id, FIXTURE_MARKETPLACE));
}

/* The deal that `create` made now waits for its price, which its own leg brings. */
static void await_funds(void)
{
    struct escrow_message message = fixture_message(ESCROW_INTENT_CREATED);
    create();
    message.leg_id = fake.rows.escrow.paid_leg_id;
    assert_false(status_failed(
        fake_deliver(&fake, TOPIC_PAYMENTS_EVENTS_V1, FIXTURE_ESCROW, news_bytes(&message, 2))));
}

static const Holdfast__Oracle__V1__OracleCommand *timer_of(const struct fake_record *record)
{
    ProtobufCMessage *message = NULL;
    assert_int_equal(record->topic, TOPIC_ORACLE_COMMANDS_V1);
    assert_false(
        status_failed(wire_unpack(&fake.op, &holdfast__oracle__v1__oracle_command__descriptor,
                                  record->payload, WIRE_BUDGET_BYTES, &message)));
    return (const Holdfast__Oracle__V1__OracleCommand *)message;
}

static void clocks_are_told_to_oracle_and_to_everybody(void **state)
{
    (void)state;
    await_funds();
    int64_t due_at_us = fake.op.now_us + ESCROW_FUNDING_MIN_SECONDS * INT64_C(1000000);
    assert_int_equal(fake.rows.record_count, 4);
    const Holdfast__Escrow__V1__EscrowEvent *event = event_of(&fake.records[2]);
    assert_non_null(event->deadline);
    assert_int_equal(event->deadline->at_us, due_at_us);
    assert_int_equal(event->deadline->next_state,
                     HOLDFAST__ESCROW__V1__ESCROW_STATE__ESCROW_STATE_EXPIRED);
    const Holdfast__Oracle__V1__OracleCommand *timer = timer_of(&fake.records[3]);
    assert_true(str_eq(fake.records[3].type, STR("holdfast.oracle.v1.SetTimer")));
    assert_int_equal(timer->body_case, HOLDFAST__ORACLE__V1__ORACLE_COMMAND__BODY_SET_TIMER);
    assert_int_equal(timer->set_timer->kind, HOLDFAST__ORACLE__V1__TIMER_KIND__TIMER_KIND_FUNDING);
    assert_int_equal(timer->set_timer->generation, 2);
    assert_int_equal(timer->set_timer->due_at_us, due_at_us);
    assert_memory_equal(timer->escrow_id.data, FIXTURE_ESCROW.bytes, 16);
    assert_memory_equal(timer->meta->message_id.data, fake.records[3].id.bytes, 16);

    struct escrow_message cancel = fixture_message(ESCROW_CANCEL);
    assert_false(status_failed(
        fake_deliver(&fake, TOPIC_ESCROW_COMMANDS_V1, FIXTURE_ESCROW, command_bytes(&cancel, 3))));
    const struct fake_record *last = &fake.records[fake.rows.record_count - 1];
    timer = timer_of(last);
    assert_true(str_eq(last->type, STR("holdfast.oracle.v1.CancelTimer")));
    assert_int_equal(timer->body_case, HOLDFAST__ORACLE__V1__ORACLE_COMMAND__BODY_CANCEL_TIMER);
    assert_int_equal(timer->cancel_timer->kind,
                     HOLDFAST__ORACLE__V1__TIMER_KIND__TIMER_KIND_FUNDING);
    assert_int_equal(timer->cancel_timer->generation, 2);
    assert_null(event_of(&fake.records[4])->deadline);
}

static struct escrow_message firing(void)
{
    struct escrow_message message = fixture_message(ESCROW_TIMER_FIRED);
    message.generation = fake.rows.escrow.deadline_seq;
    message.fired_at_us = fake.rows.escrow.deadline_at_us;
    return message;
}

static void a_firing_expires_the_deal_once(void **state)
{
    (void)state;
    await_funds();
    struct escrow_message message = firing();
    uint32_t before = fake.rows.record_count;
    assert_false(status_failed(fire(&message, FIXTURE_ESCROW, 3)));
    assert_int_equal(fake.rows.escrow.state, ESCROW_EXPIRED);
    assert_int_equal(fake.rows.record_count, before + 3);
    const Holdfast__Escrow__V1__EscrowEvent *expired = event_of(&fake.records[before]);
    assert_int_equal(expired->body_case, HOLDFAST__ESCROW__V1__ESCROW_EVENT__BODY_ESCROW_EXPIRED);
    assert_int_equal(expired->state, HOLDFAST__ESCROW__V1__ESCROW_STATE__ESCROW_STATE_EXPIRED);
    assert_int_equal(expired->meta->actor->kind,
                     HOLDFAST__COMMON__V1__ACTOR_KIND__ACTOR_KIND_SYSTEM);
    assert_string_equal(event_of(&fake.records[before + 1])->escrow_cancelled->reason, "TIMEOUT");
    assert_true(str_eq(fake.records[before + 2].type, STR("holdfast.payments.v1.CancelPayment")));
    /* Once more, under another id: nobody hears of it. */
    uint32_t transitions = fake.rows.transition_count;
    assert_false(status_failed(fire(&message, FIXTURE_ESCROW, 4)));
    assert_int_equal(fake.rows.record_count, before + 3);
    assert_int_equal(fake.rows.transition_count, transitions);
    assert_false(fake.changed);
}

static void a_firing_that_cannot_be_is_not_done(void **state)
{
    (void)state;
    await_funds();
    struct escrow_message message = firing();
    message.generation = 0;
    expect(fire(&message, FIXTURE_ESCROW, 3), STATUS_INVALID, "escrow.bad_timer");
    message = firing();
    message.timer = ESCROW_TIMER_NONE;
    expect(fire(&message, FIXTURE_ESCROW, 3), STATUS_INVALID, "escrow.bad_timer");
    message = firing();
    message.actor = (struct engine_actor){.kind = ENGINE_ACTOR_STAFF, .id = FIXTURE_STAFF};
    expect(fire(&message, FIXTURE_ESCROW, 3), STATUS_INVALID, "escrow.bad_timer");
    message = firing();
    expect(fire(&message, FIXTURE_STRANGER, 3), STATUS_INVALID, "wire.wrong_key");
    message.fired_at_us--;
    expect(fire(&message, FIXTURE_ESCROW, 3), STATUS_CONFLICT, "escrow.early_timer");
    assert_int_equal(fake.rows.escrow.state, ESCROW_AWAIT_FUNDS);
    fake.rows.exists = false;
    message = fixture_message(ESCROW_TIMER_FIRED);
    expect(fire(&message, FIXTURE_ESCROW, 3), STATUS_NOT_FOUND, "escrow.missing");
}

static void a_replay_makes_the_same_bytes(void **state)
{
    (void)state;
    static struct engine_turn first;
    create();
    first = fake;
    memset(&fake, 0, sizeof(fake));
    fake_init(&fake);
    create();
    assert_int_equal(fake.rows.record_count, first.rows.record_count);
    for (uint32_t i = 0; i < fake.rows.record_count; i++) {
        assert_true(id_eq(fake.records[i].id, first.records[i].id));
        assert_true(str_eq(fake.records[i].payload, first.records[i].payload));
    }
    assert_true(hash_eq(&fake.rows.escrow.chain_head, &first.rows.escrow.chain_head));
    fake_fini(&first);
}

static void a_refusal_is_an_event_without_seq(void **state)
{
    (void)state;
    struct escrow_message message = fixture_message(ESCROW_RELEASE);
    assert_false(status_failed(
        fake_deliver(&fake, TOPIC_ESCROW_COMMANDS_V1, FIXTURE_ESCROW, command_bytes(&message, 7))));
    assert_false(fake.rows.exists);
    assert_int_equal(fake.rows.record_count, 1);
    assert_true(str_eq(fake.records[0].type, STR("holdfast.escrow.v1.CommandRejected")));
    const Holdfast__Escrow__V1__EscrowEvent *event = event_of(&fake.records[0]);
    assert_int_equal(event->seq, 0);
    assert_int_equal(event->state, HOLDFAST__ESCROW__V1__ESCROW_STATE__ESCROW_STATE_UNSPECIFIED);
    assert_string_equal(event->command_rejected->code, "escrow.unknown");
    assert_memory_equal(event->meta->causation_id.data, fixture_id(7).bytes, 16);
    assert_true(event->command_rejected->sentence[0] != '\0');

    create();
    assert_false(status_failed(
        fake_deliver(&fake, TOPIC_ESCROW_COMMANDS_V1, FIXTURE_ESCROW, command_bytes(&message, 8))));
    event = event_of(&fake.records[fake.rows.record_count - 1]);
    assert_int_equal(event->state, HOLDFAST__ESCROW__V1__ESCROW_STATE__ESCROW_STATE_CREATED);
    assert_string_equal(event->command_rejected->code, "escrow.not_allowed");
    assert_int_equal(fake.rows.transition_count, 1);
}

static void every_reason_is_told_in_words(void **state)
{
    (void)state;
    for (enum escrow_reason reason = ESCROW_REASON_NONE + 1; reason < ESCROW_REASON_COUNT;
         reason++) {
        const struct escrow_reason_text *text = escrow_reason_text(reason);
        assert_true(strncmp(text->code, "escrow.", 7) == 0);
        assert_true(strlen(text->sentence) > 10);
        for (enum escrow_reason other = ESCROW_REASON_NONE; other < reason; other++) {
            assert_string_not_equal(text->code, escrow_reason_text(other)->code);
        }
    }
}

static void dropping_a_command_tells_whoever_asked(void **state)
{
    (void)state;
    struct escrow_message message = create_message();
    assert_false(status_failed(
        fake_drop(&fake, TOPIC_ESCROW_COMMANDS_V1, FIXTURE_ESCROW, command_bytes(&message, 1))));
    assert_int_equal(fake.rows.record_count, 1);
    const Holdfast__Escrow__V1__EscrowEvent *event = event_of(&fake.records[0]);
    assert_string_equal(event->command_rejected->code, "escrow.dropped");
    assert_false(fake.rows.exists);
}

static void news_before_its_escrow_waits(void **state)
{
    (void)state;
    struct escrow_message message = fixture_message(ESCROW_PAYMENT_SUCCEEDED);
    struct status st =
        fake_deliver(&fake, TOPIC_PAYMENTS_EVENTS_V1, FIXTURE_ESCROW, news_bytes(&message, 2));
    expect(st, STATUS_NOT_FOUND, "escrow.missing");
    assert_int_equal(fake.rows.record_count, 0);
}

static void an_answer_that_was_not_asked_parks(void **state)
{
    (void)state;
    create();
    struct escrow_message message = fixture_message(ESCROW_TRANSFER_SUCCEEDED);
    struct status st =
        fake_deliver(&fake, TOPIC_PAYMENTS_EVENTS_V1, FIXTURE_ESCROW, news_bytes(&message, 2));
    expect(st, STATUS_CONFLICT, "escrow.unexpected_answer");
    assert_int_equal(fake.rows.transition_count, 1);
}

static void news_that_cannot_be_is_refused(void **state)
{
    (void)state;
    create();
    struct escrow_message message = fixture_message(ESCROW_PAYMENT_SUCCEEDED);
    message.amount_minor = 0;
    expect(fake_deliver(&fake, TOPIC_PAYMENTS_EVENTS_V1, FIXTURE_ESCROW, news_bytes(&message, 2)),
           STATUS_INVALID, "escrow.bad_news");
    message.amount_minor = 1;
    message.currency = STR("dollars");
    expect(fake_deliver(&fake, TOPIC_PAYMENTS_EVENTS_V1, FIXTURE_ESCROW, news_bytes(&message, 2)),
           STATUS_INVALID, "escrow.bad_news");
    message = fixture_message(ESCROW_PAYMENT_FAILED);
    message.stage = ESCROW_STAGE_NONE;
    expect(fake_deliver(&fake, TOPIC_PAYMENTS_EVENTS_V1, FIXTURE_ESCROW, news_bytes(&message, 2)),
           STATUS_INVALID, "escrow.bad_news");
    message = fixture_message(ESCROW_REFUND_FAILED);
    message.leg_id = (struct id){0};
    expect(fake_deliver(&fake, TOPIC_PAYMENTS_EVENTS_V1, FIXTURE_ESCROW, news_bytes(&message, 2)),
           STATUS_INVALID, "wire.bad_id");
}

static void a_record_under_another_key_is_refused(void **state)
{
    (void)state;
    struct escrow_message message = create_message();
    expect(
        fake_deliver(&fake, TOPIC_ESCROW_COMMANDS_V1, FIXTURE_STRANGER, command_bytes(&message, 1)),
        STATUS_INVALID, "wire.wrong_key");
    message = fixture_message(ESCROW_PAYMENT_SUCCEEDED);
    expect(fake_deliver(&fake, TOPIC_PAYMENTS_EVENTS_V1, FIXTURE_STRANGER, news_bytes(&message, 2)),
           STATUS_INVALID, "wire.wrong_key");
}

static void a_type_from_the_future_parks(void **state)
{
    (void)state;
    Holdfast__Escrow__V1__EscrowCommand command;
    holdfast__escrow__v1__escrow_command__init(&command);
    struct engine_actor staff = {.kind = ENGINE_ACTOR_STAFF, .id = FIXTURE_STAFF};
    struct str value = {0};
    assert_false(status_failed(
        wire_meta_origin(&fake.op, fixture_id(1), fixture_id(1), staff, &command.meta)));
    assert_false(status_failed(wire_fill_id(&fake.op, FIXTURE_ESCROW, &command.escrow_id)));
    assert_false(status_failed(wire_pack(&fake.op, &command.base, &value)));
    expect(fake_deliver(&fake, TOPIC_ESCROW_COMMANDS_V1, FIXTURE_ESCROW, value), STATUS_INVALID,
           "escrow.unknown_type");

    Holdfast__Payments__V1__PaymentsEvent event;
    holdfast__payments__v1__payments_event__init(&event);
    event.meta = command.meta;
    event.escrow_id = command.escrow_id;
    event.leg_id = command.escrow_id;
    assert_false(status_failed(wire_pack(&fake.op, &event.base, &value)));
    expect(fake_deliver(&fake, TOPIC_PAYMENTS_EVENTS_V1, FIXTURE_ESCROW, value), STATUS_INVALID,
           "escrow.unknown_type");

    Holdfast__Oracle__V1__OracleEvent found;
    holdfast__oracle__v1__oracle_event__init(&found);
    found.meta = command.meta;
    found.escrow_id = command.escrow_id;
    assert_false(status_failed(wire_pack(&fake.op, &found.base, &value)));
    expect(fake_deliver(&fake, TOPIC_ORACLE_EVENTS_V1, FIXTURE_ESCROW, value), STATUS_INVALID,
           "escrow.unknown_type");
    expect(fake_deliver(&fake, TOPIC_ESCROW_COMMANDS_V1, FIXTURE_ESCROW, STR("")), STATUS_INVALID,
           "wire.empty");
}

static void the_content_is_what_the_gateway_hashes(void **state)
{
    (void)state;
    struct escrow_message message = fixture_message(ESCROW_CANCEL);
    Holdfast__Escrow__V1__CancelEscrow body;
    holdfast__escrow__v1__cancel_escrow__init(&body);
    assert_false(status_failed(wire_fill_text(&fake.op, message.text, &body.reason)));
    struct hash sent;
    assert_false(
        status_failed(wire_content_of(&fake.op, FIXTURE_ESCROW, message.actor, &body.base, &sent)));
    assert_false(status_failed(
        fake_deliver(&fake, TOPIC_ESCROW_COMMANDS_V1, FIXTURE_ESCROW, command_bytes(&message, 1))));
    assert_true(hash_eq(&fake.message.content, &sent));
}

static void a_stored_row_that_contradicts_itself_is_not_touched(void **state)
{
    (void)state;
    create();
    fake.rows.escrow.received_minor = 1;
    struct escrow_message message = fixture_message(ESCROW_CANCEL);
    expect(
        fake_deliver(&fake, TOPIC_ESCROW_COMMANDS_V1, FIXTURE_ESCROW, command_bytes(&message, 2)),
        STATUS_BUG, "escrow.unsound");
    assert_int_equal(fake.rows.transition_count, 1);
    assert_int_equal(fake.rows.record_count, 2);
}

static void foreign_money_is_told_with_its_currency(void **state)
{
    (void)state;
    create();
    struct escrow_message message = fixture_message(ESCROW_PAYMENT_SUCCEEDED);
    message.currency = STR("EUR");
    assert_false(status_failed(
        fake_deliver(&fake, TOPIC_PAYMENTS_EVENTS_V1, FIXTURE_ESCROW, news_bytes(&message, 2))));
    const Holdfast__Escrow__V1__EscrowEvent *event =
        event_of(&fake.records[fake.rows.record_count - 1]);
    assert_int_equal(event->body_case,
                     HOLDFAST__ESCROW__V1__ESCROW_EVENT__BODY_ESCROW_FUNDS_SUSPENDED);
    assert_string_equal(event->escrow_funds_suspended->currency, "EUR");
    assert_int_equal(event->escrow_funds_suspended->amount->currency,
                     HOLDFAST__COMMON__V1__CURRENCY__CURRENCY_UNSPECIFIED);
    assert_true(event->escrow_funds_suspended->flagged);
    assert_true(event->attention->foreign_money);
    assert_int_equal(event->balances->received_minor, 0);
    assert_int_equal(fake.rows.suspense_count, 1);
}

static void deliver_command(const struct escrow_message *message, uint8_t id)
{
    assert_false(status_failed(
        fake_deliver(&fake, TOPIC_ESCROW_COMMANDS_V1, FIXTURE_ESCROW, command_bytes(message, id))));
}

static void deliver_news(const struct escrow_message *message, uint8_t id)
{
    assert_false(status_failed(
        fake_deliver(&fake, TOPIC_PAYMENTS_EVENTS_V1, FIXTURE_ESCROW, news_bytes(message, id))));
}

/* Each part is a row of its own, and an answer changes the one that it is about. */
static void parts_are_rows_and_are_told(void **state)
{
    (void)state;
    await_funds();
    struct escrow_message paid = fixture_message(ESCROW_PAYMENT_SUCCEEDED);
    paid.leg_id = fake.rows.escrow.paid_leg_id;
    deliver_news(&paid, 3);
    struct escrow_message part = fixture_message(ESCROW_RELEASE_PART);
    part.actor = (struct engine_actor){.kind = ENGINE_ACTOR_USER, .id = FIXTURE_BUYER};
    part.amount_minor = 1000;
    deliver_command(&part, 4);
    part.amount_minor = 2000;
    deliver_command(&part, 5);
    assert_int_equal(fake.rows.part_count, 2);
    const struct escrow_part *second = &fake.rows.parts[1];
    assert_int_equal(second->number, 2);
    assert_int_equal(second->price_minor, 2000);
    assert_int_equal(fake.rows.escrow.released_minor, 3000);
    const struct fake_record *told = &fake.records[fake.rows.record_count - 2];
    assert_true(str_eq(told[1].type, STR("holdfast.payments.v1.TransferToSeller")));
    const Holdfast__Escrow__V1__EscrowEvent *event = event_of(told);
    assert_int_equal(event->state, HOLDFAST__ESCROW__V1__ESCROW_STATE__ESCROW_STATE_FUNDS_HELD);
    assert_int_equal(event->escrow_partially_released->amount->amount_minor, 2000);
    assert_int_equal(event->escrow_partially_released->left->amount_minor,
                     FIXTURE_PRICE_MINOR - 3000);
    assert_int_equal(event->escrow_partially_released->seller_gets->amount_minor, 2000);
    assert_int_equal(event->escrow_partially_released->number, 2);
    assert_int_equal(event->balances->released_minor, 3000);

    struct escrow_message answer = fixture_message(ESCROW_TRANSFER_SUCCEEDED);
    answer.leg_id = second->leg_id;
    answer.amount_minor = 2000;
    deliver_news(&answer, 6);
    assert_int_equal(fake.rows.parts[0].state, ESCROW_PART_SENDING);
    assert_int_equal(fake.rows.parts[1].state, ESCROW_PART_PAID);
    event = event_of(&fake.records[fake.rows.record_count - 1]);
    assert_int_equal(event->escrow_part_paid->amount->amount_minor, 2000);
    assert_int_equal(event->balances->due_seller_minor, 1000);

    /* A row that is not what was released stops the deal, and nothing is changed. */
    fake.rows.parts[0].amount_minor--;
    answer.leg_id = fake.rows.parts[0].leg_id;
    answer.amount_minor = 999;
    uint32_t before = fake.rows.record_count;
    expect(fake_deliver(&fake, TOPIC_PAYMENTS_EVENTS_V1, FIXTURE_ESCROW, news_bytes(&answer, 7)),
           STATUS_BUG, "escrow.unsound");
    assert_int_equal(fake.rows.record_count, before);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(creating_writes_history_and_asks_payments),
        CASE(clocks_are_told_to_oracle_and_to_everybody),
        CASE(a_firing_expires_the_deal_once),
        CASE(a_firing_that_cannot_be_is_not_done),
        CASE(a_replay_makes_the_same_bytes),
        CASE(a_refusal_is_an_event_without_seq),
        CASE(every_reason_is_told_in_words),
        CASE(dropping_a_command_tells_whoever_asked),
        CASE(news_before_its_escrow_waits),
        CASE(an_answer_that_was_not_asked_parks),
        CASE(news_that_cannot_be_is_refused),
        CASE(a_record_under_another_key_is_refused),
        CASE(a_type_from_the_future_parks),
        CASE(the_content_is_what_the_gateway_hashes),
        CASE(a_stored_row_that_contradicts_itself_is_not_touched),
        CASE(foreign_money_is_told_with_its_currency),
        CASE(parts_are_rows_and_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
