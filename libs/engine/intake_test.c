#include "engine/intake.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/lane.h"
#include "engine/testing/intake_test_bus.h"
#include "engine/testing/intake_test_gate.h"
#include "pg/pg_batch.h"
#include "testing/testing_pg.h"
#include "testing/testing_proxy.h"

#define BACKLOG_MAX_MS 50
#define PATIENCE_MS 60000
#define TOPIC TOPIC_ESCROW_COMMANDS_V1

static struct testing_pg *testing;
static int64_t backlog_max_ms; /* of the next fixture */

struct note {
    struct id id;
    struct str text;
};

static const struct table_column note_columns[] = {
    TABLE_COLUMN(struct note, id, COLUMN_UUID),
    TABLE_COLUMN(struct note, text, COLUMN_TEXT),
};

static const struct table note_table = {
    .name = "note",
    .row_bytes = sizeof(struct note),
    .columns = note_columns,
    .column_count = ARRAY_LEN(note_columns),
    .key_count = 1,
    .version = TABLE_NO_COLUMN,
    .parent = TABLE_NO_COLUMN,
};

struct fixture {
    struct arena arena;
    struct op op;
    struct memory_bus bus;
    struct intake *intake;
    struct gate *gate;
    struct testing_proxy *proxy;
};

static void ok(struct op *op, struct status st)
{
    if (status_failed(st)) {
        print_error("%s %s\n", op->err.code, op->err.msg);
    }
    assert_int_equal(st.kind, STATUS_OK);
}

static struct fixture *fixture_new(bool proxied)
{
    testing_pg_run(testing, "TRUNCATE intake, note");
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    arena_init(&f->arena, (size_t)32 * 1024 * 1024);
    f->op = (struct op){.arena = &f->arena, .correlation_id = STR("test")};
    memory_bus_init(&f->bus, TOPIC);
    f->gate = gate_new(testing);
    struct str url = testing_pg_url(testing);
    if (proxied) {
        int64_t port = testing_pg_number(testing, "SELECT current_setting('port')");
        f->proxy = testing_proxy_new(TESTING_POSTGRES, (uint16_t)port);
        struct strbuf buf;
        strbuf_init(&buf, &f->arena, 8192);
        strbuf_addf(&buf, STR_FMT " host='127.0.0.1' port='%u' sslmode='disable'", STR_ARG(url),
                    testing_proxy_port(f->proxy));
        assert_true(strbuf_finish(&buf, &url));
    }
    struct intake_options options = {
        .database_url = url, .source = STR("test"), .bus = &f->bus.bus};
    options.backlog_max_ms = backlog_max_ms;
    ok(&f->op, intake_open(&f->op, &options, &f->intake));
    return f;
}

static void fixture_free(struct fixture *f)
{
    intake_close(f->intake, 1000);
    assert_true(f->bus.closed);
    gate_free(f->gate);
    testing_proxy_free(f->proxy);
    arena_fini(&f->arena);
    free(f);
}

static struct intake_request request(struct id id, struct str payload)
{
    return (struct intake_request){.id = id,
                                   .topic = TOPIC,
                                   .key = id,
                                   .type = STR("holdfast.test.v1.Test"),
                                   .payload = payload,
                                   .content = hash_of(payload),
                                   .account = id};
}

static void submit(struct fixture *f, const struct intake_request *request,
                   enum intake_result expected)
{
    enum intake_result result = INTAKE_RESULT_NONE;
    ok(&f->op, intake_submit(&f->op, f->intake, request, &result));
    assert_int_equal(result, expected);
}

static void refused(struct fixture *f, const struct intake_request *request, enum status_kind kind,
                    const char *code)
{
    enum intake_result result = INTAKE_RESULT_NONE;
    assert_int_equal(intake_submit(&f->op, f->intake, request, &result).kind, kind);
    assert_string_equal(f->op.err.code, code);
}

