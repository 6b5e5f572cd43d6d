/* Evidence: as the command says it, as events tell it, and as the docket shows it. */
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

static const struct hash content = {.bytes = {[0] = 0xab, [31] = 9}};

#define CONTENT_HEX "ab00000000000000000000000000000000000000000000000000000000000009"

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

static const Holdfast__Escrow__V1__SubmitEvidence *
asked(struct op *op, const struct gateway_order *order, struct gateway_command *command)
{
    ProtobufCMessage *message = NULL;
    ok(op, gateway_command_make(op, order, command));
    ok(op, wire_unpack(op, &holdfast__escrow__v1__escrow_command__descriptor,
                       command->request.payload, WIRE_BUDGET_BYTES, &message));
    return ((const Holdfast__Escrow__V1__EscrowCommand *)(const void *)message)->submit_evidence;
}

static void a_command_says_what_the_file_is(void **state)
{
    struct fixture *fixture = *state;
    struct op *op = &fixture->op;
    struct gateway_command command;
    const struct gateway_order order = {
        .action = GATEWAY_SUBMIT_EVIDENCE,
        .caller = {.kind = ENGINE_ACTOR_USER, .account_id = numbered(2)},
        .key = STR("key-1"),
        .escrow_id = numbered(8),
        .content = content,
        .media = MEDIA_PDF,
        .size_bytes = 77,
        .reason = STR("the bill"),
    };
    const Holdfast__Escrow__V1__SubmitEvidence *submit = asked(op, &order, &command);
    assert_int_equal(submit->content.len, HASH_BYTES);
    assert_memory_equal(submit->content.data, content.bytes, HASH_BYTES);
    assert_int_equal(submit->type, HOLDFAST__ESCROW__V1__EVIDENCE_TYPE__EVIDENCE_TYPE_PDF);
    assert_int_equal(submit->size_bytes, 77);
    assert_string_equal(submit->description, "the bill");
    struct hash first = command.request.content;
    struct id id = command.request.id;
    for (int i = 0; i < 4; i++) { /* under the same key: another request */
        struct gateway_order other = order;
        other.content.bytes[5] = i == 0 ? 1 : 0;
        other.media = i == 1 ? MEDIA_PNG : MEDIA_PDF;
        other.size_bytes += i == 2 ? 1 : 0;
        other.reason = i == 3 ? STR("a bill") : other.reason;
        (void)asked(op, &other, &command);
        assert_true(id_eq(id, command.request.id));
        assert_false(hash_eq(&first, &command.request.content));
    }
}

struct told {
    Holdfast__Escrow__V1__EscrowEvent event;
    Holdfast__Escrow__V1__Balances balances;
    Holdfast__Escrow__V1__Attention attention;
    Holdfast__Escrow__V1__EscrowEvidenceSubmitted submitted;
    Holdfast__Escrow__V1__Docket docket;
};

