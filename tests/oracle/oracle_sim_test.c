/* Oracle's records: escrow's commands in, TimerFired out, in an engine over the simulated pair. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/defer.h"
#include "base/lane.h"
#include "engine/engine_tables.h"
#include "holdfast/oracle/v1/commands.pb-c.h"
#include "holdfast/oracle/v1/events.pb-c.h"
#include "oracle/oracle.h"
#include "oracle/oracle_in_commands.h"
#include "oracle/oracle_service.h"
#include "sim/sim_world.h"
#include "wire/wire.h"

#define START_US SIM_WORLD_START_US
#define STEP_US 5000
#define SECOND_US INT64_C(1000000)
#define WEEK_US (7 * 24 * INT64_C(3600000000))
#define FIRED_MAX 8

typedef Holdfast__Oracle__V1__OracleCommand wire_command;
typedef Holdfast__Oracle__V1__OracleEvent wire_event;

struct rig {
    struct sim_world *world;
    struct op *op; /* the world's */
    struct sim_db *db;
    struct engine *engine;
};

static void ok(struct rig *rig, struct status st)
{
    if (status_failed(st)) {
        print_error("%s: %s\n", rig->op->err.code, rig->op->err.msg);
    }
    assert_false(status_failed(st));
}

static int open_rig(void **state)
{
    struct rig *rig = test_calloc(1, sizeof(*rig));
    rig->world = sim_world_open(1);
    rig->op = &rig->world->op;
    uint32_t oracle = sim_world_add(rig->world, &oracle_service);
    rig->db = rig->world->services[oracle].db;
    rig->engine = sim_world_start(rig->world, oracle)->engine;
    *state = rig;
    return 0;
}

static int close_rig(void **state)
{
    struct rig *rig = *state;
    sim_world_close(rig->world);
    test_free(rig);
    return 0;
}

static void run_for(struct rig *rig, int64_t us)
{
    sim_world_run(rig->world, us, STEP_US);
}

/* ---- What escrow sends ---- */

static struct id escrow_id(void)
{
    return id_namespace(STR("test/escrow"));
}

static struct str pack(struct rig *rig, struct id escrow, wire_command *out)
{
    struct engine_actor system = {.kind = ENGINE_ACTOR_SYSTEM};
    struct str value;
    ok(rig, wire_meta_origin(rig->op, id_random(), escrow, system, &out->meta));
    ok(rig, wire_fill_id(rig->op, escrow, &out->escrow_id));
    ok(rig, wire_pack(rig->op, &out->base, &value));
    return value;
}

static struct str pack_set(struct rig *rig, int kind, int64_t generation, int64_t due_at_us)
{
    wire_command out;
    Holdfast__Oracle__V1__SetTimer body;
    holdfast__oracle__v1__oracle_command__init(&out);
    holdfast__oracle__v1__set_timer__init(&body);
    out.body_case = HOLDFAST__ORACLE__V1__ORACLE_COMMAND__BODY_SET_TIMER;
    out.set_timer = &body;
    body.kind = (Holdfast__Oracle__V1__TimerKind)kind;
    body.generation = generation;
    body.due_at_us = due_at_us;
    return pack(rig, escrow_id(), &out);
}

static struct str pack_cancel(struct rig *rig, int kind, int64_t generation)
{
    wire_command out;
    Holdfast__Oracle__V1__CancelTimer body;
    holdfast__oracle__v1__oracle_command__init(&out);
    holdfast__oracle__v1__cancel_timer__init(&body);
    out.body_case = HOLDFAST__ORACLE__V1__ORACLE_COMMAND__BODY_CANCEL_TIMER;
    out.cancel_timer = &body;
    body.kind = (Holdfast__Oracle__V1__TimerKind)kind;
    body.generation = generation;
    return pack(rig, escrow_id(), &out);
}

static struct str pack_nothing(struct rig *rig)
{
    wire_command out;
    holdfast__oracle__v1__oracle_command__init(&out);
    return pack(rig, escrow_id(), &out);
}

static void send(struct rig *rig, struct str value)
{
    const struct bus_message message = {.topic = TOPIC_ORACLE_COMMANDS_V1,
                                        .n = SIM_WORLD_NEXT_N,
                                        .message_id = id_random(),
                                        .type = STR("holdfast.oracle.v1.Test"),
                                        .value = value};
    sim_world_append(rig->world, message, escrow_id());
}

/* ---- What came out ---- */