static void stored_at_last(struct fixture *f, const struct intake_request *request)
{
    enum intake_result result = INTAKE_RESULT_NONE;
    int64_t until_ms = clock_mono_ms() + PATIENCE_MS;
    struct status st;
    do {
        st = intake_submit(&f->op, f->intake, request, &result);
    } while (st.kind == STATUS_RETRY && clock_mono_ms() < until_ms);
    ok(&f->op, st);
    assert_int_equal(result, INTAKE_STORED);
}

static int64_t intake_rows(void)
{
    return testing_pg_number(testing, "SELECT count(*) FROM intake");
}

static void await_number(const char *sql, int64_t wanted)
{
    int64_t until_ms = clock_mono_ms() + PATIENCE_MS;
    int64_t got = testing_pg_number(testing, sql);
    while (got != wanted && clock_mono_ms() < until_ms) {
        got = testing_pg_number(testing, sql);
    }
    assert_int_equal(got, wanted);
}

static void await_blocked(void)
{
    await_number("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'test-intake'"
                 " AND wait_event_type = 'Lock'",
                 1);
}

/* ---- Threads that submit ---- */

struct client {
    pthread_t thread;
    struct fixture *f;
    struct intake_request request;
    struct note note;
    struct status st;
    enum intake_result result;
    char code[64];
};

static void *client_run(void *arg)
{
    struct client *client = arg;
    DEFER(arena_fini) struct arena arena;
    arena_init(&arena, (size_t)64 * 1024);
    struct op op = {.arena = &arena, .correlation_id = STR("client")};
    client->st = intake_submit(&op, client->f->intake, &client->request, &client->result);
    if (status_failed(client->st)) {
        snprintf(client->code, sizeof(client->code), "%s", op.err.code);
    }
    return NULL;
}

static void client_start(struct client *client, struct fixture *f, struct id id, struct str payload)
{
    client->f = f;
    client->request = request(id, payload);
    client->note = (struct note){.id = id, .text = STR("good")};
    client->request.extra_table = &note_table;
    client->request.extra_row = &client->note;
    client->result = INTAKE_RESULT_NONE;
}

static void client_go(struct client *client)
{
    assert_int_equal(pthread_create(&client->thread, NULL, client_run, client), 0);
}

static void client_end(struct client *client)
{
    assert_int_equal(pthread_join(client->thread, NULL), 0);
}

/* ---- Tests ---- */

#define CLIENTS 50
#define ROUNDS 20

static void test_many_threads(void **state)
{
    (void)state;
    struct fixture *f = fixture_new(false);
    memory_bus_acknowledge(&f->bus, false);
    static struct client clients[CLIENTS];
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < CLIENTS; i++) {
            client_start(&clients[i], f, id_random(), STR("p\0q"));
            client_go(&clients[i]);
        }
        for (int i = 0; i < CLIENTS; i++) {
            client_end(&clients[i]);
            assert_int_equal(clients[i].st.kind, STATUS_OK);
            assert_int_equal(clients[i].result, INTAKE_STORED);
        }
    }
    assert_int_equal(intake_rows(), CLIENTS * ROUNDS);
    assert_int_equal(testing_pg_number(testing, "SELECT count(*) FROM note"), CLIENTS * ROUNDS);
    assert_int_equal(
        testing_pg_number(testing,
                          "SELECT count(*) FROM intake WHERE open AND outcome = 0 AND attempts = 0"
                          " AND payload = '\\x700071' AND topic = 'escrow.commands.v1'"
                          " AND abs(created_at_us - now_us()) < 60000000"
                          " AND (due_at_us - created_at_us = 2000000 OR due_at_us >="
                          " created_at_us + 60000000)"),
        CLIENTS * ROUNDS);
    memory_bus_await(&f->bus, &f->bus.produced_count, CLIENTS * ROUNDS);
    for (uint32_t i = 0; i < f->bus.produced_count; i++) {
        assert_int_equal(f->bus.partitions[i], lane_of_key(f->bus.produced[i]));
    }
    struct intake_stats *stats = intake_stats(f->intake);
    assert_int_equal(atomic_load(&stats->stored), CLIENTS * ROUNDS);
    assert_true(atomic_load(&stats->groups) < CLIENTS * ROUNDS);
    assert_int_equal(atomic_load(&stats->queued), 0);
    fixture_free(f);
}

