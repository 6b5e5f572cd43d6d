/* A small mixed load, and a ledger of its own for what must come of it. */
#include "engine_inputs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/lane.h"
#include "base/random.h"

#define ACCOUNTS 6
#define SOUND 4  /* accounts 0 to 3 */
#define BROKEN 4 /* this one gets a message that cannot be decided */
#define EARLY 5  /* this one is added to before it is opened */
#define ADDS 9
#define FIRING 17 /* what a timer adds */
#define FIRING_APART_MS 15

static int64_t expected[ACCOUNTS];
static uint32_t lines_now;   /* of the journal, while the broken one is parked, but for answers */
static uint32_t lines_later; /* once it was repaired */
static uint32_t calls;
static struct random replies;
static struct id targets[SOUND];

static enum sim_reply reply(void *context)
{
    static const enum sim_reply usual[] = {SIM_REPLY_DONE,    SIM_REPLY_DONE, SIM_REPLY_DONE_UNSAID,
                                           SIM_REPLY_FAILED,  SIM_REPLY_LOST, SIM_REPLY_STRANGE,
                                           SIM_REPLY_NOT_SENT};
    struct random *random = context;
    return usual[random_below(random, sizeof(usual) / sizeof(usual[0]))];
}

static void add(struct world *world, struct random *random, uint32_t i)
{
    uint32_t account = (uint32_t)random_below(random, SOUND);
    int64_t amount = (int64_t)random_below(random, 1000);
    struct id id = world_id("signal", i);
    switch (random_below(random, 5)) {
    case 0:
        world_command(world, world_account(account), "call", amount);
        calls++;
        return;
    case 1:
        world_signal(world, world_account(account), "add", amount, id);
        world_signal(world, world_account(account), "add", amount, id);
        break;
    case 2: world_command(world, world_account(account), "die", amount); break;
    case 3: world_command(world, world_account(account), "add", amount); break;
    case 4:
        world_command(world, world_account(account), "post", amount);
        expected[amount % SOUND] += amount;
        lines_now++;
        break;
    }
    expected[account] += amount;
    lines_now++;
}

static void break_one(struct world *world, struct random *random)
{
    const char *verb = random_below(random, 2) == 0 ? "garble" : "fault";
    world_command(world, world_account(BROKEN), verb, 5); /* after its opening */
    world_command(world, world_account(BROKEN), "add", 6);
    world_signal(world, world_account(BROKEN), "add", 7, world_id("behind", 0));
    expected[BROKEN] += 18;
    lines_later += 3;
}

void inputs_write(struct world *world, uint64_t seed)
{
    struct random random = random_seeded(seed);
    replies = random_seeded(seed + 1000);
    world->outside.choose = reply;
    world->outside.context = &replies;
    lines_now = 0;
    lines_later = 0;
    calls = 0;
    for (uint32_t a = 0; a < SOUND; a++) {
        targets[a] = world_account(a);
    }
    toy_set_targets(targets, SOUND);
    for (uint32_t a = 0; a < ACCOUNTS; a++) {
        expected[a] = 100;
        lines_now++;
        if (a == EARLY) {
            world_signal(world, world_account(a), "add", 3, world_id("early", 0));
            expected[a] += 3;
            lines_now++;
        }
        world_command(world, world_account(a), "open", 100);
    }
    for (uint32_t a = 0; a < SOUND;
         a++) { /* they come due in the midst of the others, or after them */
        world_command(world, world_account(a), "timer", TOY_TIMER(FIRING, a * FIRING_APART_MS));
        expected[a] += FIRING;
        lines_now++;
    }
    world_intake(world, world_account(0), "add", 11, world_id("intake", 0), clock_wall_us());
    expected[0] += 11;
    lines_now++;
    for (uint32_t i = 0; i < ADDS; i++) {
        if (i == ADDS / 2) {
            break_one(world, &random);
        }
        add(world, &random, i);
    }
}

/* Answers make lines too, and behind a parked key none. */
static bool rows_are_done(struct world *world)
{
    const void *rows;
    uint32_t open = 0;
    uint32_t count = world_rows(world, &engine_effect_table, &rows);
    const struct effect_row *effects = rows;
    for (uint32_t i = 0; i < count; i++) {
        open += effects[i].open ? 1 : 0;
    }
    if (open > 0 || count < calls) {
        return false;
    }
    count = world_rows(world, &engine_intake_table, &rows);
    const struct intake_row *intakes = rows;
    for (uint32_t i = 0; i < count; i++) {
        open += intakes[i].open ? 1 : 0;
    }
    return open == 0;
}

bool inputs_done(struct world *world, const void *context)
{
    uint32_t lines = world_count(world, &toy_journal_table);
    return lines >= lines_now + calls && world_is_settled(world, context) && rows_are_done(world);
}

bool inputs_done_or_dead(struct world *world, const void *context)
{
    const struct process *process = context;
    return process->fault.dead || inputs_done(world, NULL);
}

/* What the outside did for the account. */
static int64_t carried_out(struct world *world, struct id account)
{
    const void *rows;
    int64_t sum = 0;
    uint32_t effect_count = world_rows(world, &engine_effect_table, &rows);
    struct effect_row *effects = test_calloc(effect_count + 1, sizeof(*effects));
    for (uint32_t i = 0; i < effect_count; i++) {
        effects[i] = ((const struct effect_row *)rows)[i];
    }
    uint32_t call_count = world_rows(world, &toy_call_table, &rows);
    const struct toy_call *made = rows;
    for (uint32_t c = 0; c < call_count; c++) {
        for (uint32_t e = 0; e < effect_count; e++) {
            if (id_eq(made[c].account_id, account) && id_eq(made[c].id, effects[e].subject)) {
                const struct sim_request *request =
                    sim_outside_find(&world->outside, effects[e].id);
                sum += request && request->carried_out ? made[c].amount : 0;
                assert_true(made[c].done);
            }
        }
    }
    test_free(effects);
    return sum;
}

static bool some_process_lives(const struct world *world)
{
    bool lives = false;
    for (uint32_t i = 0; i < world->process_count; i++) {
        lives |= world->processes[i].engine && !world->processes[i].fault.dead;
    }
    return lives;
}

void inputs_finish(struct world *world, uint64_t seed)
{
    (void)seed;
    if (!some_process_lives(world)) {
        world_start(world);
    }
    world_await(world, inputs_done, NULL);
    assert_int_equal(world_count(world, &engine_parked_key_table), 1);
    toy_heal();
    struct admin_request_row retry = {.kind = ADMIN_PARK_RETRY,
                                      .lane = lane_of_key(world_account(BROKEN)),
                                      .key = world_account(BROKEN)};
    world_answered(world, world_ask(world, &retry), "done");
    world_await_journal(world, lines_now + calls + lines_later);
    world_settle(world);
    for (uint32_t a = 0; a < ACCOUNTS; a++) {
        int64_t wanted = expected[a] + carried_out(world, world_account(a));
        const struct toy_account *account = world_find_account(world, world_account(a));
        assert_non_null(account);
        assert_int_equal(account->total, wanted);
    }
    world_check(world);
}
