/* Names and ids at their bounds, who may do what, every decision, and requests that come back as asked. */
#include "gateway/gateway_account.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/defer.h"
#include "base/lane.h"
#include "gateway/gateway_account_command.h"
#include "gateway/gateway_in.h"
#include "gateway/gateway_repo.h"
#include "holdfast/gateway/v1/commands.pb-c.h"
#include "http/http_errors.h"
#include "wire/wire.h"

#define MARKETPLACE "a0000000-0000-4000-8000-000000000001"
#define OTHER_MARKETPLACE "a0000000-0000-4000-8000-000000000002"
#define USER "b0000000-0000-4000-8000-000000000002"
#define STRANGER "f0000000-0000-4000-8000-000000000004"
#define DISCORD STR("123456789012345678")
#define OTHER_DISCORD STR("9223372036854775807")
#define NOW_US 5000

static struct id id_of(const char *text)
{
    struct id id = {.bytes = {0}};
    assert_true(id_parse(str_of(text), &id));
    return id;
}

static struct engine_actor actor(enum engine_actor_kind kind, const char *id)
{
    return (struct engine_actor){.kind = kind, .id = id_of(id)};
}

/* ---- Bounds ---- */

#define TEN "0123456789"
#define EIGHTY TEN TEN TEN TEN TEN TEN TEN TEN
#define TEN_WIDE "\u00e4\u00f6\u00fc\u00df\u20ac\u00e4\u00f6\u00fc\u00df\u20ac"
#define EIGHTY_WIDE TEN_WIDE TEN_WIDE TEN_WIDE TEN_WIDE TEN_WIDE TEN_WIDE TEN_WIDE TEN_WIDE

static void names_are_bounded(void **state)
{
    (void)state;
    static const struct str good[] = {STR("a"),        STR(" "),    STR("Ada L. \xf0\x9f\x98\x80"),
                                      STR("\xc2\xa0"), STR(EIGHTY), STR(EIGHTY_WIDE)};
    static const struct str bad[] = {STR(""),
                                     STR(EIGHTY "x"),
                                     STR(EIGHTY_WIDE "x"),
                                     STR("a\nb"),
                                     STR("\t"),
                                     STR("a\x1f"),
                                     STR("a\x7f"
                                         "b"),
                                     STR("a\xc2\x80"),
                                     STR("\xc2\x9f"
                                         "b"),
                                     STR("\x1b[31m")};
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        assert_true(gateway_account_name_ok(good[i]));
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_false(gateway_account_name_ok(bad[i]));
    }
}

static void discord_ids_are_snowflakes(void **state)
{
    (void)state;
    static const struct str good[] = {STR("10000000000000000"), STR("99999999999999999"),
                                      STR("123456789012345678"), STR("9223372036854775807")};
    static const struct str bad[] = {STR(""),
                                     STR("9999999999999999"),
                                     STR("09999999999999999"),
                                     STR("9223372036854775808"),
                                     STR("9999999999999999999"),
                                     STR("10000000000000000000"),
                                     STR("00000000000000000001"),
                                     STR("1234567890123456789x"),
                                     STR("12345678901234567x"),
                                     STR("-12345678901234567"),
                                     STR("+12345678901234567"),
                                     STR(" 12345678901234567"),
                                     STR("1234567890123456.7"),
                                     STR("12345678901234567 "),
                                     STR("<@12345678901234567>")};
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        assert_true(gateway_account_discord_ok(good[i]));
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_false(gateway_account_discord_ok(bad[i]));
    }
}

/* ---- Who ---- */

static struct gateway_account an_account(void)
{
    return (struct gateway_account){.id = id_of(USER),
                                    .seq = 3,
                                    .marketplace_id = id_of(MARKETPLACE),
                                    .display_name = STR("Ada"),
                                    .discord_id = DISCORD,
                                    .created_at_us = 1000,
                                    .updated_at_us = 2000};
}

