/* Records of both topics to news, and news to views, in every order in which they can come. */
#include "gateway/gateway_decide.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/defer.h"
#include "gateway/gateway_in.h"
#include "gateway/gateway_repo.h"
#include "gateway/testing/gateway_checks.h"
#include "gateway/testing/gateway_op.h"
#include "holdfast/escrow/v1/events.pb-c.h"
#include "holdfast/payments/v1/events.pb-c.h"
#include "wire/wire.h"

#define ESCROW "e0000000-0000-4000-8000-000000000004"
#define USER "b0000000-0000-4000-8000-000000000002"
#define EVENT_ID "f0000000-0000-4000-8000-000000000007"
#define CAUSE "d0000000-0000-4000-8000-000000000005"

static struct id id_of(const char *text)
{
    struct id id = {.bytes = {0}};
    assert_true(id_parse(str_of(text), &id));
    return id;
}

static void ok(struct op *op, struct status st)
{
    if (status_failed(st)) {
        fail_msg("%s: %s", op->err.code, op->err.msg);
    }
}

/* ---- Records ---- */

static void begin_event(struct op *op, Holdfast__Escrow__V1__EscrowEvent *event, int64_t seq)
{
    static Holdfast__Escrow__V1__Balances balances;
    static Holdfast__Escrow__V1__Attention attention;
    const struct engine_message cause = {
        .id = id_of(CAUSE),
        .correlation_id = id_of(CAUSE),
        .actor = {.kind = ENGINE_ACTOR_USER, .id = id_of(USER)},
    };
    holdfast__escrow__v1__balances__init(&balances);
    holdfast__escrow__v1__attention__init(&attention);
    holdfast__escrow__v1__escrow_event__init(event);
    balances.received_minor = 100;
    balances.held_minor = 40;
    balances.disputed_minor = 41;
    balances.released_minor = 42;
    balances.suspense_minor = 30;
    balances.due_seller_minor = 20;
    balances.due_buyer_minor = 5;
    balances.paid_out_minor = 3;
    balances.refunded_minor = 2;
    attention.payout_failed_minor = 4;
    attention.refund_failed_minor = 6;
    attention.foreign_money = true;
    event->balances = &balances;
    event->attention = &attention;
    event->seq = seq;
    event->state = HOLDFAST__ESCROW__V1__ESCROW_STATE__ESCROW_STATE_FUNDS_HELD;
    ok(op, wire_meta_fill(op, &cause, id_of(USER), &event->meta));
    ok(op, wire_fill_id(op, id_of(ESCROW), &event->escrow_id));
}

static struct status decode(struct op *op, const ProtobufCMessage *packed, const char *key,
                            struct engine_message *ret_message)
{
    struct bus_record record = {.topic = TOPIC_ESCROW_EVENTS_V1, .key = str_of(key)};
    ok(op, wire_pack(op, packed, &record.value));
    *ret_message = (struct engine_message){.type = 0};
    return gateway_in_events_decode(op, &record, ret_message);
}

static const struct gateway_news *news_of(struct op *op,
                                          const Holdfast__Escrow__V1__EscrowEvent *event,
                                          struct engine_message *ret_message)
{
    ok(op, decode(op, &event->base, ESCROW, ret_message));
    return ret_message->body;
}

