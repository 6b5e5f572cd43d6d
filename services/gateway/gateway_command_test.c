/* Ids that never change, content that tells requests apart, who may ask, and every bound of terms. */
#include "gateway/gateway_command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/defer.h"
#include "gateway/testing/gateway_op.h"
#include "holdfast/escrow/v1/commands.pb-c.h"
#include "wire/wire.h"

static struct id id_of(const char *text)
{
    struct id id = {.bytes = {0}};
    assert_true(id_parse(str_of(text), &id));
    return id;
}

static void is(struct id id, const char *text)
{
    char formatted[ID_TEXT_BYTES];
    id_format(id, formatted);
    assert_string_equal(formatted, text);
}

#define MARKETPLACE "a0000000-0000-4000-8000-000000000001"
#define BUYER "b0000000-0000-4000-8000-000000000002"
#define SELLER "c0000000-0000-4000-8000-000000000003"
#define ESCROW "e0000000-0000-4000-8000-000000000004"
#define ARBITER "d0000000-0000-4000-8000-000000000006"

static struct gateway_terms good_terms(void)
{
    return (struct gateway_terms){
        .buyer_id = id_of(BUYER),
        .seller_id = id_of(SELLER),
        .seller_account = STR("acct_1Abc"),
        .amount_minor = 12345,
        .currency = STR("USD"),
        .funding_seconds = 7200,
        .delivery_seconds = 10800,
        .inspection_seconds = 86400,
        .description = STR("A sword"),
    };
}

static struct gateway_order creation(void)
{
    return (struct gateway_order){
        .action = GATEWAY_CREATE,
        .caller = {.kind = ENGINE_ACTOR_MARKETPLACE, .account_id = id_of(MARKETPLACE)},
        .key = STR("key-1"),
        .terms = good_terms(),
        .now_us = 1000,
    };
}

static struct gateway_order action(enum gateway_action what)
{
    return (struct gateway_order){
        .action = what,
        .caller = {.kind = ENGINE_ACTOR_USER, .account_id = id_of(BUYER)},
        .key = STR("key-1"),
        .escrow_id = id_of(ESCROW),
        .reason = STR(""),
    };
}

static struct gateway_command made(struct op *op, const struct gateway_order *order)
{
    struct gateway_command command;
    assert_int_equal(gateway_command_make(op, order, &command).kind, STATUS_OK);
    return command;
}

static void ids_are_those_of_another_program(void **state)
{
    struct fixture *fixture = *state;
    struct gateway_order order = creation();
    struct gateway_command command = made(&fixture->op, &order);
    is(command.request.id, "6e799240-3be4-52cb-ba3e-90cf647c6473");
    is(command.escrow_id, "b95e4be4-21c7-5fb5-8483-806b7c4eeb49");
    assert_true(id_eq(command.request.key, command.escrow_id));
    order = action(GATEWAY_RELEASE);
    command = made(&fixture->op, &order);
    is(command.request.id, "233d29c5-d2c7-5e9a-9994-7e6f05d7dfa6");
    is(command.request.key, ESCROW);
}

/* Whatever differs in account, path or key is another command. */
static void different_requests_have_different_ids(void **state)
{
    struct fixture *fixture = *state;
    struct gateway_order orders[8];
    orders[0] = creation();
    orders[1] = creation();
    orders[1].key = STR("key-2");
    orders[2] = creation();
    orders[2].caller.account_id = id_of(SELLER);
    orders[3] = action(GATEWAY_RELEASE);
    orders[4] = action(GATEWAY_CANCEL);
    orders[5] = action(GATEWAY_RELEASE);
    orders[5].caller.account_id = id_of(SELLER);
    orders[6] = action(GATEWAY_RELEASE);
    orders[6].escrow_id = id_of(MARKETPLACE);
    orders[7] = action(GATEWAY_RELEASE);
    orders[7].key = STR("key-2");
    struct id ids[ARRAY_LEN(orders)];
    for (size_t i = 0; i < ARRAY_LEN(orders); i++) {
        ids[i] = made(&fixture->op, &orders[i]).request.id;
        for (size_t j = 0; j < i; j++) {
            assert_false(id_eq(ids[i], ids[j]));
        }
    }
}