static void each_may_what_is_his(void **state)
{
    (void)state;

    static const struct {
        enum engine_actor_kind kind;
        const char *id;
        bool registers, sees, links;
    } cases[] = {
        {ENGINE_ACTOR_MARKETPLACE, MARKETPLACE, true, true, true},
        {ENGINE_ACTOR_MARKETPLACE, OTHER_MARKETPLACE, true, false, false},
        {ENGINE_ACTOR_STAFF, STRANGER, true, true, true},
        {ENGINE_ACTOR_USER, USER, false, true, false},
        {ENGINE_ACTOR_USER, STRANGER, false, false, false},
        {ENGINE_ACTOR_USER, MARKETPLACE, false, false, false}, /* the same id, another kind */
        {ENGINE_ACTOR_MARKETPLACE, USER, true, false, false},
        {ENGINE_ACTOR_SYSTEM, STRANGER, false, false, false},
    };
    const struct gateway_account account = an_account();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct engine_actor who = actor(cases[i].kind, cases[i].id);
        assert_int_equal(gateway_account_may_register(who.kind), cases[i].registers);
        assert_int_equal(gateway_account_may_see(&who, &account), cases[i].sees);
        assert_int_equal(gateway_account_may_link(&who, &account), cases[i].links);
    }
    const struct engine_actor staff = actor(ENGINE_ACTOR_STAFF, STRANGER);
    assert_true(id_is_none(gateway_account_marketplace(&staff)));
    /* What staff registered is no marketplace's, not even of one without an id. */
    struct gateway_account of_staff = account;
    of_staff.marketplace_id = gateway_account_marketplace(&staff);
    const struct engine_actor marketplace = actor(ENGINE_ACTOR_MARKETPLACE, MARKETPLACE);
    assert_false(gateway_account_may_see(&marketplace, &of_staff));
}

/* ---- Decisions ---- */

static struct gateway_account_ask registering(void)
{
    return (struct gateway_account_ask){.verb = GATEWAY_ACCOUNT_REGISTER,
                                        .user_id = id_of(USER),
                                        .actor = actor(ENGINE_ACTOR_MARKETPLACE, MARKETPLACE),
                                        .display_name = STR("Ada"),
                                        .discord_id = STR("")};
}

static struct gateway_account_ask linking(void)
{
    return (struct gateway_account_ask){.verb = GATEWAY_ACCOUNT_LINK_DISCORD,
                                        .user_id = id_of(USER),
                                        .actor = actor(ENGINE_ACTOR_MARKETPLACE, MARKETPLACE),
                                        .discord_id = OTHER_DISCORD};
}

static void registers(void **state)
{
    (void)state;
    struct gateway_account_ask ask = registering();
    struct gateway_account_decision decision = gateway_account_decide(NULL, &ask, NOW_US);
    assert_int_equal(decision.refusal, GATEWAY_ACCOUNT_REFUSAL_NONE);
    assert_int_equal(decision.news, GATEWAY_ACCOUNT_JOINED);
    assert_true(id_eq(decision.next.id, id_of(USER)));
    assert_true(id_eq(decision.next.marketplace_id, id_of(MARKETPLACE)));
    assert_int_equal(decision.next.seq, 1);
    assert_true(str_eq(decision.next.display_name, STR("Ada")));
    assert_int_equal(decision.next.discord_id.len, 0);
    assert_int_equal(decision.next.created_at_us, NOW_US);
    assert_true(gateway_account_is_sound(&decision.next));
    assert_false(decision.needs_claim);
    ask.discord_id = DISCORD;
    decision = gateway_account_decide(NULL, &ask, NOW_US);
    assert_true(str_eq(decision.next.discord_id, DISCORD));
    assert_true(decision.needs_claim);
}

/* What gives a user a Discord id waits for the grant, and is refused without it; nothing else asks for one. */
static void claims_what_it_gives(void **state)
{
    (void)state;
    const struct gateway_account now = an_account();
    struct gateway_account_ask asks[] = {registering(), linking()};
    asks[0].discord_id = DISCORD;
    for (size_t i = 0; i < ARRAY_LEN(asks); i++) {
        const struct gateway_account *there = i == 1 ? &now : NULL;
        struct gateway_account_decision decision = gateway_account_decide(there, &asks[i], NOW_US);
        assert_true(decision.needs_claim);
        asks[i].claim = GATEWAY_ACCOUNT_CLAIM_GRANTED;
        decision = gateway_account_decide(there, &asks[i], NOW_US);
        assert_int_not_equal(decision.news, GATEWAY_ACCOUNT_NEWS_NONE);
        assert_false(decision.needs_claim);
        asks[i].claim = GATEWAY_ACCOUNT_CLAIM_TAKEN;
        decision = gateway_account_decide(there, &asks[i], NOW_US);
        assert_int_equal(decision.refusal, GATEWAY_ACCOUNT_DISCORD_TAKEN);
        assert_int_equal(decision.news, GATEWAY_ACCOUNT_NEWS_NONE);
    }
    struct gateway_account_ask bad = linking();
    bad.actor = actor(ENGINE_ACTOR_USER, USER);
    assert_false(gateway_account_decide(&now, &bad, NOW_US).needs_claim);
    struct gateway_account_ask same = linking();
    same.discord_id = DISCORD;
    assert_false(gateway_account_decide(&now, &same, NOW_US).needs_claim);
}

