/*
 * The phases of a seed: make, trouble, heal, drain, let every clock run out, drain again, check. A
 * turn is one step of each process, what the outside and the people do then, and some time.
 */
#include "sim_run.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/defer.h"
#include "engine/engine_tables.h"
#include "escrow/escrow_in.h"
#include "escrow/escrow_repo.h"
#include "gateway/gateway_in.h"
#include "notifications/notifications_service.h"
#include "oracle/oracle_service.h"
#include "payments/payments_service.h"
#include "sim_run_internal.h"
#include "sim_time.h"

#define IDLE_TURN_US INT64_C(250000)  /* half a heartbeat */
#define LONG_TURN_US INT64_C(1000000) /* well within a lease */
#define CHECK_TURNS 64
#define PERSON_US (20 * SECOND_US)
#define SLOTS_MAX 8
#define RESTART_PER_MILLE 20 /* of turns in which a dead process is replaced */
#define DRAIN_MAX_US (3 * HOUR_US)
#define ALL_CLOCKS_US (400 * DAY_US) /* longer than any term of a deal */

/* In the order of enum sim_service. */
static const struct engine_service *const services[SIM_SERVICE_COUNT] = {
    [SIM_GATEWAY] = &gateway_service,
    [SIM_ESCROW] = &escrow_service,
    [SIM_PAYMENTS] = &payments_service,
    [SIM_ORACLE] = &oracle_service,
    [SIM_NOTIFICATIONS] = &notifications_service,
};

/* ---- The outside of a process ---- */

static struct caller *connect_stripe(void *context, uint32_t place)
{
    struct sim_run *run = context;
    return sim_stripe_line_init(&run->seats[place].stripe, run->stripe,
                                1 + (uint32_t)sim_run_below(run, SLOTS_MAX));
}

static void hang_up_stripe(void *context, uint32_t place)
{
    struct sim_run *run = context;
    sim_stripe_hang_up(&run->seats[place].stripe);
}

static const struct sim_outside_ops stripe_ops = {.connect = connect_stripe,
                                                  .hang_up = hang_up_stripe};

static struct caller *connect_discord(void *context, uint32_t place)
{
    struct sim_run *run = context;
    return sim_discord_line_init(&run->seats[place].discord, run->discord,
                                 1 + (uint32_t)sim_run_below(run, SLOTS_MAX));
}

static void hang_up_discord(void *context, uint32_t place)
{
    struct sim_run *run = context;
    sim_discord_hang_up(&run->seats[place].discord);
}

static const struct sim_outside_ops discord_ops = {.connect = connect_discord,
                                                   .hang_up = hang_up_discord};

/* ---- Looking on ---- */

static void heard(void *context, const struct sim_process *process, const char *about,
                  enum status_kind kind, bool got)
{
    struct sim_run *run = context;
    enum sim_step step = process->fault.step;
    bool brought = got && step != SIM_STEP_FREE_SLOTS;
    if (brought || step == SIM_STEP_INSERT || step == SIM_STEP_UPDATE || step == SIM_STEP_CLAIM) {
        run->busy_at_turn = run->turns;
    }
    sim_run_missed(run, process, kind);
    sim_run_servers_heard(run, process);
    sim_run_losses_heard(run, process);
    sim_trace_heard(&run->trace, process, about, kind, got);
}

static void lived(void *context, const struct sim_process *process, const char *what)
{
    struct sim_run *run = context;
    sim_trace_line(&run->trace, run->world, process, "%s", what);
}

/* ---- Making it ---- */

/* A handful of faults, most of them at most every tenth time, some nearly always. */
static uint16_t some_chance(struct sim_run *run)
{
    uint64_t most = sim_run_chance(run, 100) ? SIM_STRIPE_CHANCE : SIM_STRIPE_CHANCE / 10;
    return sim_run_chance(run, 300) ? (uint16_t)sim_run_below(run, most) : 0;
}

/* What is no fault at all, and must not matter: in every second seed, often. */
static uint16_t often(struct sim_run *run)
{
    return sim_run_chance(run, 500) ? (uint16_t)sim_run_below(run, SIM_STRIPE_CHANCE / 2) : 0;
}