/* The content does not depend on when or under which trace something was asked, but on all else. */
static void content_tells_requests_apart(void **state)
{
    struct fixture *fixture = *state;
    struct gateway_order order = creation();
    struct gateway_command first = made(&fixture->op, &order);
    fixture->op.correlation_id = STR("d0000000-0000-4000-8000-00000000000d");
    order.now_us = 2000;
    struct gateway_command again = made(&fixture->op, &order);
    assert_true(id_eq(first.request.id, again.request.id));
    assert_true(hash_eq(&first.request.content, &again.request.content));
    struct gateway_terms changed[14];
    for (size_t i = 0; i < ARRAY_LEN(changed); i++) {
        changed[i] = good_terms();
    }
    changed[0].amount_minor++;
    changed[1].seller_account = STR("acct_1Abd");
    changed[2].inspection_seconds++;
    changed[3].description = STR("A swore");
    changed[4].buyer_id = id_of(ESCROW);
    changed[5].seller_id = id_of(ESCROW);
    changed[6].description = STR("");
    changed[7].funding_seconds++;
    changed[8].delivery_seconds++;
    changed[9].fees.buyer.basis_points++;
    changed[10].fees.buyer.fixed_minor++;
    changed[11].fees.seller.basis_points++;
    changed[12].fees.seller.fixed_minor++;
    changed[13].fees.buyer_refundable = true;
    for (size_t i = 0; i < ARRAY_LEN(changed); i++) {
        order.terms = changed[i];
        struct gateway_command other = made(&fixture->op, &order);
        assert_true(id_eq(first.request.id, other.request.id));
        assert_false(hash_eq(&first.request.content, &other.request.content));
    }
    struct gateway_order refund = action(GATEWAY_REFUND);
    struct gateway_command plain = made(&fixture->op, &refund);
    refund.reason = STR("changed my mind");
    struct gateway_command reasoned = made(&fixture->op, &refund);
    assert_false(hash_eq(&plain.request.content, &reasoned.request.content));
}

