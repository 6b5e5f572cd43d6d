/* The fault proxy before a real PostgreSQL and a real Kafka: what is cut where, and what had happened by then. */
#include "testing/testing_proxy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "engine/testing/bus_kafka_rig.h"
#include "pg/pg_batch.h"
#include "pg/pg_conn.h"
#include "testing/testing_pg.h"

#define EVENTS TOPIC_ESCROW_EVENTS_V1
#define LATE_MS 150
#define SHORT_MS 400
#define PATIENCE_MS 60000

static struct testing_pg *testing;

/* ---- PostgreSQL ---- */

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
    struct testing_proxy *proxy;
    struct pg_conn *conn;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    arena_init(&f->arena, (size_t)8 * 1024 * 1024);
    f->op = (struct op){.arena = &f->arena, .correlation_id = STR("test")};
    testing_pg_run(testing, "TRUNCATE note");
    f->proxy = testing_proxy_new(
        TESTING_POSTGRES, (uint16_t)testing_pg_number(testing, "SELECT current_setting('port')"));
    struct strbuf buf;
    struct str url;
    strbuf_init(&buf, &f->arena, 8192);
    strbuf_addf(&buf, STR_FMT " host='127.0.0.1' port='%u'", STR_ARG(testing_pg_url(testing)),
                testing_proxy_port(f->proxy));
    assert_true(strbuf_finish(&buf, &url));
    struct pg_conn_options options = {
        .conninfo = url, .application_name = STR("proxied"), .use = PG_USE_LANE};
    assert_int_equal(pg_conn_new(&f->op, &options, &f->conn).kind, STATUS_OK);
    assert_int_equal(pg_conn_connect(&f->op, f->conn).kind, STATUS_OK);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    pg_conn_free(f->conn);
    testing_proxy_free(f->proxy);
    arena_fini(&f->arena);
    free(f);
    return 0;
}

/* One row in one transaction. */
static struct status note(struct fixture *f, struct str text)
{
    const struct note row = {.id = id_random(), .text = text};
    const void *rows[] = {&row};
    TRY(pg_batch_begin(&f->op, f->conn));
    TRY(pg_batch_insert(&f->op, f->conn, &note_table, rows, 1));
    return pg_batch_commit(&f->op, f->conn);
}

static void expect_unknown(struct fixture *f)
{
    struct status st = note(f, STR("a note"));
    assert_int_equal(st.kind, STATUS_RETRY);
    assert_string_equal(f->op.err.code, "pg.commit_unknown");
    assert_int_equal(testing_proxy_cuts(f->proxy), 1);
    /* Whatever becomes of the transaction has become of it when its session is over. */
    int64_t until_ms = clock_mono_ms() + PATIENCE_MS;
    while (testing_pg_number(testing, "SELECT count(*) FROM pg_stat_activity"
                                      " WHERE application_name = 'proxied'") > 0) {
        assert_true(clock_mono_ms() < until_ms);
    }
}

static void expect_well(struct fixture *f)
{
    assert_int_equal(pg_conn_connect(&f->op, f->conn).kind, STATUS_OK);
    assert_int_equal(note(f, STR("later")).kind, STATUS_OK);
}

static int64_t notes(void)
{
    return testing_pg_number(testing, "SELECT count(*) FROM note");
}

static void a_commit_that_is_not_forwarded_did_not_happen(void **state)
{
    struct fixture *f = *state;
    testing_proxy_set(f->proxy, TESTING_CUT_QUESTION, 1);
    expect_unknown(f);
    assert_int_equal(notes(), 0);
    expect_well(f);
    assert_int_equal(notes(), 1);
}

static void a_commit_whose_answer_is_lost_happened(void **state)
{
    struct fixture *f = *state;
    testing_proxy_set(f->proxy, TESTING_CUT_ANSWER, 1);
    expect_unknown(f);
    assert_int_equal(notes(), 1);
    expect_well(f);
}

static void a_commit_that_is_sent_may_happen(void **state)
{
    struct fixture *f = *state;
    testing_proxy_set(f->proxy, TESTING_CUT_SENT, 1);
    expect_unknown(f);
    assert_in_range(notes(), 0, 1);
    expect_well(f);
}

static void the_nth_commit_is_meant(void **state)
{
    struct fixture *f = *state;
    testing_proxy_set(f->proxy, TESTING_CUT_QUESTION, 3);
    assert_int_equal(note(f, STR("first")).kind, STATUS_OK);
    assert_int_equal(note(f, STR("second")).kind, STATUS_OK);
    expect_unknown(f);
    assert_int_equal(notes(), 2);
    expect_well(f);
}

static void a_connection_ends_after_some_bytes(void **state)
{
    struct fixture *f = *state;
    testing_proxy_set(f->proxy, TESTING_CUT_BYTES, 3); /* in the middle of the first answer */
    expect_unknown(f);
    expect_well(f);
}

static void answers_come_later(void **state)
{
    struct fixture *f = *state;
    testing_proxy_set(f->proxy, TESTING_SLOW, LATE_MS);
    int64_t began_ms = clock_mono_ms();
    assert_int_equal(note(f, STR("slow")).kind, STATUS_OK);
    assert_true(clock_mono_ms() - began_ms >= 2 * LATE_MS); /* there and back */
}

static void nobody_waits_for_ever_for_a_dead_network(void **state)
{
    struct fixture *f = *state;
    testing_proxy_set(f->proxy, TESTING_SILENT, 0);
    f->op.deadline_ms = clock_mono_ms() + SHORT_MS;
    assert_int_equal(pg_conn_is_alive(f->conn), true); /* nothing tells that it is not */
    assert_true(status_failed(note(f, STR("unheard"))));
    assert_true(clock_mono_ms() >= f->op.deadline_ms);
    f->op.deadline_ms = 0;
    testing_proxy_set(f->proxy, TESTING_FAULT_NONE, 0);
    expect_well(f);
}

