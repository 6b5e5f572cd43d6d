/*
 * One database is put back to an earlier moment, as from a backup (INV25, R18): its processes die, what
 * it committed since is gone, Kafka and the outside know better. A lane that lacks what it published
 * stops. The operator then does what docs/operations.md says: two people ask that it be taken back, and
 * the provider is asked for its events again. All rules must hold in the end.
 */
#include "base/assert.h"
#include "sim_run_internal.h"

#define RESTORE_US INT64_C(60000000) /* how long putting it back takes */

void sim_run_back_up(struct sim_run *run)
{
    if (run->backup || !run->plan.on[SIM_TROUBLE_RESTORE]) {
        return;
    }
    run->restored = (uint32_t)sim_run_below(run, SIM_SERVICE_COUNT);
    run->backup = sim_db_snapshot(run->place.dbs[run->restored]);
    run->backup_sandbox_us = run->sandbox_us;
    run->backup_at_us = run->world->clock.mono_us;
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
    struct sim_db *db = run->place.dbs[run->restored];
    run->outcome->reach.begun[SIM_TROUBLE_RESTORE]++;
    sim_db_restore(db, run->backup);
    /* Whoever sets sandbox time on sets it on everywhere: no database has a time of its own. */
    sim_db_advance_clock(db, run->sandbox_us - run->backup_sandbox_us);
    sim_stripe_tell_again(run->stripe);
    sim_check_put_back(run->check, (enum sim_service)run->restored, run->backup_at_us);
    if (run->restored == SIM_PAYMENTS) {
        sim_check_reads_again(run->check);
    }
    sim_world_pass(run->world,
                   RESTORE_US); /* what its dead producers left on the way has arrived */
    run->put_back = true;
    sim_trace_line(&run->trace, run->world, NULL, "service %u is put back to its backup",
                   run->restored);
}

/* As `holdfastctl restore apply` does for one lane. */
static void ask_for(struct sim_run *run, int32_t lane)
{
    struct sim_db *db = run->place.dbs[run->restored];
    sim_run_ask(run, db, &(struct admin_request_row){.lane = lane, .kind = ADMIN_RESTORE});
    sim_db_resume_lane(db, lane);
}

uint32_t sim_run_take_back(struct sim_run *run)
{
    struct sim_db *db = run->place.dbs[run->restored];
    uint32_t asked = 0;
    for (int32_t p = 0; p < LANES && run->put_back; p++) {
        const char *reason = sim_db_stop_reason(db, p);
        if (sim_db_lane(db, p).stopped &&
            str_has_prefix(str_of(reason), STR("engine.database_lost_rows"))) {
            sim_trace_line(&run->trace, run->world, NULL, "two people have lane %d restored: %s", p,
                           reason);
            ask_for(run, p);
            asked++;
        }
    }
    return asked;
}

void sim_run_restored(struct sim_run *run)
{
    if (run->put_back) {
        run->put_back = false;
        sim_check_forget(run->check);
    }
}