static void created_is_read_whole(void **state)
{
    struct fixture *fixture = *state;
    struct op *op = &fixture->op;
    Holdfast__Escrow__V1__EscrowEvent event;
    Holdfast__Escrow__V1__EscrowCreated created;
    begin_event(op, &event, 1);
    holdfast__escrow__v1__escrow_created__init(&created);
    ok(op, wire_fill_id(op, id_of(CAUSE), &created.marketplace_id));
    ok(op, wire_fill_id(op, id_of(USER), &created.buyer_id));
    ok(op, wire_fill_id(op, id_of(ESCROW), &created.seller_id));
    ok(op, wire_fill_money(op, CURRENCY_USD, 777, &created.price));
    ok(op, wire_fill_text(op, STR("acct_1"), &created.seller_account));
    ok(op, wire_fill_text(op, STR("A sword"), &created.description));
    created.funding_seconds = 7200;
    created.delivery_seconds = 10800;
    created.inspection_seconds = 86400;
    const struct fee_terms fees = {.buyer = {1, 2}, .seller = {3, 4}, .buyer_refundable = true};
    ok(op, wire_fill_fees(op, &fees, &created.fees));
    static const char key[32] = {0x0a, 0x0b};
    ok(op, wire_fill_id(op, id_of(EVENT_ID), &created.arbiter_id));
    created.arbiter_key = wire_borrow(key, sizeof(key));
    event.body_case = HOLDFAST__ESCROW__V1__ESCROW_EVENT__BODY_ESCROW_CREATED;
    event.escrow_created = &created;
    struct engine_message message;
    const struct gateway_news *news = news_of(op, &event, &message);
    assert_int_equal(news->kind, GATEWAY_NEWS_CREATED);
    assert_true(message.creates);
    assert_false(message.skip);
    assert_true(id_eq(message.causation_id, id_of(CAUSE)));
    assert_true(str_eq(news->type, STR("EscrowCreated")));
    assert_int_equal(news->amount_minor, 777);
    assert_int_equal(news->told.price_minor, 777);
    assert_int_equal(news->told.currency, CURRENCY_USD);
    assert_true(id_eq(news->told.marketplace_id, id_of(CAUSE)));
    assert_true(id_eq(news->told.buyer_id, id_of(USER)));
    assert_true(id_eq(news->told.seller_id, id_of(ESCROW)));
    assert_true(str_eq(news->told.seller_account, STR("acct_1")));
    assert_true(id_eq(news->told.arbiter_id, id_of(EVENT_ID)));
    assert_int_equal(news->told.arbiter_key.len, 64);
    assert_true(str_has_prefix(news->told.arbiter_key, STR("0a0b00")));
    assert_true(str_eq(news->told.description, STR("A sword")));
    assert_int_equal(news->told.funding_seconds, 7200);
    assert_int_equal(news->told.delivery_seconds, 10800);
    assert_int_equal(news->told.inspection_seconds, 86400);
    assert_int_equal(news->told.fees.buyer.basis_points, 1);
    assert_int_equal(news->told.fees.buyer.fixed_minor, 2);
    assert_int_equal(news->told.fees.seller.basis_points, 3);
    assert_int_equal(news->told.fees.seller.fixed_minor, 4);
    assert_true(news->told.fees.buyer_refundable);
    assert_int_equal(news->told.deadline_at_us, 0);
    assert_int_equal(news->told.deadline_state, GATEWAY_STATE_NONE);
    struct str code = STR("-");
    struct str sentence = STR("-");
    assert_int_equal(gateway_in_events_outcome(&message, &code, &sentence), INTAKE_ACCEPTED);
    assert_true(str_eq(code, STR("-")));
}

