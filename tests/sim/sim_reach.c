#include "sim_reach.h"

#include "base/defer.h"

/* Which kinds of calls a trouble must have met: a range, first to last. Reading back is left out: only a
 * restored database makes a lane do it (tests/engine/engine_restore_test.c dies there). */
static const struct {
    enum sim_trouble trouble;
    enum sim_step first, last;
} demands[] = {
    {SIM_TROUBLE_CRASH, SIM_STEP_CONNECT, SIM_STEP_TAILS},
    {SIM_TROUBLE_CRASH, SIM_STEP_ASSIGN, SIM_STEP_TAKE},
    {SIM_TROUBLE_NAP, SIM_STEP_CONNECT, SIM_STEP_TAILS},
    {SIM_TROUBLE_NAP, SIM_STEP_ASSIGN, SIM_STEP_TAKE},
    {SIM_TROUBLE_SLEEP, SIM_STEP_CONNECT, SIM_STEP_TAILS},
    {SIM_TROUBLE_SLEEP, SIM_STEP_ASSIGN, SIM_STEP_TAKE},
    {SIM_TROUBLE_STORE_AWAY, SIM_STEP_CONNECT, SIM_STEP_COMMIT},
    {SIM_TROUBLE_BUS_AWAY, SIM_STEP_CLUSTER_ID, SIM_STEP_TAILS},
    {SIM_TROUBLE_BUS_AWAY, SIM_STEP_POLL, SIM_STEP_DELIVERED},
    {SIM_TROUBLE_COMMIT_LOST, SIM_STEP_COMMIT, SIM_STEP_COMMIT},
    {SIM_TROUBLE_COMMIT_UNSAID, SIM_STEP_COMMIT, SIM_STEP_COMMIT},
    {SIM_TROUBLE_AHEAD, SIM_STEP_HEARTBEAT, SIM_STEP_HEARTBEAT},
    {SIM_TROUBLE_REFUSED, SIM_STEP_INSERT, SIM_STEP_INSERT},
    {SIM_TROUBLE_DB_AWAY, SIM_STEP_CONNECT, SIM_STEP_COMMIT},
    {SIM_TROUBLE_KAFKA_AWAY, SIM_STEP_CLUSTER_ID, SIM_STEP_TAILS},
    {SIM_TROUBLE_DB_FAULTS, SIM_STEP_HEARTBEAT, SIM_STEP_HEARTBEAT},
    {SIM_TROUBLE_DB_FAULTS, SIM_STEP_CLAIM, SIM_STEP_CLAIM},
    {SIM_TROUBLE_DB_FAULTS, SIM_STEP_BEGIN, SIM_STEP_UPDATE},
    {SIM_TROUBLE_DB_FAULTS, SIM_STEP_TOUCH, SIM_STEP_COMMIT},
};

static const char *const server_fault_names[SIM_SERVER_FAULT_COUNT] = {
    [SIM_SERVER_CUT] = "cut",           [SIM_SERVER_UNKNOWN] = "unknown",
    [SIM_SERVER_DEADLOCK] = "deadlock", [SIM_SERVER_REFUSED] = "refused",
    [SIM_SERVER_LINGER] = "linger",     [SIM_SERVER_ANSWER] = "answer",
    [SIM_SERVER_STALL] = "stall",       [SIM_SERVER_FULL] = "full",
    [SIM_SERVER_FAIL] = "fail",         [SIM_SERVER_LATE] = "late",
};

static void add(uint64_t *counts, const uint64_t *more, int count)
{
    for (int i = 0; i < count; i++) {
        counts[i] += more[i];
    }
}

void sim_reach_add(struct sim_reach *reach, const struct sim_reach *more)
{
    add(reach->begun, more->begun, SIM_TROUBLE_COUNT);
    add(reach->servers, more->servers, SIM_SERVER_FAULT_COUNT);
    add(reach->stripe, more->stripe, SIM_STRIPE_FAULT_COUNT);
    add(reach->discord, more->discord, SIM_DISCORD_FAULT_COUNT);
    add(reach->events, more->events, ESCROW_EVENT_COUNT);
    for (int t = 0; t < SIM_TROUBLE_COUNT; t++) {
        add(reach->counts[t], more->counts[t], SIM_STEP_COUNT);
    }
}

/* Who is told, and how much there was to tell. */
struct teller {
    void (*found)(void *context, const char *what, const char *where);
    void *context;
    uint32_t missing;
};

static void demand(struct teller *teller, uint64_t count, const char *what, const char *where)
{
    if (count == 0) {
        teller->missing++;
        teller->found(teller->context, what, where);
    }
}

uint32_t sim_reach_missing(const struct sim_reach *reach,
                           void (*found)(void *context, const char *what, const char *where),
                           void *context)
{
    struct teller teller = {.found = found, .context = context};
    for (size_t i = 0; i < ARRAY_LEN(demands); i++) {
        for (int s = (int)demands[i].first; s <= (int)demands[i].last; s++) {
            demand(&teller, reach->counts[demands[i].trouble][s],
                   sim_trouble_name(demands[i].trouble), sim_step_name((enum sim_step)s));
        }
    }
    for (int i = 0; i < SIM_SERVER_FAULT_COUNT; i++) {
        demand(&teller, reach->servers[i], "servers", server_fault_names[i]);
    }
    for (int i = 0; i < SIM_STRIPE_FAULT_COUNT; i++) {
        demand(&teller, reach->stripe[i], "stripe",
               sim_stripe_fault_name((enum sim_stripe_fault)i));
    }
    for (int i = 0; i < SIM_DISCORD_FAULT_COUNT; i++) {
        demand(&teller, reach->discord[i], "discord",
               sim_discord_fault_name((enum sim_discord_fault)i));
    }
    demand(&teller, reach->begun[SIM_TROUBLE_DISCORD_AWAY], "discord", "away");
    for (int i = ESCROW_EVENT_NONE + 1; i < ESCROW_EVENT_COUNT; i++) {
        demand(&teller, reach->events[i], "deals", escrow_event_name((enum escrow_event)i));
    }
    return teller.missing;
}