static void links(void **state)
{
    (void)state;
    const struct gateway_account now = an_account();
    struct gateway_account_ask ask = linking();
    struct gateway_account_decision decision = gateway_account_decide(&now, &ask, NOW_US);
    assert_int_equal(decision.news, GATEWAY_ACCOUNT_LINKED);
    assert_int_equal(decision.next.seq, 4);
    assert_true(str_eq(decision.next.discord_id, OTHER_DISCORD));
    assert_int_equal(decision.next.updated_at_us, NOW_US);
    assert_int_equal(decision.next.created_at_us, 1000);
    assert_true(str_eq(decision.next.display_name, now.display_name));
    ask.discord_id = DISCORD; /* it is so already: nothing to tell, nothing to refuse */
    decision = gateway_account_decide(&now, &ask, NOW_US);
    assert_int_equal(decision.refusal, GATEWAY_ACCOUNT_REFUSAL_NONE);
    assert_int_equal(decision.news, GATEWAY_ACCOUNT_NEWS_NONE);
}

static void refuses(void **state)
{
    (void)state;
    const struct gateway_account now = an_account();
    struct gateway_account_ask asks[8];
    for (size_t i = 0; i < ARRAY_LEN(asks); i++) {
        asks[i] = i < 4 ? registering() : linking();
    }
    asks[0].actor = actor(ENGINE_ACTOR_USER, USER);
    asks[2].display_name = STR("a\nb");
    asks[3].discord_id = STR("12");
    asks[5].actor = actor(ENGINE_ACTOR_MARKETPLACE, OTHER_MARKETPLACE);
    asks[6].actor = actor(ENGINE_ACTOR_USER, USER);
    asks[7].discord_id = STR("");

    static const enum gateway_account_refusal refusals[ARRAY_LEN(asks)] = {
        GATEWAY_ACCOUNT_NOT_ALLOWED,    GATEWAY_ACCOUNT_EXISTS,        GATEWAY_ACCOUNT_BAD_NAME,
        GATEWAY_ACCOUNT_BAD_DISCORD_ID, GATEWAY_ACCOUNT_UNKNOWN,       GATEWAY_ACCOUNT_NOT_ALLOWED,
        GATEWAY_ACCOUNT_NOT_ALLOWED,    GATEWAY_ACCOUNT_BAD_DISCORD_ID};

    for (size_t i = 0; i < ARRAY_LEN(asks); i++) {
        bool there = i == 1 || i >= 5;
        struct gateway_account_decision decision =
            gateway_account_decide(there ? &now : NULL, &asks[i], NOW_US);
        assert_int_equal(decision.refusal, refusals[i]);
        assert_int_equal(decision.news, GATEWAY_ACCOUNT_NEWS_NONE);
    }
}

/* A refusal has the sentence of the list of codes. */
static void refusals_are_told_as_they_are_listed(void **state)
{
    (void)state;
    for (int i = 1; i < GATEWAY_ACCOUNT_REFUSAL_COUNT; i++) {
        const struct gateway_account_refusal_text *text =
            gateway_account_refusal_text((enum gateway_account_refusal)i);
        const struct http_error *listed = http_error_find(text->code);
        assert_non_null(listed);
        assert_string_equal(listed->sentence, text->sentence);
    }
}

static void unsound_rows_are_seen(void **state)
{
    (void)state;
    struct gateway_account rows[6];
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        rows[i] = an_account();
    }
    assert_true(gateway_account_is_sound(&rows[0]));
    rows[0].discord_id = STR("");
    assert_true(gateway_account_is_sound(&rows[0]));
    rows[1].id = (struct id){.bytes = {0}};
    rows[2].seq = 0;
    rows[3].display_name = STR("");
    rows[4].discord_id = STR("1");
    rows[5].updated_at_us = 999;
    for (size_t i = 1; i < ARRAY_LEN(rows); i++) {
        assert_false(gateway_account_is_sound(&rows[i]));
    }
}