static void test_repeated_and_different(void **state)
{
    (void)state;
    struct fixture *f = fixture_new(false);
    struct id id = id_random();
    struct intake_request first = request(id, STR("one"));
    submit(f, &first, INTAKE_STORED);
    submit(f, &first, INTAKE_REPEATED);
    struct note note = {.id = id_random(), .text = STR("good")};
    struct intake_request other = request(id, STR("two"));
    other.extra_table = &note_table;
    other.extra_row = &note;
    submit(f, &other, INTAKE_DIFFERENT);
    assert_int_equal(intake_rows(), 1);
    /* Nothing of a refused request is stored. */
    assert_int_equal(testing_pg_number(testing, "SELECT count(*) FROM note"), 0);
    memory_bus_await(&f->bus, &f->bus.produced_count, 1);

    /* A key that is there already is left alone. */
    testing_pg_run(testing, "INSERT INTO note SELECT gen_random_uuid(), 'x'");
    struct intake_request fresh = request(id_random(), STR("three"));
    fresh.extra_table = &note_table;
    fresh.extra_row = &note;
    submit(f, &fresh, INTAKE_STORED);
    note.text = STR("changed");
    fresh.id = id_random();
    submit(f, &fresh, INTAKE_STORED);
    assert_int_equal(testing_pg_number(testing, "SELECT count(*) FROM note WHERE text = 'good'"),
                     1);
    /* Only the extra row. */
    struct intake_request alone = {
        .id = id_random(), .topic = TOPIC_NONE, .extra_table = &note_table, .extra_row = &note};
    note.id = alone.id;
    submit(f, &alone, INTAKE_STORED);
    submit(f, &alone, INTAKE_STORED);
    assert_int_equal(testing_pg_number(testing, "SELECT count(*) FROM note WHERE text = 'changed'"),
                     1);
    assert_int_equal(intake_rows(), 3);
    fixture_free(f);
    assert_int_equal(testing_pg_number(testing, "SELECT count(*) FROM intake WHERE open"), 3);
}

/* New, repeated and different requests in one group. */
static void test_mixed_group(void **state)
{
    (void)state;
    struct fixture *f = fixture_new(false);
    struct intake_request known[2] = {request(id_random(), STR("a")),
                                      request(id_random(), STR("b"))};
    submit(f, &known[0], INTAKE_STORED);
    submit(f, &known[1], INTAKE_STORED);
    gate_shut(f->gate);
    struct client clients[5];
    client_start(&clients[0], f, id_random(), STR("first"));
    client_go(&clients[0]);
    await_blocked();
    client_start(&clients[1], f, known[0].id, STR("a"));
    client_start(&clients[2], f, known[1].id, STR("not b"));
    client_start(&clients[3], f, id_random(), STR("c"));
    client_start(&clients[4], f, id_random(), STR("d"));
    for (int i = 1; i < 5; i++) {
        client_go(&clients[i]);
    }
    while (atomic_load(&intake_stats(f->intake)->queued) < 4) {
        sched_yield();
    }
    gate_open(f->gate);

    static const enum intake_result expected[] = {INTAKE_STORED, INTAKE_REPEATED, INTAKE_DIFFERENT,
                                                  INTAKE_STORED, INTAKE_STORED};

    for (int i = 0; i < 5; i++) {
        client_end(&clients[i]);
        assert_int_equal(clients[i].st.kind, STATUS_OK);
        assert_int_equal(clients[i].result, expected[i]);
    }
    assert_int_equal(intake_rows(), 5);
    assert_int_equal(testing_pg_number(testing, "SELECT count(*) FROM note"), 3);
    assert_int_equal(atomic_load(&intake_stats(f->intake)->groups), 4);
    fixture_free(f);
}