/* What is packed is what was asked for, and its hash is the one that the consumer will compute. */
static void the_record_says_what_was_asked(void **state)
{
    struct fixture *fixture = *state;
    struct op *op = &fixture->op;
    struct gateway_order order = creation();
    order.terms.fees =
        (struct fee_terms){.buyer = {1, 2}, .seller = {3, 4}, .buyer_refundable = true};
    struct gateway_command made_one = made(op, &order);
    const struct intake_request *request = &made_one.request;
    assert_int_equal(request->topic, TOPIC_ESCROW_COMMANDS_V1);
    assert_true(str_eq(request->type, STR("holdfast.escrow.v1.CreateEscrow")));
    assert_true(id_eq(request->account, id_of(MARKETPLACE)));
    ProtobufCMessage *unpacked = NULL;
    assert_int_equal(wire_unpack(op, &holdfast__escrow__v1__escrow_command__descriptor,
                                 request->payload, WIRE_BUDGET_BYTES, &unpacked)
                         .kind,
                     STATUS_OK);
    const Holdfast__Escrow__V1__EscrowCommand *command =
        (const Holdfast__Escrow__V1__EscrowCommand *)unpacked;
    struct engine_message message = {.type = 0};
    assert_int_equal(wire_meta_read(op, command->meta, &message).kind, STATUS_OK);
    assert_true(id_eq(message.id, request->id));
    is(message.correlation_id, "c0000000-0000-4000-8000-00000000000c");
    assert_int_equal(message.actor.kind, ENGINE_ACTOR_MARKETPLACE);
    assert_true(id_eq(message.actor.id, id_of(MARKETPLACE)));
    assert_int_equal(command->body_case, HOLDFAST__ESCROW__V1__ESCROW_COMMAND__BODY_CREATE_ESCROW);
    const Holdfast__Escrow__V1__CreateEscrow *create = command->create_escrow;
    assert_int_equal(create->price->amount_minor, 12345);
    assert_int_equal(create->price->currency, HOLDFAST__COMMON__V1__CURRENCY__CURRENCY_USD);
    assert_string_equal(create->seller_account, "acct_1Abc");
    assert_string_equal(create->description, "A sword");
    assert_int_equal(create->funding_seconds, 7200);
    assert_int_equal(create->delivery_seconds, 10800);
    assert_int_equal(create->inspection_seconds, 86400);
    struct fee_terms asked = wire_fees(create->fees);
    assert_memory_equal(&asked.buyer, &order.terms.fees.buyer, sizeof(asked.buyer));
    assert_memory_equal(&asked.seller, &order.terms.fees.seller, sizeof(asked.seller));
    assert_true(asked.buyer_refundable);
    assert_memory_equal(create->buyer_id.data, id_of(BUYER).bytes, 16);
    assert_memory_equal(create->marketplace_id.data, id_of(MARKETPLACE).bytes, 16);
    struct hash content;
    assert_int_equal(wire_content_of(op, request->key, message.actor, &create->base, &content).kind,
                     STATUS_OK);
    assert_true(hash_eq(&content, &request->content));
    assert_true(id_eq(made_one.pending.id, request->key));
    assert_true(id_eq(made_one.pending.command_id, request->id));
    assert_int_equal(made_one.pending.price_minor, 12345);
    assert_int_equal(made_one.pending.funding_seconds, 7200);
    assert_int_equal(made_one.pending.delivery_seconds, 10800);
    assert_int_equal(made_one.pending.inspection_seconds, 86400);
    assert_int_equal(made_one.pending.fees.buyer.fixed_minor, 2);
    assert_int_equal(made_one.pending.fees.seller.basis_points, 3);
    assert_int_equal(made_one.pending.created_at_us, 1000);
}

static void every_action_has_its_type(void **state)
{
    struct fixture *fixture = *state;
    static const char *const types[GATEWAY_ACTION_COUNT] = {
        [GATEWAY_MARK_DELIVERED] = "holdfast.escrow.v1.MarkDelivered",
        [GATEWAY_RELEASE] = "holdfast.escrow.v1.ReleaseFunds",
        [GATEWAY_CANCEL] = "holdfast.escrow.v1.CancelEscrow",
        [GATEWAY_REFUND] = "holdfast.escrow.v1.Refund",
        [GATEWAY_RETRY] = "holdfast.escrow.v1.RetryPayout",
        [GATEWAY_REJECT_DELIVERY] = "holdfast.escrow.v1.RejectDelivery",
        [GATEWAY_ACCEPT_RETURN] = "holdfast.escrow.v1.AcceptReturn",
        [GATEWAY_RAISE_DISPUTE] = "holdfast.escrow.v1.RaiseDispute",
        [GATEWAY_WITHDRAW_DISPUTE] = "holdfast.escrow.v1.WithdrawDispute",
        [GATEWAY_RELEASE_PART] = "holdfast.escrow.v1.ReleasePart",
        [GATEWAY_PROPOSE_SPLIT] = "holdfast.escrow.v1.ProposeSplit",
        [GATEWAY_ACCEPT_SPLIT] = "holdfast.escrow.v1.AcceptSplit",
        [GATEWAY_RESOLVE_DISPUTE] = "holdfast.escrow.v1.ResolveDispute",
        [GATEWAY_SUBMIT_EVIDENCE] = "holdfast.escrow.v1.SubmitEvidence",
        [GATEWAY_WITHDRAW_SPLIT] = "holdfast.escrow.v1.WithdrawSplit",
    };
    for (int i = GATEWAY_MARK_DELIVERED; i < GATEWAY_ACTION_COUNT; i++) {
        struct gateway_order order = action((enum gateway_action)i);
        struct gateway_command command = made(&fixture->op, &order);
        assert_true(str_eq(command.request.type, str_of(types[i])));
        assert_null(command.request.extra_table);
    }
}

