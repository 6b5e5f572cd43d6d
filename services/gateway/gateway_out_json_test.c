/* Who sees what of a deal, and that every answer is what openapi.yaml promises. */
#include "gateway/gateway_out_json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/defer.h"
#include "gateway/gateway_cursor.h"
#include "gateway/gateway_openapi.h"
#include "gateway/testing/gateway_op.h"
#include "json/json_read.h"

static struct id numbered(uint8_t number)
{
    return (struct id){.bytes = {[0] = number, [15] = number}};
}

static struct gateway_view a_view(void)
{
    return (struct gateway_view){
        .id = numbered(1),
        .seq = 2,
        .state = GATEWAY_STATE_AWAIT_FUNDS,
        .currency = CURRENCY_USD,
        .price_minor = 12345,
        .marketplace_id = numbered(2),
        .buyer_id = numbered(3),
        .seller_id = numbered(4),
        .arbiter_id = numbered(5),
        .arbiter_key = STR("00ff"),
        .dispute_number = 2,
        .docket = STR("{\"buyer_items\":1,\"seller_items\":0,"
                      "\"buyer_until\":\"2026-01-01T00:00:00.000Z\","
                      "\"seller_until\":\"2026-01-02T00:00:00.000Z\","
                      "\"staff_decides_at\":\"2026-01-03T00:00:00.000Z\"}"),
        .seller_account = STR("acct_canary"),
        .funding_seconds = 7200,
        .delivery_seconds = 10800,
        .inspection_seconds = 86400,
        .fees = {.buyer = {250, 30}, .seller = {500, 0}, .buyer_refundable = true},
        .deadline_at_us = INT64_C(1763697906791000),
        .deadline_state = 10,
        .description = STR("A \"sword\""),
        .payment_ref = STR("pi_1"),
        .payment_client_secret = STR("pi_1_secret_canary"),
        .created_at_us = INT64_C(1763697906789000),
        .updated_at_us = INT64_C(1763697906790000),
    };
}

static const struct json_value *parsed(struct op *op, struct str json)
{
    const struct json_value *value = NULL;
    assert_int_equal(json_read(op, json, &value).kind, STATUS_OK);
    return value;
}

/* Every member that the schema requires is there, and no other. */
static void keeps_promise(struct op *op, const struct json_value *value, const char *schema)
{
    static const struct json_value *document;
    struct arena *arena = op->arena;
    document = parsed(&(struct op){.arena = arena}, gateway_openapi_json());
    const struct json_value *found =
        json_at(json_at(json_at(document, "/components/schemas"), schema), "/required");
    assert_int_equal(found->kind, JSON_KIND_ARRAY);
    assert_int_equal(value->kind, JSON_KIND_OBJECT);
    assert_int_equal(value->count, found->count);
    for (uint32_t i = 0; i < found->count; i++) {
        bool there = false;
        for (uint32_t j = 0; j < value->count; j++) {
            there = there || str_eq(value->names[j], found->items[i].text);
        }
        assert_true(there);
    }
}

static void the_buyer_alone_can_pay(void **state)
{
    struct fixture *fixture = *state;
    struct gateway_view view = a_view();
    view.split_number = 2;
    const struct gateway_milestone pieces[] = {{STR("a draft"), 30, 6, 0, 2},
                                               {STR("it"), 40, 2, 1, 0}};
    assert_int_equal(gateway_out_milestones(&fixture->op, pieces, 2, &view.milestones).kind,
                     STATUS_OK);
    for (int role = GATEWAY_ROLE_BUYER; role < GATEWAY_ROLE_COUNT; role++) {
        struct str json;
        assert_int_equal(gateway_out_view(&fixture->op, &view, (enum gateway_role)role, &json).kind,
                         STATUS_OK);
        bool buyer = role == GATEWAY_ROLE_BUYER;
        assert_int_equal(strstr(json.ptr, "pi_1_secret_canary") != NULL, buyer);
        bool arbiter = role == GATEWAY_ROLE_ARBITER;
        assert_int_equal(strstr(json.ptr, "acct_canary") != NULL, !buyer && !arbiter);
        const struct json_value *value = parsed(&fixture->op, json);
        assert_int_equal(json_at(value, "/payment")->kind,
                         buyer ? JSON_KIND_OBJECT : JSON_KIND_NULL);
        keeps_promise(&fixture->op, value, "/Escrow");
        keeps_promise(&fixture->op, json_at(value, "/balances"), "/Balances");
        keeps_promise(&fixture->op, json_at(value, "/attention"), "/Attention");
        keeps_promise(&fixture->op, json_at(value, "/deadline"), "/Deadline");
        keeps_promise(&fixture->op, json_at(value, "/split"), "/Split");
        keeps_promise(&fixture->op, json_at(value, "/milestones/1"), "/Milestone");
        keeps_promise(&fixture->op, json_at(value, "/arbiter"), "/Arbiter");
        keeps_promise(&fixture->op, json_at(value, "/dispute"), "/Dispute");
        keeps_promise(&fixture->op, json_at(value, "/dispute/docket"), "/Docket");
        if (buyer) {
            keeps_promise(&fixture->op, json_at(value, "/payment"), "/Payment");
        }
    }
}

