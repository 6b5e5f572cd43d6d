/* Calls to the outside that come too early, and those that come too late (R12). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/defer.h"
#include "base/lane.h"
#include "engine_calls.h"
#include "sim/sim_db.h"

#define LANE 2
#define HOUR_US INT64_C(3600000000)
#define HOUR_MS INT64_C(3600000)

static struct id account_of(uint32_t i)
{
    return world_account_in(LANE, i);
}

/* However often it is put off, each time as long as told: no attempt that failed, and no backoff. */
static void put_off(struct world *world, enum sim_reply reply)
{
    static enum sim_reply replies[12];

    for (size_t i = 0; i < ARRAY_LEN(replies); i++) {
        replies[i] = reply;
    }
    calls_script(world, replies, ARRAY_LEN(replies));
    world->outside.retry_after_ms = 1500;
    struct process *process = world_start(world);
    calls_open(world, account_of(0), 10);
    calls_await(world, 1);
    world_run_for(world, 500);
    assert_int_equal(calls_effect_of(world, account_of(0))->state, EFFECT_WAITING);
    assert_int_equal(calls_effect_of(world, account_of(0))->attempts, 0);
    for (uint32_t i = 1; i < ARRAY_LEN(replies); i++) {
        int64_t before_ms = clock_mono_ms();
        calls_await(world, i + 1);
        assert_in_range(clock_mono_ms() - before_ms, 800, 2200);
    }
    world_await_total(world, account_of(0), 11);
    assert_int_equal(calls_effect_of(world, account_of(0))->attempts, 1);
    assert_int_equal(WORLD_STAT(process, effects_later), ARRAY_LEN(replies));
    assert_int_equal(WORLD_STAT(process, effects_unknown), 0);
    world_settle(world);
    world_check(world);
}

static void comes_back_when_told(struct world *world)
{
    put_off(world, SIM_REPLY_LATER);
}

static void comes_back_when_held(struct world *world)
{
    put_off(world, SIM_REPLY_HELD);
}

/* What may have reached the other side before stays unknown, whatever came of the next attempt. */
static void being_put_off_settles_no_earlier_attempt(struct world *world)
{
    static const enum sim_reply replies[] = {SIM_REPLY_LOST, SIM_REPLY_HELD};

    calls_script(world, replies, ARRAY_LEN(replies));
    world->outside.retry_after_ms = 30000;
    world_start(world);
    calls_open(world, account_of(0), 10);
    calls_await(world, 2);
    world_run_for(world, 500);
    assert_int_equal(calls_effect_of(world, account_of(0))->state, EFFECT_UNKNOWN);
    assert_int_equal(calls_effect_of(world, account_of(0))->attempts, 1);
    world_await_total(world, account_of(0), 11);
    world_settle(world);
    world_check(world);
}

struct wanted_look_ups {
    uint32_t count;
};

static bool decides_expiries;

/* Takes an expiry for nothing else, and not before it may. */
static struct status decide_expiry(struct engine_turn *turn, const struct effect_row *effect,
                                   enum engine_verdict verdict, const struct caller_answer *answer)
{
    bool expired = answer->outcome == CALLER_GIVEN_UP && str_eq(answer->body, ENGINE_EXPIRED) &&
                   verdict == ENGINE_VERDICT_FAILED;
    if (!expired || !decides_expiries) {
        return op_fail(engine_op(turn), STATUS_BUG, "toy.no_expiry", "not now");
    }
    return toy_service.answered(turn, effect, verdict, answer);
}

/* What has failed by its age is still that, and no answer, when its decision was parked. */
static void takes_up_an_expiry(struct world *world)
{
    static struct engine_service service;
    service = toy_service;
    service.effects_expire = true;
    service.answered = decide_expiry;
    decides_expiries = false;
    world->service = &service;
    world->outside.usual = SIM_REPLY_LOST;
    world_start(world);
    calls_open(world, account_of(0), 10);
    calls_await(world, 4);
    world->ops->advance(world, 21 * HOUR_MS);
    world_await_parked(world, account_of(0));
    decides_expiries = true;
    struct admin_request_row retry = {
        .kind = ADMIN_PARK_RETRY, .lane = lane_of_key(account_of(0)), .key = account_of(0)};
    world_answered(world, world_ask(world, &retry), "done");
    assert_int_equal(world_count(world, &engine_parked_key_table), 0);
    world_settle(world);
}