static void trouble_outside(struct sim_run *run)
{
    struct sim_stripe_rates stripe = {.latency_us = (int64_t)sim_run_below(run, SECOND_US)};
    struct sim_discord_rates discord = {.latency_us = (int64_t)sim_run_below(run, SECOND_US)};
    stripe.webhook_lost = often(run); /* somebody looks */
    if (run->plan.on[SIM_TROUBLE_DB_CLOCK]) {
        stripe.webhook_lost =
            0; /* but not before a clock that was set back is there again: a day, say */
    }
    if (run->plan.on[SIM_TROUBLE_STRIPE]) {
        for (int i = SIM_STRIPE_ANSWERS + 1; i < SIM_STRIPE_FAULT_COUNT; i++) {
            stripe.faults[i] = some_chance(run);
        }
        stripe.refund_pending = some_chance(run);
        stripe.refund_fails = some_chance(run);
        stripe.refund_returned = some_chance(run);
        stripe.webhook_repeated = often(run);
        stripe.webhook_twin = often(run);
        stripe.webhook_late = some_chance(run);
        stripe.webhook_late_us = (int64_t)sim_run_below(run, 300 * SECOND_US);
    }
    if (run->plan.on[SIM_TROUBLE_DISCORD]) {
        for (int i = SIM_DISCORD_ANSWERS + 1; i < SIM_DISCORD_FAULT_COUNT; i++) {
            discord.faults[i] = some_chance(run);
        }
    }
    sim_stripe_set_rates(run->stripe, &stripe);
    sim_discord_set_rates(run->discord, &discord);
}

static void open_people(struct sim_run *run)
{
    bool odd = run->plan.on[SIM_TROUBLE_TRAFFIC];
    struct sim_traffic_options options = {
        .seed = random_next(&run->random),
        .deals = run->plan.deals,
        .people = run->plan.people,
        .open_within_us = run->plan.troubled_us,
        .idle = (uint16_t)sim_run_below(run, 3000),
        .hasty = odd ? (uint16_t)sim_run_below(run, 4000) : 0,
        .repeated = odd ? (uint16_t)sim_run_below(run, 2000) : 0,
        .unpublished = odd ? (uint16_t)sim_run_below(run, 2000) : 0,
        .published_twice = odd ? (uint16_t)sim_run_below(run, 2000) : 0,
        .odd_payment = odd ? (uint16_t)sim_run_below(run, 3000) : 0,
        .poison = odd ? some_chance(run) : 0,
        .links = run->plan.links,
    };
    run->traffic = sim_traffic_new(&run->place, run->stripe, &options);
}

void sim_run_open(struct sim_run *run, const struct sim_plan *plan, struct sim_outcome *outcome)
{
    run->plan = *plan;
    run->outcome = outcome;
    run->random = random_seeded(plan->seed);
    run->world = sim_world_open(plan->seed);
    run->world->limits.batch_max = run->plan.batch_max;
    run->world->limits.closed_kept_us = 2 * ALL_CLOCKS_US; /* what the checker compares is there */
    run->place = (struct sim_place){.clock = &run->world->clock, .kafka = run->world->kafka};
    for (uint32_t i = 0; i < SIM_SERVICE_COUNT; i++) {
        uint32_t at = sim_world_add(run->world, services[i]);
        ASSERT(at == i);
        run->place.dbs[i] = run->world->services[i].db;
        sim_db_spare_backends(run->place.dbs[i], run->plan.spares_backends);
    }
    for (uint32_t i = 0; i < SIM_WORLD_PROCESSES_MAX; i++) {
        run->seats[i].run = run;
    }
    run->stripe = sim_stripe_new(&run->world->clock, random_next(&run->random));
    run->discord = sim_discord_new(&run->world->clock, random_next(&run->random));
    sim_world_connect(run->world, SIM_PAYMENTS, &stripe_ops, run);
    sim_world_connect(run->world, SIM_NOTIFICATIONS, &discord_ops, run);
    sim_run_tell_keys(run);
    sim_run_begin_old(run);
    sim_intake_init(&run->door, &run->place, SIM_PAYMENTS);
    trouble_outside(run);
    sim_run_servers_err(run);
    open_people(run);
    run->check = sim_check_new(&run->place, run->stripe, run->discord, run->traffic);
    sim_check_door(run->check, &run->door);
    sim_check_door(run->check, sim_traffic_door(run->traffic));
    run->world->watch = (struct sim_world_watch){
        .heard = heard, .struck = sim_run_struck, .lived = lived, .context = run};
}

void sim_run_close(struct sim_run *run)
{
    sim_world_close(run->world); /* its processes hang up */
    if (run->backup) {
        sim_db_free(run->backup);
    }
    sim_check_free(run->check);
    sim_traffic_free(run->traffic);
    sim_intake_fini(&run->door);
    sim_discord_free(run->discord);
    sim_stripe_free(run->stripe);
}

/* ---- A turn ---- */