static uint32_t hear(struct rig *rig, const wire_event *ret_events[FIRED_MAX])
{
    int32_t lane = lane_of_key(escrow_id());
    uint32_t count = sim_kafka_count(rig->world->kafka, TOPIC_ORACLE_EVENTS_V1, lane);
    assert_true(count <= FIRED_MAX);
    for (uint32_t i = 0; i < count; i++) {
        struct bus_record record =
            sim_kafka_record(rig->world->kafka, TOPIC_ORACLE_EVENTS_V1, lane, i);
        struct str type = sim_kafka_type(rig->world->kafka, TOPIC_ORACLE_EVENTS_V1, lane, i);
        ProtobufCMessage *message;
        ok(rig, wire_unpack(rig->op, &holdfast__oracle__v1__oracle_event__descriptor, record.value,
                            WIRE_BUDGET_BYTES, &message));
        ret_events[i] = (const wire_event *)message;
        assert_true(str_eq(type, STR("holdfast.oracle.v1.TimerFired")));
        assert_int_equal(ret_events[i]->body_case,
                         HOLDFAST__ORACLE__V1__ORACLE_EVENT__BODY_TIMER_FIRED);
    }
    return count;
}

static void assert_heard(struct rig *rig, uint32_t at, int kind, int64_t generation,
                         int64_t due_at_us)
{
    const wire_event *events[FIRED_MAX];
    assert_true(hear(rig, events) > at);
    const Holdfast__Oracle__V1__TimerFired *fired = events[at]->timer_fired;
    assert_int_equal(fired->kind, kind);
    assert_int_equal(fired->generation, generation);
    assert_int_equal(fired->due_at_us, due_at_us);
    assert_in_range(fired->fired_at_us, due_at_us, due_at_us + SECOND_US);
}

static void each_kind_has_its_own_timer(void **state)
{
    struct rig *rig = *state;
    const wire_event *events[FIRED_MAX];
    for (int kind = ORACLE_TIMER_FUNDING; kind < ORACLE_TIMER_KIND_COUNT; kind++) {
        send(rig, pack_set(rig, kind, 5, START_US + kind * 2 * SECOND_US));
    }
    run_for(rig, (2 * ORACLE_TIMER_KIND_COUNT + 2) * SECOND_US);
    assert_int_equal(hear(rig, events), ORACLE_TIMER_KIND_COUNT - 1);
    for (int kind = ORACLE_TIMER_FUNDING; kind < ORACLE_TIMER_KIND_COUNT; kind++) {
        assert_heard(rig, (uint32_t)kind - 1, kind, 5, START_US + kind * 2 * SECOND_US);
    }
}

/* Who reads it can follow the request that led to it, and sees that nobody asked for it now. */
static void the_event_says_where_it_comes_from(void **state)
{
    struct rig *rig = *state;
    const wire_event *events[FIRED_MAX];
    struct engine_message meta = {.lane = 0};
    struct id escrow;
    send(rig, pack_set(rig, ORACLE_TIMER_DELIVERY, 2, START_US + 2 * SECOND_US));
    run_for(rig, 5 * SECOND_US);
    assert_int_equal(hear(rig, events), 1);
    ok(rig, wire_id(rig->op, "escrow_id", events[0]->escrow_id, &escrow));
    assert_true(id_eq(escrow, escrow_id()));
    ok(rig, wire_meta_read(rig->op, events[0]->meta, &meta));
    assert_true(id_eq(meta.correlation_id, escrow_id())); /* that of the command */
    assert_int_equal(meta.actor.kind, ENGINE_ACTOR_SYSTEM);
    assert_int_equal(events[0]->meta->committed_at_us, events[0]->timer_fired->fired_at_us);
}

/* Nothing comes in and nothing is due: the beat alone tells an owner that sandbox time moved on. */
static void an_idle_owner_sees_the_clock_move(void **state)
{
    struct rig *rig = *state;
    const wire_event *events[FIRED_MAX];
    int64_t due_us = START_US + WEEK_US;
    send(rig, pack_set(rig, ORACLE_TIMER_INSPECTION, 1, due_us));
    run_for(rig, 3 * SECOND_US);
    sim_db_advance_clock(rig->db, WEEK_US);
    run_for(rig, SECOND_US);
    assert_int_equal(hear(rig, events), 1);
    assert_in_range(events[0]->timer_fired->fired_at_us, due_us, due_us + 5 * SECOND_US);
}

static void canceled_and_replaced(void **state)
{
    struct rig *rig = *state;
    const wire_event *events[FIRED_MAX];
    int64_t due_us = START_US + 3 * SECOND_US;
    send(rig, pack_set(rig, ORACLE_TIMER_FUNDING, 1, due_us));
    send(rig, pack_cancel(rig, ORACLE_TIMER_FUNDING, 1));
    send(rig, pack_set(rig, ORACLE_TIMER_INSPECTION, 4, due_us));
    send(rig, pack_set(rig, ORACLE_TIMER_INSPECTION, 6, due_us + SECOND_US));
    send(rig, pack_set(rig, ORACLE_TIMER_INSPECTION, 5, due_us - SECOND_US)); /* too old */
    send(rig, pack_cancel(rig, ORACLE_TIMER_INSPECTION, 4));                  /* no more */
    run_for(rig, 10 * SECOND_US);
    assert_int_equal(hear(rig, events), 1);
    assert_heard(rig, 0, ORACLE_TIMER_INSPECTION, 6, due_us + SECOND_US);
}