static void test_busy(void **state)
{
    (void)state;
    struct fixture *f = fixture_new(false);
    gate_shut(f->gate);
    struct client client;
    client_start(&client, f, id_random(), STR("a"));
    client_go(&client);
    await_blocked();
    struct intake_request again = request(client.request.id, STR("a"));
    submit(f, &again, INTAKE_BUSY);
    gate_open(f->gate);
    client_end(&client);
    assert_int_equal(client.result, INTAKE_STORED);
    submit(f, &again, INTAKE_REPEATED);
    assert_int_equal(atomic_load(&intake_stats(f->intake)->busy), 1);
    fixture_free(f);
}

/* One request that cannot be stored does not take its neighbours with it. */
static void test_bad_neighbours(void **state)
{
    (void)state;
    struct fixture *f = fixture_new(false);
    gate_shut(f->gate);
    struct client clients[21];
    client_start(&clients[20], f, id_random(), STR("first"));
    client_go(&clients[20]);
    await_blocked();
    for (int i = 0; i < 20; i++) {
        client_start(&clients[i], f, id_random(), STR("x"));
    }
    clients[7].request.type = STR("bad \xff type");
    clients[13].note.text = STR("refused");
    for (int i = 0; i < 20; i++) {
        client_go(&clients[i]);
    }
    while (atomic_load(&intake_stats(f->intake)->queued) < 20) {
        sched_yield();
    }
    gate_open(f->gate);
    for (int i = 0; i < 21; i++) {
        client_end(&clients[i]);
        enum status_kind expected = i == 7 ? STATUS_INVALID : i == 13 ? STATUS_BUG : STATUS_OK;
        assert_int_equal(clients[i].st.kind, expected);
        assert_int_equal(clients[i].result,
                         expected == STATUS_OK ? INTAKE_STORED : INTAKE_RESULT_NONE);
    }
    assert_string_equal(clients[7].code, "pg.invalid");
    assert_int_equal(intake_rows(), 19);
    assert_int_equal(testing_pg_number(testing, "SELECT count(*) FROM note"), 19);
    assert_int_equal(atomic_load(&intake_stats(f->intake)->failed), 2);
    fixture_free(f);
}

static void test_database_gone_and_back(void **state)
{
    (void)state;
    struct fixture *f = fixture_new(true);
    struct intake_request before = request(id_random(), STR("before"));
    submit(f, &before, INTAKE_STORED); /* connected */
    struct intake_request lost = request(id_random(), STR("stored, but nobody was told"));
    testing_proxy_set(f->proxy, TESTING_CUT_ANSWER, 1);
    refused(f, &lost, STATUS_RETRY, "intake.unavailable");
    submit(f, &lost, INTAKE_REPEATED);
    testing_proxy_set(f->proxy, TESTING_REFUSE, 0);
    struct intake_request later = request(id_random(), STR("later"));
    refused(f, &later, STATUS_RETRY, "intake.unavailable");
    assert_int_equal(intake_rows(), 2);
    testing_proxy_set(f->proxy, TESTING_FAULT_NONE, 0);
    stored_at_last(f, &later);
    /* The session is ended while nobody uses it: the next request does not notice. */
    assert_int_equal(testing_pg_number(testing,
                                       "SELECT count(pg_terminate_backend(pid, 5000)) FROM"
                                       " pg_stat_activity WHERE application_name = 'test-intake'"),
                     1);
    struct intake_request last = request(id_random(), STR("last"));
    submit(f, &last, INTAKE_STORED);
    fixture_free(f);
}

