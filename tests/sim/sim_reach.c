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
    {SIM_TROUBLE_OWN_CLOCK, SIM_STEP_CONNECT, SIM_STEP_HEARTBEAT},
    {SIM_TROUBLE_OWN_CLOCK, SIM_STEP_BEGIN, SIM_STEP_UPDATE},
    {SIM_TROUBLE_OWN_CLOCK, SIM_STEP_SYNC, SIM_STEP_COMMIT},
    {SIM_TROUBLE_OWN_CLOCK, SIM_STEP_POLL, SIM_STEP_POLL},
    {SIM_TROUBLE_OWN_CLOCK, SIM_STEP_FREE_SLOTS, SIM_STEP_TAKE},
    {SIM_TROUBLE_REFUSED, SIM_STEP_INSERT, SIM_STEP_INSERT},
    {SIM_TROUBLE_DB_AWAY, SIM_STEP_CONNECT, SIM_STEP_COMMIT},
    {SIM_TROUBLE_KAFKA_AWAY, SIM_STEP_CLUSTER_ID, SIM_STEP_TAILS},
    {SIM_TROUBLE_LOST_TAIL, SIM_STEP_TAILS, SIM_STEP_READ_BACK},
    {SIM_TROUBLE_LOST_TAIL, SIM_STEP_POLL, SIM_STEP_POLL},
    {SIM_TROUBLE_NEW_TOPIC, SIM_STEP_TAILS, SIM_STEP_READ_BACK},
    {SIM_TROUBLE_NEW_TOPIC, SIM_STEP_POLL, SIM_STEP_POLL},
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
    add(reach->unknown, more->unknown, SIM_SERVICE_COUNT);
    for (int t = 0; t < SIM_TROUBLE_COUNT; t++) {
        add(reach->counts[t], more->counts[t], SIM_STEP_COUNT);
    }
}

/* Who is told, and how much there was to tell. */
struct teller {
    uint64_t seeds;
    void (*found)(void *context, const char *what, const char *where);
    void *context;
    struct sim_reach_told told;
};

/* from_seeds: a run of fewer may have missed it by chance. */
static void demand(struct teller *teller, uint32_t from_seeds, uint64_t count, const char *what,
                   const char *where)
{
    if (teller->seeds < from_seeds) {
        teller->told.unasked++;
    } else if (count == 0) {
        teller->told.missing++;
        if (teller->found) {
            teller->found(teller->context, what, where);
        }
    }
}

/* Every second seed has a trouble, but for some, which every fifth to sixteenth has. */
static void demand_begun(struct teller *teller, const struct sim_reach *reach)
{
    static const uint32_t rare[SIM_TROUBLE_COUNT] = {
        [SIM_TROUBLE_CLOCKS] = SIM_REACH_RARE_SEEDS,
        [SIM_TROUBLE_RESTORE] = SIM_REACH_RARE_SEEDS,
        [SIM_TROUBLE_DISCORD_AWAY] = SIM_REACH_FAULT_SEEDS,
        [SIM_TROUBLE_NEW_TOPIC] = SIM_REACH_RARE_SEEDS,
    };

    for (int i = SIM_TROUBLE_NONE + 1; i < SIM_TROUBLE_COUNT; i++) {
        demand(teller, rare[i] > 0 ? rare[i] : SIM_REACH_FEW_SEEDS, reach->begun[i],
               sim_trouble_name((enum sim_trouble)i), "all");
    }
}

static void demand_struck(struct teller *teller, const struct sim_reach *reach)
{
    for (size_t i = 0; i < ARRAY_LEN(demands); i++) {
        enum sim_trouble trouble = demands[i].trouble;
        const char *name = sim_trouble_name(trouble);
        uint64_t struck = 0;
        for (int s = 0; s < SIM_STEP_COUNT; s++) {
            struck += reach->counts[trouble][s];
        }
        if (i == 0 || trouble != demands[i - 1].trouble) {
            demand(teller, SIM_REACH_RARE_SEEDS, struck, name, "any call");
        }
        for (int s = (int)demands[i].first; s <= (int)demands[i].last; s++) {
            demand(teller, SIM_REACH_SEEDS, reach->counts[trouble][s], name,
                   sim_step_name((enum sim_step)s));
        }
    }
}

/* An older replica met what only a newer one knows; oracle has had no new message yet. */
static void demand_unknown(struct teller *teller, const struct sim_reach *reach)
{
    static const char *const names[SIM_SERVICE_COUNT] = {
        [SIM_GATEWAY] = "gateway",
        [SIM_ESCROW] = "escrow",
        [SIM_PAYMENTS] = "payments",
        [SIM_NOTIFICATIONS] = "notifications",
    };

    for (int i = 0; i < SIM_SERVICE_COUNT; i++) {
        if (names[i]) {
            demand(teller, SIM_REACH_FAULT_SEEDS, reach->unknown[i], "unknown types", names[i]);
        }
    }
}

static void demand_faults(struct teller *teller, const struct sim_reach *reach)
{
    for (int i = 0; i < SIM_SERVER_FAULT_COUNT; i++) {
        demand(teller, SIM_REACH_FAULT_SEEDS, reach->servers[i], "servers", server_fault_names[i]);
    }
    for (int i = 0; i < SIM_STRIPE_FAULT_COUNT; i++) {
        demand(teller, SIM_REACH_FAULT_SEEDS, reach->stripe[i], "stripe",
               sim_stripe_fault_name((enum sim_stripe_fault)i));
    }
    for (int i = 0; i < SIM_DISCORD_FAULT_COUNT; i++) {
        demand(teller, SIM_REACH_FAULT_SEEDS, reach->discord[i], "discord",
               sim_discord_fault_name((enum sim_discord_fault)i));
    }
}

struct sim_reach_told
sim_reach_missing(const struct sim_reach *reach, uint64_t seeds,
                  void (*found)(void *context, const char *what, const char *where), void *context)
{
    struct teller teller = {.seeds = seeds, .found = found, .context = context};
    demand_begun(&teller, reach);
    demand_struck(&teller, reach);
    demand_faults(&teller, reach);
    demand_unknown(&teller, reach);
    for (int i = ESCROW_EVENT_NONE + 1; i < ESCROW_EVENT_COUNT; i++) {
        demand(&teller, SIM_REACH_SEEDS, reach->events[i], "deals",
               escrow_event_name((enum escrow_event)i));
    }
    return teller.told;
}
