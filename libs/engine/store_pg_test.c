#include "engine/store_pg.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "engine/engine_tables.h"
#include "testing/testing_pg.h"
#include "testing/testing_proxy.h"

static struct testing_pg *testing;

struct fixture {
    struct arena arena;
    struct op op;
    struct store *store;
    struct id owner;
};

#define LEASE_MS 60000

static struct fixture fixture_of(struct str url, bool sandbox_clock)
{
    struct fixture f = {.owner = id_random()};
    arena_init(&f.arena, (size_t)16 * 1024 * 1024);
    struct op op = {.arena = &f.arena, .correlation_id = STR("test")};
    struct store_pg_options options = {
        .database_url = url, .service = STR("test"), .sandbox_clock = sandbox_clock};
    struct status st = store_pg_open(&op, &options, &f.store);
    assert_int_equal(st.kind, STATUS_OK);
    f.op = op;
    return f;
}

static struct fixture fixture_open(struct str url)
{
    return fixture_of(url, false);
}

static void fixture_fini(struct fixture *f)
{
    f->store->ops->close(f->store);
    arena_fini(&f->arena);
}

static void ok(struct fixture *f, struct status st)
{
    if (status_failed(st)) {
        print_error("%s %s\n", f->op.err.code, f->op.err.msg);
    }
    assert_int_equal(st.kind, STATUS_OK);
}

#define FIXTURE(name, url)                                       \
    DEFER(fixture_fini) struct fixture name = fixture_open(url); \
    (name).op.arena = &(name).arena;                             \
    ok(&(name), (name).store->ops->connect(&(name).op, (name).store))

static struct store_view beat(struct fixture *f, int64_t lease_ms)
{
    struct store_view view;
    ok(f, f->store->ops->heartbeat(&f->op, f->store, f->owner, lease_ms, &view));
    return view;
}

/* Introduces the owner and takes the lane. */
static struct store_lane_ref take(struct fixture *f, int32_t lane)
{
    struct store_view view = beat(f, LEASE_MS);
    struct store_lane_ref ref = {.lane = lane};
    ok(f, f->store->ops->claim(&f->op, f->store, &view.lanes[lane], f->owner, &ref.epoch));
    assert_int_equal(ref.epoch, view.lanes[lane].epoch + 1);
    return ref;
}

static struct store_fence begin(struct fixture *f, const struct store_lane_ref *refs,
                                uint32_t ref_count)
{
    struct store_fence fence = {.held_count = 99};
    ok(f, f->store->ops->begin(&f->op, f->store, refs, ref_count, &fence));
    assert_int_equal(fence.held_count, 99); /* nothing before the sync */
    ok(f, f->store->ops->sync(&f->op, f->store));
    return fence;
}

static struct outbox_row outbox_row(int32_t lane, int64_t n)
{
    return (struct outbox_row){.lane = lane,
                               .topic = TOPIC_ESCROW_EVENTS_V1,
                               .n = n,
                               .id = id_random(),
                               .aggregatetype = STR("escrow.events.v1"),
                               .aggregateid = id_random(),
                               .type = STR("x"),
                               .payload = STR("payload"),
                               .committed_at_us = 1,
                               .causation_id = id_random()};
}

static void insert_outbox(struct fixture *f, const struct outbox_row *row)
{
    const void *rows[] = {row};
    ok(f, f->store->ops->insert(&f->op, f->store, &engine_outbox_table, rows, 1));
}

static int64_t outbox_count(void)
{
    return testing_pg_number(testing, "SELECT count(*) FROM outbox");
}

static int reset(void **state)
{
    (void)state;
    testing_pg_run(
        testing, "TRUNCATE owner, outbox, lane_in, lane_out; UPDATE lane SET epoch = 0, pid = 0,"
                 " owner = '00000000-0000-0000-0000-000000000000', clean = true, last_at_us = 0,"
                 " stopped = '';"
                 "ALTER TABLE clock DISABLE TRIGGER clock_forward; UPDATE clock SET offset_us = 0;"
                 "ALTER TABLE clock ENABLE TRIGGER clock_forward");
    return 0;
}

