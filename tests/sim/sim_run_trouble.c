/* What goes wrong: begun by chance, ended by time, counted where it strikes. */
#include <inttypes.h>

#include "base/assert.h"
#include "base/defer.h"
#include "sim_run_internal.h"
#include "sim_time.h"

#define LEASE_US (ENGINE_LEASE_MS * INT64_C(1000))
#define PLENTY 100000
#define CALLS_AHEAD 400 /* a call to die at is one of so many */
#define HANGING_MAX 2
#define OUTAGE_US (18 * HOUR_US) /* at least, and at most twice that */
#define AWAY_US HOUR_US          /* Discord, at least, and at most three times that */
#define CLOCKS_MAX_US (30 * HOUR_US)
#define OWN_CLOCK_MAX_US (48 * HOUR_US)
#define CLOCKS_PER_MILLE 50   /* after some jumps no deal is left whose clock runs */
#define TOPIC_PER_MILLE 200   /* each is all of one thing at once */
#define UNREADY_PER_MILLE 300 /* of processes that are restarted when the broker was away */
#define REPLICAS_OVER 1       /* more than planned, while a new one takes over */
#define CLOCK_STEP_US (5 * SECOND_US)
#define CLOCK_LEAP_US (48 * HOUR_US)
#define CLOCK_LEAPS_PER_MILLE 300

uint64_t sim_run_below(struct sim_run *run, uint64_t bound)
{
    return random_below(&run->random, bound);
}

bool sim_run_chance(struct sim_run *run, uint32_t per_mille)
{
    return sim_run_below(run, 1000) < per_mille;
}

static int64_t until(struct sim_run *run, int64_t least_us, int64_t most_us)
{
    return run->world->clock.mono_us + least_us +
           (int64_t)sim_run_below(run, (uint64_t)(most_us - least_us));
}

static struct sim_process *some_process(struct sim_run *run)
{
    uint32_t first = (uint32_t)sim_run_below(run, SIM_WORLD_PROCESSES_MAX);
    for (uint32_t i = 0; i < SIM_WORLD_PROCESSES_MAX; i++) {
        struct sim_process *process = &run->world->processes[(first + i) % SIM_WORLD_PROCESSES_MAX];
        if (sim_process_lives(process)) {
            return process;
        }
    }
    return NULL;
}

/* What a process does once in its life, or less; what most never do more often than the others. */
static const enum sim_step rare_steps[] = {SIM_STEP_RETIRE, SIM_STEP_STOP,
                                           SIM_STEP_STOP,   SIM_STEP_STOP,
                                           SIM_STEP_ERASE,  SIM_STEP_RESET_PRODUCER};

/* The kind of call is drawn, not the call: else rare ones would hardly ever be struck. */
static enum sim_step some_step(struct sim_run *run)
{
    if (sim_run_chance(run, 300)) {
        return rare_steps[sim_run_below(run, ARRAY_LEN(rare_steps))];
    }
    return (enum sim_step)(1 + sim_run_below(run, SIM_STEP_COUNT - 1));
}

static bool is_rare(enum sim_step step)
{
    for (size_t i = 0; i < ARRAY_LEN(rare_steps); i++) {
        if (rare_steps[i] == step) {
            return true;
        }
    }
    return false;
}

/* ---- Of a process ---- */

/* What the process needs for its call is not there any more, for a while. */
static void take_away(struct sim_run *run, struct sim_process *process, enum sim_trouble trouble)
{
    struct sim_seat *seat = &run->seats[process->place];
    if (trouble == SIM_TROUBLE_STORE_AWAY) {
        process->fault.store_away = true;
        seat->store_until_us = until(run, 1000, 2 * LEASE_US);
    } else if (trouble == SIM_TROUBLE_BUS_AWAY) {
        process->fault.bus_away = true;
        seat->bus_until_us = until(run, 1000, 2 * LEASE_US);
    } else if (trouble == SIM_TROUBLE_DB_AWAY) {
        sim_db_set_away(run->place.dbs[process->service], true);
        run->db_until_us[process->service] = until(run, 1000, 2 * LEASE_US);
    } else {
        sim_kafka_set_away(run->world->kafka, true);
        run->kafka_until_us = until(run, 1000, 4 * LEASE_US);
    }
}

