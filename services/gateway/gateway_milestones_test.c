/* The pieces of a deal: as they are asked for, as the command says them, as events tell them and as they are shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/defer.h"
#include "gateway/gateway_command.h"
#include "gateway/gateway_decide.h"
#include "gateway/gateway_in.h"
#include "gateway/testing/gateway_op.h"
#include "holdfast/escrow/v1/commands.pb-c.h"
#include "holdfast/escrow/v1/events.pb-c.h"
#include "wire/wire.h"

static void ok(struct op *op, struct status st)
{
    if (status_failed(st)) {
        fail_msg("%s: %s", op->err.code, op->err.msg);
    }
}

static struct id numbered(uint8_t number)
{
    return (struct id){.bytes = {[0] = number, [15] = number}};
}

/* ---- As they are asked for ---- */

static struct gateway_terms terms_of(struct gateway_milestone *milestones, uint32_t count)
{
    return (struct gateway_terms){
        .buyer_id = numbered(1),
        .seller_id = numbered(2),
        .seller_account = STR("acct_1Abc"),
        .amount_minor = 100,
        .currency = STR("USD"),
        .funding_seconds = 7200,
        .delivery_seconds = 10800,
        .inspection_seconds = 86400,
        .description = STR("A sword"),
        .milestones = {.rows = milestones, .count = count},
    };
}

static void they_are_two_to_twenty_and_the_price(void **state)
{
    struct fixture *fixture = *state;
    struct op *op = &fixture->op;
    struct gateway_milestone many[GATEWAY_MILESTONES_MAX + 1];
    for (uint32_t count = 0; count <= GATEWAY_MILESTONES_MAX + 1; count++) {
        for (uint32_t i = 0; i < count; i++) {
            many[i] = (struct gateway_milestone){.title = STR("a piece"), .amount_minor = 1};
        }
        many[count > 0 ? count - 1 : 0].amount_minor = 101 - (int64_t)count;
        struct gateway_terms terms = terms_of(many, count);
        bool good = count >= GATEWAY_MILESTONES_MIN && count <= GATEWAY_MILESTONES_MAX;
        struct status st = gateway_terms_check(op, &terms);
        assert_int_equal(st.kind, good ? STATUS_OK : STATUS_INVALID);
        if (!good) {
            assert_string_equal(op->err.code, "escrow.bad_milestones");
            assert_string_equal(op->err.field, "/milestones");
        }
    }
    struct gateway_terms none = terms_of(NULL, 0);
    ok(op, gateway_terms_check(op, &none));
}