static void test_heartbeat_shows_the_lanes(void **state)
{
    (void)state;
    FIXTURE(f, testing_pg_url(testing));
    FIXTURE(g, testing_pg_url(testing));
    struct store_view view = beat(&f, LEASE_MS);
    assert_int_equal(view.owners_alive, 1);
    for (int32_t p = 0; p < LANES; p++) {
        assert_int_equal(view.lanes[p].lane, p);
        assert_int_equal(view.lanes[p].epoch, 0);
        assert_true(id_is_none(view.lanes[p].owner));
        assert_false(view.lanes[p].owner_alive);
        assert_true(view.lanes[p].clean);
        assert_false(view.lanes[p].stopped);
    }
    struct store_lane_ref ref = take(&f, 4);
    ok(&f, f.store->ops->stop(&f.op, f.store, (struct store_lane_ref){5, 0}, STR("why")));
    view = beat(&g, LEASE_MS);
    assert_int_equal(view.owners_alive, 2);
    assert_true(id_eq(view.lanes[4].owner, f.owner));
    assert_true(view.lanes[4].owner_alive);
    assert_false(view.lanes[4].clean);
    assert_int_equal(view.lanes[4].epoch, ref.epoch);
    assert_true(view.lanes[5].stopped);
    ok(&f, f.store->ops->release(&f.op, f.store, ref, true));
    ok(&f, f.store->ops->retire(&f.op, f.store, f.owner));
    view = beat(&g, LEASE_MS);
    assert_int_equal(view.owners_alive, 1);
    assert_true(id_is_none(view.lanes[4].owner));
    assert_true(view.lanes[4].clean);
    beat(&g, 0); /* a lease of nothing has run out */
    view = beat(&f, LEASE_MS);
    assert_int_equal(view.owners_alive, 1);
}

static void test_rows_in_a_transaction(void **state)
{
    (void)state;
    FIXTURE(f, testing_pg_url(testing));
    struct store_lane_ref refs[] = {take(&f, 3), take(&f, 7), take(&f, 1)};
    struct store_fence fence = begin(&f, refs, 3);
    assert_int_equal(fence.held_count, 3);
    assert_int_equal(fence.held[0], 1);
    assert_int_equal(fence.held[1], 3);
    assert_int_equal(fence.held[2], 7);
    struct outbox_row rows[3] = {outbox_row(3, 1), outbox_row(3, 2), outbox_row(3, 3)};
    insert_outbox(&f, &rows[2]);
    insert_outbox(&f, &rows[0]);
    insert_outbox(&f, &rows[1]);
    ok(&f, f.store->ops->touch(&f.op, f.store, &fence));
    ok(&f, f.store->ops->commit(&f.op, f.store));
    assert_int_equal(testing_pg_number(testing, "SELECT last_at_us FROM lane WHERE p = 7"),
                     fence.clock.now_us);
    struct outbox_row like = {.lane = 3, .topic = TOPIC_ESCROW_EVENTS_V1};
    struct store_rows found = {.count = 0};
    begin(&f, refs, 3);
    ok(&f, f.store->ops->scan(&f.op, f.store, &engine_scan_outbox, &like, 1, 10, &found));
    ok(&f, f.store->ops->commit(&f.op, f.store));
    const struct outbox_row *outbox = found.rows;
    assert_int_equal(found.count, 2);
    assert_int_equal(outbox[0].n, 2);
    assert_int_equal(outbox[1].n, 3);
    assert_true(id_eq(outbox[1].id, rows[2].id));
    assert_true(str_eq(outbox[1].payload, STR("payload")));
    struct lane_out_row out = {.lane = 3, .topic = STR("t"), .next_n = 1, .first_n = 1};
    const void *outs[] = {&out};
    begin(&f, refs, 3);
    ok(&f, f.store->ops->insert(&f.op, f.store, &engine_lane_out_table, outs, 1));
    ok(&f, f.store->ops->sync(&f.op, f.store));
    out.next_n = 9;
    ok(&f, f.store->ops->update(&f.op, f.store, &engine_lane_out_table, outs, NULL, 1));
    ok(&f, f.store->ops->commit(&f.op, f.store));
    assert_int_equal(testing_pg_number(testing, "SELECT next_n FROM lane_out"), 9);
    begin(&f, refs, 3);
    ok(&f, f.store->ops->erase(&f.op, f.store, &engine_lane_out_table, outs, 1));
    f.store->ops->rollback(f.store);
    assert_int_equal(testing_pg_number(testing, "SELECT count(*) FROM lane_out"), 1);
}

