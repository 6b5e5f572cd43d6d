/* Every hazard of protobuf-c that was measured has a case here, and each limit its boundary. */
#include "wire/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/defer.h"
#include "base/random.h"
#include "holdfast/escrow/v1/commands.pb-c.h"
#include "holdfast/escrow/v1/events.pb-c.h"
#include "testing/testing_env.h"
#include "wire_test.pb-c.h"

#define NODE &holdfast__wiretest__v1__node__descriptor
#define TEST_ARENA_BYTES ((size_t)16 * 1024 * 1024)

struct fixture {
    struct arena arena;
    struct op op;
};

static int setup(void **state)
{
    static struct fixture fixture;
    arena_init(&fixture.arena, TEST_ARENA_BYTES);
    fixture.op = (struct op){.arena = &fixture.arena, .now_us = 1234567};
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    arena_fini(&fixture->arena);
    return 0;
}

static void expect(struct op *op, struct status st, enum status_kind kind, const char *code)
{
    if (st.kind != kind || strcmp(op->err.code, code) != 0) {
        fail_msg("expected %s %s, got %s %s (%s)", status_kind_name(kind), code,
                 status_kind_name(st.kind), op->err.code ? op->err.code : "-", op->err.msg);
    }
}

static struct status unpack_node(struct op *op, struct str bytes)
{
    ProtobufCMessage *message;
    return wire_unpack(op, NODE, bytes, WIRE_BUDGET_BYTES, &message);
}

/* ---- What protobuf-c lets pass ---- */

static void nul_in_a_string_is_refused(void **state)
{
    struct op *op = &((struct fixture *)*state)->op;
    expect(op, unpack_node(op, STR("\x22\x07USD\0EUR")), STATUS_INVALID, "wire.bad_text");
    assert_false(status_failed(unpack_node(op, STR("\x22\x07USD-EUR"))));
}

static void broken_utf8_is_refused(void **state)
{
    struct op *op = &((struct fixture *)*state)->op;
    expect(op, unpack_node(op, STR("\x22\x02\xc3\x28")), STATUS_INVALID, "wire.bad_text");
    expect(op, unpack_node(op, STR("\x22\x01\xff")), STATUS_INVALID, "wire.bad_text");
    expect(op, unpack_node(op, STR("\x22\x03\xed\xa0\x80")), STATUS_INVALID, "wire.bad_text");
    expect(op, unpack_node(op, STR("\x32\x02\xc0\xaf")), STATUS_INVALID, "wire.bad_text");
    assert_false(status_failed(unpack_node(op, STR("\x22\x02\xc3\xa4"))));
    assert_false(status_failed(unpack_node(op, STR("\x22\x00"))));
}

static void an_empty_payload_is_refused(void **state)
{
    struct op *op = &((struct fixture *)*state)->op;
    expect(op, unpack_node(op, STR("")), STATUS_INVALID, "wire.empty");
    /* Empty inside is a message like any other. */
    assert_false(status_failed(unpack_node(op, STR("\x0a\x00"))));
}

static void a_singular_field_given_twice_is_refused(void **state)
{
    struct op *op = &((struct fixture *)*state)->op;
    expect(op, unpack_node(op, STR("\x22\x01x\x22\x01y")), STATUS_INVALID, "wire.duplicate_field");
    expect(op, unpack_node(op, STR("\x0a\x00\x0a\x00")), STATUS_INVALID, "wire.duplicate_field");
    /* Two members of one oneof, and one of them twice. */
    expect(op, unpack_node(op, STR("\x28\x01\x32\x01x")), STATUS_INVALID, "wire.duplicate_field");
    expect(op, unpack_node(op, STR("\x32\x01x\x28\x01")), STATUS_INVALID, "wire.duplicate_field");
    expect(op, unpack_node(op, STR("\x28\x01\x28\x01")), STATUS_INVALID, "wire.duplicate_field");
    /* In different messages it is not the same field; a repeated one may repeat. */
    assert_false(status_failed(unpack_node(op, STR("\x0a\x03\x22\x01x\x22\x01y"))));
    assert_false(status_failed(unpack_node(op, STR("\x12\x00\x12\x00"))));
}