static void everybody_is_refused(void **state)
{
    struct fixture *f = *state;
    testing_proxy_set(f->proxy, TESTING_REFUSE, 0);
    assert_int_equal(note(f, STR("refused")).kind, STATUS_RETRY);
    assert_int_equal(pg_conn_connect(&f->op, f->conn).kind, STATUS_RETRY);
    testing_proxy_set(f->proxy, TESTING_FAULT_NONE, 0);
    expect_well(f);
}

/* ---- Kafka ---- */

struct proxied_rig {
    struct rig *rig;
    struct bus *direct; /* what the rig opened */
    struct testing_proxy *proxy;
};

static int kafka_set_up(void **state)
{
    struct proxied_rig *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    assert_int_equal(rig_setup((void **)&f->rig), 0);
    f->direct = f->rig->bus;
    struct str host;
    struct str port;
    int64_t number = 0;
    assert_true(str_cut(f->rig->brokers, ':', &host, &port));
    assert_true(str_to_i64(port, &number));
    f->proxy = testing_proxy_new(TESTING_KAFKA, (uint16_t)number);
    struct strbuf buf;
    struct bus_kafka_options options = rig_options(f->rig);
    strbuf_init(&buf, &f->rig->arena, 64);
    strbuf_addf(&buf, "127.0.0.1:%u", testing_proxy_port(f->proxy));
    assert_true(strbuf_finish(&buf, &options.brokers));
    rig_ok(f->rig, bus_kafka_open(&f->rig->op, &options, &f->rig->bus));
    *state = f;
    return 0;
}

static int kafka_tear_down(void **state)
{
    struct proxied_rig *f = *state;
    f->rig->bus->ops->close(f->rig->bus);
    f->rig->bus = f->direct;
    assert_int_equal(rig_teardown((void **)&f->rig), 0);
    testing_proxy_free(f->proxy);
    free(f);
    return 0;
}

/* What stands in the log, whatever way it took: n = 1 .. count, once each. */
static void expect_log(struct proxied_rig *f, int64_t count)
{
    struct rig *rig = f->rig;
    struct bus *proxied = rig->bus;
    struct bus_tail tail;
    enum topic topic = EVENTS;
    rig->bus = f->direct;
    rig_ok(rig, rig->bus->ops->assign(&rig->op, rig->bus, EVENTS, 3, 0));
    for (int64_t n = 1; n <= count; n++) {
        struct bus_record record = rig_next(rig);
        int64_t read = record.n;
        rig->bus->ops->release(rig->bus, &record);
        assert_int_equal(read, n);
    }
    rig_ok(rig, rig->bus->ops->tails(&rig->op, rig->bus, &topic, 1, 3, &tail));
    assert_int_equal(tail.high, count); /* nothing stands there twice */
    rig->bus = proxied;
}

static void brokers_are_found_through_the_proxy(void **state)
{
    struct proxied_rig *f = *state;
    rig_fill(f->rig, EVENTS, 3, 1, 2);
    testing_proxy_set(f->proxy, TESTING_SILENT, 0);
    struct bus_message message = rig_message(EVENTS, 3, 3);
    rig_produce(f->rig, &message);
    struct bus_delivery delivery;
    f->rig->bus->ops->wait(f->rig->bus, SHORT_MS);
    assert_false(f->rig->bus->ops->delivered(f->rig->bus, &delivery)); /* there is no other way */
    testing_proxy_set(f->proxy, TESTING_FAULT_NONE, 0);
    rig_await_delivered(f->rig, 1);
    expect_log(f, 3);
}

static void produce_while(struct proxied_rig *f, enum testing_fault fault)
{
    rig_fill(f->rig, EVENTS, 3, 1, 1);
    testing_proxy_set(f->proxy, fault, 1);
    rig_fill(f->rig, EVENTS, 3, 2, 3);
    assert_int_equal(testing_proxy_cuts(f->proxy), 1);
    expect_log(f, 4);
}

static void a_record_that_was_not_forwarded_is_sent_again(void **state)
{
    produce_while(*state, TESTING_CUT_QUESTION);
}

static void a_record_whose_answer_was_lost_stands_there_once(void **state)
{
    produce_while(*state, TESTING_CUT_ANSWER);
}

static void a_record_that_may_have_come_stands_there_once(void **state)
{
    produce_while(*state, TESTING_CUT_SENT);
}

#define PG_CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define KAFKA_CASE(name) cmocka_unit_test_setup_teardown(name, kafka_set_up, kafka_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PG_CASE(a_commit_that_is_not_forwarded_did_not_happen),
        PG_CASE(a_commit_whose_answer_is_lost_happened),
        PG_CASE(a_commit_that_is_sent_may_happen),
        PG_CASE(the_nth_commit_is_meant),
        PG_CASE(a_connection_ends_after_some_bytes),
        PG_CASE(answers_come_later),
        PG_CASE(nobody_waits_for_ever_for_a_dead_network),
        PG_CASE(everybody_is_refused),
        KAFKA_CASE(brokers_are_found_through_the_proxy),
        KAFKA_CASE(a_record_that_was_not_forwarded_is_sent_again),
        KAFKA_CASE(a_record_whose_answer_was_lost_stands_there_once),
        KAFKA_CASE(a_record_that_may_have_come_stands_there_once),
    };
    DEFER(testing_pg_free_at) struct testing_pg *made = testing_pg_new(NULL);
    if (!made || !rig_use_real()) {
        return TESTING_SKIPPED;
    }
    testing = made;
    testing_pg_run(testing, "CREATE TABLE note (id uuid PRIMARY KEY, text text NOT NULL)");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