/* Who lost a lane writes nothing more to it: its session is ended, and its epoch is fenced. */
static void test_a_zombie_is_fenced(void **state)
{
    (void)state;
    FIXTURE(zombie, testing_pg_url(testing));
    FIXTURE(heir, testing_pg_url(testing));
    struct store_lane_ref refs[] = {take(&zombie, 2), take(&zombie, 3)};
    begin(&zombie, refs, 1);
    struct outbox_row row = outbox_row(2, 1);
    insert_outbox(&zombie, &row);
    ok(&zombie, zombie.store->ops->sync(&zombie.op, zombie.store));
    /* Its lease runs out while it holds the lane's lock: only the end of its session frees it. */
    testing_pg_run(testing, "UPDATE owner SET lease_until_us = now_us() - 1");
    int64_t started_ms = clock_mono_ms();
    struct store_lane_ref taken = take(&heir, 2);
    assert_true(clock_mono_ms() - started_ms < 1500);
    struct status st = zombie.store->ops->commit(&zombie.op, zombie.store);
    assert_int_equal(st.kind, STATUS_RETRY);
    zombie.store->ops->rollback(zombie.store);
    assert_int_equal(outbox_count(), 0);

    ok(&zombie, zombie.store->ops->connect(&zombie.op, zombie.store));
    struct store_fence fence = begin(&zombie, refs, 2);
    assert_int_equal(fence.held_count, 1); /* lane 3 is still its own */
    assert_int_equal(fence.held[0], 3);
    zombie.store->ops->rollback(zombie.store);
    ok(&zombie, zombie.store->ops->release(&zombie.op, zombie.store, refs[0], true));
    ok(&zombie, zombie.store->ops->stop(&zombie.op, zombie.store, refs[0], STR("stale")));
    assert_int_equal(begin(&heir, &taken, 1).held_count, 1);
    heir.store->ops->rollback(heir.store);
}

static void test_what_cannot_be_claimed(void **state)
{
    (void)state;
    FIXTURE(f, testing_pg_url(testing));
    FIXTURE(g, testing_pg_url(testing));
    struct store_lane_ref ref = take(&f, 0);
    struct store_view view = beat(&g, LEASE_MS);
    int64_t epoch = -1;
    struct status st = g.store->ops->claim(&g.op, g.store, &view.lanes[0], g.owner, &epoch);
    assert_int_equal(st.kind, STATUS_CONFLICT); /* its owner is alive */
    ok(&f, f.store->ops->release(&f.op, f.store, ref, false));
    view.lanes[0].epoch = 0;
    st = g.store->ops->claim(&g.op, g.store, &view.lanes[0], g.owner, &epoch);
    assert_int_equal(st.kind, STATUS_CONFLICT); /* its epoch moved */
    ok(&f, f.store->ops->stop(&f.op, f.store, ref, STR("for a person")));
    view = beat(&g, LEASE_MS);
    assert_false(view.lanes[0].clean);
    st = g.store->ops->claim(&g.op, g.store, &view.lanes[0], g.owner, &epoch);
    assert_int_equal(st.kind, STATUS_CONFLICT); /* it is stopped */
    assert_int_equal(epoch, -1);
    assert_int_equal(begin(&f, &ref, 1).held_count, 0);
    f.store->ops->rollback(f.store);
    /* Our own lane after a lost connection: the lease is alive, the session is another one. */
    struct store_lane_ref mine = take(&f, 6);
    begin(&f, &mine, 1);
    FIXTURE(again, testing_pg_url(testing));
    again.owner = f.owner;
    mine = take(&again, 6);
    assert_int_equal(begin(&again, &mine, 1).held_count, 1);
    again.store->ops->rollback(again.store);
}