/* Where nobody would miss it, it has failed after 20 hours; what is younger goes on. */
static void lets_the_old_expire(struct world *world)
{
    static struct engine_service service;
    service = toy_service;
    service.effects_expire = true;
    world->service = &service;
    world->outside.usual = SIM_REPLY_LOST;
    struct process *process = world_start(world);
    calls_open(world, account_of(0), 10);
    calls_await(world, 4);
    world->ops->advance(world, 19 * HOUR_MS);
    world_command_n(world, account_of(1), "open", 1, 3, clock_wall_us() - 1, world_id("n", 3));
    world_command_n(world, account_of(1), "call", 20, 4, clock_wall_us(), world_id("n", 4));
    calls_await(world, 6);
    assert_int_equal(WORLD_STAT(process, effects_failed), 0);
    assert_in_range(WORLD_STAT(process, oldest_effect_us), 19 * HOUR_US, 20 * HOUR_US);
    world->ops->advance(world, HOUR_MS);
    world_await_journal(world, 3); /* two are open, and one has failed */
    const struct effect_row *expired = calls_effect_of(world, account_of(0));
    assert_int_equal(expired->state, EFFECT_FAILED);
    assert_true(str_eq(expired->last_answer, ENGINE_EXPIRED));
    assert_int_equal(WORLD_STAT(process, effects_need_person), 0);
    world->outside.usual = SIM_REPLY_DONE;
    world_await_total(world, account_of(1), 21);
    world_await_total(world, account_of(0), 1);
    assert_int_equal(WORLD_STAT(process, effects_failed), 1);
    world_settle(world);
    world_run_for(world, 70000);
    assert_int_equal(WORLD_STAT(process, oldest_effect_us), 0);
    world_check(world);
}

static STATUS look_up(struct op *op, const struct effect_row *effect, struct str *ret_request)
{
    (void)op;
    assert_true(effect->open);
    *ret_request = SIM_LOOK_UP;
    return OK;
}

static void use_look_up(struct world *world)
{
    static struct engine_service service;
    service = toy_service;
    service.look_up = look_up;
    world->service = &service;
}

/* What is too old is not sent again; what became of it settles it. */
static void looks_up_the_old(struct world *world)
{
    use_look_up(world);
    world->outside.usual = SIM_REPLY_DONE_UNSAID;
    struct process *process = world_start(world);
    calls_open(world, account_of(0), 10);
    calls_await(world, 2);
    world->ops->advance(world, 19 * HOUR_MS);
    calls_await(world, 3);
    assert_int_equal(world->outside.look_ups, 0);
    world->ops->advance(world, HOUR_MS);
    world_await_total(world, account_of(0), 11);
    assert_int_equal(world->outside.look_ups, 1);
    assert_int_equal(world->outside.different, 0);
    world_settle(world);
    assert_int_equal(WORLD_STAT(process, effects_done), 1);
    world_check(world);
}

static bool was_looked_up(struct world *world, const void *context)
{
    const struct wanted_look_ups *wanted = context;
    return world->outside.look_ups >= wanted->count;
}

static void await_look_ups(struct world *world, uint32_t count)
{
    const struct wanted_look_ups wanted = {.count = count};
    world_await(world, was_looked_up, &wanted);
}

/* Where that tells nothing a person is needed, and it is asked again hourly, by whoever owns the lane. */
static void looks_up_again_hourly(struct world *world)
{
    use_look_up(world);
    world->outside.usual = SIM_REPLY_LOST;
    struct process *process = world_start(world);
    calls_open(world, account_of(0), 10);
    calls_await(world, 2);
    world->ops->advance(world, 21 * HOUR_MS);
    await_look_ups(world, 1);
    uint32_t calls = world->outside.calls;
    world_run_for(world, 10 * 60 * 1000);
    assert_int_equal(world->outside.look_ups, 1);
    assert_int_equal(WORLD_STAT(process, effects_need_person), 1);
    assert_true(calls_effect_of(world, account_of(0))->open);
    world_kill(process);
    world_start(world);
    world_run_for(world, 5 * 60 * 1000);
    assert_int_equal(world->outside.look_ups, 1); /* its answer was stored */
    world->ops->advance(world, HOUR_MS);
    await_look_ups(world, 2);
    assert_int_equal(world->outside.calls, calls);
    world_command(world, account_of(0), "add", 5); /* the deal itself goes on */
    world_await_total(world, account_of(0), 6);
    world_settle(world);
    world_check(world);
}