static void a_newer_escrow_is_no_accident(void **state)
{
    struct rig *rig = *state;
    const wire_event *events[FIRED_MAX];
    send(rig, pack_nothing(rig));
    send(rig, pack_set(rig, ORACLE_TIMER_FUNDING, 1, START_US));
    run_for(rig, 3 * SECOND_US);
    assert_int_equal(hear(rig, events), 1);
    assert_int_equal(atomic_load(&engine_stats(rig->engine)->skipped), 1);
    assert_int_equal(sim_db_count(rig->db, &engine_parked_key_table), 0);
}

static void what_cannot_be_is_parked(void **state)
{
    struct rig *rig = *state;
    send(rig, pack_set(rig, ORACLE_TIMER_FUNDING, 0, START_US));
    run_for(rig, 3 * SECOND_US);
    const struct parked_key_row *row = sim_db_row(rig->db, &engine_parked_key_table, 0);
    assert_non_null(row);
    assert_true(str_eq(row->reason, STR("oracle.bad_timer")));
    assert_int_equal(
        sim_kafka_count(rig->world->kafka, TOPIC_ORACLE_DLQ_V1, lane_of_key(escrow_id())), 1);
}

/* A deadline that was set before our first record would never come: that is a person's matter. */
static void the_first_command_must_be_there(void **state)
{
    struct rig *rig = *state;
    rig->world->numbered[TOPIC_ORACLE_COMMANDS_V1][lane_of_key(escrow_id())] = 1;
    send(rig, pack_set(rig, ORACLE_TIMER_FUNDING, 1, START_US));
    run_for(rig, 3 * SECOND_US);
    assert_true(sim_db_lane(rig->db, lane_of_key(escrow_id())).stopped);
}

/* ---- Decoding ---- */

static void decoded(struct rig *rig, struct id key, struct str value, const char *code)
{
    struct bus_record record = {
        .topic = TOPIC_ORACLE_COMMANDS_V1, .key = id_to_str(rig->op->arena, key), .value = value};
    struct engine_message message = {.lane = 0};
    rig->op->err = (struct op_err){.code = NULL};
    struct status st = oracle_in_commands_decode(rig->op, &record, &message);
    assert_int_equal(st.kind, code ? STATUS_INVALID : STATUS_OK);
    if (code) {
        assert_string_equal(rig->op->err.code, code);
    }
}

static void both_sides_of_each_bound(void **state)
{
    struct rig *rig = *state;

    static const struct {
        int kind;
        int64_t generation;
        int64_t due_at_us;
        const char *code;
    } cases[] = {
        {ORACLE_TIMER_FUNDING, 1, 1, NULL},
        {ORACLE_TIMER_KIND_COUNT - 1, INT64_MAX, ORACLE_DUE_MAX_US, NULL},
        {ORACLE_TIMER_NONE, 1, 1, "oracle.bad_timer"},
        {ORACLE_TIMER_KIND_COUNT, 1, 1, "wire.unknown_enum"},
        {-1, 1, 1, "wire.unknown_enum"},
        {ORACLE_TIMER_FUNDING, 0, 1, "oracle.bad_timer"},
        {ORACLE_TIMER_FUNDING, INT64_MIN, 1, "oracle.bad_timer"},
        {ORACLE_TIMER_FUNDING, 1, 0, "oracle.bad_timer"},
        {ORACLE_TIMER_FUNDING, 1, ORACLE_DUE_MAX_US + 1, "oracle.bad_timer"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        decoded(rig, escrow_id(),
                pack_set(rig, cases[i].kind, cases[i].generation, cases[i].due_at_us),
                cases[i].code);
    }
    decoded(rig, escrow_id(), pack_cancel(rig, ORACLE_TIMER_DELIVERY, 1), NULL);
    decoded(rig, escrow_id(), pack_cancel(rig, ORACLE_TIMER_DELIVERY, 0), "oracle.bad_timer");
    decoded(rig, escrow_id(), pack_cancel(rig, ORACLE_TIMER_NONE, 1), "oracle.bad_timer");
    decoded(rig, id_random(), pack_cancel(rig, ORACLE_TIMER_DELIVERY, 1), "wire.wrong_key");
    decoded(rig, escrow_id(), STR("\xff\xff"), "wire.malformed");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_rig, close_rig)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_kind_has_its_own_timer),       TEST(the_event_says_where_it_comes_from),
        TEST(an_idle_owner_sees_the_clock_move), TEST(canceled_and_replaced),
        TEST(a_newer_escrow_is_no_accident),     TEST(what_cannot_be_is_parked),
        TEST(the_first_command_must_be_there),   TEST(both_sides_of_each_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