static void sums_and_attention_are_read(void **state)
{
    struct fixture *fixture = *state;
    struct op *op = &fixture->op;
    Holdfast__Escrow__V1__EscrowEvent event;
    Holdfast__Escrow__V1__EscrowRefundStarted started;
    begin_event(op, &event, 5);
    holdfast__escrow__v1__escrow_refund_started__init(&started);
    ok(op, wire_fill_money(op, CURRENCY_USD, 40, &started.amount));
    ok(op, wire_fill_text(op, STR("broken"), &started.reason));
    event.body_case = HOLDFAST__ESCROW__V1__ESCROW_EVENT__BODY_ESCROW_REFUND_STARTED;
    event.escrow_refund_started = &started;
    struct engine_message message;
    const struct gateway_news *news = news_of(op, &event, &message);
    assert_int_equal(news->kind, GATEWAY_NEWS_CHANGED);
    assert_false(message.creates);
    assert_true(str_eq(news->type, STR("EscrowRefundStarted")));
    assert_true(str_eq(news->note, STR("broken")));
    assert_int_equal(news->amount_minor, 40);
    assert_int_equal(news->told.seq, 5);
    assert_int_equal(news->told.state, 3);
    assert_int_equal(news->told.received_minor, 100);
    assert_int_equal(news->told.held_minor, 40);
    assert_int_equal(news->told.disputed_minor, 41);
    assert_int_equal(news->told.released_minor, 42);
    assert_int_equal(news->told.suspense_minor, 30);
    assert_int_equal(news->told.due_seller_minor, 20);
    assert_int_equal(news->told.due_buyer_minor, 5);
    assert_int_equal(news->told.paid_out_minor, 3);
    assert_int_equal(news->told.refunded_minor, 2);
    assert_int_equal(news->told.payout_failed_minor, 4);
    assert_int_equal(news->told.refund_failed_minor, 6);
    assert_true(news->told.foreign_money);
    assert_false(news->told.payment_setup_failed);
}

static void the_deadline_is_read(void **state)
{
    struct fixture *fixture = *state;
    struct op *op = &fixture->op;
    Holdfast__Escrow__V1__EscrowEvent event;
    Holdfast__Escrow__V1__EscrowDelivered delivered;
    Holdfast__Escrow__V1__Deadline deadline;
    begin_event(op, &event, 5);
    holdfast__escrow__v1__escrow_delivered__init(&delivered);
    holdfast__escrow__v1__deadline__init(&deadline);
    deadline.at_us = 77;
    deadline.next_state = HOLDFAST__ESCROW__V1__ESCROW_STATE__ESCROW_STATE_RELEASING;
    event.deadline = &deadline;
    event.body_case = HOLDFAST__ESCROW__V1__ESCROW_EVENT__BODY_ESCROW_DELIVERED;
    event.escrow_delivered = &delivered;
    struct engine_message message;
    const struct gateway_news *news = news_of(op, &event, &message);
    assert_int_equal(news->told.deadline_at_us, 77);
    assert_int_equal(news->told.deadline_state, 5);
}

static void the_open_offer_is_read(void **state)
{
    struct fixture *fixture = *state;
    struct op *op = &fixture->op;
    Holdfast__Escrow__V1__EscrowEvent event;
    Holdfast__Escrow__V1__EscrowSplitProposed proposed;
    Holdfast__Escrow__V1__Split split;
    begin_event(op, &event, 5);
    holdfast__escrow__v1__escrow_split_proposed__init(&proposed);
    proposed.seller_minor = 30;
    holdfast__escrow__v1__split__init(&split);
    split.number = 3;
    split.seller_minor = 30;
    split.buyer_minor = 10;
    ok(op, wire_fill_id(op, (struct id){.bytes = {0xd1}}, &split.proposer_id));
    event.body_case = HOLDFAST__ESCROW__V1__ESCROW_EVENT__BODY_ESCROW_SPLIT_PROPOSED;
    event.escrow_split_proposed = &proposed;
    struct engine_message message;
    const struct gateway_news *news = news_of(op, &event, &message);
    assert_int_equal(news->told.split_number, 0);
    event.split = &split;
    news = news_of(op, &event, &message);
    assert_int_equal(news->told.split_number, 3);
    assert_int_equal(news->told.split_seller_minor, 30);
    assert_int_equal(news->told.split_buyer_minor, 10);
    assert_int_equal(news->told.split_by.bytes[0], 0xd1);
    assert_int_equal(news->amount_minor, 30);
}

