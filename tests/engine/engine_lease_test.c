/* Who owns which lane: fair shares, handing over, dying, sleeping, waking. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/defer.h"
#include "base/lane.h"
#include "sim/sim_kafka.h"
#include "world.h"

static bool lives(const struct process *process)
{
    return process->engine && !process->fault.dead && !process->frozen;
}

static uint32_t living(const struct world *world)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < world->process_count; i++) {
        count += lives(&world->processes[i]) ? 1 : 0;
    }
    return count;
}

struct share {
    uint32_t owners; /* among whom the lanes are shared */
    uint32_t lanes;
};

/* Everybody has its share and nothing is left over. */
static bool is_shared(struct world *world, const void *context)
{
    const struct share *share = context;
    uint32_t sum = 0;
    for (uint32_t i = 0; i < world->process_count; i++) {
        if (!lives(&world->processes[i])) {
            continue;
        }
        uint32_t held = world_lanes_held(&world->processes[i]);
        sum += held;
        if (held < share->lanes / share->owners ||
            held > (share->lanes + share->owners - 1) / share->owners) {
            return false;
        }
    }
    return sum == share->lanes;
}

static void await_shared(struct world *world)
{
    const struct share share = {.owners = living(world), .lanes = LANES};
    world_await(world, is_shared, &share);
}

/* One more message for an account of each lane. */
static void write_all_lanes(struct world *world)
{
    for (int32_t p = 0; p < LANES; p++) {
        struct id account = world_account_in(p, 0);
        world_command(world, account, world->numbered[p] == 0 ? "open" : "add", 1);
    }
}

static bool all_decided(struct world *world, const void *context)
{
    uint32_t lines = 0;
    (void)context;
    for (int32_t p = 0; p < LANES; p++) {
        lines += (uint32_t)world->numbered[p];
    }
    return world_count(world, &toy_journal_table) == lines;
}

static void all_lanes_work(struct world *world)
{
    write_all_lanes(world);
    world_await(world, all_decided, NULL);
    world_settle(world);
}

/* ---- Shares ---- */

/* Each new one gets its share, down to none; what is handed over is not published twice. */
static void shares_with_newcomers(struct world *world)
{
    uint32_t most = world->simulated ? 13 : 3;
    for (uint32_t owners = 1; owners <= most; owners++) {
        world_start(world);
        write_all_lanes(world);
        await_shared(world);
        all_lanes_work(world);
    }
    assert_int_equal(world_topic_count(world, TOY_EVENTS), 2 * LANES * most);
    world_check(world);
}

/* Who leaves in peace is not waited for. */
static void takes_what_others_leave(struct world *world)
{
    for (uint32_t i = 0; i < 5; i++) {
        world_start(world);
    }
    await_shared(world);
    all_lanes_work(world);
    for (uint32_t i = 1; i < 5; i++) {
        world_end(&world->processes[i]);
        int64_t left_ms = clock_mono_ms();
        await_shared(world);
        assert_true(clock_mono_ms() - left_ms <= 2 * world->limits.heartbeat_ms);
        all_lanes_work(world);
    }
    assert_int_equal(world_topic_count(world, TOY_EVENTS), 5 * LANES);
    world_check(world);
}

/* Stopped lanes are nobody's share. */
static void shares_what_runs(struct world *world)
{
    world_start(world);
    await_shared(world);
    struct store *store = world->reader;
    for (int32_t p = 0; p < 6; p++) {
        struct store_lane_ref ref = {.lane = p, .epoch = world->ops->lane(world, p).epoch};
        assert_false(status_failed(store->ops->stop(&world->op, store, ref, STR("test.stop"))));
        assert_false(status_failed(store->ops->release(&world->op, store, ref, true)));
    }
    world_start(world);
    const struct share half = {.owners = 2, .lanes = 6};
    world_await(world, is_shared, &half);
    for (int32_t p = 0; p < 6; p++) {
        world->ops->resume(world, p);
    }
    await_shared(world);
    all_lanes_work(world);
    world_check(world);
}