struct racer {
    struct fixture *f;
    const struct store_view *view;
    uint32_t won;
    uint32_t lost;
};

static void *race(void *arg)
{
    struct racer *racer = arg;
    struct fixture *f = racer->f;
    for (int32_t p = 0; p < LANES; p++) {
        int64_t epoch = 0;
        struct status st =
            f->store->ops->claim(&f->op, f->store, &racer->view->lanes[p], f->owner, &epoch);
        racer->won += st.kind == STATUS_OK ? 1 : 0;
        racer->lost += st.kind == STATUS_CONFLICT ? 1 : 0;
    }
    return NULL;
}

static void test_a_race_has_one_winner(void **state)
{
    (void)state;
    FIXTURE(f, testing_pg_url(testing));
    FIXTURE(g, testing_pg_url(testing));
    beat(&f, LEASE_MS);
    struct store_view view = beat(&g, LEASE_MS);
    struct racer racers[] = {{.f = &f, .view = &view}, {.f = &g, .view = &view}};
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
    }
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(racers[0].won + racers[1].won, LANES);
    assert_int_equal(racers[0].lost + racers[1].lost, LANES);
    assert_int_equal(testing_pg_number(testing, "SELECT sum(epoch) FROM lane"), LANES);
}

static void test_locked_lane_is_retry(void **state)
{
    (void)state;
    FIXTURE(f, testing_pg_url(testing));
    FIXTURE(g, testing_pg_url(testing));
    struct store_lane_ref ref = take(&f, 8);
    begin(&f, &ref, 1);
    struct store_fence fence;
    ok(&g, g.store->ops->begin(&g.op, g.store, &ref, 1, &fence));
    struct status st = g.store->ops->sync(&g.op, g.store);
    assert_int_equal(st.kind, STATUS_RETRY);
    assert_non_null(strstr(g.op.err.msg, "55P03"));
    g.store->ops->rollback(g.store);
    f.store->ops->rollback(f.store);
    assert_int_equal(begin(&g, &ref, 1).held_count, 1);
    g.store->ops->rollback(g.store);
}

static void test_time_never_goes_back(void **state)
{
    (void)state;
    FIXTURE(f, testing_pg_url(testing));
    struct store_lane_ref refs[] = {take(&f, 9), take(&f, 10)};
    int64_t future_us = testing_pg_number(testing, "SELECT now_us() + 3600000000");
    char sql[128];
    int len = snprintf(sql, sizeof(sql), "UPDATE lane SET last_at_us = %lld WHERE p = 10",
                       (long long)future_us);
    assert_true(len > 0);
    testing_pg_run(testing, sql);
    struct store_fence fence = begin(&f, refs, 2);
    assert_int_equal(fence.clock.now_us, future_us + 1); /* after the highest of all held lanes */
    assert_true(fence.clock.wall_us < future_us);        /* the clock itself is not moved by it */
    ok(&f, f.store->ops->touch(&f.op, f.store, &fence));
    ok(&f, f.store->ops->commit(&f.op, f.store));
    assert_int_equal(testing_pg_number(testing, "SELECT last_at_us FROM lane WHERE p = 9"),
                     future_us + 1);
    fence = begin(&f, refs, 1);
    assert_int_equal(fence.clock.now_us, future_us + 2);
    f.store->ops->rollback(f.store);
    testing_pg_run(testing, "UPDATE lane SET last_at_us = 0");
    int64_t last_us = testing_pg_number(testing, "SELECT now_us()");
    for (int i = 0; i < 50; i++) {
        fence = begin(&f, refs, 2);
        assert_true(fence.clock.now_us > last_us);
        last_us = fence.clock.now_us;
        ok(&f, f.store->ops->touch(&f.op, f.store, &fence));
        ok(&f, f.store->ops->commit(&f.op, f.store));
    }
}

