#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/assert.h"
#include "base/clock.h"

#define WORLD_ARENA_BYTES ((size_t)512 * 1024 * 1024)
#define ROWS_MAX 1000000
#define STEP_MS 5

static void must(struct world *world, struct status st)
{
    if (status_failed(st)) {
        print_error("%s: %s\n", world->op.err.code, world->op.err.msg);
    }
    assert_false(status_failed(st));
}

void world_opened(struct world *world)
{
    arena_init(&world->arena, WORLD_ARENA_BYTES);
    world->op = (struct op){.arena = &world->arena, .correlation_id = STR("test")};
    world->reader = world->new_store(world);
    must(world, world->reader->ops->connect(&world->op, world->reader));
    world->producer = world->new_bus(world);
    world->clock_us = clock_wall_us();
    toy_reset();
}

void world_close(struct world *world)
{
    world->reader->ops->close(world->reader);
    world->producer->ops->close(world->producer);
    arena_fini(&world->arena);
    world->close(world);
    toy_reset();
}

struct engine *world_engine(struct world *world, uint32_t number, struct sim_fault *fault,
                            struct caller *caller)
{
    struct engine_ports ports = {
        .store = world->new_store(world), .bus = world->new_bus(world), .caller = caller};
    if (fault) {
        ports.store = sim_fault_store(fault, ports.store);
        ports.bus = sim_fault_bus(fault, ports.bus);
    }
    return engine_new(&toy_service, ports, engine_default_limits(), number);
}

static void step(struct world *world, struct engine *const *engines, uint32_t engine_count)
{
    for (uint32_t i = 0; i < engine_count; i++) {
        status_ignore(engine_step(engines[i], world->simulated ? 0 : STEP_MS), "checks tell");
    }
    if (world->simulated) {
        world->advance(world, STEP_MS);
    }
}

bool world_run(struct world *world, struct engine *const *engines, uint32_t engine_count,
               bool (*done)(struct world *world, const void *context), const void *context,
               int64_t max_ms)
{
    int64_t until_ms = clock_mono_ms() + max_ms;
    while (!done(world, context)) {
        if (clock_mono_ms() >= until_ms) {
            return false;
        }
        step(world, engines, engine_count);
    }
    return true;
}

void world_run_for(struct world *world, struct engine *const *engines, uint32_t engine_count,
                   int64_t ms)
{
    int64_t until_ms = clock_mono_ms() + ms;
    while (clock_mono_ms() < until_ms) {
        step(world, engines, engine_count);
    }
}

/* ---- Inputs ---- */

struct id world_account(uint32_t i)
{
    char name[16];
    int len = snprintf(name, sizeof(name), "account %u", i);
    return id_v5(id_namespace(STR("test/account")), (struct str){.ptr = name, .len = (size_t)len});
}

static void append(struct world *world, const struct bus_message *message)
{
    struct bus *bus = world->producer;
    must(world, bus->ops->produce(&world->op, bus, message));
    struct bus_delivery delivery;
    while (bus->ops->in_flight(bus) > 0) {
        if (!bus->ops->delivered(bus, &delivery)) {
            bus->ops->wait(bus, 10);
        }
    }
    while (bus->ops->delivered(bus, &delivery)) {
    }
}

static void append_text(struct world *world, struct bus_message message, struct id account,
                        const char *verb, int64_t amount)
{
    char key[ID_TEXT_BYTES];
    char value[64];
    id_format(account, key);
    int len = snprintf(value, sizeof(value), "%s %lld", verb, (long long)amount);
    message.partition = lane_of_key(account);
    message.key = (struct str){.ptr = key, .len = ID_TEXT_BYTES - 1};
    message.value = (struct str){.ptr = value, .len = (size_t)len};
    message.type = STR("toy.Command");
    append(world, &message);
}

void world_command_n(struct world *world, struct id account, const char *verb, int64_t amount,
                     int64_t n, int64_t committed_at_us, struct id message_id)
{
    struct bus_message message = {.topic = TOY_COMMANDS,
                                  .n = n,
                                  .committed_at_us = committed_at_us,
                                  .message_id = message_id};
    append_text(world, message, account, verb, amount);
}

struct id world_command(struct world *world, struct id account, const char *verb, int64_t amount)
{
    uint32_t *n = &world->appended[0][lane_of_key(account)];
    struct id id = id_derive(account, ++world->clock_us, *n);
    world_command_n(world, account, verb, amount, ++*n, world->clock_us, id);
    return id;
}

void world_signal(struct world *world, struct id account, const char *verb, int64_t amount,
                  struct id message_id)
{
    struct bus_message message = {.topic = TOY_SIGNALS, .message_id = message_id};
    append_text(world, message, account, verb, amount);
}

/* ---- Looking ---- */