/* An owner that lives and takes nothing keeps the others from their upper share for one lease only. */
static void does_not_wait_for_the_idle(struct world *world)
{
    struct store_view view;
    struct store *store = world->reader;
    struct id idle = world_id("idle owner", 0);
    assert_false(status_failed(
        store->ops->heartbeat(&world->op, store, idle, /* for ever */ 600000, &view)));
    for (uint32_t i = 0; i < 4; i++) {
        world_start(world);
    }
    const struct share share = {.owners = 5, .lanes = LANES};
    world_await(world, is_shared, &share);
    all_lanes_work(world);
    world_check(world);
}

/* Who does not see Kafka could do nothing with a lane: the others keep them all. */
static void leaves_out_who_does_not_see_kafka(struct world *world)
{
    struct process *first = world_start(world);
    all_lanes_work(world);
    struct process *blind = world_start(world);
    blind->fault.bus_away = true;
    for (uint32_t i = 0; i < 10; i++) {
        all_lanes_work(world);
        assert_int_equal(world_lanes_held(first), LANES);
        world_run_for(world, world->limits.lease_ms / 2);
    }
    blind->fault.bus_away = false;
    await_shared(world);
    assert_int_equal(world_lanes_held(blind), 6);
    all_lanes_work(world);
    world_check(world);
}

/* ---- Handing over ---- */

/* What is committed and not acknowledged is waited for: its lane stays until then. */
static void drains_before_it_hands_over(struct world *world)
{
    struct process *first = world_start(world);
    all_lanes_work(world);
    int64_t epoch = world->ops->lane(world, LANES - 1).epoch;
    struct id owner = world->ops->lane(world, LANES - 1).owner;
    world_command(world, world_account_in(LANES - 1, 0), "add", 1);
    sim_kafka_limit_queue(world->kafka, 0); /* it can be read and decided, and not be published */
    world_await(world, all_decided, NULL);
    struct process *second = world_start(world);
    world_run_for(world, 4 * world->limits.lease_ms);
    assert_int_equal(world->ops->lane(world, LANES - 1).epoch, epoch);
    assert_true(id_eq(world->ops->lane(world, LANES - 1).owner, owner));
    assert_int_equal(world_lanes_held(second), 5); /* what had nothing to wait for went at once */
    assert_int_equal(world_lanes_held(first), 7);
    sim_kafka_limit_queue(world->kafka, 1000);
    await_shared(world);
    assert_int_equal(world->ops->lane(world, LANES - 1).epoch, epoch + 1);
    assert_int_equal(world_topic_count(world, TOY_EVENTS), LANES + 1);
    all_lanes_work(world);
    world_check(world);
}

static void leaves_its_lanes_clean(struct world *world)
{
    struct process *process = world_start(world);
    all_lanes_work(world);
    for (int32_t p = 0; p < LANES; p++) {
        assert_false(world->ops->lane(world, p).clean);
    }
    world_end(process);
    for (int32_t p = 0; p < LANES; p++) {
        assert_true(world->ops->lane(world, p).clean);
        assert_true(id_is_none(world->ops->lane(world, p).owner));
    }
}

/* ---- Dying ---- */

static bool has_all(struct world *world, const void *context)
{
    (void)world;
    return world_lanes_held(context) == LANES;
}

/* Not before the lease is over, and soon after. */
static void takes_over_after_the_lease(struct world *world)
{
    struct process *first = world_start(world);
    struct process *second = world_start(world);
    await_shared(world);
    all_lanes_work(world);
    int64_t heartbeat_ms = world->limits.heartbeat_ms;
    world_kill(first);
    int64_t died_ms = clock_mono_ms();
    write_all_lanes(world);
    world_await(world, has_all, second);
    int64_t took_ms = clock_mono_ms() - died_ms;
    assert_true(took_ms >= world->limits.lease_ms - heartbeat_ms - 10);
    assert_true(took_ms <= world->limits.lease_ms + 2 * heartbeat_ms);
    world_await(world, all_decided, NULL);
    world_settle(world);
    world_check(world);
}