/* Why a clock ended a deal is in the timeline. */
static void a_release_by_the_clock_says_so(void **state)
{
    struct fixture *fixture = *state;
    struct op *op = &fixture->op;
    Holdfast__Escrow__V1__EscrowEvent event;
    Holdfast__Escrow__V1__EscrowReleaseStarted started;
    begin_event(op, &event, 5);
    holdfast__escrow__v1__escrow_release_started__init(&started);
    ok(op, wire_fill_money(op, CURRENCY_USD, 40, &started.amount));
    ok(op, wire_fill_text(op, STR("INSPECTION_OVER"), &started.reason));
    event.body_case = HOLDFAST__ESCROW__V1__ESCROW_EVENT__BODY_ESCROW_RELEASE_STARTED;
    event.escrow_release_started = &started;
    struct engine_message message;
    const struct gateway_news *news = news_of(op, &event, &message);
    assert_true(str_eq(news->note, STR("INSPECTION_OVER")));
    assert_int_equal(news->amount_minor, 40);
}

static void an_expiry_is_news(void **state)
{
    struct fixture *fixture = *state;
    struct op *op = &fixture->op;
    Holdfast__Escrow__V1__EscrowEvent event;
    Holdfast__Escrow__V1__EscrowExpired expired;
    begin_event(op, &event, 5);
    holdfast__escrow__v1__escrow_expired__init(&expired);
    event.body_case = HOLDFAST__ESCROW__V1__ESCROW_EVENT__BODY_ESCROW_EXPIRED;
    event.escrow_expired = &expired;
    struct engine_message message;
    const struct gateway_news *news = news_of(op, &event, &message);
    assert_false(message.skip);
    assert_int_equal(news->kind, GATEWAY_NEWS_CHANGED);
    assert_true(str_eq(news->type, STR("EscrowExpired")));
}

static void a_refusal_closes_its_command(void **state)
{
    struct fixture *fixture = *state;
    struct op *op = &fixture->op;
    Holdfast__Escrow__V1__EscrowEvent event;
    Holdfast__Escrow__V1__CommandRejected rejected;
    begin_event(op, &event, 0);
    event.balances = NULL;
    event.attention = NULL;
    event.state = HOLDFAST__ESCROW__V1__ESCROW_STATE__ESCROW_STATE_UNSPECIFIED;
    holdfast__escrow__v1__command_rejected__init(&rejected);
    ok(op, wire_fill_text(op, STR("escrow.wrong_state"), &rejected.code));
    ok(op, wire_fill_text(op, STR("Not now."), &rejected.sentence));
    event.body_case = HOLDFAST__ESCROW__V1__ESCROW_EVENT__BODY_COMMAND_REJECTED;
    event.command_rejected = &rejected;
    struct engine_message message;
    const struct gateway_news *news = news_of(op, &event, &message);
    assert_int_equal(news->kind, GATEWAY_NEWS_REFUSED);
    struct str code;
    struct str sentence;
    assert_int_equal(gateway_in_events_outcome(&message, &code, &sentence), INTAKE_REJECTED);
    assert_true(str_eq(code, STR("escrow.wrong_state")));
    assert_true(str_eq(sentence, STR("Not now.")));
    struct gateway_view next;
    assert_int_equal(gateway_decide(NULL, news, id_of(ESCROW), 1, &next), GATEWAY_UNCHANGED);
}

/* Of an escrow that is newer: where the deal stands now is said by the event's envelope, and its request is done. */
static void what_is_not_known_is_shown_all_the_same(void **state)
{
    struct fixture *fixture = *state;
    struct op *op = &fixture->op;
    Holdfast__Escrow__V1__EscrowEvent event;
    struct engine_message message;
    struct str code = STR("");
    struct str sentence = STR("");
    begin_event(op, &event, 4);
    const struct gateway_news *news = news_of(op, &event, &message);
    assert_false(message.skip);
    assert_int_equal(news->kind, GATEWAY_NEWS_CHANGED);
    assert_int_equal(news->told.seq, 4);
    assert_int_equal(gateway_in_events_outcome(&message, &code, &sentence), INTAKE_ACCEPTED);
    assert_int_equal(code.len, 0);
}