/* Everybody else goes on. */
static void hang(struct sim_run *run, struct sim_process *process, int64_t us)
{
    int64_t until_us = run->world->clock.mono_us + us;
    /* What was said in this turn so far is looked at before the others go on: they may hear the answer. */
    sim_check_said(run->check, !run->put_back, &run->outcome->verdict);
    run->hanging++;
    while (run->world->clock.mono_us < until_us) {
        sim_run_turn(run);
    }
    sim_trace_line(&run->trace, run->world, process, "wakes");
    run->hanging--;
}

/* Of whoever's turn it is: until it hears the database's time, all that it reckons by its own is wrong. */
static void set_own_clock(struct sim_run *run, const struct sim_process *process)
{
    int64_t ahead_us =
        (int64_t)sim_run_below(run, 2 * (uint64_t)OWN_CLOCK_MAX_US) - OWN_CLOCK_MAX_US;
    run->world->clock.ahead_us = ahead_us;
    sim_trace_line(&run->trace, run->world, process, "its own clock is off by %" PRId64 " ms",
                   ahead_us / 1000);
}

/* In the middle of a call, before it is made. */
static void interrupt(void *context)
{
    struct sim_seat *seat = context;
    struct sim_run *run = seat->run;
    struct sim_process *process = &run->world->processes[seat - run->seats];
    bool hangs = seat->armed == SIM_TROUBLE_NAP || seat->armed == SIM_TROUBLE_SLEEP;
    bool sets_clock = seat->armed == SIM_TROUBLE_OWN_CLOCK;
    if (!run->troubled || (hangs && run->hanging == HANGING_MAX)) {
        return;
    }
    sim_trace_line(&run->trace, run->world, process, "%s in %s", sim_trouble_name(seat->armed),
                   sim_step_name(process->fault.step));
    if (hangs || sets_clock) {
        run->outcome->reach.counts[seat->armed][process->fault.step]++;
    }
    if (hangs) {
        hang(run, process, seat->hangs_us);
    } else if (sets_clock) {
        set_own_clock(run, process);
    } else {
        take_away(run, process, seat->armed);
    }
}

/* Instead of, or before, the next call of this kind; NONE: one of the next calls. */
static void arm(struct sim_run *run, struct sim_process *process, enum sim_trouble trouble,
                enum sim_step step)
{
    struct sim_seat *seat = &run->seats[process->place];
    struct sim_fault *fault = &process->fault;
    int64_t at =
        step == SIM_STEP_NONE ? fault->calls + 1 + (int64_t)sim_run_below(run, CALLS_AHEAD) : 0;
    if (trouble == SIM_TROUBLE_CRASH) {
        fault->crash_step = step;
        fault->crash_at = at;
        return;
    }
    seat->armed = trouble;
    seat->hangs_us = trouble == SIM_TROUBLE_NAP
                         ? 1000 + (int64_t)sim_run_below(run, (uint64_t)LEASE_US / 2)
                         : LEASE_US + (int64_t)sim_run_below(run, 4 * (uint64_t)LEASE_US);
    fault->pause = interrupt;
    fault->context = seat;
    fault->pause_step = step;
    fault->pause_at = at;
}

/* At a rare call it waits for whoever makes it first. */
static void arm_some(struct sim_run *run, struct sim_process *process, enum sim_trouble trouble)
{
    enum sim_step step = sim_run_chance(run, 500) ? some_step(run) : SIM_STEP_NONE;
    for (uint32_t i = 0; i < SIM_WORLD_PROCESSES_MAX; i++) {
        struct sim_process *other = &run->world->processes[i];
        if (other == process || (is_rare(step) && sim_process_lives(other))) {
            arm(run, other, trouble, step);
        }
    }
}