/* Each action by each role: what escrow will say too. */
static void roles_may_what_they_may(void **state)
{
    (void)state;
    static const bool may[GATEWAY_ACTION_COUNT][GATEWAY_ROLE_COUNT] = {
        /* none, buyer, seller, arbiter, marketplace, staff */
        [GATEWAY_CREATE] = {false, false, false, false, true, false},
        [GATEWAY_MARK_DELIVERED] = {false, false, true, false, false, false},
        [GATEWAY_RELEASE] = {false, true, false, false, false, false},
        [GATEWAY_CANCEL] = {false, true, true, false, true, true},
        [GATEWAY_REFUND] = {false, false, true, false, false, true},
        [GATEWAY_RETRY] = {false, false, false, false, false, true},
        [GATEWAY_REJECT_DELIVERY] = {false, true, false, false, false, false},
        [GATEWAY_ACCEPT_RETURN] = {false, false, true, false, false, false},
        [GATEWAY_RAISE_DISPUTE] = {false, true, true, false, false, false},
        [GATEWAY_WITHDRAW_DISPUTE] = {false, true, true, false, false, false},
        [GATEWAY_RELEASE_PART] = {false, true, false, false, false, false},
        [GATEWAY_PROPOSE_SPLIT] = {false, true, true, false, false, false},
        [GATEWAY_ACCEPT_SPLIT] = {false, true, true, false, false, false},
        [GATEWAY_RESOLVE_DISPUTE] = {false, false, false, true, false, true},
        [GATEWAY_SUBMIT_EVIDENCE] = {false, true, true, false, false, false},
        [GATEWAY_WITHDRAW_SPLIT] = {false, true, true, false, false, false},
    };
    for (int action_at = 0; action_at < GATEWAY_ACTION_COUNT; action_at++) {
        for (int role = 0; role < GATEWAY_ROLE_COUNT; role++) {
            assert_int_equal(
                gateway_action_allowed((enum gateway_action)action_at, (enum gateway_role)role),
                may[action_at][role]);
        }
    }
}

static void a_role_is_kind_and_id_together(void **state)
{
    (void)state;
    struct gateway_parties parties = {.marketplace_id = id_of(MARKETPLACE),
                                      .buyer_id = id_of(BUYER),
                                      .seller_id = id_of(SELLER),
                                      .arbiter_id = id_of(ARBITER)};

    const struct {
        enum engine_actor_kind kind;
        const char *id;
        enum gateway_role role;
    } cases[] = {
        {ENGINE_ACTOR_USER, BUYER, GATEWAY_ROLE_BUYER},
        {ENGINE_ACTOR_USER, SELLER, GATEWAY_ROLE_SELLER},
        {ENGINE_ACTOR_USER, ARBITER, GATEWAY_ROLE_ARBITER},
        {ENGINE_ACTOR_MARKETPLACE, ARBITER, GATEWAY_ROLE_NONE},
        {ENGINE_ACTOR_USER, MARKETPLACE, GATEWAY_ROLE_NONE},
        {ENGINE_ACTOR_USER, ESCROW, GATEWAY_ROLE_NONE},
        {ENGINE_ACTOR_MARKETPLACE, MARKETPLACE, GATEWAY_ROLE_MARKETPLACE},
        {ENGINE_ACTOR_MARKETPLACE, BUYER, GATEWAY_ROLE_NONE},
        {ENGINE_ACTOR_STAFF, BUYER, GATEWAY_ROLE_STAFF},
        {ENGINE_ACTOR_SYSTEM, BUYER, GATEWAY_ROLE_NONE},
        {ENGINE_ACTOR_NONE, BUYER, GATEWAY_ROLE_NONE},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct gateway_caller caller = {.kind = cases[i].kind, .account_id = id_of(cases[i].id)};
        assert_int_equal(gateway_role_of(&caller, &parties), cases[i].role);
    }
    /* Where there is no arbiter, nobody is one. */
    struct gateway_caller nobody = {.kind = ENGINE_ACTOR_USER};
    parties.arbiter_id = nobody.account_id;
    assert_int_equal(gateway_role_of(&nobody, &parties), GATEWAY_ROLE_NONE);
}