static void test_deadline(void **state)
{
    (void)state;
    struct fixture *f = fixture_new(false);
    gate_shut(f->gate);
    struct intake_request late = request(id_random(), STR("late"));
    f->op.deadline_ms = clock_mono_ms() + 50;
    refused(f, &late, STATUS_CANCELED, "op.deadline");
    refused(f, &late, STATUS_CANCELED, "op.deadline");
    f->op.deadline_ms = 0;
    gate_open(f->gate);
    await_number("SELECT count(*) FROM intake", 1); /* it may still become durable */
    memory_bus_await(&f->bus, &f->bus.produced_count, 1);
    submit(f, &late, INTAKE_REPEATED);
    fixture_free(f);
}

/* Until no more are taken: each leaves at its deadline and stays in the queue. */
static uint64_t fill(struct fixture *f, struct str payload, bool refused_last)
{
    enum intake_result result = INTAKE_RESULT_NONE;
    struct status st;
    do {
        struct intake_request next = request(id_random(), payload);
        next.refused_last = refused_last;
        f->op.deadline_ms = clock_mono_ms() + 1;
        st = intake_submit(&f->op, f->intake, &next, &result);
    } while (st.kind == STATUS_CANCELED);
    f->op.deadline_ms = 0;
    assert_int_equal(st.kind, STATUS_RETRY);
    assert_string_equal(f->op.err.code, "intake.full");
    return atomic_load(&intake_stats(f->intake)->queued);
}

/* R17: a part of the queue is for what is refused last, by bytes and by number. */
static void test_queue_is_bounded(void **state)
{
    (void)state;
    struct fixture *f = fixture_new(false);
    static char payload[BUS_VALUE_MAX_BYTES + 1];
    struct str largest = {.ptr = payload, .len = BUS_VALUE_MAX_BYTES};
    struct intake_request large = request(id_random(), largest);
    large.payload.len++;
    refused(f, &large, STATUS_LIMIT, "intake.too_large");
    gate_shut(f->gate);
    uint64_t some = fill(f, largest, /* refused_last */ false);
    assert_true(some < (INTAKE_QUEUE_MAX_BYTES - INTAKE_RESERVE_BYTES) / BUS_VALUE_MAX_BYTES);
    assert_true(fill(f, largest, /* refused_last */ true) > some);
    gate_open(f->gate);
    large = request(id_random(), largest);
    stored_at_last(f, &large); /* behind all others */
    gate_shut(f->gate);
    some = INTAKE_QUEUE_MAX - INTAKE_RESERVE;
    assert_int_equal(fill(f, STR("x"), /* refused_last */ false), some);
    assert_int_equal(fill(f, STR("x"), /* refused_last */ true), INTAKE_QUEUE_MAX);
    gate_open(f->gate);
    fixture_free(f);
}

static void test_acknowledgements(void **state)
{
    (void)state;
    struct fixture *f = fixture_new(false);
    struct intake_request open = request(id_random(), STR("open"));
    struct intake_request closed = request(id_random(), STR("closed"));
    submit(f, &open, INTAKE_STORED);
    submit(f, &closed, INTAKE_STORED);
    memory_bus_await(&f->bus, &f->bus.produced_count, 2);
    testing_pg_run(testing,
                   "UPDATE intake SET open = false, outcome = 1 WHERE payload = 'closed'::bytea");
    memory_bus_acknowledge(&f->bus, false);
    await_number("SELECT count(*) FROM intake WHERE due_at_us - created_at_us >= 60000000", 1);
    assert_int_equal(testing_pg_number(testing, "SELECT count(*) FROM intake WHERE NOT open AND"
                                                " due_at_us - created_at_us = 2000000"),
                     1);
    /* A report of failure makes a new producer; the row stays due. */
    memory_bus_silence(&f->bus);
    struct intake_request failed = request(id_random(), STR("failed"));
    submit(f, &failed, INTAKE_STORED);
    memory_bus_await(&f->bus, &f->bus.produced_count, 3);
    memory_bus_acknowledge(&f->bus, true);
    memory_bus_await(&f->bus, &f->bus.reset_count, 1);
    /* Closing writes the last acknowledgements down at once. */
    struct intake_request last = request(id_random(), STR("last"));
    submit(f, &last, INTAKE_STORED);
    fixture_free(f);
    assert_int_equal(testing_pg_number(testing, "SELECT count(*) FROM intake WHERE"
                                                " due_at_us - created_at_us >= 60000000"),
                     2);
    assert_int_equal(
        testing_pg_number(testing, "SELECT due_at_us - created_at_us FROM intake WHERE payload = "
                                   "'failed'::bytea"),
        2000000);
}