static void test_dead_owners_are_forgotten(void **state)
{
    (void)state;
    FIXTURE(f, testing_pg_url(testing));
    FIXTURE(g, testing_pg_url(testing));
    take(&f, 11);
    beat(&g, LEASE_MS);
    testing_pg_run(testing, "UPDATE owner SET lease_until_us = lease_until_us - 600000000;"
                            "INSERT INTO owner SELECT gen_random_uuid(), 1, now_us() - 1, 1");
    beat(&g, LEASE_MS);
    /* f holds a lane, the new one died just now; g is back. */
    assert_int_equal(testing_pg_number(testing, "SELECT count(*) FROM owner"), 3);
    testing_pg_run(testing, "UPDATE lane SET owner = '00000000-0000-0000-0000-000000000000'");
    beat(&g, LEASE_MS);
    assert_int_equal(testing_pg_number(testing, "SELECT count(*) FROM owner"), 2);
}

static void test_failures_commit_nothing(void **state)
{
    (void)state;
    FIXTURE(f, testing_pg_url(testing));
    struct store_lane_ref ref = take(&f, 5);
    struct outbox_row row = outbox_row(5, 1);
    begin(&f, &ref, 1);
    insert_outbox(&f, &row);
    insert_outbox(&f, &row);
    struct status st = f.store->ops->commit(&f.op, f.store);
    assert_int_equal(st.kind, STATUS_BUG);
    f.store->ops->rollback(f.store);
    struct lane_in_row in = {.lane = 5, .topic = STR("none there")};
    const void *rows[] = {&in};
    begin(&f, &ref, 1);
    row = outbox_row(5, 1);
    insert_outbox(&f, &row);
    ok(&f, f.store->ops->update(&f.op, f.store, &engine_lane_in_table, rows, NULL, 1));
    st = f.store->ops->commit(&f.op, f.store);
    assert_int_equal(st.kind, STATUS_BUG);
    assert_non_null(strstr(f.op.err.msg, "HF001"));
    f.store->ops->rollback(f.store);
    row.type = STR("bad \xff");
    begin(&f, &ref, 1);
    insert_outbox(&f, &row);
    st = f.store->ops->commit(&f.op, f.store);
    assert_int_equal(st.kind, STATUS_INVALID);
    f.store->ops->rollback(f.store);
    assert_int_equal(outbox_count(), 0);
}

static struct str proxied_url(struct fixture *scratch, const struct testing_proxy *proxy)
{
    struct strbuf buf;
    struct str url;
    strbuf_init(&buf, &scratch->arena, 8192);
    strbuf_addf(&buf, STR_FMT " host='127.0.0.1' port='%u' sslmode='disable'",
                STR_ARG(testing_pg_url(testing)), testing_proxy_port(proxy));
    assert_true(strbuf_finish(&buf, &url));
    return url;
}

