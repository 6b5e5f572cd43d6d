/* What must hold at the end, whatever happened before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/assert.h"
#include "base/lane.h"
#include "base/map.h"
#include "world_internal.h"

/* ---- The log, read from its beginning ---- */

struct seen {
    int64_t n;
    struct id message_id;
    struct id key;
    int64_t seq;
    int64_t committed_at_us;
};

/* All records of a partition in order, in the world's arena. */
static uint32_t read_partition(struct world *world, struct bus *bus, enum topic topic, int32_t p,
                               struct seen **ret_seen)
{
    struct bus_tail tail;
    world_must(world, bus->ops->tails(&world->op, bus, &topic, 1, p, &tail));
    uint32_t count = (uint32_t)(tail.high - tail.low);
    struct seen *seen = arena_new(&world->arena, struct seen, count + 1);
    ASSERT(seen);
    if (count > 0) {
        world_must(world, bus->ops->assign(&world->op, bus, topic, p, tail.low));
    }
    for (uint32_t i = 0; i < count;) {
        struct bus_record record;
        bool got;
        world_must(world, bus->ops->poll(&world->op, bus, &record, &got));
        if (!got) {
            bus->ops->wait(bus, 20);
            continue;
        }
        seen[i].n = record.n;
        seen[i].message_id = record.message_id;
        seen[i].committed_at_us = record.committed_at_us;
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

/* Gapless from 1, commit times never falling, repetitions the same. */
static uint32_t check_numbers(struct world *world, const struct seen *seen, uint32_t count)
{
    uint32_t last = 0;
    int64_t at_us = 0;
    struct seen *firsts = arena_new(&world->arena, struct seen, count + 1);
    ASSERT(firsts);
    for (uint32_t i = 0; i < count; i++) {
        if (seen[i].n == (int64_t)last + 1) {
            assert_true(seen[i].committed_at_us >= at_us);
            at_us = seen[i].committed_at_us;
            firsts[++last] = seen[i];
            continue;
        }
        assert_true(seen[i].n >= 1);
        assert_true(seen[i].n <= last); /* a repetition, never a hole */
        assert_true(id_eq(firsts[seen[i].n].message_id, seen[i].message_id));
        assert_true(firsts[seen[i].n].committed_at_us == seen[i].committed_at_us);
    }
    return last;
}

/* The events of each account, first occurrences: seq 1, 2, 3 in order. */
static void check_order(struct world *world, const struct seen *seen, uint32_t count)
{
    int64_t last_n = 0;
    struct map seqs;
    ASSERT(map_init(&seqs, &world->arena, count + 1));
    for (uint32_t i = 0; i < count; i++) {
        if (seen[i].n <= last_n) {
            continue;
        }
        last_n = seen[i].n;
        if (seen[i].seq == 0) {
            continue;
        }
        assert_int_equal(seen[i].seq, map_get(&seqs, seen[i].key, 0) + 1);
        map_set(&seqs, seen[i].key, (uint32_t)seen[i].seq);
    }
}

static uint32_t outbox_count(struct world *world, enum topic topic)
{
    const void *rows;
    uint32_t found = 0;
    uint32_t count = world_rows(world, &engine_outbox_table, &rows);
    const struct outbox_row *out = rows;
    for (uint32_t i = 0; i < count; i++) {
        found += out[i].topic == topic ? 1 : 0;
    }
    return found;
}

static void check_topic(struct world *world, struct bus *bus, enum topic topic)
{
    uint32_t written = outbox_count(world, topic);
    uint32_t published = 0;
    for (int32_t p = 0; p < LANES; p++) {
        struct seen *seen;
        uint32_t count = read_partition(world, bus, topic, p, &seen);
        published += check_numbers(world, seen, count);
        check_order(world, seen, count);
    }
    assert_int_equal(published, written);
}

/* ---- The rows ---- */

static int by_account(const void *a, const void *b)
{
    const struct toy_journal *x = a;
    const struct toy_journal *y = b;
    int order = id_compare(x->account_id, y->account_id);
    return order != 0 ? order : (x->seq > y->seq) - (x->seq < y->seq);
}

static void check_causes(struct world *world, const struct toy_journal *journal, uint32_t count)
{
    struct map causes;
    ASSERT(map_init(&causes, &world->arena, count + 1));
    for (uint32_t i = 0; i < count; i++) {
        if (map_get(&causes, journal[i].cause, 0) != 0) {
            print_error("decided twice: seq %lld, amount %lld\n", (long long)journal[i].seq,
                        (long long)journal[i].amount);
            fail();
        }
        map_set(&causes, journal[i].cause, 1);
    }
}

static void check_journals(struct world *world)
{
    const void *rows;
    uint32_t line_count = world_rows(world, &toy_journal_table, &rows);
    struct toy_journal *journal = calloc(line_count + 1, sizeof(*journal));
    assert_non_null(journal);
    for (uint32_t i = 0; i < line_count; i++) {
        journal[i] = ((const struct toy_journal *)rows)[i];
    }
    qsort(journal, line_count, sizeof(*journal), by_account);
    check_causes(world, journal, line_count);
    uint32_t account_count = world_rows(world, &toy_account_table, &rows);
    const struct toy_account *accounts = rows;
    uint32_t lines = 0;
    for (uint32_t a = 0; a < account_count; a++) {
        uint32_t at = 0;
        while (at < line_count && !id_eq(journal[at].account_id, accounts[a].id)) {
            at++;
        }
        int64_t total = 0;
        int64_t seq = 0;
        for (; at < line_count && id_eq(journal[at].account_id, accounts[a].id); at++) {
            assert_int_equal(journal[at].seq, ++seq);
            total += journal[at].amount;
        }
        assert_int_equal(seq, accounts[a].seq);
        assert_int_equal(total, accounts[a].total);
        lines += (uint32_t)seq;
    }
    assert_int_equal(lines, line_count);
    free(journal);
}

void world_check_amounts(struct world *world, struct id account, const int64_t *amounts,
                         uint32_t count)
{
    const void *rows;
    uint32_t line_count = world_rows(world, &toy_journal_table, &rows);
    const struct toy_journal *journal = rows;
    uint32_t found = 0;
    for (uint32_t i = 0; i < line_count; i++) {
        if (id_eq(journal[i].account_id, account)) {
            assert_in_range(journal[i].seq, 1, count);
            assert_int_equal(journal[i].amount, amounts[journal[i].seq - 1]);
            found++;
        }
    }
    assert_int_equal(found, count);
}

/* A parked message belongs to a parked key and was given one of its numbers. */
static void check_parked(struct world *world)
{
    const void *rows;
    uint32_t key_count = world_rows(world, &engine_parked_key_table, &rows);
    struct parked_key_row *keys = calloc(key_count + 1, sizeof(*keys));
    assert_non_null(keys);
    for (uint32_t i = 0; i < key_count; i++) {
        keys[i] = ((const struct parked_key_row *)rows)[i];
    }
    uint32_t message_count = world_rows(world, &engine_parked_message_table, &rows);
    const struct parked_message_row *messages = rows;
    for (uint32_t i = 0; i < message_count; i++) {
        uint32_t at = 0;
        while (at < key_count && !id_eq(keys[at].key, messages[i].key)) {
            at++;
        }
        assert_true(at < key_count);
        assert_true(messages[i].seq < keys[at].next_seq);
        assert_int_equal(messages[i].lane, keys[at].lane);
    }
    free(keys);
}

/* ---- The outside ---- */

static void check_outside(struct world *world)
{
    assert_int_equal(world->outside.different, 0);
    const void *rows;
    uint32_t count = world_rows(world, &engine_effect_table, &rows);
    const struct effect_row *effects = rows;
    uint32_t known = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct sim_request *request = sim_outside_find(&world->outside, effects[i].id);
        known += request ? 1 : 0;
        bool happened = request && request->carried_out;
        assert_int_equal(effects[i].open,
                         effects[i].state != EFFECT_DONE && effects[i].state != EFFECT_FAILED);
        if (!effects[i].open) {
            assert_int_equal(effects[i].state == EFFECT_DONE, happened);
        }
        assert_true(!request || effects[i].attempts >= 1);
    }
    assert_int_equal(known,
                     world->outside.request_count); /* nothing was asked that is not written */
}

void world_check(struct world *world)
{
    check_journals(world);
    check_parked(world);
    check_outside(world);
    struct bus *bus = world->ops->new_bus(world);
    check_topic(world, bus, TOY_EVENTS);
    check_topic(world, bus, TOY_DLQ);
    bus->ops->close(bus);
}