static uint32_t add_tables(const struct table *const *tables, const struct table **ret_tables,
                           uint32_t count)
{
    for (uint32_t i = 0; i < ENGINE_TABLES_MAX && tables[i]; i++) {
        ret_tables[count++] = tables[i];
    }
    return count;
}

/* What a decision of this service writes: whatever it is about is then parked, by its key. */
static const struct table *some_table(struct sim_run *run, const struct engine_service *service)
{
    const struct table *tables[ENGINE_TABLES_MAX * (ENGINE_HANDLERS_MAX + 1)];
    uint32_t count = add_tables(service->appends, tables, 0);
    for (uint32_t i = 0; i < service->handler_count; i++) {
        count = add_tables(service->handlers[i].aggregate->children, tables, count);
        if (service->handlers[i].aggregate->table) {
            tables[count++] = service->handlers[i].aggregate->table;
        }
    }
    return tables[sim_run_below(run, count)];
}

/* STOP: no row of anybody's would be taken, so that the lane stops until a person has looked (R8). */
static void refuse(struct sim_run *run, struct sim_process *process)
{
    static const enum status_kind kinds[] = {STATUS_INVALID, STATUS_INVALID, STATUS_BUG, STATUS_BUG,
                                             STATUS_STOP};

    process->fault.refused_table = some_table(run, run->world->services[process->service].service);
    process->fault.refused_kind = kinds[sim_run_below(run, ARRAY_LEN(kinds))];
    run->seats[process->place].refused_until_us = until(run, SECOND_US / 10, 10 * SECOND_US);
}

/* A new one may begin before the old one ends, or after. */
void sim_run_roll(struct sim_run *run, struct sim_process *process)
{
    uint32_t service = process->service;
    if (process->inside || process->frozen || run->seats[process->place].store_until_us > 0 ||
        run->db_until_us[service] > 0) {
        return;
    }
    if (sim_run_chance(run, 500) &&
        sim_world_living(run->world, service) < run->plan.replicas[service] + REPLICAS_OVER) {
        (void)sim_world_start(run->world, service);
    }
    sim_world_stop(process);
}

static void freeze(struct sim_run *run, struct sim_process *process)
{
    process->frozen = true;
    run->seats[process->place].frozen_until_us = until(run, LEASE_US / 2, 4 * LEASE_US);
}

static void kill_process(struct sim_run *run, struct sim_process *process)
{
    (void)run;
    if (!process->inside) {
        sim_world_kill(process);
    }
}

static void lose_commit(struct sim_run *run, struct sim_process *process, bool committed)
{
    process->fault.lose_commit_at = process->fault.commits + 1 + (int64_t)sim_run_below(run, 4);
    process->fault.lose_committed = committed;
}

static void lose_commit_undone(struct sim_run *run, struct sim_process *process)
{
    lose_commit(run, process, false);
}

static void lose_commit_done(struct sim_run *run, struct sim_process *process)
{
    lose_commit(run, process, true);
}

/* ---- Of servers ---- */

/* As `holdfastctl clock advance` does: in every database alike. Deadlines pass in the middle of it. */
static void set_clocks_on(struct sim_run *run)
{
    int64_t us = (int64_t)sim_run_below(run, (uint64_t)CLOCKS_MAX_US);
    run->sandbox_us += us;
    for (uint32_t i = 0; i < SIM_SERVICE_COUNT; i++) {
        sim_db_advance_clock(run->place.dbs[i], us);
    }
}

/*
 * A little forward or back; of oracle's database, whose clock ends deals (INV32), also by days: too far to be
 * believed. Such a clock is set right sooner or later.
 */