/* The key pair whose seed is "private key of a test, useless!!"; the signature is another program's. */
#define ARBITER_KEY "e5cd1c3995428e5402f62a0627f94073c19fc962e698666275158b15df40abbc"
#define VERDICT_HEAD "5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e"
#define VERDICT_SIGNATURE                                              \
    "dfbf6632381b39a9ba98cb95047ee4492c23ef268c43a714955f9ed840dcfd1b" \
    "d8b7be7fb662fbb3335263110f9443f04ddaf0bc36f3a938a4a755d0582ec20b"

static void judge_verdict(struct op *op, const struct gateway_order *order,
                          const struct gateway_view *view, const char *blamed)
{
    struct status st = gateway_verdict_check(op, order, view);
    if (!blamed) {
        assert_int_equal(st.kind, STATUS_OK);
        return;
    }
    assert_int_equal(st.kind, STATUS_INVALID);
    assert_string_equal(op->err.code, "escrow.bad_signature");
    assert_string_equal(op->err.field, blamed);
}

/* An arbiter's verdict is signed with the key of the deal's terms, staff's with none. */
static void a_verdict_is_signed_by_whom_it_is(void **state)
{
    struct fixture *fixture = *state;
    struct gateway_view view = {.currency = CURRENCY_USD, .arbiter_key = STR(ARBITER_KEY)};
    struct gateway_order order = action(GATEWAY_RESOLVE_DISPUTE);
    memset(view.id.bytes, 0xe0, sizeof(view.id.bytes));
    order.caller.kind = ENGINE_ACTOR_USER;
    order.number = 1;
    order.seller_minor = 3000;
    order.buyer_minor = 7000;
    order.reason = STR("why");
    order.head = STR(VERDICT_HEAD);
    order.signature = STR(VERDICT_SIGNATURE);
    judge_verdict(&fixture->op, &order, &view, NULL);
    struct gateway_order other = order;
    other.head = STR("5f5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e");
    judge_verdict(&fixture->op, &other, &view, "/signature");
    other.head.len--;
    judge_verdict(&fixture->op, &other, &view, "/head");
    other = order;
    other.head = STR("5E5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e");
    judge_verdict(&fixture->op, &other, &view, "/head");
    other = order;
    other.signature.len -= 2;
    judge_verdict(&fixture->op, &other, &view, "/signature");
    other.signature = STR("");
    judge_verdict(&fixture->op, &other, &view, "/signature");
    other = order;
    other.seller_minor = 3001;
    judge_verdict(&fixture->op, &other, &view, "/signature");
    struct gateway_view none = view;
    none.arbiter_key = STR("");
    judge_verdict(&fixture->op, &order, &none, "/signature");
    order.caller.kind = ENGINE_ACTOR_STAFF;
    judge_verdict(&fixture->op, &order, &view, "/signature");
    order.signature = STR("");
    judge_verdict(&fixture->op, &order, &view, "/signature"); /* nor half of it */
    order.head = STR("");
    judge_verdict(&fixture->op, &order, &view, NULL);
}

static void judge(struct op *op, const struct gateway_terms *terms, const char *code,
                  const char *field)
{
    struct status st = gateway_terms_check(op, terms);
    if (!code) {
        assert_int_equal(st.kind, STATUS_OK);
        return;
    }
    assert_int_equal(st.kind, STATUS_INVALID);
    assert_string_equal(op->err.code, code);
    assert_string_equal(op->err.field, field);
}