/* Two people end it: once, whoever dies before they hear that they have. */
static void ends_what_people_settle(struct world *world)
{
    use_look_up(world);
    world->outside.usual = SIM_REPLY_LOST;
    world_start(world);
    calls_open(world, account_of(0), 10);
    calls_await(world, 2);
    world->ops->advance(world, 22 * HOUR_MS);
    await_look_ups(world, 1);
    world_run_for(world, 1000);
    struct hash content = hash_of(calls_effect_of(world, account_of(0))->request);
    const struct admin_request_row request = {
        .kind = ADMIN_SETTLE,
        .lane = LANE,
        .key = calls_effect_of(world, account_of(0))->id,
        .verdict = ENGINE_VERDICT_FAILED,
        .content = {.ptr = (const char *)content.bytes, .len = sizeof(content.bytes)},
        .reason = STR("seen there"),
        .approved_by = STR("grace"),
    };
    struct id first = world_ask(world, &request);
    struct id second = world_ask(world, &request);
    world_answered(world, first, "done");
    world_answered(world, second, "engine.effect_settled");
    assert_int_equal(calls_effect_of(world, account_of(0))->state, EFFECT_FAILED);
    world_settle(world);
    world_check(world);
}

/* An account that has more than this wants no more calls. */
#define ENOUGH 1000

static bool wants_more(const struct effect_row *effect, const void *aggregate, struct str *ret_code)
{
    const struct toy_account *account = aggregate;
    assert_true(account && id_eq(account->id, effect->key));
    *ret_code = STR("toy.enough");
    return account->total <= ENOUGH;
}

static bool has_failed(struct world *world, const void *context)
{
    return calls_effect_of(world, *(const struct id *)context)->state == EFFECT_FAILED;
}

/* What is not wanted any more is not sent another time; others are. */
static void gives_up_what_is_not_wanted(struct world *world)
{
    static struct engine_service service;
    const struct id account = account_of(0);
    service = toy_service;
    service.still_wanted = wants_more;
    world->service = &service;
    world->outside.usual = SIM_REPLY_LOST;
    struct process *process = world_start(world);
    calls_open(world, account, 10);
    calls_open(world, account_of(1), 20);
    calls_await(world, 6);
    assert_true(calls_effect_of(world, account)->attempts > 1);
    world_command(world, account, "add", ENOUGH);
    world_await(world, has_failed, &account);
    int32_t attempts = calls_effect_of(world, account)->attempts;
    assert_true(str_eq(calls_effect_of(world, account)->last_answer, STR("toy.enough")));
    world_run_for(world, 5 * 60000);
    assert_int_equal(calls_effect_of(world, account)->attempts, attempts);
    assert_int_equal(WORLD_STAT(process, effects_failed), 1);
    assert_true(calls_effect_of(world, account_of(1))->open);
    world->outside.usual = SIM_REPLY_DONE;
    world_await_total(world, account_of(1), 21);
    world_settle(world);
}

/* The owner before may have sent it: whoever takes it over asks first, too. */
static void asks_before_it_takes_over(struct world *world)
{
    static struct engine_service service;
    const struct id account = account_of(0);
    service = toy_service;
    service.still_wanted = wants_more;
    world->outside.usual = SIM_REPLY_LOST;
    struct process *process = world_start(world);
    calls_open(world, account, 10);
    calls_await(world, 1);
    world_command(world, account, "add", ENOUGH);
    world_await_total(world, account, 1 + ENOUGH);
    world_kill(process);
    world->service = &service;
    world_start(world);
    world_await(world, has_failed, &account);
    assert_true(str_eq(calls_effect_of(world, account)->last_answer, STR("toy.enough")));
    world_settle(world);
}

static const struct world_test tests[] = {
    WORLD_TEST(comes_back_when_told, WORLD_SIM_ONLY),
    WORLD_TEST(comes_back_when_held, WORLD_SIM_ONLY),
    WORLD_TEST(being_put_off_settles_no_earlier_attempt, WORLD_SIM_ONLY),
    WORLD_TEST(lets_the_old_expire, WORLD_SIM_ONLY),
    WORLD_TEST(takes_up_an_expiry, WORLD_SIM_ONLY),
    WORLD_TEST(looks_up_the_old, WORLD_SIM_ONLY),
    WORLD_TEST(looks_up_again_hourly, WORLD_SIM_ONLY),
    WORLD_TEST(ends_what_people_settle, WORLD_SIM_ONLY),
    WORLD_TEST(gives_up_what_is_not_wanted, WORLD_SIM_ONLY),
    WORLD_TEST(asks_before_it_takes_over, WORLD_SIM_ONLY),
};

int main(int argc, char **argv)
{
    return world_main(argc, argv, tests, ARRAY_LEN(tests));
}