static void set_db_clock(struct sim_run *run)
{
    struct sim_db *db = run->place.dbs[sim_run_below(run, SIM_SERVICE_COUNT)];
    bool leaps = db == run->place.dbs[SIM_ORACLE] && sim_run_chance(run, CLOCK_LEAPS_PER_MILLE);
    int64_t most_us = leaps ? CLOCK_LEAP_US : CLOCK_STEP_US;
    int64_t by_us = (int64_t)sim_run_below(run, 2 * (uint64_t)most_us) - most_us;
    if (leaps && sim_db_skew_us(db) != 0 && sim_run_chance(run, 500)) {
        by_us = -sim_db_skew_us(db);
    }
    sim_db_set_clock(db, by_us);
    sim_trace_line(&run->trace, run->world, NULL, "a database's clock is off by %" PRId64 " ms",
                   sim_db_skew_us(db) / 1000);
}

static void fail_producers(struct sim_run *run)
{
    sim_kafka_fail_produce(run->world->kafka, 1 + (uint32_t)sim_run_below(run, 3));
}

static void fill_queues(struct sim_run *run)
{
    sim_kafka_limit_queue(run->world->kafka, (uint32_t)sim_run_below(run, 4));
    run->queue_until_us = until(run, 1000, LEASE_US);
}

/* ---- All of them ---- */

/* Those that begin in the middle of a run, by chance: in a call of one process, at one of its turns, or for
 * everybody whom it concerns. */
static const struct {
    bool in_call;
    void (*of_process)(struct sim_run *run, struct sim_process *process);
    void (*of_server)(struct sim_run *run);
    uint32_t per_mille; /* of the times that it is drawn; 0: always */
} beginnings[SIM_TROUBLE_COUNT] = {
    [SIM_TROUBLE_CRASH] = {.in_call = true},
    [SIM_TROUBLE_KILL] = {.of_process = kill_process},
    [SIM_TROUBLE_NAP] = {.in_call = true},
    [SIM_TROUBLE_SLEEP] = {.in_call = true},
    [SIM_TROUBLE_FREEZE] = {.of_process = freeze},
    [SIM_TROUBLE_ROLL] = {.of_process = sim_run_roll},
    [SIM_TROUBLE_STORE_AWAY] = {.in_call = true},
    [SIM_TROUBLE_BUS_AWAY] = {.in_call = true},
    [SIM_TROUBLE_COMMIT_LOST] = {.of_process = lose_commit_undone},
    [SIM_TROUBLE_COMMIT_UNSAID] = {.of_process = lose_commit_done},
    [SIM_TROUBLE_OWN_CLOCK] = {.in_call = true},
    [SIM_TROUBLE_REFUSED] = {.of_process = refuse},
    [SIM_TROUBLE_DB_AWAY] = {.in_call = true},
    [SIM_TROUBLE_KAFKA_AWAY] = {.in_call = true},
    [SIM_TROUBLE_DB_CLOCK] = {.of_server = set_db_clock},
    [SIM_TROUBLE_PRODUCE_FAILS] = {.of_server = fail_producers},
    [SIM_TROUBLE_QUEUE_FULL] = {.of_server = fill_queues},
    [SIM_TROUBLE_CLOCKS] = {.of_server = set_clocks_on, .per_mille = CLOCKS_PER_MILLE},
    [SIM_TROUBLE_LOST_TAIL] = {.of_server = sim_run_lose_tail},
    [SIM_TROUBLE_NEW_TOPIC] = {.of_server = sim_run_make_topic_anew, .per_mille = TOPIC_PER_MILLE},
    [SIM_TROUBLE_VERSIONS] = {.of_server = sim_run_roll_on},
};

static bool begins_by_chance(enum sim_trouble trouble)
{
    return beginnings[trouble].in_call || beginnings[trouble].of_process ||
           beginnings[trouble].of_server;
}

static void begin(struct sim_run *run, enum sim_trouble trouble)
{
    if (beginnings[trouble].of_server) {
        beginnings[trouble].of_server(run);
        return;
    }
    struct sim_process *process = some_process(run);
    if (process && beginnings[trouble].in_call) {
        arm_some(run, process, trouble);
    } else if (process) {
        beginnings[trouble].of_process(run, process);
    }
}