static void an_unknown_enum_value_is_refused(void **state)
{
    struct op *op = &((struct fixture *)*state)->op;
    expect(op, unpack_node(op, STR("\x48\x63")), STATUS_INVALID, "wire.unknown_enum");
    expect(op, unpack_node(op, STR("\x48\x02")), STATUS_INVALID, "wire.unknown_enum");
    /* 2^32 + 1, which protobuf-c would cut to 1. */
    expect(op, unpack_node(op, STR("\x48\x81\x80\x80\x80\x10")), STATUS_INVALID,
           "wire.unknown_enum");
    /* -1, sign-extended. */
    expect(op, unpack_node(op, STR("\x48\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")), STATUS_INVALID,
           "wire.unknown_enum");
    /* Inside a packed list, the last of it. */
    expect(op, unpack_node(op, STR("\x1a\x02\x01\x07")), STATUS_INVALID, "wire.unknown_enum");
    assert_false(status_failed(unpack_node(op, STR("\x48\x01"))));
    assert_false(status_failed(unpack_node(op, STR("\x1a\x02\x01\x00"))));
}

static void a_bomb_of_small_messages_stays_in_its_budget(void **state)
{
    struct op *op = &((struct fixture *)*state)->op;
    static char bomb[WIRE_INPUT_MAX_BYTES];
    for (size_t i = 0; i < sizeof(bomb); i += 2) {
        bomb[i] = 0x12; /* leaves: {} */
        bomb[i + 1] = 0;
    }
    struct str bytes = {.ptr = bomb, .len = sizeof(bomb)};
    size_t before = op->arena->used_bytes;
    expect(op, unpack_node(op, bytes), STATUS_LIMIT, "wire.over_budget");
    assert_true(op->arena->used_bytes - before <= WIRE_BUDGET_BYTES);

    for (size_t i = 0; i < sizeof(bomb); i += 2) {
        bomb[i] = 0x78; /* field 15, which we do not know: kept by protobuf-c */
        bomb[i + 1] = 1;
    }
    before = op->arena->used_bytes;
    expect(op, unpack_node(op, bytes), STATUS_LIMIT, "wire.over_budget");
    assert_true(op->arena->used_bytes - before <= WIRE_BUDGET_BYTES);
}

static void a_full_arena_is_a_limit_too(void **state)
{
    (void)state;
    DEFER(arena_fini) struct arena small;
    arena_init(&small, 64);
    struct op op = {.arena = &small};
    expect(&op, unpack_node(&op, STR("\x0a\x00")), STATUS_LIMIT, "wire.over_budget");
}

/* `levels` messages within each other, the outermost included. */
static struct str nested(struct op *op, size_t levels)
{
    static char buf[64 * 1024];
    size_t at = sizeof(buf);
    size_t len = 0;
    for (size_t i = 1; i < levels; i++) {
        char head[4];
        size_t head_len = 0;
        head[head_len++] = 0x0a;
        size_t rest = len;
        while (rest >= 0x80) {
            head[head_len++] = (char)(rest | 0x80);
            rest >>= 7;
        }
        head[head_len++] = (char)rest;
        at -= head_len;
        memcpy(&buf[at], head, head_len);
        len += head_len;
    }
    return str_dup(op->arena, (struct str){.ptr = &buf[at], .len = len});
}

static void nesting_has_a_limit(void **state)
{
    struct op *op = &((struct fixture *)*state)->op;
    assert_false(status_failed(unpack_node(op, nested(op, WIRE_DEPTH_MAX - 1))));
    assert_false(status_failed(unpack_node(op, nested(op, WIRE_DEPTH_MAX))));
    expect(op, unpack_node(op, nested(op, WIRE_DEPTH_MAX + 1)), STATUS_INVALID, "wire.too_deep");
    /* protobuf-c alone runs out of stack here. */
    expect(op, unpack_node(op, nested(op, 10000)), STATUS_INVALID, "wire.too_deep");
}