static void fees_have_their_bounds(void **state)
{
    struct fixture *fixture = *state;

    const struct {
        struct fee_terms fees;
        const char *field; /* NULL: accepted */
    } rows[] = {
        {{.buyer = {10000, 999800}}, NULL}, /* 10,000.00 USD in all */
        {{.seller = {0, 99}}, NULL},
        {{.buyer = {-1, 0}}, "/buyer_fee_basis_points"},
        {{.buyer = {10001, 0}}, "/buyer_fee_basis_points"},
        {{.buyer = {0, -1}}, "/buyer_fee_fixed_minor"},
        {{.buyer = {0, 1000001}}, "/buyer_fee_fixed_minor"},
        {{.seller = {-1, 0}}, "/seller_fee_basis_points"},
        {{.seller = {10001, 0}}, "/seller_fee_basis_points"},
        {{.seller = {0, INT64_MIN}}, "/seller_fee_fixed_minor"},
        {{.seller = {0, INT64_MAX}}, "/seller_fee_fixed_minor"},
        {{.seller = {0, 100}}, "/seller_fee_basis_points"}, /* nothing is left for the seller */
        {{.seller = {9900, 1}}, "/seller_fee_basis_points"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct gateway_terms terms = good_terms();
        terms.amount_minor = 100;
        terms.fees = rows[i].fees;
        judge(&fixture->op, &terms, rows[i].field ? "escrow.bad_fees" : NULL, rows[i].field);
    }
    /* The buyer's card is charged with the fee too. */
    struct gateway_terms over = good_terms();
    over.amount_minor = 100;
    over.fees = (struct fee_terms){.buyer = {10000, 999801}};
    judge(&fixture->op, &over, "gateway.amount_limit", "/amount_minor");
}

static void terms_have_their_bounds(void **state)
{
    struct fixture *fixture = *state;
    struct op *op = &fixture->op;

    const struct {
        int64_t amount_minor;
        int64_t funding_seconds;
        int64_t delivery_seconds;
        int64_t inspection_seconds;
        const char *code;
        const char *field;
    } numbers[] = {
        {1, 3600, 3600, 86400, NULL, NULL},
        {1000000, 2592000, 7776000, 2592000, NULL, NULL},
        {0, 3600, 3600, 86400, "gateway.amount_limit", "/amount_minor"},
        {-1, 3600, 3600, 86400, "gateway.amount_limit", "/amount_minor"},
        {1000001, 3600, 3600, 86400, "gateway.amount_limit", "/amount_minor"},
        {INT64_MIN, 3600, 3600, 86400, "gateway.amount_limit", "/amount_minor"},
        {INT64_MAX, 3600, 3600, 86400, "gateway.amount_limit", "/amount_minor"},
        {1, 3599, 3600, 86400, "escrow.bad_funding", "/funding_seconds"},
        {1, 2592001, 3600, 86400, "escrow.bad_funding", "/funding_seconds"},
        {1, 3600, 3599, 86400, "escrow.bad_delivery", "/delivery_seconds"},
        {1, 3600, 7776001, 86400, "escrow.bad_delivery", "/delivery_seconds"},
        {1, 3600, 3600, 86399, "escrow.bad_inspection", "/inspection_seconds"},
        {1, 3600, 3600, 2592001, "escrow.bad_inspection", "/inspection_seconds"},
    };

    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        struct gateway_terms terms = good_terms();
        terms.amount_minor = numbers[i].amount_minor;
        terms.funding_seconds = numbers[i].funding_seconds;
        terms.delivery_seconds = numbers[i].delivery_seconds;
        terms.inspection_seconds = numbers[i].inspection_seconds;
        judge(op, &terms, numbers[i].code, numbers[i].field);
    }
    struct gateway_terms same = good_terms();
    same.seller_id = same.buyer_id;
    judge(op, &same, "escrow.same_party", "/seller_id");
    static const char *const currencies[] = {"usd", "EUR", "", "USDC"};
    for (size_t i = 0; i < ARRAY_LEN(currencies); i++) {
        struct gateway_terms terms = good_terms();
        terms.currency = str_of(currencies[i]);
        judge(op, &terms, "gateway.currency", "/currency");
    }
}