/* What held up everybody (the database's disk, say) makes nobody dead, whoever wakes up first. */
static void nobody_dies_of_a_standstill(struct world *world)
{
    struct process *first = world_start(world);
    struct process *second = world_start(world);
    await_shared(world);
    first->frozen = second->frozen = true;
    world_run_for(world, 2 * world->limits.lease_ms);
    first->frozen = second->frozen = false;
    world_run_for(world, 2 * world->limits.lease_ms);
    assert_int_equal(WORLD_STAT(first, claims), 6);
    assert_int_equal(WORLD_STAT(second, claims), 6);
    all_lanes_work(world);
    world_check(world);
}

/* Somebody else is dead meanwhile: that is seen at the second look. */
static void a_standstill_hides_nobody_who_is_dead(struct world *world)
{
    struct process *first = world_start(world);
    struct process *second = world_start(world);
    await_shared(world);
    world_kill(first);
    second->frozen = true;
    world_run_for(world, 2 * world->limits.lease_ms);
    second->frozen = false;
    int64_t woke_ms = clock_mono_ms();
    world_await(world, has_all, second);
    assert_true(clock_mono_ms() - woke_ms < world->limits.heartbeat_ms);
    all_lanes_work(world);
    world_check(world);
}

/* A broker that takes its time for each look at a log; others go on meanwhile. */
static void look_slowly(void *context)
{
    struct process *process = context;
    process->fault.pause_step = SIM_STEP_TAILS;
    process->frozen = true; /* it is in this very call */
    world_run_for(process->world, process->world->limits.lease_ms / 3);
    process->frozen = false;
}

static void is_alive_while_it_claims_slowly(struct world *world)
{
    struct process *slow = world_start(world);
    slow->fault.pause_step = SIM_STEP_TAILS;
    slow->fault.pause = look_slowly;
    slow->fault.context = slow;
    struct process *other = world_start(world);
    await_shared(world);
    slow->fault.pause_step = SIM_STEP_NONE;
    assert_int_equal(WORLD_STAT(slow, claims), 6);
    assert_int_equal(WORLD_STAT(other, claims), 6);
    all_lanes_work(world);
    world_check(world);
}

/* A living owner whose connection was lost keeps its lanes, if it comes back in time. */
static void keeps_its_lanes_through_a_short_loss(struct world *world)
{
    struct process *first = world_start(world);
    struct process *second = world_start(world);
    await_shared(world);
    first->fault.store_away = true;
    world_run_for(world, world->limits.lease_ms / 4);
    first->fault.store_away = false;
    world_run_for(world, 2 * world->limits.lease_ms);
    assert_int_equal(world_lanes_held(first), 6);
    assert_int_equal(WORLD_STAT(second, claims), 6);
    all_lanes_work(world);
    world_check(world);
}

/* The same when others came meanwhile: what it has no room for any more is theirs. */
static void gives_back_what_it_lost_track_of(struct world *world)
{
    struct process *first = world_start(world);
    all_lanes_work(world);
    first->fault.store_away = true;
    struct process *second = world_start(world);
    world_run_for(world, world->limits.lease_ms / 2);
    first->fault.store_away = false;
    await_shared(world);
    assert_int_equal(world_lanes_held(second), 6);
    all_lanes_work(world);
    world_check(world);
}

static uint32_t owned_by(struct world *world, struct id owner)
{
    uint32_t count = 0;
    for (int32_t p = 0; p < LANES; p++) {
        count += id_eq(world->ops->lane(world, p).owner, owner) ? 1 : 0;
    }
    return count;
}

