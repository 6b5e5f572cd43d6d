/* Each event of an escrow, as it comes from Kafka, and who is told what of it. */
#include "notifications/notifications_in_deals.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/defer.h"
#include "holdfast/escrow/v1/events.pb-c.h"
#include "notifications/notifications_message.h"
#include "wire/wire.h"

#define NOW INT64_C(1763721600000000)
#define HAPPENED (NOW - 5000000)
#define POSTS_MAX 4

typedef Holdfast__Escrow__V1__EscrowEvent wire_event;
typedef Holdfast__Common__V1__Money wire_money_type;

static const struct id escrow_id = {.bytes = {[15] = 1}};
static const struct id buyer_id = {.bytes = {[15] = 2}};
static const struct id seller_id = {.bytes = {[15] = 3}};

/* ---- An engine of one deal, which keeps what is posted ---- */

struct post {
    struct id key;
    struct str payload;
};

struct engine_turn {
    struct arena arena;
    struct op op;
    struct engine_message message;
    bool exists;
    struct deal deal;
    struct post posts[POSTS_MAX];
    uint32_t post_count;
    uint32_t ordinal;
};

struct op *engine_op(struct engine_turn *turn)
{
    return &turn->op;
}

const struct engine_message *engine_cause(struct engine_turn *turn)
{
    return &turn->message;
}

void *engine_aggregate(struct engine_turn *turn)
{
    return turn->exists ? &turn->deal : NULL;
}

STATUS engine_create(struct engine_turn *turn, const void *row, void **ret_row)
{
    assert_false(turn->exists);
    turn->exists = true;
    memcpy(&turn->deal, row, sizeof(turn->deal));
    *ret_row = &turn->deal;
    return OK;
}

struct id engine_next_id(struct engine_turn *turn)
{
    return (struct id){.bytes = {[0] = 7, [15] = (uint8_t)++turn->ordinal}};
}

STATUS engine_post(struct engine_turn *turn, enum topic topic, struct id id, struct str type,
                   struct id key, struct str payload)
{
    assert_int_equal(topic, TOPIC_NOTIFICATIONS_MESSAGES_V1);
    assert_true(str_eq(type, STR("holdfast.notifications.v1.TellUser")));
    assert_false(id_is_none(id));
    assert_true(turn->post_count < POSTS_MAX);
    turn->posts[turn->post_count++] = (struct post){.key = key, .payload = payload};
    return OK;
}

/* ---- Events ---- */

static struct engine_turn turn;

static int set_up(void **state)
{
    turn = (struct engine_turn){.exists = true};
    arena_init(&turn.arena, (size_t)8 * 1024 * 1024);
    turn.op = (struct op){.arena = &turn.arena, .now_us = NOW};
    turn.deal = (struct deal){.escrow_id = escrow_id,
                              .version = 1,
                              .buyer_id = buyer_id,
                              .seller_id = seller_id,
                              .currency = CURRENCY_USD,
                              .price_minor = 2400,
                              .buyer_fee_minor = 100,
                              .description = STR("a sword"),
                              .created_at_us = HAPPENED};
    *state = &turn;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_fini(&turn.arena);
    return 0;
}

static struct status deliver(wire_event *event)
{
    const struct engine_message origin = {.id = {.bytes = {9}},
                                          .correlation_id = {.bytes = {9}},
                                          .actor = {.kind = ENGINE_ACTOR_SYSTEM}};
    struct op at = turn.op;
    at.now_us = HAPPENED;
    struct bus_record record = {.key = id_to_str(&turn.arena, escrow_id)};
    assert_int_equal(wire_meta_fill(&at, &origin, (struct id){.bytes = {8}}, &event->meta).kind,
                     STATUS_OK);
    assert_int_equal(wire_fill_id(&turn.op, escrow_id, &event->escrow_id).kind, STATUS_OK);
    assert_int_equal(wire_pack(&turn.op, &event->base, &record.value).kind, STATUS_OK);
    turn.message = (struct engine_message){.topic = TOPIC_ESCROW_EVENTS_V1};
    TRY(notifications_in_deals_decode(&turn.op, &record, &turn.message));
    assert_true(id_eq(turn.message.key, escrow_id));
    return turn.message.skip ? OK : notifications_in_deals_decide(&turn, &turn.message);
}

/* What was posted to a party, read as its lane reads it; NONE: nothing. */
static struct news told(struct id user_id)
{
    struct news news = {.notice = NOTICE_NONE};
    for (uint32_t i = 0; i < turn.post_count; i++) {
        if (!id_eq(turn.posts[i].key, user_id)) {
            continue;
        }
        const struct bus_record record = {.key = id_to_str(&turn.arena, user_id),
                                          .value = turn.posts[i].payload};
        struct engine_message message = {.topic = TOPIC_NOTIFICATIONS_MESSAGES_V1};
        assert_int_equal(notifications_message_decode(&turn.op, &record, &message).kind, STATUS_OK);
        assert_true(id_eq(message.key, user_id));
        assert_false(message.skip);
        assert_int_equal(news.notice, NOTICE_NONE); /* once */
        news = *(const struct news *)message.body;
    }
    return news;
}