static void texts_have_their_bounds(void **state)
{
    struct fixture *fixture = *state;
    struct op *op = &fixture->op;
    static const char *const accounts[] = {"",         "acct_",    "acct",     "Acct_1",
                                           "acct_1-2", "acct_1 ",  " acct_1",  "acct_\xC3\xA9",
                                           "cus_1",    "acct_1/2", "acct_1?x="};
    for (size_t i = 0; i < ARRAY_LEN(accounts); i++) {
        struct gateway_terms terms = good_terms();
        terms.seller_account = str_of(accounts[i]);
        judge(op, &terms, "gateway.seller_account", "/seller_account");
    }
    char big[1200];
    memset(big, 'x', sizeof(big));
    struct gateway_terms terms = good_terms();
    terms.description = (struct str){.ptr = big, .len = 500};
    judge(op, &terms, NULL, NULL);
    terms.description.len = 501;
    judge(op, &terms, "escrow.bad_text", "/description");
    memcpy(big, "acct_", 5);
    terms = good_terms();
    terms.seller_account = (struct str){.ptr = big, .len = 255};
    judge(op, &terms, NULL, NULL);
    terms.seller_account.len = 256;
    judge(op, &terms, "gateway.seller_account", "/seller_account");
    for (size_t i = 0; i < 500; i++) { /* two bytes each: 500 characters are 1000 bytes */
        big[2 * i] = (char)0xC3;
        big[2 * i + 1] = (char)0xA9;
    }
    terms = good_terms();
    terms.description = (struct str){.ptr = big, .len = 1000};
    judge(op, &terms, NULL, NULL);
    terms.description.len = 1002;
    judge(op, &terms, "escrow.bad_text", "/description");
    memset(big, 'x', sizeof(big));
    assert_int_equal(
        gateway_reason_check(op, GATEWAY_CANCEL, (struct str){.ptr = big, .len = 200}).kind,
        STATUS_OK);
    assert_int_equal(
        gateway_reason_check(op, GATEWAY_CANCEL, (struct str){.ptr = big, .len = 201}).kind,
        STATUS_INVALID);
    assert_string_equal(op->err.field, "/reason");
    /* Who rejects says why; who gives back need not. */
    assert_int_equal(gateway_reason_check(op, GATEWAY_REFUND, STR("")).kind, STATUS_OK);
    assert_int_equal(gateway_reason_check(op, GATEWAY_REJECT_DELIVERY, STR("")).kind,
                     STATUS_INVALID);
    assert_string_equal(op->err.code, "escrow.bad_text");
    assert_int_equal(gateway_reason_check(op, GATEWAY_REJECT_DELIVERY, STR("x")).kind, STATUS_OK);
    for (size_t i = 0; i < 170; i++) { /* three bytes each: few characters, many bytes */
        memcpy(big + 3 * i, "\xE2\x82\xAC", 3);
    }
    assert_int_equal(
        gateway_reason_check(op, GATEWAY_CANCEL, (struct str){.ptr = big, .len = 498}).kind,
        STATUS_OK);
    assert_int_equal(
        gateway_reason_check(op, GATEWAY_CANCEL, (struct str){.ptr = big, .len = 501}).kind,
        STATUS_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(ids_are_those_of_another_program, setup, teardown),
        cmocka_unit_test_setup_teardown(different_requests_have_different_ids, setup, teardown),
        cmocka_unit_test_setup_teardown(content_tells_requests_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(the_record_says_what_was_asked, setup, teardown),
        cmocka_unit_test_setup_teardown(every_action_has_its_type, setup, teardown),
        cmocka_unit_test(roles_may_what_they_may),
        cmocka_unit_test(a_role_is_kind_and_id_together),
        cmocka_unit_test_setup_teardown(a_verdict_is_signed_by_whom_it_is, setup, teardown),
        cmocka_unit_test_setup_teardown(fees_have_their_bounds, setup, teardown),
        cmocka_unit_test_setup_teardown(terms_have_their_bounds, setup, teardown),
        cmocka_unit_test_setup_teardown(texts_have_their_bounds, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