/* ---- Beginning and ending ---- */

/* True, once, when the time has come. */
static bool is_over(const struct sim_run *run, int64_t *until_us)
{
    if (*until_us == 0 || *until_us > run->world->clock.mono_us) {
        return false;
    }
    *until_us = 0;
    return true;
}

/* Who has no broker is not ready, and who is not ready for long is restarted: what it had to say dies with it. */
static void restart_unready(struct sim_run *run)
{
    for (uint32_t i = 0; i < SIM_WORLD_PROCESSES_MAX; i++) {
        struct sim_process *process = &run->world->processes[i];
        if (sim_process_lives(process) && !process->inside &&
            sim_run_chance(run, UNREADY_PER_MILLE)) {
            sim_world_kill(process);
        }
    }
}

static void end_what_is_over(struct sim_run *run)
{
    for (uint32_t i = 0; i < SIM_WORLD_PROCESSES_MAX; i++) {
        struct sim_seat *seat = &run->seats[i];
        struct sim_process *process = &run->world->processes[i];
        process->frozen &= !is_over(run, &seat->frozen_until_us);
        process->fault.store_away &= !is_over(run, &seat->store_until_us);
        process->fault.bus_away &= !is_over(run, &seat->bus_until_us);
        if (is_over(run, &seat->refused_until_us)) {
            process->fault.refused_table = NULL;
        }
    }
    for (uint32_t i = 0; i < SIM_SERVICE_COUNT; i++) {
        if (is_over(run, &run->db_until_us[i])) {
            sim_db_set_away(run->place.dbs[i], false);
        }
    }
    if (is_over(run, &run->kafka_until_us)) {
        restart_unready(run);
        sim_kafka_set_away(run->world->kafka, false);
    }
    if (is_over(run, &run->queue_until_us)) {
        sim_kafka_limit_queue(run->world->kafka, PLENTY);
    }
}

/* One of those that begin in the middle of a run and that this seed has. */
static enum sim_trouble some_trouble(struct sim_run *run)
{
    enum sim_trouble has[SIM_TROUBLE_COUNT];
    uint32_t count = 0;
    for (int i = SIM_TROUBLE_NONE + 1; i < SIM_TROUBLE_COUNT; i++) {
        if (run->plan.on[i] && begins_by_chance((enum sim_trouble)i)) {
            has[count++] = (enum sim_trouble)i;
        }
    }
    return count > 0 ? has[sim_run_below(run, count)] : SIM_TROUBLE_NONE;
}

void sim_run_trouble(struct sim_run *run)
{
    end_what_is_over(run);
    if (!run->troubled || !sim_run_chance(run, run->plan.trouble_per_mille)) {
        return;
    }
    enum sim_trouble trouble = some_trouble(run);
    uint32_t per_mille = beginnings[trouble].per_mille;
    if (trouble == SIM_TROUBLE_NONE || (per_mille > 0 && !sim_run_chance(run, per_mille))) {
        return;
    }
    run->outcome->reach.begun[trouble]++;
    sim_trace_line(&run->trace, run->world, NULL, "trouble: %s", sim_trouble_name(trouble));
    begin(run, trouble);
}

void sim_run_outage(struct sim_run *run)
{
    ASSERT(run->hanging == 0);
    run->outcome->reach.begun[SIM_TROUBLE_OUTAGE]++;
    for (uint32_t i = 0; i < SIM_WORLD_PROCESSES_MAX; i++) {
        if (run->world->processes[i].engine) {
            sim_world_kill(&run->world->processes[i]);
        }
    }
    int64_t until_us = until(run, OUTAGE_US, 2 * OUTAGE_US);
    while (run->world->clock.mono_us < until_us) { /* the provider goes on */
        int64_t now_us = run->world->clock.mono_us;
        int64_t next_us = sim_stripe_next_us(run->stripe);
        next_us = next_us > until_us ? until_us : next_us;
        sim_world_pass(run->world, next_us > now_us ? next_us - now_us : 1);
        while (sim_stripe_step(run->stripe, &run->door)) {
        }
    }
    sim_trace_line(&run->trace, run->world, NULL, "the outage is over");
}

