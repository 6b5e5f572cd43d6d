/* Everything here follows from the seed. */
#include "sim_plan.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/assert.h"
#include "base/defer.h"
#include "base/random.h"
#include "engine/engine.h"
#include "sim_time.h"

const char *sim_trouble_name(enum sim_trouble trouble)
{
    static const char *const names[SIM_TROUBLE_COUNT] = {
        [SIM_TROUBLE_NONE] = "none",
        [SIM_TROUBLE_CRASH] = "crash",
        [SIM_TROUBLE_KILL] = "kill",
        [SIM_TROUBLE_NAP] = "nap",
        [SIM_TROUBLE_SLEEP] = "sleep",
        [SIM_TROUBLE_FREEZE] = "freeze",
        [SIM_TROUBLE_ROLL] = "roll",
        [SIM_TROUBLE_STORE_AWAY] = "store_away",
        [SIM_TROUBLE_BUS_AWAY] = "bus_away",
        [SIM_TROUBLE_COMMIT_LOST] = "commit_lost",
        [SIM_TROUBLE_COMMIT_UNSAID] = "commit_unsaid",
        [SIM_TROUBLE_OWN_CLOCK] = "own_clock",
        [SIM_TROUBLE_REFUSED] = "refused",
        [SIM_TROUBLE_DB_AWAY] = "db_away",
        [SIM_TROUBLE_DB_CLOCK] = "db_clock",
        [SIM_TROUBLE_KAFKA_AWAY] = "kafka_away",
        [SIM_TROUBLE_PRODUCE_FAILS] = "produce_fails",
        [SIM_TROUBLE_QUEUE_FULL] = "queue_full",
        [SIM_TROUBLE_CLOCKS] = "clocks",
        [SIM_TROUBLE_OUTAGE] = "outage",
        [SIM_TROUBLE_RESTORE] = "restore",
        [SIM_TROUBLE_DB_FAULTS] = "db_faults",
        [SIM_TROUBLE_KAFKA_FAULTS] = "kafka_faults",
        [SIM_TROUBLE_STRIPE] = "stripe",
        [SIM_TROUBLE_DISCORD] = "discord",
        [SIM_TROUBLE_TRAFFIC] = "traffic",
        [SIM_TROUBLE_DISCORD_AWAY] = "discord_away",
        [SIM_TROUBLE_LOST_TAIL] = "lost_tail",
        [SIM_TROUBLE_NEW_TOPIC] = "new_topic",
        [SIM_TROUBLE_VERSIONS] = "versions",
    };

    ASSERT(trouble < SIM_TROUBLE_COUNT);
    return names[trouble];
}

static uint32_t between(struct random *random, uint32_t least, uint32_t most)
{
    return least + (uint32_t)random_below(random, most - least + 1);
}

static bool came_later(enum sim_trouble trouble)
{
    return trouble == SIM_TROUBLE_DB_FAULTS || trouble == SIM_TROUBLE_KAFKA_FAULTS ||
           trouble == SIM_TROUBLE_OWN_CLOCK || trouble >= SIM_TROUBLE_DISCORD_AWAY;
}

struct sim_plan sim_plan_of(uint64_t seed)
{
    static const uint32_t batches[] = {1, 2, 7, ENGINE_BATCH_MAX, ENGINE_BATCH_MAX};

    struct random random = random_seeded(seed ^ UINT64_C(0x706c616e));
    /* Of what was added later: the permanent seeds keep the rest of their worlds. */
    struct random later = random_seeded(seed ^ UINT64_C(0x6c61746572));
    struct sim_plan plan = {.seed = seed};
    uint32_t tenths = between(&random, 1, 9); /* how many of all troubles this seed has */
    for (int i = SIM_TROUBLE_NONE + 1; i < SIM_TROUBLE_COUNT; i++) {
        plan.on[i] = random_below(came_later((enum sim_trouble)i) ? &later : &random, 10) < tenths;
    }
    plan.on[SIM_TROUBLE_RESTORE] &= random_below(&random, 4) == 0; /* hides what came before it */
    /* Between topics nothing but clocks tells the order of what published nothing (docs/reliability.md). */
    plan.on[SIM_TROUBLE_DB_CLOCK] &= !plan.on[SIM_TROUBLE_RESTORE];
    plan.on[SIM_TROUBLE_CLOCKS] &=
        !plan.on[SIM_TROUBLE_RESTORE]; /* the broker's knows no sandbox */
    /* Hours cost turns. A database that is behind looks for what it lacks, not for what it was told. */
    plan.on[SIM_TROUBLE_DISCORD_AWAY] &=
        !plan.on[SIM_TROUBLE_RESTORE] && random_below(&later, 8) == 0;
    /* The log is the only witness of what a restored database lacks. */
    plan.on[SIM_TROUBLE_LOST_TAIL] &= !plan.on[SIM_TROUBLE_RESTORE];
    plan.on[SIM_TROUBLE_NEW_TOPIC] &= !plan.on[SIM_TROUBLE_RESTORE];
    /* What is decided again must be decided as before (docs/operations.md). */
    plan.on[SIM_TROUBLE_VERSIONS] &= !plan.on[SIM_TROUBLE_RESTORE];
    for (int i = 0; i < SIM_SERVICE_COUNT; i++) {
        plan.replicas[i] = between(&random, 1, 3);
    }
    plan.deals = between(&random, 4, 40);
    plan.people = between(&random, 2, 12);
    plan.batch_max = batches[random_below(&random, ARRAY_LEN(batches))];
    plan.spares_backends = random_below(&random, 2) == 0;
    plan.trouble_per_mille = between(&random, 5, 150);
    plan.troubled_us = between(&random, 20, 120) * SECOND_US;
    plan.turn_us = between(&random, 200, 5000);
    if (plan.on[SIM_TROUBLE_TRAFFIC] && random_below(&later, 2) == 0) {
        plan.links = between(&later, 1, 2 * plan.people);
    }
    return plan;
}

void sim_plan_tell(const struct sim_plan *plan, char *ret_text, uint32_t text_bytes)
{
    int len = snprintf(
        ret_text, text_bytes,
        "seed %" PRIu64 ": replicas %u/%u/%u/%u/%u, %u deals, batches of %u, %" PRId64 " s with",
        plan->seed, plan->replicas[0], plan->replicas[1], plan->replicas[2], plan->replicas[3],
        plan->replicas[4], plan->deals, plan->batch_max, plan->troubled_us / SECOND_US);
    for (int i = SIM_TROUBLE_NONE + 1; i < SIM_TROUBLE_COUNT; i++) {
        if (plan->on[i] && len >= 0 && (uint32_t)len < text_bytes) {
            len += snprintf(ret_text + len, text_bytes - (uint32_t)len, " %s",
                            sim_trouble_name((enum sim_trouble)i));
        }
    }
}
