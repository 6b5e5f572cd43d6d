/* The real pair: a schema and topics of its own for each test, dropped at its end. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/assert.h"
#include "engine/bus_kafka.h"
#include "engine/store_pg.h"
#include "testing/testing_env.h"
#include "testing/testing_kafka.h"
#include "testing/testing_pg.h"
#include "world_internal.h"

#define PATIENCE_MS 120000
#define LEASE_MS 1000
#define HEARTBEAT_MS 200
#define IMPL_ARENA_BYTES ((size_t)64 * 1024 * 1024)
#define SCRIPT_MAX_BYTES 8192
#define FILE_MAX_BYTES 8192

struct real_impl {
    struct testing_pg *pg;
    struct arena arena; /* connections' options; never reset */
    struct op op;
    struct str brokers;
    struct str prefix;
};

/* The lease table as a descriptor, which the engine itself never needs. */
struct lane_row {
    int32_t p;
    int64_t epoch;
    struct id owner;
    bool clean;
    int64_t last_at_us;
    struct str stopped;
};

static const struct table_column lane_columns[] = {
    TABLE_COLUMN(struct lane_row, p, COLUMN_INT4),
    TABLE_COLUMN(struct lane_row, epoch, COLUMN_INT8),
    TABLE_COLUMN(struct lane_row, owner, COLUMN_UUID),
    TABLE_COLUMN(struct lane_row, clean, COLUMN_BOOL),
    TABLE_COLUMN(struct lane_row, last_at_us, COLUMN_INT8),
    TABLE_COLUMN(struct lane_row, stopped, COLUMN_TEXT),
};

static const struct table lane_table = {
    .name = "lane",
    .row_bytes = sizeof(struct lane_row),
    .columns = lane_columns,
    .column_count = sizeof(lane_columns) / sizeof(lane_columns[0]),
    .key_count = 1,
    .version = TABLE_NO_COLUMN,
    .parent = TABLE_NO_COLUMN,
};

static void must(struct real_impl *impl, struct status st)
{
    if (status_failed(st)) {
        fail_msg("%s: %s", impl->op.err.code, impl->op.err.msg);
    }
}

static struct store *new_store(struct world *world)
{
    struct real_impl *impl = world->impl;
    struct store_pg_options options = {
        .database_url = testing_pg_url(impl->pg), .service = STR("test"), .sandbox_clock = true};
    struct store *store = NULL;
    must(impl, store_pg_open(&impl->op, &options, &store));
    return store;
}

static struct bus *new_bus(struct world *world)
{
    struct real_impl *impl = world->impl;
    struct bus_kafka_options options = {
        .brokers = impl->brokers,
        .group_id = impl->prefix,
        .client_id = STR("engine_test"),
        .source = STR("payments"),
        .topic_prefix = impl->prefix,
    };
    struct bus *bus = NULL;
    must(impl, bus_kafka_open(&impl->op, &options, &bus));
    return bus;
}

static void advance(struct world *world, int64_t ms)
{
    world->producer->ops->wait(world->producer, ms);
}

static const struct lane_row *find_lane(struct world *world, int32_t lane)
{
    const void *rows;
    uint32_t count = world_rows(world, &lane_table, &rows);
    const struct lane_row *row = rows;
    for (uint32_t i = 0; i < count; i++) {
        if (row[i].p == lane) {
            return &row[i];
        }
    }
    UNREACHABLE("a lane without a row");
}

static struct store_lane lane_of(struct world *world, int32_t lane)
{
    const struct lane_row *row = find_lane(world, lane);
    return (struct store_lane){.lane = lane,
                               .epoch = row->epoch,
                               .owner = row->owner,
                               .clean = row->clean,
                               .stopped = row->stopped.len > 0,
                               .last_at_us = row->last_at_us};
}

static bool stopped_for(struct world *world, int32_t lane, const char *code)
{
    return str_has_prefix(find_lane(world, lane)->stopped, str_of(code));
}

static void run_sql(struct world *world, const char *format, int32_t lane)
{
    struct real_impl *impl = world->impl;
    struct strbuf text;
    struct str script;
    strbuf_init(&text, &impl->arena, SCRIPT_MAX_BYTES);
    struct str head;
    struct str tail;
    if (str_cut(str_of(format), '?', &head, &tail)) {
        strbuf_add(&text, head);
        strbuf_addf(&text, "%d", lane);
        strbuf_add(&text, tail);
    } else {
        strbuf_add(&text, str_of(format));
    }
    assert_true(strbuf_finish(&text, &script));
    testing_pg_run(impl->pg, script.ptr);
}