void sim_run_leave_discord(struct sim_run *run)
{
    run->outcome->reach.begun[SIM_TROUBLE_DISCORD_AWAY]++;
    sim_discord_set_away(run->discord, true);
    run->discord_until_us = until(run, AWAY_US, 3 * AWAY_US);
    sim_trace_line(&run->trace, run->world, NULL, "trouble: discord_away");
}

void sim_run_heal(struct sim_run *run)
{
    run->troubled = false;
    ASSERT(run->hanging == 0);
    for (uint32_t i = 0; i < SIM_WORLD_PROCESSES_MAX; i++) {
        struct sim_process *process = &run->world->processes[i];
        struct sim_seat *seat = &run->seats[i];
        process->frozen = false;
        process->ahead_us = 0;
        process->fault = (struct sim_fault){.watch = process->fault.watch,
                                            .calls = process->fault.calls,
                                            .commits = process->fault.commits,
                                            .dead = process->fault.dead};
        seat->frozen_until_us = seat->store_until_us = 0;
        seat->bus_until_us = seat->refused_until_us = 0;
    }
    for (uint32_t i = 0; i < SIM_SERVICE_COUNT; i++) {
        sim_db_set_away(run->place.dbs[i], false);
        sim_db_set_clock(run->place.dbs[i], -sim_db_skew_us(run->place.dbs[i]));
        run->db_until_us[i] = 0;
    }
    sim_run_servers_heal(run);
    sim_run_finish_roll(run);
    sim_kafka_set_away(run->world->kafka, false);
    sim_kafka_fail_produce(run->world->kafka, 0);
    sim_kafka_limit_queue(run->world->kafka, PLENTY);
    run->kafka_until_us = run->queue_until_us = 0;
    sim_world_bury(run->world);
}

/* ---- Counting ---- */

void sim_run_struck(void *context, const struct sim_process *process, enum sim_strike strike)
{
    static const enum sim_trouble troubles[SIM_STRIKE_COUNT] = {
        [SIM_STRIKE_CRASH] = SIM_TROUBLE_CRASH,
        [SIM_STRIKE_STORE_AWAY] = SIM_TROUBLE_STORE_AWAY,
        [SIM_STRIKE_BUS_AWAY] = SIM_TROUBLE_BUS_AWAY,
        [SIM_STRIKE_COMMIT_LOST] = SIM_TROUBLE_COMMIT_LOST,
        [SIM_STRIKE_COMMIT_UNSAID] = SIM_TROUBLE_COMMIT_UNSAID,
        [SIM_STRIKE_REFUSED] = SIM_TROUBLE_REFUSED,
    };

    struct sim_run *run = context;
    run->outcome->reach.counts[troubles[strike]][process->fault.step]++; /* pauses: see hang */
    if (strike == SIM_STRIKE_CRASH) {
        sim_trace_line(&run->trace, run->world, process, "dies instead of %s",
                       sim_step_name(process->fault.step));
    }
}

void sim_run_missed(struct sim_run *run, const struct sim_process *process, enum status_kind kind)
{
    enum sim_step step = process->fault.step;
    if (kind != STATUS_RETRY) {
        return;
    }
    if (step < SIM_STEP_BUS_FIRST && run->db_until_us[process->service] > 0) {
        run->outcome->reach.counts[SIM_TROUBLE_DB_AWAY][step]++;
    }
    if (step >= SIM_STEP_BUS_FIRST && run->kafka_until_us > 0) {
        run->outcome->reach.counts[SIM_TROUBLE_KAFKA_AWAY][step]++;
    }
}