static void replace_dead(struct sim_run *run)
{
    for (uint32_t i = 0; i < SIM_SERVICE_COUNT; i++) {
        if (sim_world_living(run->world, i) < run->plan.replicas[i] &&
            (!run->troubled || sim_run_chance(run, RESTART_PER_MILLE))) {
            (void)sim_world_start(run->world, i);
        }
    }
}

/* What is past waits for a process that does not come to take it. */
static int64_t sooner(const struct sim_run *run, int64_t than_us, int64_t next_us)
{
    return next_us > run->world->clock.mono_us && next_us < than_us ? next_us : than_us;
}

/* With work about, a little; else until somebody outside does something, or a beat is due. */
static void pass_time(struct sim_run *run)
{
    if (run->turns <= run->busy_at_turn + 1) {
        sim_world_pass(run->world, 1 + (int64_t)sim_run_below(run, (uint64_t)run->plan.turn_us));
        return;
    }
    int64_t now_us = run->world->clock.mono_us;
    int64_t most_us = run->long_turns ? LONG_TURN_US : IDLE_TURN_US;
    int64_t next_us = sooner(run, now_us + most_us, sim_stripe_next_us(run->stripe));
    next_us = sooner(run, next_us, sim_discord_next_us(run->discord));
    next_us = sooner(run, next_us, sim_traffic_next_us(run->traffic));
    sim_world_pass(run->world, next_us - now_us);
}

void sim_run_turn(struct sim_run *run)
{
    run->turns++;
    sim_world_turns(run->world);
    while (sim_traffic_step(run->traffic)) {
        run->busy_at_turn = run->turns;
    }
    while (sim_stripe_step(run->stripe, &run->door)) {
        run->busy_at_turn = run->turns;
    }
    if (!run->put_back) {
        sim_check_calls(run->check, &run->outcome->verdict);
    }
    sim_check_said(run->check, !run->put_back, &run->outcome->verdict);
    sim_run_trouble(run);
    replace_dead(run);
    if (run->turns % CHECK_TURNS == 0 && !run->put_back) {
        sim_check_always(run->check, &run->outcome->verdict);
    }
    pass_time(run);
}

/* ---- A person who looks after it ---- */

/* Too much was parked, or rows were refused, those too that would have put something aside: the person has
 * looked. Other reasons are for the checker to tell. */
static bool is_understood(const struct sim_run *run, struct str reason)
{
    bool refuses = run->plan.on[SIM_TROUBLE_DB_FAULTS];
    return str_has_prefix(reason, STR("engine.parks_in_a_row")) ||
           str_has_prefix(reason, STR("sim.refused")) ||
           (refuses && (str_has_prefix(reason, STR("pg.refused")) ||
                        str_has_prefix(reason, STR("pg.invalid"))));
}

/* "After the cause is mended": none of its processes is refused its rows any more. */
static bool is_mended(const struct sim_run *run, uint32_t service)
{
    for (uint32_t i = 0; i < SIM_WORLD_PROCESSES_MAX; i++) {
        const struct sim_process *process = &run->world->processes[i];
        if (sim_process_lives(process) && process->service == service &&
            process->fault.refused_table) {
            return false;
        }
    }
    return true;
}

static uint32_t resume_lanes(struct sim_run *run, uint32_t service)
{
    struct sim_db *db = run->place.dbs[service];
    uint32_t resumed = 0;
    for (int32_t p = 0; p < LANES && is_mended(run, service); p++) {
        const char *reason = sim_db_stop_reason(db, p);
        if (sim_db_lane(db, p).stopped && is_understood(run, str_of(reason))) {
            sim_trace_line(&run->trace, run->world, NULL, "a person resumes lane %d: %s", p,
                           reason);
            sim_db_resume_lane(db, p);
            resumed++;
        }
    }
    return resumed;
}

void sim_run_ask(struct sim_run *run, struct sim_db *db, const struct admin_request_row *about)
{
    char name[32];
    (void)snprintf(name, sizeof(name), "%" PRIu64, random_next(&run->random));
    struct admin_request_row request = *about;
    request.id = id_v5(id_namespace(STR("test/admin")), str_of(name));
    request.requested_by = STR("ada");
    request.approved_by = STR("grace");
    request.created_at_us = run->world->clock.wall_us;
    request.open = true;
    sim_db_put(db, &engine_admin_request_table, &request);
}

static void ask_about(struct sim_run *run, struct sim_db *db, const struct parked_key_row *key,
                      enum admin_kind kind)
{
    sim_trace_line(&run->trace, run->world, NULL, "a person %s a key parked for " STR_FMT,
                   kind == ADMIN_PARK_DROP ? "drops the first message of" : "retries",
                   STR_ARG(key->reason));
    sim_run_ask(run, db,
                &(struct admin_request_row){.lane = key->lane, .kind = kind, .key = key->key});
}