/* ---- Requests ---- */

struct fixture {
    struct arena arena;
    struct op op;
};

static int setup(void **state)
{
    static struct fixture fixture;
    arena_init(&fixture.arena, (size_t)16 * 1024 * 1024);
    fixture.op = (struct op){.arena = &fixture.arena,
                             .correlation_id = STR("c0000000-0000-4000-8000-00000000000c")};
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    arena_fini(&fixture->arena);
    return 0;
}

static void is(struct id id, const char *text)
{
    char formatted[ID_TEXT_BYTES];
    id_format(id, formatted);
    assert_string_equal(formatted, text);
}

static struct gateway_account_order an_order(enum gateway_account_verb verb)
{
    struct id none = {.bytes = {0}};
    bool registers = verb == GATEWAY_ACCOUNT_REGISTER;
    return (struct gateway_account_order){
        .verb = verb,
        .caller = {.kind = ENGINE_ACTOR_MARKETPLACE, .account_id = id_of(MARKETPLACE)},
        .key = STR("key-1"),
        .user_id = registers ? none : id_of(USER),
        .display_name = registers ? STR("Ada") : STR(""),
        .discord_id = DISCORD,
        .now_us = NOW_US};
}

static struct gateway_account_command make(struct op *op, struct gateway_account_order order)
{
    struct gateway_account_command command;
    assert_int_equal(gateway_account_command_make(op, &order, &command).kind, STATUS_OK);
    return command;
}

/* Clients keep these ids: they must never change. */
static void ids_never_change(void **state)
{
    struct fixture *fixture = *state;
    struct gateway_account_command command = make(&fixture->op, an_order(GATEWAY_ACCOUNT_REGISTER));
    is(command.request.id, "915f586e-a28d-5d52-9bc7-f4e95e12efff");
    is(command.request.key, "cc2c49d0-d833-5dc4-97af-d7a65a67cb5d");
    command = make(&fixture->op, an_order(GATEWAY_ACCOUNT_LINK_DISCORD));
    is(command.request.id, "0e3b47c1-8227-5513-9933-3575eed7b2d6");
    is(command.request.key, USER);
}

static void another_key_account_or_user_is_another_command(void **state)
{
    struct fixture *fixture = *state;
    struct gateway_account_order orders[4];
    struct id ids[ARRAY_LEN(orders)];
    for (size_t i = 0; i < ARRAY_LEN(orders); i++) {
        orders[i] = an_order(GATEWAY_ACCOUNT_LINK_DISCORD);
    }
    orders[1].key = STR("key-2");
    orders[2].caller.account_id = id_of(OTHER_MARKETPLACE);
    orders[3].user_id = id_of(STRANGER);
    for (size_t i = 0; i < ARRAY_LEN(orders); i++) {
        ids[i] = make(&fixture->op, orders[i]).request.id;
        for (size_t other = 0; other < i; other++) {
            assert_false(id_eq(ids[i], ids[other]));
        }
    }
}

static void a_registration_is_remembered_while_it_waits(void **state)
{
    struct fixture *fixture = *state;
    struct gateway_account_order order = an_order(GATEWAY_ACCOUNT_REGISTER);
    struct gateway_account_command command;
    assert_int_equal(gateway_account_command_make(&fixture->op, &order, &command).kind, STATUS_OK);
    assert_ptr_equal(command.request.extra_table, &gateway_account_pending_table);
    assert_ptr_equal(command.request.extra_row, &command.pending);
    assert_true(id_eq(command.pending.id, command.request.key));
    assert_true(id_eq(command.pending.command_id, command.request.id));
    assert_true(id_eq(command.pending.marketplace_id, id_of(MARKETPLACE)));
    order.caller.kind = ENGINE_ACTOR_STAFF;
    assert_int_equal(gateway_account_command_make(&fixture->op, &order, &command).kind, STATUS_OK);
    assert_true(id_is_none(command.pending.marketplace_id));
    order = an_order(GATEWAY_ACCOUNT_LINK_DISCORD);
    assert_int_equal(gateway_account_command_make(&fixture->op, &order, &command).kind, STATUS_OK);
    assert_null(command.request.extra_table);
}