static void what_is_not_known_is_skipped_and_what_is_broken_is_not(void **state)
{
    struct fixture *fixture = *state;
    struct op *op = &fixture->op;
    Holdfast__Escrow__V1__EscrowEvent event;
    Holdfast__Escrow__V1__EscrowDelivered delivered;
    struct engine_message message;
    begin_event(op, &event, 4);
    Holdfast__Escrow__V1__Balances *balances = event.balances;
    event.balances = NULL;
    ok(op, decode(op, &event.base, ESCROW, &message)); /* a body of a later version, without sums */
    assert_true(message.skip);
    event.balances = balances;
    holdfast__escrow__v1__escrow_delivered__init(&delivered);
    event.body_case = HOLDFAST__ESCROW__V1__ESCROW_EVENT__BODY_ESCROW_DELIVERED;
    event.escrow_delivered = &delivered;
    ok(op, decode(op, &event.base, ESCROW, &message));
    assert_false(message.skip);
    assert_int_equal(decode(op, &event.base, USER, &message).kind, STATUS_INVALID);
    assert_string_equal(op->err.code, "wire.wrong_key");
    event.seq = 0;
    assert_int_equal(decode(op, &event.base, ESCROW, &message).kind, STATUS_INVALID);
    assert_string_equal(op->err.code, "gateway.bad_event");
    event.seq = 4;
    event.balances = NULL;
    assert_int_equal(decode(op, &event.base, ESCROW, &message).kind, STATUS_INVALID);
    assert_string_equal(op->err.code, "gateway.bad_event");
}

static void payments_tell_how_to_pay_and_nothing_else(void **state)
{
    struct fixture *fixture = *state;
    struct op *op = &fixture->op;
    Holdfast__Payments__V1__PaymentsEvent event;
    Holdfast__Payments__V1__PaymentIntentCreated intent;
    Holdfast__Payments__V1__PaymentCanceled canceled;
    const struct engine_message cause = {
        .id = id_of(CAUSE), .correlation_id = id_of(CAUSE), .actor = {.kind = ENGINE_ACTOR_SYSTEM}};
    holdfast__payments__v1__payments_event__init(&event);
    holdfast__payments__v1__payment_intent_created__init(&intent);
    holdfast__payments__v1__payment_canceled__init(&canceled);
    ok(op, wire_meta_fill(op, &cause, id_of(USER), &event.meta));
    ok(op, wire_fill_id(op, id_of(ESCROW), &event.escrow_id));
    ok(op, wire_fill_text(op, STR("pi_1"), &intent.provider_ref));
    ok(op, wire_fill_text(op, STR("pi_1_secret_2"), &intent.client_secret));
    event.seq = 1;
    event.body_case = HOLDFAST__PAYMENTS__V1__PAYMENTS_EVENT__BODY_PAYMENT_INTENT_CREATED;
    event.payment_intent_created = &intent;
    struct bus_record record = {.topic = TOPIC_PAYMENTS_EVENTS_V1, .key = STR(ESCROW)};
    struct engine_message message = {.type = 0};
    ok(op, wire_pack(op, &event.base, &record.value));
    ok(op, gateway_in_payments_decode(op, &record, &message));
    const struct gateway_news *news = message.body;
    assert_int_equal(news->kind, GATEWAY_NEWS_PAYMENT);
    assert_true(str_eq(news->told.payment_ref, STR("pi_1")));
    assert_true(str_eq(news->told.payment_client_secret, STR("pi_1_secret_2")));
    assert_false(message.creates);
    assert_false(message.skip);
    /* A webhook said that it had ended before our own answer brought the secret. */
    ok(op, wire_fill_text(op, STR(""), &intent.client_secret));
    ok(op, wire_pack(op, &event.base, &record.value));
    ok(op, gateway_in_payments_decode(op, &record, &message));
    news = message.body;
    assert_int_equal(news->told.payment_client_secret.len, 0);
    event.body_case = HOLDFAST__PAYMENTS__V1__PAYMENTS_EVENT__BODY_PAYMENT_CANCELED;
    event.payment_canceled = &canceled;
    ok(op, wire_pack(op, &event.base, &record.value));
    message = (struct engine_message){.type = 0};
    ok(op, gateway_in_payments_decode(op, &record, &message));
    assert_true(message.skip);
}