static void the_input_has_a_limit(void **state)
{
    struct op *op = &((struct fixture *)*state)->op;
    static char bytes[WIRE_INPUT_MAX_BYTES + 1];
    memset(bytes, 'a', sizeof(bytes));
    const size_t lens[] = {WIRE_INPUT_MAX_BYTES - 1, WIRE_INPUT_MAX_BYTES,
                           WIRE_INPUT_MAX_BYTES + 1};
    for (size_t i = 0; i < ARRAY_LEN(lens); i++) {
        size_t text = lens[i] - 4; /* tag and a length of three bytes */
        bytes[0] = 0x22;
        bytes[1] = (char)(text | 0x80);
        bytes[2] = (char)((text >> 7) | 0x80);
        bytes[3] = (char)(text >> 14);
        struct status st = unpack_node(op, (struct str){.ptr = bytes, .len = lens[i]});
        if (lens[i] <= WIRE_INPUT_MAX_BYTES) {
            assert_false(status_failed(st));
        } else {
            expect(op, st, STATUS_LIMIT, "wire.input_too_large");
        }
    }
}

static void malformed_bytes_are_refused(void **state)
{
    struct op *op = &((struct fixture *)*state)->op;
    const struct str rows[] = {
        STR("\x22"),                                              /* no length */
        STR("\x22\x02x"),                                         /* length past the end */
        STR("\x0a\x02\x22\x05xxxxxxx"),                           /* past its own message's end */
        STR("\x22\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),      /* 2^64 - 1 */
        STR("\x22\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01x"), /* eleven bytes */
        STR("\x28"),                                              /* no number */
        STR("\x28\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"),      /* 65 bits */
        STR("\x28\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),  /* eleven bytes */
        STR("\x3d\x01\x02\x03"),                                  /* three of four */
        STR("\x41\x01\x02\x03\x04\x05\x06\x07"),                  /* seven of eight */
        STR("\x02\x00"),                                          /* field 0 */
        STR("\x23\x24"),                                          /* a group */
        STR("\x26\x00"),                                          /* wire types 6 and 7 */
        STR("\x27\x00"),
        STR("\x20\x01"),                 /* a number where a string belongs */
        STR("\x2a\x01x"),                /* a string where a number belongs */
        STR("\x1a\x01\x80"),             /* a packed enum cut short */
        STR("\x88\x80\x80\x80\x10\x01"), /* a tag of more than 32 bits */
        STR("\x80"),
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        print_message("row %zu\n", i);
        expect(op, unpack_node(op, rows[i]), STATUS_INVALID, "wire.malformed");
    }
    assert_false(status_failed(unpack_node(op, STR("\x3d\x01\x02\x03\x04"))));
    assert_false(status_failed(unpack_node(op, STR("\x41\x01\x02\x03\x04\x05\x06\x07\x08"))));
    /* 2^64 - 1: the largest number there is. */
    assert_false(
        status_failed(unpack_node(op, STR("\x28\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"))));
}

static void unknown_fields_survive(void **state)
{
    struct op *op = &((struct fixture *)*state)->op;
    struct str bytes = STR("\x22\x01x\x7a\x03new");
    ProtobufCMessage *message;
    struct str again;
    assert_false(status_failed(wire_unpack(op, NODE, bytes, WIRE_BUDGET_BYTES, &message)));
    assert_false(status_failed(wire_pack(op, message, &again)));
    assert_true(str_eq(bytes, again));
}

/* Random changes of a good command: no crash, no sanitizer, and what passes packs again. */
static void mutants_do_no_harm(void **state)
{
    struct op *op = &((struct fixture *)*state)->op;
    /* NOLINTNEXTLINE(concurrency-mt-unsafe) */
    struct random random = random_seeded(testing_env_seed(1));

    Holdfast__Escrow__V1__EscrowCommand command;
    holdfast__escrow__v1__escrow_command__init(&command);
    Holdfast__Escrow__V1__CreateEscrow create;
    holdfast__escrow__v1__create_escrow__init(&create);
    struct engine_actor actor = {.kind = ENGINE_ACTOR_MARKETPLACE, .id = id_random()};
    assert_false(
        status_failed(wire_meta_origin(op, id_random(), id_random(), actor, &command.meta)));
    assert_false(status_failed(wire_fill_money(op, CURRENCY_USD, 12345, &create.price)));
    assert_false(status_failed(wire_fill_text(op,
                                              STR("A b\xc3\xbc"
                                                  "cherregal"),
                                              &create.description)));
    command.body_case = HOLDFAST__ESCROW__V1__ESCROW_COMMAND__BODY_CREATE_ESCROW;
    command.create_escrow = &create;
    struct str good;
    assert_false(status_failed(wire_pack(op, &command.base, &good)));

    uint32_t passed = 0;
    for (uint32_t round = 0; round < 20000; round++) {
        DEFER(arena_fini) struct arena arena;
        arena_init(&arena, TEST_ARENA_BYTES);
        struct op one = {.arena = &arena};
        struct str bytes = str_dup(&arena, good);
        char *bytes_w = arena_new(&arena, char, good.len);
        memcpy(bytes_w, bytes.ptr, good.len);
        for (uint64_t n = 1 + random_below(&random, 3); n > 0; n--) {
            bytes_w[random_below(&random, good.len)] = (char)random_next(&random);
        }
        bytes = (struct str){.ptr = bytes_w, .len = 1 + random_below(&random, good.len)};
        ProtobufCMessage *message;
        struct str again;
        if (!status_failed(wire_unpack(&one, &holdfast__escrow__v1__escrow_command__descriptor,
                                       bytes, WIRE_BUDGET_BYTES, &message))) {
            passed++;
            assert_false(status_failed(wire_pack(&one, message, &again)));
        }
    }
    print_message("%u of 20000 passed\n", passed);
    assert_true(passed > 0);
}

/* ---- Fields ---- */

static void ids_have_sixteen_bytes(void **state)
{
    struct op *op = &((struct fixture *)*state)->op;
    uint8_t bytes[17] = {1};
    struct id id;
    for (size_t len = 0; len <= sizeof(bytes); len++) {
        ProtobufCBinaryData data = {.len = len, .data = bytes};
        if (len == 16) {
            assert_false(status_failed(wire_id(op, "x", data, &id)));
            assert_int_equal(id.bytes[0], 1);
            assert_false(status_failed(wire_id_or_none(op, "x", data, &id)));
            continue;
        }
        expect(op, wire_id(op, "x", data, &id), STATUS_INVALID, "wire.bad_id");
        if (len != 0) {
            expect(op, wire_id_or_none(op, "x", data, &id), STATUS_INVALID, "wire.bad_id");
        }
    }
    assert_false(status_failed(wire_id_or_none(op, "x", (ProtobufCBinaryData){.len = 0}, &id)));
    assert_true(id_is_none(id));
    bytes[0] = 0; /* sixteen zeros are "none" */
    expect(op, wire_id(op, "x", (ProtobufCBinaryData){.len = 16, .data = bytes}, &id),
           STATUS_INVALID, "wire.bad_id");
}

static void texts_have_bounds(void **state)
{
    struct op *op = &((struct fixture *)*state)->op;
    struct str text;
    expect(op, wire_text(op, "x", "a", 2, 4, &text), STATUS_INVALID, "wire.bad_length");
    assert_false(status_failed(wire_text(op, "x", "ab", 2, 4, &text)));
    assert_false(status_failed(wire_text(op, "x", "abcd", 2, 4, &text)));
    assert_true(str_eq(text, STR("abcd")));
    expect(op, wire_text(op, "x", "abcde", 2, 4, &text), STATUS_INVALID, "wire.bad_length");
}

static void money_is_ours_and_above_zero(void **state)
{
    struct op *op = &((struct fixture *)*state)->op;
    Holdfast__Common__V1__Money money;
    holdfast__common__v1__money__init(&money);
    enum currency currency;
    int64_t amount;
    expect(op, wire_money(op, "x", NULL, &currency, &amount), STATUS_INVALID, "wire.bad_money");
    money.currency = HOLDFAST__COMMON__V1__CURRENCY__CURRENCY_USD;
    const int64_t bad[] = {INT64_MIN, -1, 0};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        money.amount_minor = bad[i];
        expect(op, wire_money(op, "x", &money, &currency, &amount), STATUS_INVALID,
               "wire.bad_money");
    }
    money.amount_minor = 1;
    assert_false(status_failed(wire_money(op, "x", &money, &currency, &amount)));
    assert_int_equal(currency, CURRENCY_USD);
    assert_int_equal(amount, 1);
    money.currency = HOLDFAST__COMMON__V1__CURRENCY__CURRENCY_UNSPECIFIED;
    expect(op, wire_money(op, "x", &money, &currency, &amount), STATUS_INVALID, "wire.bad_money");
}

static void the_key_is_the_id(void **state)
{
    struct op *op = &((struct fixture *)*state)->op;
    struct id id = id_random();
    struct bus_record record = {.key = id_to_str(op->arena, id)};
    assert_false(status_failed(wire_check_key(op, &record, id)));
    expect(op, wire_check_key(op, &record, id_random()), STATUS_INVALID, "wire.wrong_key");
    record.key.len--;
    expect(op, wire_check_key(op, &record, id), STATUS_INVALID, "wire.wrong_key");
    record.key = (struct str){0};
    expect(op, wire_check_key(op, &record, id), STATUS_INVALID, "wire.wrong_key");
}

/* ---- Meta ---- */

static void meta_goes_round(void **state)
{
    struct op *op = &((struct fixture *)*state)->op;
    struct engine_message cause = {
        .id = id_random(),
        .correlation_id = id_random(),
        .actor = {.kind = ENGINE_ACTOR_USER, .id = id_random()},
        .committed_at_us = 77,
    };
    struct id id = id_random();
    Holdfast__Common__V1__Meta *meta;
    struct engine_message message = {.committed_at_us = 99, .lane = 3};
    assert_false(status_failed(wire_meta_fill(op, &cause, id, &meta)));
    assert_int_equal(meta->committed_at_us, op->now_us);
    assert_false(status_failed(wire_meta_read(op, meta, &message)));
    assert_true(id_eq(message.id, id));
    assert_true(id_eq(message.causation_id, cause.id));
    assert_true(id_eq(message.correlation_id, cause.correlation_id));
    assert_true(id_eq(message.actor.id, cause.actor.id));
    assert_int_equal(message.actor.kind, ENGINE_ACTOR_USER);
    /* What the engine filled stays. */
    assert_int_equal(message.committed_at_us, 99);
    assert_int_equal(message.lane, 3);

    struct engine_actor system = {.kind = ENGINE_ACTOR_SYSTEM};
    assert_false(status_failed(wire_meta_origin(op, id, id, system, &meta)));
    assert_int_equal(meta->committed_at_us, 0);
    assert_false(status_failed(wire_meta_read(op, meta, &message)));
    assert_true(id_is_none(message.causation_id));
}

static void bad_meta_is_refused(void **state)
{
    struct op *op = &((struct fixture *)*state)->op;
    struct engine_message message = {0};
    struct engine_actor user = {.kind = ENGINE_ACTOR_USER, .id = id_random()};
    Holdfast__Common__V1__Meta *meta;
    expect(op, wire_meta_read(op, NULL, &message), STATUS_INVALID, "wire.no_meta");
    assert_false(status_failed(wire_meta_origin(op, id_random(), id_random(), user, &meta)));
    Holdfast__Common__V1__Actor *actor = meta->actor;

    meta->actor = NULL;
    expect(op, wire_meta_read(op, meta, &message), STATUS_INVALID, "wire.bad_actor");
    meta->actor = actor;
    actor->kind = HOLDFAST__COMMON__V1__ACTOR_KIND__ACTOR_KIND_UNSPECIFIED;
    expect(op, wire_meta_read(op, meta, &message), STATUS_INVALID, "wire.bad_actor");
    actor->kind = HOLDFAST__COMMON__V1__ACTOR_KIND__ACTOR_KIND_SYSTEM; /* with an id */
    expect(op, wire_meta_read(op, meta, &message), STATUS_INVALID, "wire.bad_actor");
    actor->kind = HOLDFAST__COMMON__V1__ACTOR_KIND__ACTOR_KIND_STAFF;
    actor->id.len = 0;
    expect(op, wire_meta_read(op, meta, &message), STATUS_INVALID, "wire.bad_actor");
    actor->id.len = 15;
    expect(op, wire_meta_read(op, meta, &message), STATUS_INVALID, "wire.bad_id");
    actor->id.len = 16;
    assert_false(status_failed(wire_meta_read(op, meta, &message)));

    meta->causation_id = (ProtobufCBinaryData){.len = 1, .data = actor->id.data};
    expect(op, wire_meta_read(op, meta, &message), STATUS_INVALID, "wire.bad_id");
    meta->causation_id.len = 0;
    meta->correlation_id.len = 0;
    expect(op, wire_meta_read(op, meta, &message), STATUS_INVALID, "wire.bad_id");
    meta->correlation_id.len = 16;
    meta->message_id.len = 0;
    expect(op, wire_meta_read(op, meta, &message), STATUS_INVALID, "wire.bad_id");
}

/* ---- Types, content, parking ---- */

static void a_type_is_the_full_name_of_the_body(void **state)
{
    (void)state;
    Holdfast__Escrow__V1__EscrowFundsHeld held;
    holdfast__escrow__v1__escrow_funds_held__init(&held);
    assert_true(str_eq(wire_type(&held.base), STR("holdfast.escrow.v1.EscrowFundsHeld")));
}

static void content_tells_apart_type_key_actor_and_body(void **state)
{
    struct op *op = &((struct fixture *)*state)->op;
    struct id key = {.bytes = {1}};
    struct engine_actor actor = {.kind = ENGINE_ACTOR_USER, .id = {.bytes = {2}}};
    struct engine_actor other = {.kind = ENGINE_ACTOR_STAFF, .id = {.bytes = {2}}};
    struct engine_actor another = {.kind = ENGINE_ACTOR_USER, .id = {.bytes = {3}}};
    const struct hash hashes[] = {
        wire_content_hash(STR("a"), key, actor, STR("bc")),
        wire_content_hash(STR("ab"), key, actor, STR("c")),
        wire_content_hash(STR("a"), (struct id){.bytes = {9}}, actor, STR("bc")),
        wire_content_hash(STR("a"), key, other, STR("bc")),
        wire_content_hash(STR("a"), key, another, STR("bc")),
        wire_content_hash(STR("a"), key, actor, STR("bd")),
    };
    for (size_t i = 0; i < ARRAY_LEN(hashes); i++) {
        for (size_t j = 0; j < ARRAY_LEN(hashes); j++) {
            assert_int_equal(hash_eq(&hashes[i], &hashes[j]), i == j);
        }
    }

    /* What the intake hashes from its struct is what the consumer hashes after unpacking. */
    Holdfast__Escrow__V1__CancelEscrow body;
    holdfast__escrow__v1__cancel_escrow__init(&body);
    char reason[] = "too late";
    body.reason = reason;
    struct hash sent;
    struct hash got;
    struct str bytes;
    ProtobufCMessage *again;
    assert_false(status_failed(wire_content_of(op, key, actor, &body.base, &sent)));
    assert_false(status_failed(wire_pack(op, &body.base, &bytes)));
    assert_false(status_failed(wire_unpack(op, &holdfast__escrow__v1__cancel_escrow__descriptor,
                                           bytes, WIRE_BUDGET_BYTES, &again)));
    assert_false(status_failed(wire_content_of(op, key, actor, again, &got)));
    assert_true(hash_eq(&sent, &got));
}

static void output_has_a_limit(void **state)
{
    struct op *op = &((struct fixture *)*state)->op;
    Holdfast__Wiretest__V1__Node node;
    holdfast__wiretest__v1__node__init(&node);
    static char text[BUS_VALUE_MAX_BYTES + 1];
    memset(text, 'a', BUS_VALUE_MAX_BYTES);
    node.name = text;
    struct str bytes;
    expect(op, wire_pack(op, &node.base, &bytes), STATUS_LIMIT, "wire.output_too_large");
    text[BUS_VALUE_MAX_BYTES - 3] = '\0'; /* tag and length take four */
    expect(op, wire_pack(op, &node.base, &bytes), STATUS_LIMIT, "wire.output_too_large");
    text[BUS_VALUE_MAX_BYTES - 4] = '\0';
    assert_false(status_failed(wire_pack(op, &node.base, &bytes)));
    assert_int_equal(bytes.len, BUS_VALUE_MAX_BYTES);
}

static void parking_is_announced(void **state)
{
    struct op *op = &((struct fixture *)*state)->op;
    static char value[WIRE_PARKED_VALUE_MAX_BYTES + 1];
    memset(value, '\xff', sizeof(value));
    struct bus_record record = {.topic = TOPIC_ESCROW_COMMANDS_V1,
                                .partition = 5,
                                .offset = 42,
                                .value = {.ptr = value, .len = sizeof(value)}};
    struct id key = id_random();
    struct str bytes = wire_parked_record(op, &record, id_random(), key, STR("wire.malformed"));
    assert_non_null(bytes.ptr);
    ProtobufCMessage *message;
    assert_false(status_failed(wire_unpack(op, &holdfast__common__v1__parked_record__descriptor,
                                           bytes, WIRE_BUDGET_BYTES, &message)));
    const Holdfast__Common__V1__ParkedRecord *parked =
        (const Holdfast__Common__V1__ParkedRecord *)message;
    assert_string_equal(parked->topic, "escrow.commands.v1");
    assert_string_equal(parked->reason, "wire.malformed");
    assert_int_equal(parked->partition, 5);
    assert_int_equal(parked->offset, 42);
    assert_int_equal(parked->value.len, WIRE_PARKED_VALUE_MAX_BYTES);
    assert_memory_equal(parked->key.data, key.bytes, sizeof(key.bytes));
    /* A record whose ids nobody could read is announced too. */
    record.value = (struct str){0};
    bytes = wire_parked_record(op, &record, (struct id){0}, (struct id){0}, STR("wire.empty"));
    assert_non_null(bytes.ptr);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(nul_in_a_string_is_refused),
        CASE(broken_utf8_is_refused),
        CASE(an_empty_payload_is_refused),
        CASE(a_singular_field_given_twice_is_refused),
        CASE(an_unknown_enum_value_is_refused),
        CASE(a_bomb_of_small_messages_stays_in_its_budget),
        CASE(a_full_arena_is_a_limit_too),
        CASE(nesting_has_a_limit),
        CASE(the_input_has_a_limit),
        CASE(malformed_bytes_are_refused),
        CASE(unknown_fields_survive),
        CASE(mutants_do_no_harm),
        CASE(ids_have_sixteen_bytes),
        CASE(texts_have_bounds),
        CASE(money_is_ours_and_above_zero),
        CASE(the_key_is_the_id),
        CASE(meta_goes_round),
        CASE(bad_meta_is_refused),
        CASE(a_type_is_the_full_name_of_the_body),
        CASE(content_tells_apart_type_key_actor_and_body),
        CASE(output_has_a_limit),
        CASE(parking_is_announced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