/* Somebody else has the lane and our connection is whole: the next heartbeat tells. */
static void sees_that_a_lane_is_gone(struct world *world)
{
    struct process *process = world_start(world);
    all_lanes_work(world);
    struct id owner = world->ops->lane(world, 0).owner;
    struct id other = world_id("other owner", 0);
    struct store *store = world->reader;
    struct store_view view;
    struct store_lane_ref ref = {.lane = 0, .epoch = world->ops->lane(world, 0).epoch};
    assert_false(status_failed(store->ops->release(&world->op, store, ref, true)));
    assert_false(status_failed(store->ops->heartbeat(&world->op, store, other, 600000, &view)));
    assert_false(
        status_failed(store->ops->claim(&world->op, store, &view.lanes[0], other, &ref.epoch)));
    world_run_for(world, 4 * world->limits.heartbeat_ms);
    assert_int_equal(world_lanes_held(process), 6);
    assert_int_equal(owned_by(world, owner), 6);
    assert_int_equal(owned_by(world, other), 1);
    assert_int_equal(world->ops->lane(world, 0).epoch, ref.epoch);
}

/* ---- Sleeping ---- */

/* A frozen owner is replaced; awake, it finds that out before it does anything, and shares again. */
static void writes_nothing_as_a_zombie(struct world *world)
{
    struct process *sleeper = world_start(world);
    all_lanes_work(world);
    int64_t commits = sleeper->fault.commits;
    write_all_lanes(world);
    sleeper->frozen = true;
    struct process *other = world_start(world);
    world_await(world, has_all, other);
    world_await(world, all_decided, NULL);
    world_settle(world);
    uint32_t published = world_topic_count(world, TOY_EVENTS);
    sleeper->frozen = false;
    world_run_for(world, 20);
    assert_int_equal(world_lanes_held(sleeper), 0);
    assert_int_equal(sleeper->fault.commits, commits);
    assert_int_equal(world_topic_count(world, TOY_EVENTS), published);
    await_shared(world);
    all_lanes_work(world);
    world_check(world);
}

/* Many owners that come, sleep, wake and go: at the end all is decided once. */
static void survives_a_restless_night(struct world *world)
{
    for (uint32_t round = 0; round < 12; round++) {
        struct process *process = world_start(world);
        write_all_lanes(world);
        world_run_for(world, 300);
        if (round % 3 == 0) {
            world_kill(process);
        } else if (round % 3 == 1) {
            process->frozen = true;
        } else {
            world_end(process);
            world->processes[round % world->process_count].frozen = false;
        }
        write_all_lanes(world);
        world_run_for(world, 400);
    }
    for (uint32_t i = 0; i < world->process_count; i++) {
        world->processes[i].frozen = false;
    }
    world_await(world, all_decided, NULL);
    world_settle(world);
    await_shared(world);
    world_check(world);
}

static const struct world_test tests[] = {
    WORLD_TEST(shares_with_newcomers, WORLD_BOTH),
    WORLD_TEST(takes_what_others_leave, WORLD_SIM_ONLY),
    WORLD_TEST(shares_what_runs, WORLD_SIM_ONLY),
    WORLD_TEST(does_not_wait_for_the_idle, WORLD_SIM_ONLY),
    WORLD_TEST(leaves_out_who_does_not_see_kafka, WORLD_SIM_ONLY),
    WORLD_TEST(drains_before_it_hands_over, WORLD_SIM_ONLY),
    WORLD_TEST(leaves_its_lanes_clean, WORLD_SIM_ONLY),
    WORLD_TEST(takes_over_after_the_lease, WORLD_SIM_ONLY),
    WORLD_TEST(nobody_dies_of_a_standstill, WORLD_SIM_ONLY),
    WORLD_TEST(a_standstill_hides_nobody_who_is_dead, WORLD_SIM_ONLY),
    WORLD_TEST(is_alive_while_it_claims_slowly, WORLD_SIM_ONLY),
    WORLD_TEST(keeps_its_lanes_through_a_short_loss, WORLD_SIM_ONLY),
    WORLD_TEST(gives_back_what_it_lost_track_of, WORLD_SIM_ONLY),
    WORLD_TEST(sees_that_a_lane_is_gone, WORLD_SIM_ONLY),
    WORLD_TEST(writes_nothing_as_a_zombie, WORLD_BOTH),
    WORLD_TEST(survives_a_restless_night, WORLD_SIM_ONLY),
};

int main(int argc, char **argv)
{
    return world_main(argc, argv, tests, ARRAY_LEN(tests));
}