/* Who has asked waits for the answer: another drop would be of the next message. */
static bool is_asked_for(const struct sim_db *db, struct id key)
{
    uint32_t cursor = 0;
    const struct admin_request_row *request;
    while ((request = sim_db_next(db, &engine_admin_request_table, &cursor))) {
        if (request->open && id_eq(request->key, key)) {
            return true;
        }
    }
    return false;
}

/* What waits for its aggregate must be taken up when that is there: nobody asks for it. */
static uint32_t settle_parked(struct sim_run *run, enum sim_service service)
{
    struct sim_db *db = run->place.dbs[service];
    uint32_t asked = 0;
    uint32_t count = sim_db_count(db, &engine_parked_key_table);
    for (uint32_t i = 0; i < count; i++) {
        const struct parked_key_row *key = sim_db_row(db, &engine_parked_key_table, i);
        bool waits = str_eq(key->reason, STR("engine.restoring")) || is_asked_for(db, key->key) ||
                     sim_check_is_frozen(run->check, service, key->key);
        if (!key->missing && !waits && !sim_traffic_is_poisoned(run->traffic, key->key)) {
            bool drops = sim_check_is_out_of_order(run->check, service, key->key);
            ask_about(run, db, key, drops ? ADMIN_PARK_DROP : ADMIN_PARK_RETRY);
            asked++;
        }
    }
    return asked;
}

/* True when there was something to do. */
static bool look_after(struct sim_run *run)
{
    uint32_t done = sim_run_take_back(run) + sim_run_settle_calls(run);
    run->person_at_us = run->world->clock.mono_us + (run->troubled ? PERSON_US / 4 : PERSON_US);
    for (uint32_t i = 0; i < SIM_SERVICE_COUNT; i++) {
        done += resume_lanes(run, i);
        done += settle_parked(run, (enum sim_service)i);
    }
    return done > 0;
}

static void turn_with_people(struct sim_run *run)
{
    sim_run_turn(run);
    if (run->world->clock.mono_us >= run->person_at_us) {
        (void)look_after(run);
    }
}

/* ---- The phases ---- */

static void trouble(struct sim_run *run)
{
    int64_t left_us = run->plan.troubled_us;
    int64_t outage_at_us = run->plan.on[SIM_TROUBLE_OUTAGE]
                               ? (int64_t)sim_run_below(run, (uint64_t)left_us)
                               : INT64_MIN; /* never */
    int64_t away_at_us = run->plan.on[SIM_TROUBLE_DISCORD_AWAY]
                             ? (int64_t)sim_run_below(run, (uint64_t)left_us)
                             : INT64_MIN;
    int64_t backup_at_us = (int64_t)sim_run_below(run, (uint64_t)left_us);
    run->troubled = true;
    while (left_us > 0 && run->outcome->verdict.failures == 0) {
        int64_t began_us = run->world->clock.mono_us;
        turn_with_people(run);
        left_us -= run->world->clock.mono_us - began_us;
        if (left_us < backup_at_us) {
            sim_run_back_up(run);
        }
        if (left_us < away_at_us) {
            away_at_us = INT64_MIN;
            sim_run_leave_discord(run);
        }
        if (left_us < outage_at_us) {
            outage_at_us = INT64_MIN;
            sim_run_outage(run);
        }
    }
}

/* Until nothing more happens by itself. */
static void drain(struct sim_run *run, const char *when)
{
    int64_t until_us = run->world->clock.mono_us + DRAIN_MAX_US;
    int64_t look_at_us = 0;
    while (run->outcome->verdict.failures == 0) {
        turn_with_people(run);
        if (run->world->clock.mono_us < look_at_us) {
            continue;
        }
        look_at_us = run->world->clock.mono_us + SECOND_US;
        if (sim_check_is_quiet(run->check) && !look_after(run)) {
            return;
        }
        if (run->world->clock.mono_us > until_us) {
            sim_check_end(run->check, &run->outcome->verdict); /* it knows better what hangs */
            sim_verdict_fail(&run->outcome->verdict, SIM_RULE_CAUGHT_UP,
                             "not at rest %" PRId64 " s after %s", DRAIN_MAX_US / SECOND_US, when);
        }
    }
}

static void run_on(struct sim_run *run, int64_t us)
{
    for (int64_t until_us = run->world->clock.mono_us + us; run->world->clock.mono_us < until_us;) {
        sim_run_turn(run);
    }
}