static void each_has_a_title_and_a_share(void **state)
{
    struct fixture *fixture = *state;
    struct op *op = &fixture->op;
    static char text[GATEWAY_TITLE_MAX_CHARS + 1];
    memset(text, 'x', sizeof(text));

    const struct {
        struct str title;
        int64_t first_minor, second_minor;
        const char *code; /* NULL: it is good */
        const char *field;
    } rows[] = {
        {STR("x"), 1, 99, NULL, NULL},
        {STR("x"), 99, 1, NULL, NULL},
        {{text, GATEWAY_TITLE_MAX_CHARS}, 50, 50, NULL, NULL},
        {{text, GATEWAY_TITLE_MAX_CHARS + 1}, 50, 50, "escrow.bad_text", "/milestones/0/title"},
        {STR(""), 50, 50, "escrow.bad_text", "/milestones/0/title"},
        {STR("two\nlines"), 50, 50, "escrow.bad_text", "/milestones/0/title"},
        {STR("a\x7f"), 50, 50, "escrow.bad_text", "/milestones/0/title"},
        {STR("x"), 50, 49, "escrow.bad_milestones", "/milestones"},
        {STR("x"), 50, 51, "escrow.bad_milestones", "/milestones"},
        {STR("x"), 0, 100, "escrow.bad_milestones", "/milestones/0/amount_minor"},
        {STR("x"), 1, 100, "escrow.bad_milestones", "/milestones/1/amount_minor"},
        {STR("x"), 1, INT64_MIN, "escrow.bad_milestones", "/milestones/1/amount_minor"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct gateway_milestone two[] = {
            {.title = rows[i].title, .amount_minor = rows[i].first_minor},
            {.title = STR("y"), .amount_minor = rows[i].second_minor},
        };
        struct gateway_terms terms = terms_of(two, 2);
        struct status st = gateway_terms_check(op, &terms);
        assert_int_equal(st.kind, rows[i].code ? STATUS_INVALID : STATUS_OK);
        if (rows[i].code) {
            assert_string_equal(op->err.code, rows[i].code);
            assert_string_equal(op->err.field, rows[i].field);
        }
    }
}

/* ---- As the command says them ---- */

static const Holdfast__Escrow__V1__EscrowCommand *
command_of(struct op *op, const struct gateway_order *order, struct gateway_command *command)
{
    ProtobufCMessage *message = NULL;
    ok(op, gateway_command_make(op, order, command));
    ok(op, wire_unpack(op, &holdfast__escrow__v1__escrow_command__descriptor,
                       command->request.payload, WIRE_BUDGET_BYTES, &message));
    return (const void *)message;
}

static void a_creation_holds_them_and_shows_them_at_once(void **state)
{
    struct fixture *fixture = *state;
    struct op *op = &fixture->op;
    struct gateway_milestone two[] = {{.title = STR("a draft"), .amount_minor = 30},
                                      {.title = STR("it"), .amount_minor = 70}};
    struct gateway_order order = {
        .action = GATEWAY_CREATE,
        .caller = {.kind = ENGINE_ACTOR_MARKETPLACE, .account_id = numbered(9)},
        .key = STR("key-1"),
        .terms = terms_of(two, 2),
    };
    struct gateway_command command;
    const Holdfast__Escrow__V1__CreateEscrow *create =
        command_of(op, &order, &command)->create_escrow;
    struct hash content = command.request.content;
    assert_int_equal(create->n_milestones, 2);
    assert_string_equal(create->milestones[0]->title, "a draft");
    assert_int_equal(create->milestones[1]->amount_minor, 70);
    assert_true(str_eq(command.pending.milestones,
                       STR("[{\"number\":1,\"title\":\"a draft\",\"amount_minor\":30,\"state\":"
                           "\"OPEN\",\"inspection_ends_at\":null,\"answer_ends_at\":null},{"
                           "\"number\":2,\"title\":\"it\","
                           "\"amount_minor\":70,\"state\":\"OPEN\",\"inspection_ends_at\":null,"
                           "\"answer_ends_at\":null}]")));
    two[1].title = STR("that"); /* under the same key: another request */
    (void)command_of(op, &order, &command);
    assert_false(hash_eq(&content, &command.request.content));
    order.terms = terms_of(NULL, 0);
    assert_int_equal(command_of(op, &order, &command)->create_escrow->n_milestones, 0);
    assert_int_equal(command.pending.milestones.len, 0);
}

static void a_command_names_one(void **state)
{
    struct fixture *fixture = *state;
    struct op *op = &fixture->op;
    struct gateway_command command;
    struct gateway_order order = {
        .action = GATEWAY_MARK_DELIVERED,
        .caller = {.kind = ENGINE_ACTOR_USER, .account_id = numbered(2)},
        .key = STR("key-1"),
        .escrow_id = numbered(8),
        .milestone = 3,
    };
    assert_int_equal(command_of(op, &order, &command)->mark_delivered->milestone, 3);
    order.action = GATEWAY_RELEASE;
    assert_int_equal(command_of(op, &order, &command)->release_funds->milestone, 3);
    order.action = GATEWAY_REFUND;
    order.reason = STR("broken");
    const Holdfast__Escrow__V1__Refund *refund = command_of(op, &order, &command)->refund;
    assert_int_equal(refund->milestone, 3);
    assert_string_equal(refund->reason, "broken");
    order.action = GATEWAY_REJECT_DELIVERY;
    assert_int_equal(command_of(op, &order, &command)->reject_delivery->milestone, 3);
    struct hash third = command.request.content;
    order.milestone = 2;
    (void)command_of(op, &order, &command);
    assert_false(hash_eq(&third, &command.request.content));
}

/* ---- As events tell them ---- */

struct told {
    Holdfast__Escrow__V1__EscrowEvent event;
    Holdfast__Escrow__V1__Balances balances;
    Holdfast__Escrow__V1__Attention attention;
    Holdfast__Escrow__V1__EscrowDelivered delivered;
    Holdfast__Escrow__V1__MilestoneStanding rows[2];
    Holdfast__Escrow__V1__MilestoneStanding *milestones[2];
};

static void begin(struct op *op, struct told *told)
{
    const struct engine_message cause = {.id = numbered(7),
                                         .correlation_id = numbered(7),
                                         .actor = {ENGINE_ACTOR_USER, numbered(2)}};
    holdfast__escrow__v1__escrow_event__init(&told->event);
    holdfast__escrow__v1__balances__init(&told->balances);
    holdfast__escrow__v1__attention__init(&told->attention);
    holdfast__escrow__v1__escrow_delivered__init(&told->delivered);
    ok(op, wire_meta_fill(op, &cause, numbered(6), &told->event.meta));
    ok(op, wire_fill_id(op, numbered(8), &told->event.escrow_id));
    told->event.balances = &told->balances;
    told->event.attention = &told->attention;
    told->event.seq = 5;
    told->event.state = HOLDFAST__ESCROW__V1__ESCROW_STATE__ESCROW_STATE_DELIVERED;
    told->event.body_case = HOLDFAST__ESCROW__V1__ESCROW_EVENT__BODY_ESCROW_DELIVERED;
    told->event.escrow_delivered = &told->delivered;
    told->delivered.milestone = 2;
    for (int i = 0; i < 2; i++) {
        holdfast__escrow__v1__milestone_standing__init(&told->rows[i]);
        told->rows[i].number = i + 1;
        told->rows[i].amount_minor = 30 + i;
        told->rows[i].state = HOLDFAST__ESCROW__V1__MILESTONE_STATE__MILESTONE_STATE_OPEN;
        ok(op, wire_fill_text(op, STR("a \"draft\""), &told->rows[i].title));
        told->milestones[i] = &told->rows[i];
    }
    told->rows[1].state = HOLDFAST__ESCROW__V1__MILESTONE_STATE__MILESTONE_STATE_DELIVERED;
    told->rows[1].inspection_ends_at_us = INT64_C(1763697906791000);
    told->event.milestones = told->milestones;
    told->event.n_milestones = 2;
}

static struct status decode(struct op *op, const struct told *told,
                            const struct gateway_news **ret_news)
{
    struct engine_message message = {.type = 0};
    struct bus_record record = {.topic = TOPIC_ESCROW_EVENTS_V1,
                                .key = id_to_str(op->arena, numbered(8))};
    ok(op, wire_pack(op, &told->event.base, &record.value));
    struct status st = gateway_in_events_decode(op, &record, &message);
    *ret_news = message.body;
    return st;
}

static void they_are_shown_as_they_are_told(void **state)
{
    struct fixture *fixture = *state;
    struct op *op = &fixture->op;
    struct told told;
    const struct gateway_news *news = NULL;
    begin(op, &told);
    ok(op, decode(op, &told, &news));
    assert_int_equal(news->milestone, 2);
    assert_true(str_eq(
        news->told.milestones,
        STR("[{\"number\":1,\"title\":\"a \\\"draft\\\"\",\"amount_minor\":30,\"state\":\"OPEN\","
            "\"inspection_ends_at\":null,\"answer_ends_at\":null},{\"number\":2,\"title\":\"a "
            "\\\"draft\\\"\","
            "\"amount_minor\":31,\"state\":\"DELIVERED\","
            "\"inspection_ends_at\":\"2025-11-21T04:05:06.791Z\",\"answer_ends_at\":null}]")));
    /* The view takes them, and gives them up, as it is told. */
    struct gateway_view view = {.seq = 4, .state = 3, .milestones = STR("[]")};
    struct gateway_view next;
    assert_int_equal(gateway_decide(&view, news, numbered(8), 9, &next), GATEWAY_STORE);
    assert_true(str_eq(next.milestones, news->told.milestones));
    told.event.n_milestones = 0;
    ok(op, decode(op, &told, &news));
    assert_int_equal(news->told.milestones.len, 0);
}

/* Of the price; what the buyer gets of it the balances say. */
static void one_that_went_back_is_told(void **state)
{
    struct fixture *fixture = *state;
    struct op *op = &fixture->op;
    struct told told;
    const struct gateway_news *news = NULL;
    Holdfast__Escrow__V1__EscrowPartiallyRefunded back;
    Holdfast__Common__V1__Money amount;
    static char why[] = "broken";
    begin(op, &told);
    holdfast__escrow__v1__escrow_partially_refunded__init(&back);
    holdfast__common__v1__money__init(&amount);
    amount.amount_minor = 31;
    amount.currency = HOLDFAST__COMMON__V1__CURRENCY__CURRENCY_USD;
    back.amount = &amount;
    back.milestone = 2;
    back.reason = why;
    told.balances.returned_minor = 31;
    told.rows[1].state = HOLDFAST__ESCROW__V1__MILESTONE_STATE__MILESTONE_STATE_REFUNDED;
    told.event.body_case = HOLDFAST__ESCROW__V1__ESCROW_EVENT__BODY_ESCROW_PARTIALLY_REFUNDED;
    told.event.escrow_partially_refunded = &back;
    ok(op, decode(op, &told, &news));
    assert_true(str_eq(news->type, STR("EscrowPartiallyRefunded")));
    assert_int_equal(news->milestone, 2);
    assert_int_equal(news->amount_minor, 31);
    assert_true(str_eq(news->note, STR("broken")));
    struct gateway_view view = {.seq = 4, .state = 3, .milestones = STR("[]")};
    struct gateway_view next;
    assert_int_equal(gateway_decide(&view, news, numbered(8), 9, &next), GATEWAY_STORE);
    assert_int_equal(next.returned_minor, 31);
}

static void what_cannot_be_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct op *op = &fixture->op;

    const struct {
        int64_t number;
        int state;
    } rows[] = {{3, 1}, {0, 1}, {1, 1}, {2, 0}, {2, GATEWAY_MILESTONE_STATE_COUNT}, {2, -1}};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct told told;
        const struct gateway_news *news = NULL;
        begin(op, &told);
        told.rows[1].number = rows[i].number;
        told.rows[1].state = (Holdfast__Escrow__V1__MilestoneState)rows[i].state;
        assert_true(status_failed(decode(op, &told, &news)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(they_are_two_to_twenty_and_the_price, setup, teardown),
        cmocka_unit_test_setup_teardown(each_has_a_title_and_a_share, setup, teardown),
        cmocka_unit_test_setup_teardown(a_creation_holds_them_and_shows_them_at_once, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_command_names_one, setup, teardown),
        cmocka_unit_test_setup_teardown(they_are_shown_as_they_are_told, setup, teardown),
        cmocka_unit_test_setup_teardown(one_that_went_back_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_is_refused, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
