/* What a test sees: rows, records, and waiting for them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/assert.h"
#include "base/lane.h"
#include "sim/sim_db.h"
#include "world_internal.h"

#define ROWS_MAX 1000000
#define SCANS_MAX 32

/* A scan of the whole table; the same one each time, for the database remembers it by its place. */
static const struct table_scan *scan_of(const struct table *table)
{
    static struct table_scan scans[SCANS_MAX];
    static char names[SCANS_MAX][64];

    uint32_t at = 0;
    while (at < SCANS_MAX && scans[at].table && scans[at].table != table) {
        at++;
    }
    assert_true(at < SCANS_MAX);
    if (!scans[at].table) {
        int len = snprintf(names[at], sizeof(names[at]), "all_%s", table->name);
        assert_true(len > 0);
        scans[at] = (struct table_scan){.name = names[at],
                                        .table = table,
                                        .filter = TABLE_NO_COLUMN,
                                        .order = TABLE_NO_COLUMN,
                                        .bound = SCAN_ALL};
    }
    return &scans[at];
}

uint32_t world_rows(struct world *world, const struct table *table, const void **ret_rows)
{
    struct store *store = world->reader;
    struct store_rows rows;
    arena_reset(&world->arena);
    void *like = arena_alloc(&world->arena, 1, table->row_bytes);
    ASSERT(like);
    world_must(world,
               store->ops->scan(&world->op, store, scan_of(table), like, 0, ROWS_MAX, &rows));
    world_must(world, store->ops->sync(&world->op, store));
    *ret_rows = rows.rows;
    return rows.count;
}

uint32_t world_count(struct world *world, const struct table *table)
{
    const void *rows;
    return world->simulated ? sim_db_count(world->db, table) : world_rows(world, table, &rows);
}

const struct toy_account *world_find_account(struct world *world, struct id account)
{
    const void *rows;
    uint32_t count = world_rows(world, &toy_account_table, &rows);
    const struct toy_account *accounts = rows;
    for (uint32_t i = 0; i < count; i++) {
        if (id_eq(accounts[i].id, account)) {
            return &accounts[i];
        }
    }
    return NULL;
}

const struct parked_key_row *world_find_parked(struct world *world, struct id key)
{
    const void *rows;
    uint32_t count = world_rows(world, &engine_parked_key_table, &rows);
    const struct parked_key_row *parked = rows;
    for (uint32_t i = 0; i < count; i++) {
        if (id_eq(parked[i].key, key)) {
            return &parked[i];
        }
    }
    return NULL;
}

const struct intake_row *world_find_intake(struct world *world, struct id id)
{
    const void *rows;
    uint32_t count = world_rows(world, &engine_intake_table, &rows);
    const struct intake_row *intake = rows;
    for (uint32_t i = 0; i < count; i++) {
        if (id_eq(intake[i].id, id)) {
            return &intake[i];
        }
    }
    fail_msg("no such intake");
    return NULL;
}

uint32_t world_topic_count(struct world *world, enum topic topic)
{
    struct bus *bus = world->producer;
    uint32_t count = 0;
    for (int32_t p = 0; p < LANES; p++) {
        struct bus_tail tail;
        world_must(world, bus->ops->tails(&world->op, bus, &topic, 1, p, &tail));
        count += (uint32_t)(tail.high - tail.low);
    }
    return count;
}

static uint32_t count_in(struct world *world, enum topic topic, int32_t p, struct str prefix)
{
    struct bus *bus = world->producer;
    struct bus_tail tail;
    world_must(world, bus->ops->tails(&world->op, bus, &topic, 1, p, &tail));
    if (tail.high == tail.low) {
        return 0;
    }
    uint32_t found = 0;
    world_must(world, bus->ops->assign(&world->op, bus, topic, p, tail.low));
    for (int64_t left = tail.high - tail.low; left > 0;) {
        struct bus_record record;
        bool got;
        world_must(world, bus->ops->poll(&world->op, bus, &record, &got));
        if (!got) {
            bus->ops->wait(bus, 20);
            continue;
        }
        found += str_has_prefix(record.value, prefix) ? 1 : 0;
        bus->ops->release(bus, &record);
        left--;
    }
    bus->ops->unassign(bus, topic, p);
    return found;
}

uint32_t world_topic_values(struct world *world, enum topic topic, const char *value_prefix)
{
    uint32_t found = 0;
    for (int32_t p = 0; p < LANES; p++) {
        found += count_in(world, topic, p, str_of(value_prefix));
    }
    return found;
}