static struct status decode(struct op *op, const struct intake_request *request,
                            struct engine_message *ret_message)
{
    char key[ID_TEXT_BYTES];
    id_format(request->key, key);
    const struct bus_record record = {
        .topic = TOPIC_GATEWAY_COMMANDS_V1,
        .partition = lane_of_key(request->key),
        .key = str_dup(op->arena, str_of(key)),
        .value = request->payload,
    };
    *ret_message = (struct engine_message){.skip = false};
    return gateway_in_accounts_decode(op, &record, ret_message);
}

/* What goes in comes out, with the same content hash at both ends (R4). */
static void requests_come_back_as_they_were_asked(void **state)
{
    struct fixture *fixture = *state;

    static const enum gateway_account_verb verbs[] = {GATEWAY_ACCOUNT_REGISTER,
                                                      GATEWAY_ACCOUNT_LINK_DISCORD};

    for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
        const struct gateway_account_order order = an_order(verbs[i]);
        struct gateway_account_command command = make(&fixture->op, order);
        struct engine_message message;
        assert_int_equal(decode(&fixture->op, &command.request, &message).kind, STATUS_OK);
        const struct gateway_account_ask *ask = message.body;
        assert_true(id_eq(message.id, command.request.id));
        assert_true(id_eq(message.key, command.request.key));
        assert_true(hash_eq(&message.content, &command.request.content));
        assert_int_equal(message.creates, verbs[i] == GATEWAY_ACCOUNT_REGISTER);
        assert_int_equal(ask->verb, verbs[i]);
        assert_true(id_eq(ask->user_id, command.request.key));
        assert_int_equal(ask->actor.kind, ENGINE_ACTOR_MARKETPLACE);
        assert_true(id_eq(ask->actor.id, id_of(MARKETPLACE)));
        assert_true(str_eq(ask->display_name, order.display_name));
        assert_true(str_eq(ask->discord_id, DISCORD));
    }
}

static void another_content_is_another_content(void **state)
{
    struct fixture *fixture = *state;
    struct gateway_account_order order = an_order(GATEWAY_ACCOUNT_REGISTER);
    struct gateway_account_command first = make(&fixture->op, order);
    order.display_name = STR("Eva");
    struct gateway_account_command second = make(&fixture->op, order);
    assert_true(id_eq(first.request.id, second.request.id));
    assert_false(hash_eq(&first.request.content, &second.request.content));
}

/* A type of a newer version is left for that version. */
static void unknown_types_are_skipped(void **state)
{
    struct fixture *fixture = *state;
    struct op *op = &fixture->op;
    struct gateway_account_command command = make(op, an_order(GATEWAY_ACCOUNT_REGISTER));
    Holdfast__Gateway__V1__GatewayCommand bare;
    holdfast__gateway__v1__gateway_command__init(&bare);
    const struct engine_actor who = actor(ENGINE_ACTOR_STAFF, STRANGER);
    assert_int_equal(wire_meta_origin(op, command.request.id, id_of(USER), who, &bare.meta).kind,
                     STATUS_OK);
    assert_int_equal(wire_fill_id(op, command.request.key, &bare.user_id).kind, STATUS_OK);
    assert_int_equal(wire_pack(op, &bare.base, &command.request.payload).kind, STATUS_OK);
    struct engine_message message;
    assert_int_equal(decode(op, &command.request, &message).kind, STATUS_OK);
    assert_true(message.skip);
    command.request.key = id_of(STRANGER); /* another record's key than the user's */
    assert_int_equal(decode(op, &command.request, &message).kind, STATUS_INVALID);
    assert_string_equal(op->err.code, "wire.wrong_key");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_bounded),
        cmocka_unit_test(discord_ids_are_snowflakes),
        cmocka_unit_test(each_may_what_is_his),
        cmocka_unit_test(registers),
        cmocka_unit_test(links),
        cmocka_unit_test(claims_what_it_gives),
        cmocka_unit_test(refuses),
        cmocka_unit_test(refusals_are_told_as_they_are_listed),
        cmocka_unit_test(unsound_rows_are_seen),
        cmocka_unit_test_setup_teardown(ids_never_change, setup, teardown),
        cmocka_unit_test_setup_teardown(another_key_account_or_user_is_another_command, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_registration_is_remembered_while_it_waits, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(requests_come_back_as_they_were_asked, setup, teardown),
        cmocka_unit_test_setup_teardown(another_content_is_another_content, setup, teardown),
        cmocka_unit_test_setup_teardown(unknown_types_are_skipped, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