static void resume(struct world *world, int32_t lane)
{
    run_sql(world, "UPDATE lane SET stopped = '' WHERE p = ?", lane); /* LINT-OK: a person's step */
}

static void expire(struct world *world, enum topic topic, int32_t partition, int64_t low)
{
    struct real_impl *impl = world->impl;
    struct strbuf name;
    struct str full;
    strbuf_init(&name, &impl->arena, 256);
    strbuf_addf(&name, STR_FMT "%s", STR_ARG(impl->prefix), topology_topics[topic].name);
    assert_true(strbuf_finish(&name, &full));
    must(impl, testing_kafka_truncate(&impl->op, impl->brokers, full.ptr, partition, low));
}

/* Copies every table of the schema into another one, and back. */
static void backup(struct world *world)
{
    run_sql(world, /* LINT-OK: a backup is no service's statement */
            "DO $$ DECLARE t record; BEGIN"
            " FOR t IN SELECT tablename FROM pg_tables WHERE schemaname = current_schema() LOOP"
            "  EXECUTE format('CREATE TABLE bak_%s AS TABLE %I', t.tablename, t.tablename);"
            " END LOOP; END $$",
            0);
}

static void restore(struct world *world)
{
    run_sql(world, /* LINT-OK: as above */
            "DO $$ DECLARE t record; BEGIN"
            " SET CONSTRAINTS ALL DEFERRED;"
            " FOR t IN SELECT substr(tablename, 5) AS name FROM pg_tables"
            "   WHERE schemaname = current_schema() AND tablename LIKE 'bak_%' LOOP"
            "  EXECUTE format('ALTER TABLE %I DISABLE TRIGGER ALL', t.name);"
            "  EXECUTE format('DELETE FROM %I', t.name);"
            "  EXECUTE format('INSERT INTO %I SELECT * FROM bak_%s', t.name, t.name);"
            "  EXECUTE format('ALTER TABLE %I ENABLE TRIGGER ALL', t.name);"
            " END LOOP; END $$",
            0);
}

static void advance_clock(struct world *world, int64_t us)
{
    struct real_impl *impl = world->impl;
    struct strbuf text;
    struct str script;
    strbuf_init(&text, &impl->arena, SCRIPT_MAX_BYTES);
    strbuf_addf(&text, "UPDATE clock SET offset_us = offset_us + %" PRId64,
                us); /* LINT-OK: a person's step */
    assert_true(strbuf_finish(&text, &script));
    testing_pg_run(impl->pg, script.ptr);
}

static void close_real(struct world *world)
{
    struct real_impl *impl = world->impl;
    testing_kafka_drop(&impl->op, impl->brokers, impl->prefix);
    testing_pg_free(impl->pg);
    arena_fini(&impl->arena);
    free(impl);
}

static const struct world_ops real_ops = {
    .new_store = new_store,
    .new_bus = new_bus,
    .advance = advance,
    .lane = lane_of,
    .stopped_for = stopped_for,
    .resume = resume,
    .expire = expire,
    .backup = backup,
    .restore = restore,
    .advance_clock = advance_clock,
    .close = close_real,
};

bool world_real_is_there(void)
{
    return testing_kafka_real().len > 0 && testing_env("HOLDFAST_TEST_DATABASE_URL").len > 0;
}

static void make_toy_tables(struct real_impl *impl)
{
    char text[FILE_MAX_BYTES] = {0};
    FILE *file = fopen(TOY_SQL, "r");
    assert_non_null(file);
    size_t len = fread(text, 1, sizeof(text) - 1, file);
    assert_true(len > 0);
    assert_true(len < sizeof(text) - 1);
    assert_int_equal(fclose(file), 0);
    testing_pg_run(impl->pg, text);
}

bool world_open_real(struct world *world)
{
    if (!world_real_is_there()) {
        return false;
    }
    struct real_impl *impl = calloc(1, sizeof(*impl));
    assert_non_null(impl);
    arena_init(&impl->arena, IMPL_ARENA_BYTES);
    impl->op = (struct op){.arena = &impl->arena, .correlation_id = STR("test")};
    impl->pg = testing_pg_new(/* service */ NULL);
    assert_non_null(impl->pg);
    make_toy_tables(impl);
    impl->brokers = testing_kafka_real();
    impl->prefix = testing_kafka_prefix(&impl->op);
    must(impl, testing_kafka_create(&impl->op, impl->brokers, impl->prefix));
    world->ops = &real_ops;
    world->impl = impl;
    world->limits = engine_default_limits();
    world->limits.lease_ms = LEASE_MS;
    world->limits.heartbeat_ms = HEARTBEAT_MS;
    world->patience_ms = PATIENCE_MS;
    world_opened(world);
    return true;
}