static void dump_lanes(struct world *world)
{
    for (int32_t p = 0; p < LANES; p++) {
        struct store_lane lane = world->ops->lane(world, p);
        print_error("lane %d epoch %lld%s%s, wrote %u commands, %u signals\n", p,
                    (long long)lane.epoch, lane.clean ? " clean" : "",
                    lane.stopped ? " STOPPED" : "", world->appended[TOY_COMMANDS][p],
                    world->appended[TOY_SIGNALS][p]);
    }
    const void *rows;
    uint32_t count = world_rows(world, &engine_lane_in_table, &rows);
    for (uint32_t i = 0; i < count; i++) {
        const struct lane_in_row *row = (const struct lane_in_row *)rows + i;
        print_error("in %d " STR_FMT " next offset %lld, last n %lld\n", row->lane,
                    STR_ARG(row->topic), (long long)row->next_offset, (long long)row->last_n);
    }
    count = world_rows(world, &engine_lane_out_table, &rows);
    for (uint32_t i = 0; i < count; i++) {
        const struct lane_out_row *row = (const struct lane_out_row *)rows + i;
        print_error("out %d " STR_FMT " next n %lld, published %lld\n", row->lane,
                    STR_ARG(row->topic), (long long)row->next_n, (long long)row->published_n);
    }
}

void world_dump(struct world *world)
{
    dump_lanes(world);
    const void *rows;
    uint32_t count = world_rows(world, &engine_effect_table, &rows);
    for (uint32_t i = 0; i < count; i++) {
        const struct effect_row *row = (const struct effect_row *)rows + i;
        print_error("effect of lane %d state %u, %d attempts, due %lld\n", row->lane,
                    (unsigned)row->state, row->attempts, (long long)row->due_at_us);
    }
    count = world_rows(world, &engine_intake_table, &rows);
    for (uint32_t i = 0; i < count; i++) {
        const struct intake_row *row = (const struct intake_row *)rows + i;
        print_error("intake of lane %d %s, %d attempts\n", row->lane, row->open ? "open" : "closed",
                    row->attempts);
    }
    count = world_rows(world, &engine_parked_key_table, &rows);
    for (uint32_t i = 0; i < count; i++) {
        const struct parked_key_row *row = (const struct parked_key_row *)rows + i;
        print_error("parked in lane %d%s: " STR_FMT ", next %lld\n", row->lane,
                    row->missing ? " missing" : "", STR_ARG(row->reason), (long long)row->next_seq);
    }
    print_error("%u journal lines, %u parked messages, %u in quarantine\n",
                world_count(world, &toy_journal_table),
                world_count(world, &engine_parked_message_table),
                world_count(world, &engine_quarantine_table));
}

/* ---- Waiting ---- */

void world_await(struct world *world, bool (*done)(struct world *world, const void *context),
                 const void *context)
{
    if (!world_run(world, done, context, world->patience_ms)) {
        world_dump(world);
        fail_msg("what was waited for did not come");
    }
}

struct wanted_rows {
    const struct table *table;
    uint32_t count;
};

static bool has_rows(struct world *world, const void *context)
{
    const struct wanted_rows *rows = context;
    return world_count(world, rows->table) == rows->count;
}

void world_await_rows(struct world *world, const struct table *table, uint32_t count)
{
    struct wanted_rows wanted = {.table = table, .count = count};
    if (!world_run(world, has_rows, &wanted, world->patience_ms)) {
        world_dump(world);
        print_error("%s: %u rows instead of %u\n", table->name, world_count(world, table), count);
        fail();
    }
}

void world_await_journal(struct world *world, uint32_t lines)
{
    world_await_rows(world, &toy_journal_table, lines);
}

static bool is_parked(struct world *world, const void *context)
{
    const struct id *key = context;
    return world_find_parked(world, *key) != NULL;
}

uint64_t world_put_aside(const struct process *process, const char *reason)
{
    const struct engine_aside *aside = engine_stats(process->engine)->aside;
    for (uint32_t i = 0; i < ENGINE_ASIDE_MAX; i++) {
        const char *there = atomic_load(&aside[i].reason);
        if (there && str_eq(str_of(there), str_of(reason))) {
            return atomic_load(&aside[i].count);
        }
    }
    return 0;
}

void world_await_parked(struct world *world, struct id key)
{
    world_await(world, is_parked, &key);
}

struct wanted_stop {
    int32_t lane;
    const char *code;
};

static bool has_stopped(struct world *world, const void *context)
{
    const struct wanted_stop *stop = context;
    return world->ops->stopped_for(world, stop->lane, stop->code);
}

void world_await_stopped(struct world *world, int32_t lane, const char *code)
{
    struct wanted_stop wanted = {.lane = lane, .code = code};
    world_await(world, has_stopped, &wanted);
}

struct wanted_total {
    struct id account;
    int64_t total;
};

static bool has_total(struct world *world, const void *context)
{
    const struct wanted_total *total = context;
    const struct toy_account *account = world_find_account(world, total->account);
    return account && account->total == total->total;
}

void world_await_total(struct world *world, struct id account, int64_t total)
{
    struct wanted_total wanted = {.account = account, .total = total};
    if (!world_run(world, has_total, &wanted, world->patience_ms)) {
        world_dump(world);
        const struct toy_account *found = world_find_account(world, account);
        print_error("total %lld instead of %lld\n", found ? (long long)found->total : -1,
                    (long long)total);
        fail();
    }
}
