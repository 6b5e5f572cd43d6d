/* What each batch tells those who watch: all that changed, once, and nothing that was not committed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/defer.h"
#include "base/lane.h"
#include "sim/sim_db.h"
#include "world.h"

#define ACCOUNTS 6

static bool names(struct str list, struct id id)
{
    for (size_t at = 0; at + sizeof(id.bytes) <= list.len; at += sizeof(id.bytes)) {
        if (memcmp(list.ptr + at, id.bytes, sizeof(id.bytes)) == 0) {
            return true;
        }
    }
    return false;
}

/* How many rows of the lane name this aggregate; how many, this request. */
static uint32_t told_of(struct world *world, struct id key, bool as_request)
{
    const void *rows;
    uint32_t count = world_rows(world, &engine_lane_change_table, &rows);
    const struct lane_change_row *changes = rows;
    uint32_t found = 0;
    for (uint32_t i = 0; i < count; i++) {
        bool here = names(as_request ? changes[i].requests : changes[i].keys, key);
        assert_true(!here || as_request || changes[i].lane == lane_of_key(key));
        found += here ? 1 : 0;
    }
    return found;
}

static void tells_what_changed(struct world *world)
{
    for (uint32_t a = 0; a < ACCOUNTS; a++) {
        world_command(world, world_account(a), "open", 1);
    }
    struct process *process = world_start(world);
    world_await_journal(world, ACCOUNTS);
    world_settle(world);
    for (uint32_t a = 0; a < ACCOUNTS; a++) {
        assert_int_equal(told_of(world, world_account(a), false), 1);
    }
    world_command(world, world_account(0), "add", 1);
    world_await_journal(world, ACCOUNTS + 1);
    assert_int_equal(told_of(world, world_account(0), false), 2);
    assert_int_equal(told_of(world, world_account(1), false), 1); /* it did not change */
    world_settle(world);
    world_check(world);
    world_end(process);
}

/* A reader's position in a lane is the time of the last row it saw: every row must be above it. */
static void times_rise_in_each_lane(struct world *world)
{
    struct process *process = world_start(world);
    struct id account = world_account(0);
    world_command(world, account, "open", 1);
    for (uint32_t i = 0; i < 5; i++) {
        world_command(world, account, "add", 1);
        world_await_total(world, account, 2 + i);
    }
    int64_t last_us = 0;
    const void *rows;
    uint32_t count = world_rows(world, &engine_lane_change_table, &rows);
    const struct lane_change_row *changes = rows;
    for (uint32_t i = 0; i < count; i++) { /* of one lane, in the order of insertion */
        assert_true(changes[i].at_us > last_us);
        last_us = changes[i].at_us;
    }
    assert_true(count >= 5);
    assert_int_equal(world->ops->lane(world, lane_of_key(account)).last_at_us, last_us);
    world_settle(world);
    world_check(world);
    world_end(process);
}

static void tells_of_closed_requests(struct world *world)
{
    struct id account = world_account(0);
    struct id request = world_id("request", 0);
    world_command(world, account, "open", 1);
    struct process *process = world_start(world);
    world_await_total(world, account, 1);
    world_intake(world, account, "add", 5, request, clock_wall_us());
    world_await_total(world, account, 6);
    world_settle(world);
    assert_int_equal(told_of(world, request, true), 1);
    assert_int_equal(told_of(world, request, false), 0);
    world_check(world);
    world_end(process);
}

/* A duplicate changes nothing: nobody is woken for it. */
static void is_silent_about_nothing(struct world *world)
{
    struct id account = world_account(0);
    world_command(world, account, "open", 1);
    struct process *process = world_start(world);
    world_await_total(world, account, 1);
    uint32_t rows = world_count(world, &engine_lane_change_table);
    uint64_t told = sim_db_told(world->db);
    uint64_t duplicates = WORLD_STAT(process, duplicates);
    world_command_n(world, account, "open", 1, 1, world->clock_us, world_id("again", 0));
    world_run_for(world, 1000);
    assert_true(WORLD_STAT(process, duplicates) > duplicates);
    assert_int_equal(world_count(world, &engine_lane_change_table), rows);
    assert_int_equal(sim_db_told(world->db), told);
    world_end(process);
}

/* One hint for a batch, whatever it holds; none for one that was not committed. */
static void wakes_once_for_each_commit(struct world *world)
{
    struct process *process = world_start(world);
    world_command(world, world_account(0), "open", 0);
    world_await_total(world, world_account(0), 0);
    uint64_t told = sim_db_told(world->db);
    sim_db_next_commit(world->db, SIM_COMMIT_LOST_BEFORE);
    for (uint32_t i = 0; i < 20; i++) {
        world_command(world, world_account(0), "add", 1);
    }
    world_await_total(world, world_account(0), 20);
    world_settle(world);
    uint64_t commits = world_count(world, &engine_lane_change_table) - 1;
    assert_int_equal(sim_db_told(world->db) - told, commits); /* one lane: a row is a transaction */
    assert_true(commits < 20);
    world_check(world);
    world_end(process);
}

static const struct world_test tests[] = {
    WORLD_TEST(tells_what_changed, WORLD_BOTH),
    WORLD_TEST(times_rise_in_each_lane, WORLD_BOTH),
    WORLD_TEST(tells_of_closed_requests, WORLD_BOTH),
    WORLD_TEST(is_silent_about_nothing, WORLD_SIM_ONLY),
    WORLD_TEST(wakes_once_for_each_commit, WORLD_SIM_ONLY),
};

int main(int argc, char **argv)
{
    return world_main(argc, argv, tests, ARRAY_LEN(tests));
}