static void await_backlog(struct fixture *f, bool over)
{
    int64_t until_ms = clock_mono_ms() + PATIENCE_MS;
    while ((intake_backlog_ms(f->intake) > BACKLOG_MAX_MS) != over) {
        assert_true(clock_mono_ms() < until_ms);
    }
}

/* One is taken, and while it waits too long for Kafka nothing more but what is refused last (R17). */
static void test_backlog(void **state)
{
    (void)state;
    backlog_max_ms = BACKLOG_MAX_MS;
    struct fixture *f = fixture_new(false);
    for (uint32_t i = 0; i < 3; i++) { /* the second are given up, the third find that out */
        struct intake_request first = request(id_random(), STR("x"));
        struct intake_request next = request(id_random(), STR("x"));
        memory_bus_silence(&f->bus);
        submit(f, &first, INTAKE_STORED);
        await_backlog(f, true);
        refused(f, &next, STATUS_RETRY, "intake.backlog");
        next.refused_last = true;
        submit(f, &next, INTAKE_STORED);
        memory_bus_await(&f->bus, &f->bus.produced_count, 2 * (i + 1));
        assert_int_equal(atomic_load(&intake_stats(f->intake)->published), i > 0 ? 2 : 0);
        memory_bus_acknowledge(&f->bus, /* breaks */ i == 1);
        await_backlog(f, false);
        assert_int_equal(intake_rows(), 2 * (i + 1));
    }
    assert_int_equal(atomic_load(&intake_stats(f->intake)->published), 4);
    backlog_max_ms = 0;
    fixture_free(f);
}

static void test_close_finishes_the_queue(void **state)
{
    (void)state;
    struct fixture *f = fixture_new(false);
    memory_bus_acknowledge(&f->bus, false);
    gate_shut(f->gate);
    struct client clients[10];
    for (int i = 0; i < 10; i++) {
        client_start(&clients[i], f, id_random(), STR("x"));
        client_go(&clients[i]);
        if (i == 0) {
            await_blocked();
        }
    }
    while (atomic_load(&intake_stats(f->intake)->queued) < 9) {
        sched_yield();
    }
    gate_open(f->gate);
    intake_close(f->intake, PATIENCE_MS); /* while they wait */
    f->intake = NULL;
    fixture_free(f);
    for (int i = 0; i < 10; i++) {
        client_end(&clients[i]);
        assert_int_equal(clients[i].result, INTAKE_STORED);
    }
    assert_int_equal(intake_rows(), 10);
}

int main(void)
{
    testing = testing_pg_new(NULL);
    if (!testing) {
        return TESTING_SKIPPED;
    }
    testing_pg_run(testing, "CREATE TABLE note (id uuid PRIMARY KEY, text text NOT NULL"
                            " CHECK (text <> 'refused'))");
    gate_make(testing);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many_threads),     cmocka_unit_test(test_repeated_and_different),
        cmocka_unit_test(test_mixed_group),      cmocka_unit_test(test_busy),
        cmocka_unit_test(test_bad_neighbours),   cmocka_unit_test(test_database_gone_and_back),
        cmocka_unit_test(test_deadline),         cmocka_unit_test(test_queue_is_bounded),
        cmocka_unit_test(test_acknowledgements), cmocka_unit_test(test_close_finishes_the_queue),
        cmocka_unit_test(test_backlog),
    };
    int result = cmocka_run_group_tests(tests, NULL, NULL);
    testing_pg_free(testing);
    return result;
}