/* ---- Views ---- */

static void same_view(const struct gateway_view *a, const struct gateway_view *b)
{
    same_row(&gateway_view_table, a, b, TABLE_NO_COLUMN);
}

static struct gateway_news created_news(void)
{
    return (struct gateway_news){
        .kind = GATEWAY_NEWS_CREATED,
        .told = {.seq = 1,
                 .state = 1,
                 .price_minor = 500,
                 .currency = CURRENCY_USD,
                 .buyer_id = id_of(USER)},
    };
}

static struct gateway_news changed_news(int64_t seq, int new_state)
{
    return (struct gateway_news){
        .kind = GATEWAY_NEWS_CHANGED,
        .told = {.seq = seq, .state = new_state, .held_minor = 500, .foreign_money = true},
    };
}

static const struct gateway_news payment_news = {
    .kind = GATEWAY_NEWS_PAYMENT,
    .told = {.payment_ref = {"pi_1", 4}, .payment_client_secret = {"secret", 6}},
};

static struct gateway_view stored(const struct gateway_view *now, const struct gateway_news *news,
                                  int64_t at_us)
{
    struct gateway_view next;
    assert_int_equal(gateway_decide(now, news, id_of(ESCROW), at_us, &next), GATEWAY_STORE);
    assert_int_equal(next.version, now ? now->version + 1 : 1);
    assert_true(id_eq(next.id, id_of(ESCROW)));
    return next;
}

static void events_build_the_view(void **state)
{
    (void)state;
    struct gateway_news created = created_news();
    struct gateway_view first = stored(NULL, &created, 1000);
    assert_int_equal(first.state, 1);
    assert_int_equal(first.price_minor, 500);
    assert_int_equal(first.created_at_us, 1000);
    assert_int_equal(first.updated_at_us, 1000);
    struct gateway_news held = changed_news(2, 3);
    struct gateway_view second = stored(&first, &held, 2000);
    assert_int_equal(second.state, 3);
    assert_int_equal(second.seq, 2);
    assert_int_equal(second.held_minor, 500);
    assert_true(second.foreign_money);
    assert_int_equal(second.price_minor, 500); /* terms stay */
    assert_true(id_eq(second.buyer_id, id_of(USER)));
    assert_int_equal(second.created_at_us, 1000);
    assert_int_equal(second.updated_at_us, 2000);
    struct gateway_news back = changed_news(3, 3); /* a clock that went back */
    assert_int_equal(stored(&second, &back, 1500).updated_at_us, 2000);
}

static void everything_told_is_taken(void **state)
{
    (void)state;
    struct gateway_news news = {.kind = GATEWAY_NEWS_CREATED, .told = gateway_full_view(100)};
    news.told.seq = 1;
    struct gateway_view first = stored(NULL, &news, 10);
    struct gateway_view expected = gateway_full_view(100);
    expected.id = id_of(ESCROW);
    expected.version = 1;
    expected.seq = 1;
    expected.created_at_us = 10;
    expected.updated_at_us = 10;
    same_view(&first, &expected);

    news = (struct gateway_news){.kind = GATEWAY_NEWS_CHANGED, .told = gateway_full_view(200)};
    news.told.seq = 2;
    news.told.state = 5;
    news.told.payment_setup_failed = false;
    news.told.deadline_state = 10;
    struct gateway_view second = stored(&first, &news, 20);
    expected = gateway_full_view(200);
    expected.price_minor = 101; /* terms are told once */
    expected.funding_seconds = 111;
    expected.delivery_seconds = 112;
    expected.inspection_seconds = 113;
    expected.fees = gateway_full_view(100).fees;
    expected.deadline_state = 10;
    expected.id = id_of(ESCROW);
    expected.version = 2;
    expected.seq = 2;
    expected.state = 5;
    expected.payment_setup_failed = false;
    expected.created_at_us = 10;
    expected.updated_at_us = 20;
    same_view(&second, &expected);
}