/* The connection breaks between COMMIT and its answer: done, but nobody was told. */
static void test_unknown_commit(void **state)
{
    (void)state;
    int64_t port = testing_pg_number(testing, "SELECT current_setting('port')");
    DEFER(testing_proxy_free_at)
    struct testing_proxy *proxy = testing_proxy_new(TESTING_POSTGRES, (uint16_t)port);
    FIXTURE(scratch, testing_pg_url(testing));
    FIXTURE(f, proxied_url(&scratch, proxy));
    struct store_lane_ref ref = take(&f, 4);
    struct outbox_row row = outbox_row(4, 1);
    begin(&f, &ref, 1);
    insert_outbox(&f, &row);
    testing_proxy_set(proxy, TESTING_CUT_ANSWER, 1);
    struct status st = f.store->ops->commit(&f.op, f.store);
    assert_int_equal(st.kind, STATUS_RETRY);
    assert_string_equal(f.op.err.code, "pg.commit_unknown");
    f.store->ops->rollback(f.store);
    assert_int_equal(outbox_count(), 1);

    ok(&f, f.store->ops->connect(&f.op, f.store));
    struct store_view view = beat(&f, LEASE_MS);
    ok(&f, f.store->ops->claim(&f.op, f.store, &view.lanes[4], f.owner, &ref.epoch));
    row = outbox_row(4, 2);
    begin(&f, &ref, 1);
    insert_outbox(&f, &row);
    testing_proxy_set(proxy, TESTING_CUT_QUESTION, 1);
    st = f.store->ops->commit(&f.op, f.store);
    assert_int_equal(st.kind, STATUS_RETRY);
    assert_string_equal(f.op.err.code, "pg.commit_unknown"); /* it cannot know the difference */
    assert_int_equal(outbox_count(), 1);

    testing_proxy_set(proxy, TESTING_REFUSE, 0);
    st = f.store->ops->connect(&f.op, f.store);
    assert_int_equal(st.kind, STATUS_RETRY);
    st = f.store->ops->heartbeat(&f.op, f.store, f.owner, LEASE_MS, &view);
    assert_int_equal(st.kind, STATUS_RETRY);
    testing_proxy_set(proxy, TESTING_FAULT_NONE, 0);
    ok(&f, f.store->ops->connect(&f.op, f.store));
    beat(&f, LEASE_MS);
}

/* ---- Sandbox time ---- */

#define HOUR_US INT64_C(3600000000)
#define MINUTE_US INT64_C(60000000)

static void test_sandbox_time_is_added_where_it_is_wanted(void **state)
{
    (void)state;
    FIXTURE(f, testing_pg_url(testing));
    DEFER(fixture_fini) struct fixture g = fixture_of(testing_pg_url(testing), true);
    g.op.arena = &g.arena;
    ok(&g, g.store->ops->connect(&g.op, g.store));
    struct store_lane_ref mine = take(&f, 0);
    struct store_lane_ref theirs = take(&g, 1);
    testing_pg_run(testing, "UPDATE clock SET offset_us = 3600000000");
    int64_t now_us = testing_pg_number(testing, "SELECT now_us()");

    struct store_view view = beat(&f, LEASE_MS);
    assert_int_equal(view.clock.sandbox_us, 0);
    assert_in_range(view.clock.now_us, now_us, now_us + MINUTE_US);
    struct store_fence fence = begin(&f, &mine, 1);
    assert_int_equal(fence.clock.sandbox_us, 0);
    assert_in_range(fence.clock.now_us, now_us, now_us + MINUTE_US);
    f.store->ops->rollback(f.store);

    view = beat(&g, LEASE_MS);
    assert_int_equal(view.clock.sandbox_us, HOUR_US);
    assert_in_range(view.clock.now_us, now_us + HOUR_US, now_us + HOUR_US + MINUTE_US);
    assert_true(view.lanes[0].owner_alive); /* leases do not feel it */
    assert_true(view.lanes[1].owner_alive);
    fence = begin(&g, &theirs, 1);
    assert_int_equal(fence.clock.sandbox_us, HOUR_US);
    assert_in_range(fence.clock.now_us, now_us + HOUR_US, now_us + HOUR_US + MINUTE_US);
    assert_in_range(fence.clock.wall_us, now_us, now_us + MINUTE_US);
    g.store->ops->rollback(g.store);
}

static void test_sandbox_time_is_refused_elsewhere(void **state)
{
    (void)state;
    FIXTURE(f, testing_pg_url(testing));
    struct store_pg_options options = {.database_url = testing_pg_url(testing),
                                       .service = STR("test")};
    ok(&f, store_pg_refuse_sandbox(&f.op, &options));
    testing_pg_run(testing, "UPDATE clock SET offset_us = 1");
    struct status st = store_pg_refuse_sandbox(&f.op, &options);
    assert_int_equal(st.kind, STATUS_STOP);
    assert_string_equal(f.op.err.code, "store.sandbox_clock");
}

