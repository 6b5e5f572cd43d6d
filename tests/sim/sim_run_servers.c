/*
 * What the simulated servers do wrong by themselves, all along: connections that break, deadlocks,
 * refused rows, commits nobody answers; records and acknowledgements that are late, partitions that
 * stand still, a producer that takes one record and not the next, or fails for good.
 */
#include "sim_run_internal.h"

/* In a million times; some seeds have none of one kind. */
static uint32_t some_rate(struct sim_run *run, uint32_t most)
{
    return sim_run_chance(run, 500) ? 1 + (uint32_t)sim_run_below(run, most) : 0;
}

void sim_run_servers_err(struct sim_run *run)
{
    for (uint32_t i = 0; i < SIM_SERVICE_COUNT && run->plan.on[SIM_TROUBLE_DB_FAULTS]; i++) {
        const struct sim_db_faults faults = {.cut = some_rate(run, 2000),
                                             .unknown = some_rate(run, 20000),
                                             .deadlock = some_rate(run, 10000),
                                             .refused = some_rate(run, 5000)};
        sim_db_set_faults(run->place.dbs[i], faults, &run->random);
    }
    if (run->plan.on[SIM_TROUBLE_KAFKA_FAULTS]) {
        struct sim_kafka_faults faults = {.linger_us = some_rate(run, 20000),
                                          .answer_us = some_rate(run, 20000),
                                          .stall = some_rate(run, 100000),
                                          .stall_us = 200000,
                                          .full = some_rate(run, 50000),
                                          .fail = some_rate(run, 10000),
                                          .late = some_rate(run, 1000000),
                                          .late_us = 3000000};
        sim_kafka_set_faults(run->world->kafka, faults, &run->random);
    }
}

static uint64_t sum_of(struct sim_db_faults done)
{
    return (uint64_t)done.cut + done.unknown + done.deadlock + done.refused;
}

void sim_run_servers_heard(struct sim_run *run, const struct sim_process *process)
{
    if (!run->plan.on[SIM_TROUBLE_DB_FAULTS] || process->fault.step >= SIM_STEP_BUS_FIRST) {
        return;
    }
    uint64_t *seen = &run->db_faults_seen[process->service];
    uint64_t done = sum_of(sim_db_faults_done(run->place.dbs[process->service]));
    run->outcome->reach.counts[SIM_TROUBLE_DB_FAULTS][process->fault.step] += done - *seen;
    *seen = done;
}

void sim_run_servers_heal(struct sim_run *run)
{
    struct sim_reach *reach = &run->outcome->reach;
    for (uint32_t i = 0; i < SIM_SERVICE_COUNT; i++) {
        struct sim_db *db = run->place.dbs[i];
        struct sim_db_faults done = sim_db_faults_done(db);
        sim_db_set_faults(db, (struct sim_db_faults){.cut = 0}, &run->random);
        reach->servers[SIM_SERVER_CUT] += done.cut;
        reach->servers[SIM_SERVER_UNKNOWN] += done.unknown;
        reach->servers[SIM_SERVER_DEADLOCK] += done.deadlock;
        reach->servers[SIM_SERVER_REFUSED] += done.refused;
        reach->begun[SIM_TROUBLE_DB_FAULTS] += sum_of(done);
    }
    struct sim_kafka_faults done = sim_kafka_faults_done(run->world->kafka);
    sim_kafka_set_faults(run->world->kafka, (struct sim_kafka_faults){.fail = 0}, &run->random);
    reach->servers[SIM_SERVER_LINGER] += done.linger_us;
    reach->servers[SIM_SERVER_ANSWER] += done.answer_us;
    reach->servers[SIM_SERVER_STALL] += done.stall;
    reach->servers[SIM_SERVER_FULL] += done.full;
    reach->servers[SIM_SERVER_FAIL] += done.fail;
    reach->servers[SIM_SERVER_LATE] += done.late;
    reach->begun[SIM_TROUBLE_KAFKA_FAULTS] +=
        (uint64_t)done.stall + done.full + done.fail + done.late;
}