static void begin(struct op *op, struct told *told)
{
    const struct engine_message cause = {.id = numbered(7),
                                         .correlation_id = numbered(7),
                                         .actor = {ENGINE_ACTOR_USER, numbered(2)}};
    holdfast__escrow__v1__escrow_event__init(&told->event);
    holdfast__escrow__v1__balances__init(&told->balances);
    holdfast__escrow__v1__attention__init(&told->attention);
    holdfast__escrow__v1__escrow_evidence_submitted__init(&told->submitted);
    holdfast__escrow__v1__docket__init(&told->docket);
    ok(op, wire_meta_fill(op, &cause, numbered(6), &told->event.meta));
    ok(op, wire_fill_id(op, numbered(8), &told->event.escrow_id));
    told->event.balances = &told->balances;
    told->event.attention = &told->attention;
    told->event.docket = &told->docket;
    told->event.seq = 5;
    told->event.state = HOLDFAST__ESCROW__V1__ESCROW_STATE__ESCROW_STATE_DISPUTED;
    told->event.body_case = HOLDFAST__ESCROW__V1__ESCROW_EVENT__BODY_ESCROW_EVIDENCE_SUBMITTED;
    told->event.escrow_evidence_submitted = &told->submitted;
    told->submitted.dispute = 1;
    told->submitted.content = wire_borrow(content.bytes, HASH_BYTES);
    told->submitted.type = HOLDFAST__ESCROW__V1__EVIDENCE_TYPE__EVIDENCE_TYPE_PDF;
    told->submitted.size_bytes = 77;
    ok(op, wire_fill_text(op, STR("the bill"), &told->submitted.description));
    told->docket.dispute = 1;
    told->docket.buyer_items = 2;
    told->docket.buyer_until_us = 1000000;
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

static void an_event_tells_of_it_and_of_the_docket(void **state)
{
    struct fixture *fixture = *state;
    struct op *op = &fixture->op;
    struct told told;
    const struct gateway_news *news = NULL;
    begin(op, &told);
    ok(op, decode(op, &told, &news));
    assert_int_equal(news->kind, GATEWAY_NEWS_CHANGED);
    assert_true(news->has_evidence);
    assert_true(hash_eq(&news->evidence.content, &content));
    assert_int_equal(news->evidence.dispute, 1);
    assert_int_equal(news->evidence.type, MEDIA_PDF);
    assert_int_equal(news->evidence.size_bytes, 77);
    assert_true(str_eq(news->evidence.description, STR("the bill")));
    assert_int_equal(news->note.len,
                     0); /* the timeline is for more people than the list of evidence */
    assert_true(str_eq(news->told.docket, STR("{\"buyer_items\":2,\"seller_items\":0,"
                                              "\"buyer_until\":\"1970-01-01T00:00:01.000Z\","
                                              "\"seller_until\":\"1970-01-01T00:00:00.000Z\","
                                              "\"staff_decides_at\":"
                                              "\"1970-01-01T00:00:00.000Z\"}")));
    /* The view takes it, and gives it up when no dispute is open any more. */
    struct gateway_view view = {.seq = 4, .state = 3};
    struct gateway_view next;
    assert_int_equal(gateway_decide(&view, news, numbered(8), 9, &next), GATEWAY_STORE);
    assert_true(str_eq(next.docket, news->told.docket));
    told.event.docket = NULL;
    told.event.seq = 6;
    ok(op, decode(op, &told, &news));
    assert_int_equal(gateway_decide(&next, news, numbered(8), 9, &next), GATEWAY_STORE);
    assert_int_equal(next.docket.len, 0);
}

static void what_cannot_be_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct op *op = &fixture->op;
    const struct gateway_news *news = NULL;
    for (int i = 0; i < 5; i++) {
        struct told told;
        begin(op, &told);
        told.submitted.content.len -= i == 0 ? 1 : 0;
        told.submitted.type = i == 1 ? 0 : told.submitted.type;
        told.submitted.type =
            i == 2 ? (Holdfast__Escrow__V1__EvidenceType)MEDIA_COUNT : told.submitted.type;
        told.submitted.dispute = i == 3 ? 0 : 1;
        told.submitted.size_bytes = i == 4 ? 0 : 77;
        assert_int_equal(decode(op, &told, &news).kind, STATUS_INVALID);
    }
}

static void the_list_shows_each_piece(void **state)
{
    struct fixture *fixture = *state;
    struct op *op = &fixture->op;
    const struct gateway_evidence row = {.escrow_id = numbered(8),
                                         .seq = 5,
                                         .dispute = 1,
                                         .submitted_by = numbered(2),
                                         .content = content,
                                         .type = MEDIA_TEXT,
                                         .size_bytes = 77,
                                         .description = STR("a \"bill\""),
                                         .at_us = 1000000};
    struct str json;
    ok(op, gateway_evidence_json(op, &row, 1, &json));
    assert_true(str_eq(json, STR("{\"evidence\":[{\"seq\":5,\"dispute\":1,\"submitted_by\":"
                                 "\"02000000-0000-0000-0000-000000000002\","
                                 "\"at\":\"1970-01-01T00:00:01.000Z\",\"hash\":\"" CONTENT_HEX
                                 "\",\"type\":\"text/plain\",\"size_bytes\":77,"
                                 "\"description\":\"a \\\"bill\\\"\"}]}")));
    /* The longest list that there can be has room. */
    struct gateway_evidence rows[GATEWAY_EVIDENCE_LIST_MAX];
    char text[GATEWAY_EVIDENCE_TEXT_MAX_BYTES];
    memset(text, '\n', sizeof(text)); /* each is six bytes of JSON */
    for (uint32_t i = 0; i < GATEWAY_EVIDENCE_LIST_MAX; i++) {
        rows[i] = row;
        rows[i].description = (struct str){.ptr = text, .len = sizeof(text)};
    }
    ok(op, gateway_evidence_json(op, rows, GATEWAY_EVIDENCE_LIST_MAX, &json));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_command_says_what_the_file_is),
        TEST(an_event_tells_of_it_and_of_the_docket),
        TEST(what_cannot_be_is_refused),
        TEST(the_list_shows_each_piece),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