static void test_sandbox_time_goes_forward_only(void **state)
{
    (void)state;
    testing_pg_run(testing, "UPDATE clock SET offset_us = 100");
    testing_pg_run(testing, "UPDATE clock SET offset_us = 200");
    static const char *const backwards[] = {"UPDATE clock SET offset_us = 199",
                                            "DELETE FROM clock"};
    for (size_t i = 0; i < ARRAY_LEN(backwards); i++) {
        char script[256];
        int len = snprintf(script, sizeof(script),
                           "DO $$ BEGIN %s; RAISE 'it did'; EXCEPTION WHEN SQLSTATE 'HF001' THEN "
                           "NULL; END $$",
                           backwards[i]);
        assert_true(len > 0);
        testing_pg_run(testing, script);
    }
    assert_int_equal(testing_pg_number(testing, "SELECT offset_us FROM clock"), 200);
}

/* Every descriptor of the engine against the migrated schema: names and types of all columns. */
static void test_descriptors_fit_the_schema(void **state)
{
    (void)state;
    static const struct table *const tables[] = {
        &engine_lane_in_table,        &engine_lane_out_table,   &engine_lane_cluster_table,
        &engine_outbox_table,         &engine_inbox_table,      &engine_intake_table,
        &engine_effect_table,         &engine_timer_table,      &engine_parked_key_table,
        &engine_parked_message_table, &engine_quarantine_table, &engine_lane_probe_table,
        &engine_admin_request_table,
    };
    static const struct table_scan *const scans[] = {
        &engine_scan_lane_in,    &engine_scan_lane_out,       &engine_scan_outbox,
        &engine_scan_intake_due, &engine_scan_effect_due,     &engine_scan_timer_open,
        &engine_scan_parked_key, &engine_scan_parked_message, &engine_scan_lane_cluster,
        &engine_scan_lane_probe, &engine_scan_admin_request,
    };
    FIXTURE(f, testing_pg_url(testing));
    struct store_rows rows;
    static const char zeros[1024];
    for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
        static struct table_scan all[ARRAY_LEN(tables)];
        all[i] = (struct table_scan){.name = tables[i]->name,
                                     .table = tables[i],
                                     .filter = TABLE_NO_COLUMN,
                                     .order = TABLE_NO_COLUMN};
        ok(&f, f.store->ops->scan(&f.op, f.store, &all[i], NULL, 0, 1, &rows));
    }
    for (size_t i = 0; i < ARRAY_LEN(scans); i++) {
        assert_true(scans[i]->table->row_bytes <= sizeof(zeros));
        ok(&f, f.store->ops->scan(&f.op, f.store, scans[i], zeros, 0, 1, &rows));
    }
    ok(&f, f.store->ops->sync(&f.op, f.store));
}

int main(void)
{
    testing = testing_pg_new(NULL);
    if (!testing) {
        return TESTING_SKIPPED;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_heartbeat_shows_the_lanes, reset),
        cmocka_unit_test_setup(test_rows_in_a_transaction, reset),
        cmocka_unit_test_setup(test_a_zombie_is_fenced, reset),
        cmocka_unit_test_setup(test_what_cannot_be_claimed, reset),
        cmocka_unit_test_setup(test_a_race_has_one_winner, reset),
        cmocka_unit_test_setup(test_locked_lane_is_retry, reset),
        cmocka_unit_test_setup(test_time_never_goes_back, reset),
        cmocka_unit_test_setup(test_dead_owners_are_forgotten, reset),
        cmocka_unit_test_setup(test_failures_commit_nothing, reset),
        cmocka_unit_test_setup(test_unknown_commit, reset),
        cmocka_unit_test_setup(test_sandbox_time_is_added_where_it_is_wanted, reset),
        cmocka_unit_test_setup(test_sandbox_time_is_refused_elsewhere, reset),
        cmocka_unit_test_setup(test_sandbox_time_goes_forward_only, reset),
        cmocka_unit_test_setup(test_descriptors_fit_the_schema, reset),
    };
    int result = cmocka_run_group_tests(tests, NULL, NULL);
    testing_pg_free(testing);
    return result;
}