static void the_secret_goes_when_it_is_of_no_use(void **state)
{
    struct fixture *fixture = *state;
    for (int deal_state = 1; deal_state < GATEWAY_STATE_COUNT; deal_state++) {
        struct gateway_view view = a_view();
        view.state = deal_state;
        struct str json;
        assert_int_equal(gateway_out_view(&fixture->op, &view, GATEWAY_ROLE_BUYER, &json).kind,
                         STATUS_OK);
        const struct json_value *value = parsed(&fixture->op, json);
        bool payable = deal_state <= GATEWAY_STATE_AWAIT_FUNDS;
        assert_int_equal(json_at(value, "/payment/client_secret")->kind,
                         payable ? JSON_KIND_TEXT : JSON_KIND_NULL);
        struct str ref;
        assert_true(json_text_at(value, "/payment/payment_intent", &ref));
    }
    struct gateway_view view = a_view();
    struct str json;
    view.payment_client_secret = STR(""); /* there never was one to pay with */
    assert_int_equal(gateway_out_view(&fixture->op, &view, GATEWAY_ROLE_BUYER, &json).kind,
                     STATUS_OK);
    assert_int_equal(json_at(parsed(&fixture->op, json), "/payment/client_secret")->kind,
                     JSON_KIND_NULL);
    view.payment_ref = STR("");
    assert_int_equal(gateway_out_view(&fixture->op, &view, GATEWAY_ROLE_BUYER, &json).kind,
                     STATUS_OK);
    assert_int_equal(json_at(parsed(&fixture->op, json), "/payment")->kind, JSON_KIND_NULL);
}

static void a_deal_is_shown_exactly(void **state)
{
    struct fixture *fixture = *state;
    struct gateway_view view = a_view();
    struct str json;
    assert_int_equal(gateway_out_view(&fixture->op, &view, GATEWAY_ROLE_SELLER, &json).kind,
                     STATUS_OK);
    assert_string_equal(
        json.ptr,
        "{\"id\":\"01000000-0000-0000-0000-000000000001\",\"state\":\"AWAIT_FUNDS\",\"seq\":2,"
        "\"currency\":\"USD\",\"amount_minor\":12345,\"balances\":{\"received_minor\":0,"
        "\"held_minor\":0,\"disputed_minor\":0,\"suspense_minor\":0,\"due_seller_minor\":0,\"due_"
        "buyer_minor\":0,"
        "\"paid_out_minor\":0,\"refunded_minor\":0,\"fee_deferred_minor\":0,\"fee_minor\":0,"
        "\"released_minor\":0,\"returned_minor\":0},"
        "\"attention\":{\"payment_setup_failed\":false,"
        "\"payout_failed_minor\":0,\"refund_failed_minor\":0,\"foreign_money\":false},"
        "\"marketplace_id\":\"02000000-0000-0000-0000-000000000002\","
        "\"buyer_id\":\"03000000-0000-0000-0000-000000000003\","
        "\"seller_id\":\"04000000-0000-0000-0000-000000000004\","
        "\"arbiter\":{\"id\":\"05000000-0000-0000-0000-000000000005\",\"key\":\"00ff\"},"
        "\"seller_account\":\"acct_canary\",\"funding_seconds\":7200,\"delivery_seconds\":10800,"
        "\"inspection_seconds\":86400,\"buyer_fee_basis_points\":250,"
        "\"buyer_fee_fixed_minor\":30,\"seller_fee_basis_points\":500,"
        "\"seller_fee_fixed_minor\":0,\"buyer_fee_refundable\":true,"
        "\"preview\":{\"buyer_pays_minor\":12683,\"buyer_fee_minor\":338,"
        "\"seller_gets_minor\":11728,\"seller_fee_minor\":617,\"platform_gets_minor\":955,"
        "\"refund_minor\":12683},"
        "\"deadline\":{\"at\":\"2025-11-21T04:05:06.791Z\",\"next_state\":\"EXPIRED\"},\"split\":"
        "null,\"milestones\":[],\"dispute\":{\"number\":2,\"docket\":{\"buyer_items\":1,\"seller_"
        "items\":0,\"buyer_until\":"
        "\"2026-01-01T00:00:00.000Z\",\"seller_until\":\"2026-01-02T00:00:00.000Z\","
        "\"staff_decides_at\":\"2026-01-03T00:00:00.000Z\"}},"
        "\"description\":\"A \\\"sword\\\"\",\"payment\":null,\"rejection\":null,"
        "\"created_at\":\"2025-11-21T04:05:06.789Z\",\"updated_at\":\"2025-11-21T04:05:06.790Z\"}");
}