uint32_t world_rows(struct world *world, const struct table *table, const void **ret_rows)
{
    struct store_rows rows;
    arena_reset(&world->arena);
    struct table_scan *scan = arena_new(&world->arena, struct table_scan, 1);
    ASSERT(scan);
    *scan = (struct table_scan){.name = table->name,
                                .table = table,
                                .filter = TABLE_NO_COLUMN,
                                .order = TABLE_NO_COLUMN,
                                .bound = SCAN_ALL};
    must(world,
         world->reader->ops->scan(&world->op, world->reader, scan, NULL, 0, ROWS_MAX, &rows));
    must(world, world->reader->ops->sync(&world->op, world->reader));
    *ret_rows = rows.rows;
    return rows.count;
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

bool world_journal_has(struct world *world, const void *context)
{
    const uint32_t *wanted = context;
    const void *rows;
    return world_rows(world, &toy_journal_table, &rows) >= *wanted;
}

/* ---- The log, read from its beginning ---- */

struct seen {
    int64_t n;
    struct id message_id;
    struct id key;
    int64_t seq;
    int64_t amount;
};

/* All records of a partition in order, in the world's arena. */
static uint32_t read_partition(struct world *world, struct bus *bus, enum topic topic, int32_t p,
                               struct seen **ret_seen)
{
    struct bus_tail tail;
    must(world, bus->ops->tails(&world->op, bus, &topic, 1, p, &tail));
    uint32_t count = (uint32_t)(tail.high - tail.low);
    struct seen *seen = arena_new(&world->arena, struct seen, count + 1);
    ASSERT(seen);
    must(world, bus->ops->assign(&world->op, bus, topic, p, tail.low));
    for (uint32_t i = 0; i < count;) {
        struct bus_record record;
        bool got;
        must(world, bus->ops->poll(&world->op, bus, &record, &got));
        if (!got) {
            bus->ops->wait(bus, 20);
            continue;
        }
        seen[i].n = record.n;
        seen[i].message_id = record.message_id;
        struct str seq;
        struct str rest;
        if (id_parse(record.key, &seen[i].key) && str_cut(record.value, ' ', &seq, &rest) &&
            !str_to_i64(seq, &seen[i].seq)) {
            seen[i].seq = 0;
        }
        bus->ops->release(bus, &record);
        i++;
    }
    bus->ops->unassign(bus, topic, p);
    *ret_seen = seen;
    return count;
}

uint32_t world_topic_count(struct world *world, enum topic topic)
{
    uint32_t count = 0;
    for (int32_t p = 0; p < LANES; p++) {
        struct bus_tail tail;
        must(world, world->producer->ops->tails(&world->op, world->producer, &topic, 1, p, &tail));
        count += (uint32_t)(tail.high - tail.low);
    }
    return count;
}

/* ---- The final check ---- */

static void check_numbers(const struct seen *seen, uint32_t count, uint32_t *ret_distinct)
{
    int64_t last = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (seen[i].n == last + 1) {
            last++;
            continue;
        }
        assert_true(seen[i].n <= last); /* a repetition, never a hole */
        bool equal = false;
        for (uint32_t before = 0; before < i; before++) {
            equal |=
                seen[before].n == seen[i].n && id_eq(seen[before].message_id, seen[i].message_id);
        }
        assert_true(equal);
    }
    *ret_distinct = (uint32_t)last;
}

/* The events of each account, first occurrences: seq 1, 2, 3 in order. */
static void check_order(const struct seen *seen, uint32_t count)
{
    int64_t last_n = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (seen[i].n <= last_n || seen[i].seq == 0) {
            continue;
        }
        last_n = seen[i].n;
        int64_t before = 0;
        for (uint32_t j = 0; j < i; j++) {
            if (id_eq(seen[j].key, seen[i].key) && seen[j].seq > before) {
                before = seen[j].seq;
            }
        }
        assert_int_equal(seen[i].seq, before + 1);
    }
}

static void check_journals(struct world *world)
{
    const void *rows;
    uint32_t journal_count = world_rows(world, &toy_journal_table, &rows);
    struct toy_journal *journal = test_malloc(sizeof(*journal) * (journal_count + 1));
    if (journal_count > 0) {
        memcpy(journal, rows, sizeof(*journal) * journal_count);
    }
    uint32_t account_count = world_rows(world, &toy_account_table, &rows);
    const struct toy_account *accounts = rows;
    uint32_t lines = 0;
    for (uint32_t a = 0; a < account_count; a++) {
        int64_t total = 0;
        int64_t seqs = 0;
        for (uint32_t j = 0; j < journal_count; j++) {
            if (id_eq(journal[j].account_id, accounts[a].id)) {
                total += journal[j].amount;
                seqs++;
                assert_true(journal[j].seq >= 1);
                assert_true(journal[j].seq <= accounts[a].seq);
            }
        }
        assert_int_equal(seqs, accounts[a].seq);
        assert_int_equal(total, accounts[a].total);
        lines += (uint32_t)seqs;
    }
    assert_int_equal(lines, journal_count);
    test_free(journal);
}

void world_check(struct world *world)
{
    check_journals(world);
    const void *rows;
    uint32_t outbox = 0;
    uint32_t outbox_count = world_rows(world, &engine_outbox_table, &rows);
    const struct outbox_row *out = rows;
    for (uint32_t i = 0; i < outbox_count; i++) {
        outbox += str_eq(out[i].topic, str_of(topology_topics[TOY_EVENTS].name)) ? 1 : 0;
    }
    uint32_t published = 0;
    struct bus *bus = world->new_bus(world);
    for (int32_t p = 0; p < LANES; p++) {
        struct seen *seen;
        uint32_t distinct;
        uint32_t count = read_partition(world, bus, TOY_EVENTS, p, &seen);
        check_numbers(seen, count, &distinct);
        check_order(seen, count);
        published += distinct;
    }
    bus->ops->close(bus);
    assert_int_equal(published, outbox);
}
