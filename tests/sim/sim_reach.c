#include "sim_reach.h"

#include "base/defer.h"

/* Which kinds of calls a trouble must have met: a range, first to last. */
static const struct {
    enum sim_trouble trouble;
    enum sim_step first, last;
} demands[] = {
    {SIM_TROUBLE_CRASH, SIM_STEP_CONNECT, SIM_STEP_TAKE},
    {SIM_TROUBLE_NAP, SIM_STEP_CONNECT, SIM_STEP_TAKE},
    {SIM_TROUBLE_SLEEP, SIM_STEP_CONNECT, SIM_STEP_TAKE},
    {SIM_TROUBLE_STORE_AWAY, SIM_STEP_CONNECT, SIM_STEP_COMMIT},
    {SIM_TROUBLE_BUS_AWAY, SIM_STEP_CLUSTER_ID, SIM_STEP_TAILS},
    {SIM_TROUBLE_BUS_AWAY, SIM_STEP_POLL, SIM_STEP_DELIVERED},
    {SIM_TROUBLE_COMMIT_LOST, SIM_STEP_COMMIT, SIM_STEP_COMMIT},
    {SIM_TROUBLE_COMMIT_UNSAID, SIM_STEP_COMMIT, SIM_STEP_COMMIT},
    {SIM_TROUBLE_REFUSED, SIM_STEP_INSERT, SIM_STEP_INSERT},
    {SIM_TROUBLE_DB_AWAY, SIM_STEP_CONNECT, SIM_STEP_COMMIT},
    {SIM_TROUBLE_KAFKA_AWAY, SIM_STEP_CLUSTER_ID, SIM_STEP_TAILS},
};

void sim_reach_add(struct sim_reach *reach, const struct sim_reach *more)
{
    for (int t = 0; t < SIM_TROUBLE_COUNT; t++) {
        reach->begun[t] += more->begun[t];
        for (int s = 0; s < SIM_STEP_COUNT; s++) {
            reach->counts[t][s] += more->counts[t][s];
        }
    }
}

uint32_t sim_reach_missing(const struct sim_reach *reach,
                           void (*found)(void *context, enum sim_trouble trouble,
                                         enum sim_step step),
                           void *context)
{
    uint32_t missing = 0;
    for (size_t i = 0; i < ARRAY_LEN(demands); i++) {
        for (int s = (int)demands[i].first; s <= (int)demands[i].last; s++) {
            if (reach->counts[demands[i].trouble][s] == 0) {
                missing++;
                found(context, demands[i].trouble, (enum sim_step)s);
            }
        }
    }
    return missing;
}