static void what_is_pending_has_the_same_shape(void **state)
{
    struct fixture *fixture = *state;
    struct gateway_deal deal = {
        .is_pending = true,
        .pending = {.id = numbered(1),
                    .currency = CURRENCY_USD,
                    .buyer_id = numbered(3),
                    .seller_account = STR("acct_canary"),
                    .funding_seconds = 7200,
                    .delivery_seconds = 10800,
                    .inspection_seconds = 86400,
                    .price_minor = 1000,
                    .fees = {.buyer = {0, 7}, .seller = {0, 11}}},
        .outcome = INTAKE_OPEN,
        .outcome_code = STR("x.y"),
        .outcome_sentence = STR("Why."),
    };
    struct str json;
    struct str text;
    assert_int_equal(gateway_out_pending(&fixture->op, &deal, GATEWAY_ROLE_BUYER, &json).kind,
                     STATUS_OK);
    const struct json_value *value = parsed(&fixture->op, json);
    keeps_promise(&fixture->op, value, "/Escrow");
    assert_true(json_text_at(value, "/state", &text));
    assert_true(str_eq(text, STR("PENDING")));
    assert_int_equal(json_at(value, "/rejection")->kind, JSON_KIND_NULL);
    assert_int_equal(json_at(value, "/funding_seconds")->i64, 7200);
    assert_int_equal(json_at(value, "/delivery_seconds")->i64, 10800);
    assert_int_equal(json_at(value, "/inspection_seconds")->i64, 86400);
    assert_int_equal(json_at(value, "/buyer_fee_fixed_minor")->i64, 7);
    assert_int_equal(json_at(value, "/preview/buyer_pays_minor")->i64, 1007);
    assert_int_equal(json_at(value, "/preview/seller_gets_minor")->i64, 989);
    assert_int_equal(json_at(value, "/preview/platform_gets_minor")->i64, 18);
    assert_int_equal(json_at(value, "/preview/refund_minor")->i64, 1000);
    assert_int_equal(json_at(value, "/deadline")->kind, JSON_KIND_NULL); /* no clock runs yet */
    assert_null(strstr(json.ptr, "canary"));
    deal.outcome = INTAKE_REJECTED;
    assert_int_equal(gateway_out_pending(&fixture->op, &deal, GATEWAY_ROLE_BUYER, &json).kind,
                     STATUS_OK);
    value = parsed(&fixture->op, json);
    assert_true(json_text_at(value, "/state", &text));
    assert_true(str_eq(text, STR("REJECTED")));
    assert_true(json_text_at(value, "/rejection/code", &text));
    assert_true(str_eq(text, STR("x.y")));
    assert_true(json_text_at(value, "/rejection/sentence", &text));
    assert_true(str_eq(text, STR("Why.")));
}

static void lists_show_each_deal_as_its_reader_may_see_it(void **state)
{
    struct fixture *fixture = *state;
    struct gateway_view views[2] = {a_view(), a_view()};
    views[1].buyer_id = numbered(4); /* the other way round */
    views[1].seller_id = numbered(3);
    const struct gateway_caller caller = {.kind = ENGINE_ACTOR_USER, .account_id = numbered(3)};
    struct str json;
    assert_int_equal(gateway_out_list(&fixture->op, views, 2, &caller, STR(""), &json).kind,
                     STATUS_OK);
    const struct json_value *value = parsed(&fixture->op, json);
    keeps_promise(&fixture->op, value, "/EscrowList");
    assert_int_equal(json_at(value, "/items/0/payment")->kind, JSON_KIND_OBJECT);
    assert_int_equal(json_at(value, "/items/0/seller_account")->kind, JSON_KIND_NULL);
    assert_int_equal(json_at(value, "/items/1/payment")->kind, JSON_KIND_NULL);
    assert_int_equal(json_at(value, "/items/1/seller_account")->kind, JSON_KIND_TEXT);
    assert_int_equal(json_at(value, "/next_cursor")->kind, JSON_KIND_NULL);
    assert_int_equal(gateway_out_list(&fixture->op, views, 0, &caller, STR("abc"), &json).kind,
                     STATUS_OK);
    assert_string_equal(json.ptr, "{\"items\":[],\"next_cursor\":\"abc\"}");
}