static void check(struct id user_id, enum role role, enum notice notice, int64_t amount_minor,
                  const char *currency, const char *detail)
{
    struct news news = told(user_id);
    assert_int_equal(news.notice, notice);
    if (notice == NOTICE_NONE) {
        return;
    }
    assert_int_equal(news.role, role);
    assert_int_equal(news.amount_minor, amount_minor);
    assert_true(str_eq(news.currency, str_of(currency)));
    assert_true(str_eq(news.detail, str_of(detail)));
    assert_true(str_eq(news.description, STR("a sword")));
    assert_true(id_eq(news.escrow_id, escrow_id));
    assert_int_equal(news.seq, 4);
    assert_int_equal(news.happened_at_us, HAPPENED);
}

/* Delivers the event and checks both parties; buyer, seller: NONE for not told. */
static void tells(wire_event *event, enum notice buyer, enum notice seller, int64_t amount_minor,
                  const char *currency, const char *detail)
{
    turn.post_count = 0;
    event->seq = 4;
    assert_int_equal(deliver(event).kind, STATUS_OK);
    check(buyer_id, ROLE_BUYER, buyer, amount_minor, currency, detail);
    check(seller_id, ROLE_SELLER, seller, amount_minor, currency, detail);
}

static char why[] = "why";
static char timeout[] = "TIMEOUT";
static char yen[] = "JPY";

static wire_event event_of(Holdfast__Escrow__V1__EscrowEvent__BodyCase body_case)
{
    wire_event event;
    holdfast__escrow__v1__escrow_event__init(&event);
    event.body_case = body_case;
    return event;
}

static wire_money_type dollars(int64_t amount_minor)
{
    wire_money_type money;
    holdfast__common__v1__money__init(&money);
    money.amount_minor = amount_minor;
    money.currency = HOLDFAST__COMMON__V1__CURRENCY__CURRENCY_USD;
    return money;
}