/* Nothing but messages waits for it; those that can still be sent when it is back must be. */
static void stay_without_discord(struct sim_run *run)
{
    if (run->discord_until_us == 0) {
        return;
    }
    sim_check_without_discord(run->check, true);
    drain(run, "Discord had left");
    run->long_turns = true;
    run_on(run, run->discord_until_us - run->world->clock.mono_us);
    run->long_turns = false;
    sim_check_without_discord(run->check, false);
    sim_discord_set_away(run->discord, false);
    run->discord_until_us = 0;
    sim_trace_line(&run->trace, run->world, NULL, "Discord is back");
}

/* Sandbox time goes on in every database alike, as `holdfastctl clock advance` makes it. */
static void let_clocks_run_out(struct sim_run *run)
{
    for (uint32_t i = 0; i < SIM_SERVICE_COUNT; i++) {
        sim_db_advance_clock(run->place.dbs[i], ALL_CLOCKS_US);
    }
    run_on(run, 5 * SECOND_US); /* owners see it with their next beat */
}

/* Disputes that nobody settled in time were escalated: arbiters decide at once, staff when their time is over. */
static void let_disputes_be_decided(struct sim_run *run)
{
    drain(run, "the time to settle");
    sim_traffic_judge(run->traffic);
    drain(run, "the arbiters' word");
    for (uint32_t i = 0; i < SIM_SERVICE_COUNT; i++) {
        sim_db_advance_clock(run->place.dbs[i], ESCROW_ARBITER_SECONDS * SECOND_US);
    }
    run_on(run, 5 * SECOND_US);
    sim_traffic_judge(run->traffic);
}

static void count_outside(struct sim_run *run)
{
    struct sim_reach *reach = &run->outcome->reach;
    struct sim_stripe_counts stripe = sim_stripe_counts(run->stripe);
    struct sim_discord_counts discord = sim_discord_counts(run->discord);
    memcpy(reach->stripe, stripe.met, sizeof(reach->stripe));
    memcpy(reach->discord, discord.met, sizeof(reach->discord));
    uint32_t cursor = 0;
    const struct escrow_transition *transition;
    while (
        (transition = sim_db_next(run->place.dbs[SIM_ESCROW], &escrow_transition_table, &cursor))) {
        reach->events[transition->event]++;
    }
}

static void count_up(struct sim_run *run)
{
    struct sim_outcome *outcome = run->outcome;
    count_outside(run);
    for (int i = SIM_TROUBLE_STRIPE; i <= SIM_TROUBLE_TRAFFIC; i++) {
        outcome->reach.begun[i] = run->plan.on[i] ? 1 : 0; /* all along */
    }
    outcome->steps = run->world->steps;
    outcome->hash = run->trace.hash;
    outcome->simulated_us = run->world->clock.wall_us - SIM_WORLD_START_US;
    outcome->processes = run->world->started;
    outcome->deals = sim_traffic_deal_count(run->traffic);
    for (uint32_t i = 0; i < SIM_SERVICE_COUNT; i++) {
        outcome->decided += sim_db_count(run->place.dbs[i], &engine_outbox_table);
    }
}

static void come_to_rest(struct sim_run *run)
{
    struct sim_verdict *verdict = &run->outcome->verdict;
    stay_without_discord(run);
    drain(run, "the troubles");
    sim_run_restored(run);
    let_clocks_run_out(run);
    let_disputes_be_decided(run);
    drain(run, "the last clock");
    if (verdict->failures == 0) {
        sim_check_end(run->check, verdict);
    }
}

void sim_run_live(struct sim_run *run)
{
    trouble(run);
    sim_run_restore(run);
    sim_run_heal(run);
    sim_stripe_set_rates(run->stripe, &(struct sim_stripe_rates){.latency_us = 1000});
    sim_discord_set_rates(run->discord, &(struct sim_discord_rates){.latency_us = 1000});
    sim_traffic_settle(run->traffic);
    come_to_rest(run);
    count_up(run);
}

void sim_run(uint64_t seed, bool tells, struct sim_outcome *ret_outcome)
{
    struct sim_run *run = calloc(1, sizeof(*run));
    ASSERT(run);
    memset(ret_outcome, 0,
           sizeof(*ret_outcome)); /* too large for an initializer's copy on the stack */
    ret_outcome->plan = sim_plan_of(seed);
    run->trace.tells = tells;
    sim_run_open(run, &ret_outcome->plan, ret_outcome);
    sim_run_live(run);
    sim_run_close(run);
    free(run);
}