static void a_timeline_hides_who_of_the_staff(void **state)
{
    struct fixture *fixture = *state;
    const struct gateway_entry entries[] = {
        {.seq = 1,
         .type = STR("EscrowCreated"),
         .state = 1,
         .amount_minor = 5,
         .actor_kind = ENGINE_ACTOR_MARKETPLACE,
         .actor_id = numbered(2)},
        {.seq = 2,
         .type = STR("EscrowCancelled"),
         .state = 9,
         .note = STR("why"),
         .milestone = 3,
         .actor_kind = ENGINE_ACTOR_STAFF,
         .actor_id = numbered(9)},
    };
    struct str json;
    assert_int_equal(
        gateway_out_timeline(&fixture->op, entries, 2, GATEWAY_ROLE_BUYER, 0, &json).kind,
        STATUS_OK);
    const struct json_value *value = parsed(&fixture->op, json);
    keeps_promise(&fixture->op, value, "/Timeline");
    keeps_promise(&fixture->op, json_at(value, "/items/0"), "/TimelineEntry");
    assert_int_equal(json_at(value, "/items/0/actor/id")->kind, JSON_KIND_TEXT);
    assert_int_equal(json_at(value, "/items/0/amount_minor")->kind, JSON_KIND_I64);
    assert_int_equal(json_at(value, "/items/1/amount_minor")->kind, JSON_KIND_NULL);
    assert_int_equal(json_at(value, "/items/0/milestone")->kind, JSON_KIND_NULL);
    assert_int_equal(json_at(value, "/items/1/milestone")->i64, 3);
    assert_int_equal(json_at(value, "/items/1/actor/id")->kind, JSON_KIND_NULL);
    assert_int_equal(
        gateway_out_timeline(&fixture->op, entries, 2, GATEWAY_ROLE_STAFF, 2, &json).kind,
        STATUS_OK);
    value = parsed(&fixture->op, json);
    assert_int_equal(json_at(value, "/items/1/actor/id")->kind, JSON_KIND_TEXT);
    assert_int_equal(json_at(value, "/next_after")->i64, 2);
}

static void commands_tell_their_outcome(void **state)
{
    struct fixture *fixture = *state;
    static const char *const names[INTAKE_OUTCOME_COUNT] = {"pending", "accepted", "rejected"};
    for (int outcome = 0; outcome < INTAKE_OUTCOME_COUNT; outcome++) {
        const struct gateway_command_row row = {
            .id = numbered(7),
            .topic = STR("escrow.commands.v1"),
            .key = numbered(1),
            .type = STR("holdfast.escrow.v1.CancelEscrow"),
            .outcome = (enum intake_outcome)outcome,
            .code = outcome == INTAKE_REJECTED ? STR("escrow.has_funds") : STR(""),
            .sentence = STR("Because."),
            .closed_at_us = outcome == INTAKE_OPEN ? 0 : 5,
        };
        struct str json;
        struct str text;
        assert_int_equal(gateway_out_command(&fixture->op, &row, &json).kind, STATUS_OK);
        const struct json_value *value = parsed(&fixture->op, json);
        keeps_promise(&fixture->op, value, "/Command");
        assert_true(json_text_at(value, "/status", &text));
        assert_true(str_eq(text, str_of(names[outcome])));
        assert_true(json_text_at(value, "/type", &text));
        assert_true(str_eq(text, STR("CancelEscrow")));
        assert_int_equal(json_text_at(value, "/rejection/code", &text), outcome == INTAKE_REJECTED);
        assert_int_equal(json_text_at(value, "/closed_at", &text), outcome != INTAKE_OPEN);
    }
}

static void cursors_come_back_as_they_went(void **state)
{
    struct fixture *fixture = *state;
    struct gateway_view view = a_view();
    struct str text;
    struct gateway_cursor cursor;
    assert_int_equal(gateway_cursor_format(&fixture->op, &view, &text).kind, STATUS_OK);
    assert_int_equal(text.len, 48);
    assert_true(gateway_cursor_parse(text, &cursor));
    assert_true(cursor.before_us == view.created_at_us);
    assert_true(id_eq(cursor.before_id, view.id));
    text.len--;
    assert_false(gateway_cursor_parse(text, &cursor));
    assert_false(gateway_cursor_parse(STR(""), &cursor));
    assert_false(
        gateway_cursor_parse(STR("ffffffffffffffff00000000000000000000000000000000"), &cursor));
    assert_false(
        gateway_cursor_parse(STR("zz00000000000000000000000000000000000000000000z0"), &cursor));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_buyer_alone_can_pay, setup, teardown),
        cmocka_unit_test_setup_teardown(the_secret_goes_when_it_is_of_no_use, setup, teardown),
        cmocka_unit_test_setup_teardown(a_deal_is_shown_exactly, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_pending_has_the_same_shape, setup, teardown),
        cmocka_unit_test_setup_teardown(lists_show_each_deal_as_its_reader_may_see_it, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_timeline_hides_who_of_the_staff, setup, teardown),
        cmocka_unit_test_setup_teardown(commands_tell_their_outcome, setup, teardown),
        cmocka_unit_test_setup_teardown(cursors_come_back_as_they_went, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