#define EVENT(name, BODY, field)                                                  \
    wire_event event = event_of(HOLDFAST__ESCROW__V1__ESCROW_EVENT__BODY_##BODY); \
    Holdfast__Escrow__V1__##name body;                                            \
    holdfast__escrow__v1__##field##__init(&body);                                 \
    event.field = &body

#define TELLS_AMOUNT(name, BODY, field, buyer, seller)     \
    static void field##_tells(void **state)                \
    {                                                      \
        (void)state;                                       \
        wire_money_type amount = dollars(1000);            \
        EVENT(name, BODY, field);                          \
        body.amount = &amount;                             \
        tells(&event, (buyer), (seller), 1000, "USD", ""); \
    }

#define TELLS_TEXT(name, BODY, field, text, buyer, seller) \
    static void field##_tells(void **state)                \
    {                                                      \
        (void)state;                                       \
        EVENT(name, BODY, field);                          \
        body.text = why;                                   \
        tells(&event, (buyer), (seller), 0, "", "why");    \
    }

#define TELLS_PLAIN(name, BODY, field, notice, amount_minor, currency)     \
    static void field##_tells(void **state)                                \
    {                                                                      \
        (void)state;                                                       \
        EVENT(name, BODY, field);                                          \
        tells(&event, (notice), (notice), (amount_minor), (currency), ""); \
    }

/* clang-format off */
TELLS_PLAIN (EscrowAwaitFunds,      ESCROW_AWAIT_FUNDS,      escrow_await_funds, NOTICE_PAYMENT_READY, 2500, "USD")
TELLS_PLAIN (EscrowDelivered,       ESCROW_DELIVERED,        escrow_delivered, NOTICE_DELIVERED, 0, "")
TELLS_PLAIN (EscrowExpired,         ESCROW_EXPIRED,          escrow_expired, NOTICE_EXPIRED, 0, "")
TELLS_PLAIN (EscrowPayoutRetried,   ESCROW_PAYOUT_RETRIED,   escrow_payout_retried, NOTICE_NONE, 0, "")
TELLS_PLAIN (CommandRejected,       COMMAND_REJECTED,        command_rejected, NOTICE_NONE, 0, "")
TELLS_AMOUNT(EscrowFundsHeld,       ESCROW_FUNDS_HELD,       escrow_funds_held, NOTICE_FUNDS_HELD, NOTICE_FUNDS_HELD)
TELLS_AMOUNT(EscrowFundsReceived,   ESCROW_FUNDS_RECEIVED,   escrow_funds_received, NOTICE_NONE, NOTICE_NONE)
TELLS_AMOUNT(EscrowReleaseStarted,  ESCROW_RELEASE_STARTED,  escrow_release_started, NOTICE_RELEASE_STARTED, NOTICE_RELEASE_STARTED)
TELLS_AMOUNT(EscrowReleased,        ESCROW_RELEASED,         escrow_released, NOTICE_RELEASED, NOTICE_RELEASED)
TELLS_AMOUNT(EscrowRefunded,        ESCROW_REFUNDED,         escrow_refunded, NOTICE_REFUNDED, NOTICE_REFUNDED)
TELLS_AMOUNT(EscrowSuspenseRefunded, ESCROW_SUSPENSE_REFUNDED, escrow_suspense_refunded, NOTICE_SUSPENSE_REFUNDED, NOTICE_NONE)
TELLS_AMOUNT(EscrowPartPaid,        ESCROW_PART_PAID,        escrow_part_paid, NOTICE_PART_PAID, NOTICE_PART_PAID)
TELLS_AMOUNT(EscrowPartRefunded,    ESCROW_PART_REFUNDED,    escrow_part_refunded, NOTICE_PART_REFUNDED, NOTICE_PART_REFUNDED)
TELLS_TEXT  (EscrowPayoutFailed,    ESCROW_PAYOUT_FAILED,    escrow_payout_failed, code, NOTICE_NONE, NOTICE_PAYOUT_FAILED)
TELLS_TEXT  (EscrowRefundFailed,    ESCROW_REFUND_FAILED,    escrow_refund_failed, code, NOTICE_REFUND_FAILED, NOTICE_NONE)
TELLS_TEXT  (EscrowCancelled,       ESCROW_CANCELLED,        escrow_cancelled, reason, NOTICE_CANCELLED, NOTICE_CANCELLED)

/* clang-format on */

/* The deal's expiry is told by its own event. */
static void a_timeout_is_not_told_as_a_cancel(void **state)
{
    (void)state;
    EVENT(EscrowCancelled, ESCROW_CANCELLED, escrow_cancelled);
    body.reason = timeout;
    event.state = HOLDFAST__ESCROW__V1__ESCROW_STATE__ESCROW_STATE_EXPIRED;
    tells(&event, NOTICE_NONE, NOTICE_NONE, 0, "", "");
    event.state = HOLDFAST__ESCROW__V1__ESCROW_STATE__ESCROW_STATE_CANCELLED; /* a person's word */
    tells(&event, NOTICE_CANCELLED, NOTICE_CANCELLED, 0, "", timeout);
}

static void a_refund_has_an_amount_and_a_reason(void **state)
{
    (void)state;
    wire_money_type amount = dollars(1000);
    EVENT(EscrowRefundStarted, ESCROW_REFUND_STARTED, escrow_refund_started);
    body.amount = &amount;
    body.reason = why;
    tells(&event, NOTICE_REFUND_STARTED, NOTICE_REFUND_STARTED, 1000, "USD", "why");
}

/* What goes to whom, and which one it is: not what of the price that was. */
static void a_milestone_is_told_by_its_title(void **state)
{
    (void)state;
    static char blade[] = "The blade";
    wire_money_type price = dollars(1000);
    wire_money_type gets = dollars(1020);
    Holdfast__Escrow__V1__MilestoneStanding one;
    Holdfast__Escrow__V1__MilestoneStanding *milestones[] = {&one};
    holdfast__escrow__v1__milestone_standing__init(&one);
    one.number = 1;
    one.title = blade;
    EVENT(EscrowPartiallyRefunded, ESCROW_PARTIALLY_REFUNDED, escrow_partially_refunded);
    event.milestones = milestones;
    event.n_milestones = 1;
    body.amount = &price;
    body.buyer_gets = &gets;
    body.milestone = 1;
    tells(&event, NOTICE_PARTIALLY_REFUNDED, NOTICE_PARTIALLY_REFUNDED, 1020, "USD", "The blade");
    body.milestone = 2; /* there is none: it is told all the same */
    tells(&event, NOTICE_PARTIALLY_REFUNDED, NOTICE_PARTIALLY_REFUNDED, 1020, "USD", "");
}

static void attention_tells_a_declined_payment_from_one_that_cannot_be_made(void **state)
{
    (void)state;
    Holdfast__Escrow__V1__Attention attention;
    holdfast__escrow__v1__attention__init(&attention);
    EVENT(EscrowPaymentFailed, ESCROW_PAYMENT_FAILED, escrow_payment_failed);
    body.code = why;
    tells(&event, NOTICE_PAYMENT_DECLINED, NOTICE_NONE, 0, "", "why");
    event.attention = &attention;
    tells(&event, NOTICE_PAYMENT_DECLINED, NOTICE_NONE, 0, "", "why");
    attention.payment_setup_failed = true;
    tells(&event, NOTICE_PAYMENT_SETUP_FAILED, NOTICE_NONE, 0, "", "why");
}

static void strange_money_keeps_its_currency(void **state)
{
    (void)state;
    wire_money_type amount = dollars(5000);
    static char usd[] = "USD";
    EVENT(EscrowFundsSuspended, ESCROW_FUNDS_SUSPENDED, escrow_funds_suspended);
    body.amount = &amount;
    body.currency = usd;
    tells(&event, NOTICE_FUNDS_SUSPENDED, NOTICE_NONE, 5000, "USD", "");
    body.flagged = true;
    body.currency = yen;
    amount.currency = HOLDFAST__COMMON__V1__CURRENCY__CURRENCY_UNSPECIFIED;
    tells(&event, NOTICE_FOREIGN_MONEY, NOTICE_NONE, 5000, "JPY", "");
}

static void the_first_event_says_who_they_are(void **state)
{
    (void)state;
    wire_money_type price = dollars(2400);
    static char description[] = "a shield";
    EVENT(EscrowCreated, ESCROW_CREATED, escrow_created);
    assert_int_equal(wire_fill_id(&turn.op, seller_id, &body.buyer_id).kind, STATUS_OK);
    assert_int_equal(wire_fill_id(&turn.op, buyer_id, &body.seller_id).kind, STATUS_OK);
    body.price = &price;
    body.buyer_fee_minor = 100;
    body.description = description;
    event.seq = 1;
    turn.exists = false;
    assert_int_equal(deliver(&event).kind, STATUS_OK);
    assert_true(turn.exists);
    assert_true(turn.message.creates);
    assert_true(id_eq(turn.deal.escrow_id, escrow_id));
    assert_true(id_eq(turn.deal.buyer_id, seller_id));
    assert_true(id_eq(turn.deal.seller_id, buyer_id));
    assert_int_equal(turn.deal.price_minor, 2400);
    assert_int_equal(turn.deal.buyer_fee_minor, 100);
    assert_int_equal(turn.deal.currency, CURRENCY_USD);
    assert_true(str_eq(turn.deal.description, STR("a shield")));
    assert_int_equal(turn.deal.version, 1);
    assert_int_equal(turn.post_count, 0);
}

static void a_deal_that_nobody_knows_is_told_to_nobody(void **state)
{
    (void)state;
    EVENT(EscrowDelivered, ESCROW_DELIVERED, escrow_delivered);
    event.seq = 4;
    turn.exists = false;
    assert_int_equal(deliver(&event).kind, STATUS_OK);
    assert_int_equal(turn.post_count, 0);
}

static void what_is_newer_is_skipped(void **state)
{
    (void)state;
    wire_event event = event_of(HOLDFAST__ESCROW__V1__ESCROW_EVENT__BODY__NOT_SET);
    event.seq = 4;
    assert_int_equal(deliver(&event).kind, STATUS_OK);
    assert_true(turn.message.skip);
}

static void what_is_broken_is_refused(void **state)
{
    (void)state;
    wire_money_type amount = dollars(0);
    EVENT(EscrowReleased, ESCROW_RELEASED, escrow_released);
    event.seq = 4;
    assert_int_equal(deliver(&event).kind, STATUS_INVALID);
    body.amount = &amount;
    assert_int_equal(deliver(&event).kind, STATUS_INVALID);
    assert_int_equal(turn.post_count, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(escrow_await_funds_tells),
        TEST(escrow_delivered_tells),
        TEST(escrow_expired_tells),
        TEST(escrow_payout_retried_tells),
        TEST(command_rejected_tells),
        TEST(escrow_funds_held_tells),
        TEST(escrow_funds_received_tells),
        TEST(escrow_release_started_tells),
        TEST(escrow_released_tells),
        TEST(escrow_refunded_tells),
        TEST(escrow_suspense_refunded_tells),
        TEST(escrow_part_paid_tells),
        TEST(escrow_part_refunded_tells),
        TEST(a_milestone_is_told_by_its_title),
        TEST(escrow_payout_failed_tells),
        TEST(escrow_refund_failed_tells),
        TEST(escrow_cancelled_tells),
        TEST(a_timeout_is_not_told_as_a_cancel),
        TEST(a_refund_has_an_amount_and_a_reason),
        TEST(attention_tells_a_declined_payment_from_one_that_cannot_be_made),
        TEST(strange_money_keeps_its_currency),
        TEST(the_first_event_says_who_they_are),
        TEST(a_deal_that_nobody_knows_is_told_to_nobody),
        TEST(what_is_newer_is_skipped),
        TEST(what_is_broken_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