static void the_payment_may_come_first_or_last(void **state)
{
    (void)state;
    struct gateway_news created = created_news();
    struct gateway_view early = stored(NULL, &payment_news, 10);
    assert_int_equal(early.state, GATEWAY_STATE_NONE);
    assert_int_equal(early.seq, 0);
    early = stored(&early, &created, 20);
    struct gateway_view late = stored(NULL, &created, 20);
    late = stored(&late, &payment_news, 10);
    assert_true(str_eq(early.payment_ref, STR("pi_1")));
    assert_true(str_eq(early.payment_client_secret, STR("secret")));
    assert_int_equal(early.state, 1);
    assert_int_equal(early.created_at_us, 20);
    late.version = early.version;
    same_view(&early, &late); /* the same, whichever came first */
}

static void gaps_and_missing_beginnings_are_noticed(void **state)
{
    (void)state;
    struct gateway_news created = created_news();
    struct gateway_view view = stored(NULL, &created, 1);
    struct gateway_view next;
    struct gateway_news second = changed_news(2, 3);
    struct gateway_news third = changed_news(3, 3);
    struct gateway_news again = changed_news(1, 3);
    assert_int_equal(gateway_decide(NULL, &second, id_of(ESCROW), 1, &next), GATEWAY_MISSING);
    struct gateway_view only_payment = stored(NULL, &payment_news, 1);
    assert_int_equal(gateway_decide(&only_payment, &second, id_of(ESCROW), 1, &next),
                     GATEWAY_MISSING);
    assert_int_equal(gateway_decide(&view, &third, id_of(ESCROW), 1, &next), GATEWAY_GAP);
    assert_int_equal(gateway_decide(&view, &again, id_of(ESCROW), 1, &next), GATEWAY_GAP);
    assert_int_equal(gateway_decide(&view, &created, id_of(ESCROW), 1, &next), GATEWAY_GAP);
}

static void states_have_the_names_of_the_schema(void **state)
{
    (void)state;
    static const char *const names[GATEWAY_STATE_COUNT] = {
        "PENDING",       "CREATED",           "AWAIT_FUNDS", "FUNDS_HELD", "DELIVERED",
        "RELEASING",     "RELEASED",          "REFUNDING",   "REFUNDED",   "CANCELLED",
        "EXPIRED",       "DELIVERY_REJECTED", "DISPUTED",    "ESCALATED",  "SETTLING",
        "SETTLED_SPLIT", "PARTIALLY_SETTLED"};
    for (int i = 0; i < GATEWAY_STATE_COUNT; i++) {
        assert_true(str_eq(gateway_state_name(i), str_of(names[i])));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(created_is_read_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(sums_and_attention_are_read, setup, teardown),
        cmocka_unit_test_setup_teardown(the_deadline_is_read, setup, teardown),
        cmocka_unit_test_setup_teardown(the_open_offer_is_read, setup, teardown),
        cmocka_unit_test_setup_teardown(a_release_by_the_clock_says_so, setup, teardown),
        cmocka_unit_test_setup_teardown(an_expiry_is_news, setup, teardown),
        cmocka_unit_test_setup_teardown(a_refusal_closes_its_command, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_not_known_is_shown_all_the_same, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_not_known_is_skipped_and_what_is_broken_is_not,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(payments_tell_how_to_pay_and_nothing_else, setup, teardown),
        cmocka_unit_test(events_build_the_view),
        cmocka_unit_test(everything_told_is_taken),
        cmocka_unit_test(the_payment_may_come_first_or_last),
        cmocka_unit_test(gaps_and_missing_beginnings_are_noticed),
        cmocka_unit_test(states_have_the_names_of_the_schema),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
