/*
 * One database is put back to an earlier moment, as from a backup (INV25, R18): its processes die, what
 * it committed since is gone, Kafka and the outside know better. A lane that lacks
 * what it published stops for a person, and nothing is paid a second time. The seed ends so.
 */
#include <stdlib.h>

#include "base/assert.h"
#include "base/defer.h"
#include "engine/engine_tables.h"
#include "sim_run_internal.h"

void sim_run_back_up(struct sim_run *run)
{
    if (run->backup || !run->plan.on[SIM_TROUBLE_RESTORE]) {
        return;
    }
    run->restored = (uint32_t)sim_run_below(run, SIM_SERVICE_COUNT);
    run->backup = sim_db_snapshot(run->place.dbs[run->restored]);
    run->backup_sandbox_us = run->sandbox_us;
    sim_trace_line(&run->trace, run->world, NULL, "a backup of service %u", run->restored);
}

void sim_run_restore(struct sim_run *run)
{
    ASSERT(run->hanging == 0);
    if (!run->backup) {
        return;
    }
    for (uint32_t i = 0; i < SIM_WORLD_PROCESSES_MAX; i++) {
        struct sim_process *process = &run->world->processes[i];
        if (process->engine && process->service == run->restored) {
            sim_world_kill(process);
        }
    }
    run->outcome->reach.begun[SIM_TROUBLE_RESTORE]++;
    sim_db_restore(run->place.dbs[run->restored], run->backup);
    /* Whoever sets sandbox time on sets it on everywhere: no database has a time of its own. */
    sim_db_advance_clock(run->place.dbs[run->restored], run->sandbox_us - run->backup_sandbox_us);
    sim_check_forget(run->check);
    run->put_back = true;
    sim_trace_line(&run->trace, run->world, NULL, "service %u is put back to its backup",
                   run->restored);
}

/* Of money as the provider counts it, nothing may be broken at any time. */
static const enum sim_rule money_rules[] = {SIM_RULE_LEG_ONCE, SIM_RULE_NO_OVERSPEND,
                                            SIM_RULE_ONE_END, SIM_RULE_SAME_REQUEST};

/* The log has records of this lane that its database knows nothing of. */
static bool lacks(const struct sim_run *run, enum topic topic, int32_t lane)
{
    const struct sim_db *db = run->place.dbs[run->restored];
    const struct lane_out_row like = {.lane = lane, .topic = str_of(topology_topics[topic].name)};
    const struct lane_out_row *out = sim_db_find(db, &engine_lane_out_table, &like);
    uint32_t count = sim_kafka_count(run->world->kafka, topic, lane);
    int64_t last_n = 0;
    for (uint32_t i = 0; i < count; i++) {
        int64_t n = sim_kafka_record(run->world->kafka, topic, lane, i).n;
        last_n = n > last_n ? n : last_n;
    }
    return last_n >= (out ? out->next_n : 1);
}

static void check_stopped(struct sim_run *run, enum topic topic)
{
    for (int32_t p = 0; p < LANES; p++) {
        if (lacks(run, topic, p) && !sim_db_lane(run->place.dbs[run->restored], p).stopped) {
            sim_verdict_fail(&run->outcome->verdict, SIM_RULE_OUTBOX,
                             "%s/%d: its writer was put back, lacks records and goes on",
                             topology_topics[topic].name, p);
        }
    }
}

void sim_run_check_restored(struct sim_run *run)
{
    struct sim_verdict *found = calloc(1, sizeof(*found));
    ASSERT(found);
    sim_check_end(run->check, found); /* of which much is right now broken, and told */
    for (size_t i = 0; i < ARRAY_LEN(money_rules); i++) {
        if (found->counts[money_rules[i]] > 0) {
            sim_verdict_fail(&run->outcome->verdict, money_rules[i], "after a restore: %s",
                             found->texts[money_rules[i]]);
        }
    }
    free(found);
    struct str name = run->world->services[run->restored].service->name;
    for (int topic = 1; topic < TOPIC_COUNT; topic++) {
        if (topology_topics[topic].kind == TOPOLOGY_LANE &&
            str_eq(str_of(topology_topics[topic].writer), name)) {
            check_stopped(run, (enum topic)topic);
        }
    }
}
