/* The loop: tend the lanes, collect, decide, publish, keep house. */
#include "engine/engine.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/crash.h"
#include "engine/engine_internal.h"
#include "obs/log.h"

#define CONNECT_BACKOFF_MS 50
#define CONNECT_BACKOFF_MAX_MS 2000
#define DRAIN_WAIT_MS 5
/* Measured on two cores with three services of two threads each: a transaction costs some 3 ms of all processes
 * before its first message. */
#define SMALL_EVERY_US 25000
#define SMALL_BURST 8

struct engine_limits engine_default_limits(void)
{
    return (struct engine_limits){
        .batch_max = ENGINE_BATCH_MAX,
        .small_every_us = SMALL_EVERY_US,
        .small_burst = SMALL_BURST,
        .lease_ms = ENGINE_LEASE_MS,
        .heartbeat_ms = ENGINE_HEARTBEAT_MS,
        .closed_kept_us = ENGINE_CLOSED_KEPT_DAYS * ENGINE_DAY_US,
    };
}

/* The topics that this service's lanes write, and its own intakes, from the one list. */
static void find_topics(struct engine *engine)
{
    for (int i = 1; i < TOPIC_COUNT; i++) {
        const struct topology_topic *topic = &topology_topics[i];
        if (!str_eq(str_of(topic->writer), engine->service->name)) {
            continue;
        }
        if (topic->kind == TOPOLOGY_LANE) {
            ASSERT(engine->out_count < ENGINE_OUT_TOPICS_MAX);
            engine->out_topics[engine->out_count++] = (enum topic)i;
        } else if (topic->kind == TOPOLOGY_INTAKE) {
            ASSERT(engine->intake_count < ENGINE_OUT_TOPICS_MAX);
            engine->intake_topics[engine->intake_count++] = (enum topic)i;
        }
    }
}

static void add_aggregate(struct engine *engine, const struct engine_aggregate_kind *kind)
{
    for (uint32_t i = 0; i < engine->aggregate_count; i++) {
        if (engine->aggregates[i] == kind) {
            return;
        }
    }
    ASSERT(engine->aggregate_count < ENGINE_AGGREGATES_MAX);
    engine->aggregates[engine->aggregate_count++] = kind;
}

static void find_aggregates(struct engine *engine)
{
    for (uint32_t i = 0; i < engine->service->handler_count; i++) {
        ASSERT(engine->service->handlers[i].aggregate);
        add_aggregate(engine, engine->service->handlers[i].aggregate);
    }
    if (engine->service->effects_of) {
        add_aggregate(engine, engine->service->effects_of);
    }
    if (engine->service->timers_of) {
        add_aggregate(engine, engine->service->timers_of);
    }
}

const struct engine_aggregate_kind *engine_kind_of(const struct engine *engine,
                                                   const struct engine_item *item)
{
    if (item->handler) {
        return item->handler->aggregate;
    }
    return item->timer.generation > 0 ? engine->service->timers_of : engine->service->effects_of;
}

uint32_t engine_aggregate_of(const struct engine *engine, const struct engine_item *item)
{
    const struct engine_aggregate_kind *kind = engine_kind_of(engine, item);
    for (uint32_t i = 0; i < engine->aggregate_count; i++) {
        if (engine->aggregates[i] == kind) {
            return i;
        }
    }
    UNREACHABLE("a kind of aggregate that the service has not");
}

struct engine *engine_new(const struct engine_service *service, struct engine_ports ports,
                          struct engine_limits limits, uint32_t number)
{
    ASSERT(service->handler_count > 0);
    ASSERT(service->handler_count <= ENGINE_HANDLERS_MAX);
    ASSERT(limits.batch_max >= 1);
    ASSERT(limits.batch_max <= ENGINE_BATCH_MAX);
    ASSERT(number < ENGINE_THREADS_MAX);
    ASSERT(!service->timers_of == (service->clock == TOPIC_NONE));
    struct engine *engine = calloc(1, sizeof(*engine)); /* LINT-OK: lives as long as its thread */
    ASSERT(engine);
    engine->service = service;
    engine->ports = ports;
    engine->limits = limits;
    engine->number = number;
    struct str seed_bytes = {.ptr = (const char *)&limits.seed, .len = sizeof(limits.seed)};
    engine->owner =
        limits.seed == 0 ? id_random() : id_v5(id_namespace(STR("engine/owner")), seed_bytes);
    engine->limit = limits.batch_max;
    engine->small_pace =
        (struct pace){.interval_us = limits.small_every_us, .burst = limits.small_burst};
    uint64_t seed;
    memcpy(&seed, engine->owner.bytes, sizeof(seed));
    engine->random = random_seeded(seed);
    arena_init(&engine->arena, ENGINE_ARENA_BYTES);
    for (int32_t p = 0; p < LANES; p++) {
        engine->lanes[p].lane = p;
    }
    engine_aside_init(&engine->stats);
    engine_expire_init(engine);
    find_topics(engine);
    find_aggregates(engine);
    return engine;
}

void engine_free(struct engine *engine)
{
    if (!engine) {
        return;
    }
    engine_lanes_lose_all(engine);
    for (int32_t p = 0; p < LANES; p++) {
        arena_fini(&engine->lanes[p].parked_arena);
    }
    engine->ports.store->ops->close(engine->ports.store);
    engine->ports.bus->ops->close(engine->ports.bus);
    arena_fini(&engine->arena);
    free(engine);
}

struct engine_stats *engine_stats(struct engine *engine)
{
    return &engine->stats;
}

void engine_report(struct engine *engine, int32_t lane, const char *event)
{
    struct op *op = &engine->op;
    log_warn(op, event, LOG_STR("engine_service", engine->service->name),
             LOG_I64("thread", engine->number), LOG_I64("lane", lane),
             LOG_TEXT("code", op->err.code ? op->err.code : ""),
             LOG_TEXT("error", op->err.code ? op->err.msg : ""));
}

void engine_set_now(struct engine *engine, const struct store_fence *fence)
{
    engine->op.now_us = fence->clock.now_us;
    engine_set_clock(engine, fence->clock);
}

void engine_set_clock(struct engine *engine, struct store_clock clock)
{
    engine->clock_offset_us = store_clock_now_us(clock) - clock_wall_us();
    engine->sandbox_us = clock.sandbox_us;
    engine_clock_learn(engine, clock.wall_us);
}

int64_t engine_now_us(const struct engine *engine)
{
    return clock_wall_us() + engine->clock_offset_us;
}

/* Each piece of work gets its own memory and a clean error. */
static void begin_work(struct engine *engine)
{
    arena_reset(&engine->arena);
    engine->op = (struct op){.arena = &engine->arena, .correlation_id = STR("engine")};
}

/* If unsure what happened: forget everything, connect anew, claim again (R8, "one recovery path"). */
static void start_over(struct engine *engine)
{
    engine_report(engine, -1, "engine.start_over");
    engine_lanes_lose_all(engine);
    engine->connected = false;
    engine->connect_at_ms =
        clock_mono_ms() + random_backoff_ms(&engine->random, engine->connect_tries,
                                            CONNECT_BACKOFF_MS, CONNECT_BACKOFF_MAX_MS);
    engine->connect_tries++;
}

/*
 * Before our first heartbeat: who does not see Kafka could do nothing with a lane, and must not be
 * counted among those that share them.
 */
static STATUS see_kafka(struct engine *engine)
{
    struct bus *bus = engine->ports.bus;
    struct bus_topic_info info;
    return bus->ops->topic_info(&engine->op, bus, engine->service->handlers[0].topic, &info);
}

static STATUS connect_store(struct engine *engine, int64_t max_wait_ms)
{
    int64_t wait_ms = engine->connect_at_ms - clock_mono_ms();
    if (wait_ms > 0) {
        engine->ports.bus->ops->wait(engine->ports.bus,
                                     wait_ms < max_wait_ms ? wait_ms : max_wait_ms);
        return OK;
    }
    /* Told only now: a connection that is found again at once is no reason to be taken out of service, and without
     * Kafka requests are taken in as ever. */
    struct status st = engine->ports.store->ops->connect(&engine->op, engine->ports.store);
    if (status_failed(st)) {
        atomic_store_explicit(&engine->stats.connected, 0, memory_order_relaxed);
        return st;
    }
    TRY(see_kafka(engine));
    engine->connected = true;
    engine->heartbeat_at_ms = 0;
    engine->lease_until_ms = 0;
    engine->was_away = false;
    return OK;
}

/* What must be done from time to time, whether there is work or not. */
static STATUS keep_house(struct engine *engine)
{
    int64_t now_ms = clock_mono_ms();
    TRY(engine_effect_due(engine));
    if (now_ms >= engine->sweep_at_ms) {
        engine->sweep_at_ms = now_ms + ENGINE_SWEEP_MS;
        TRY(engine_sweep(engine));
    }
    if (now_ms >= engine->admin_at_ms) {
        engine->admin_at_ms = now_ms + ENGINE_ADMIN_MS;
        TRY(engine_admin(engine));
    }
    TRY(engine_park_release(engine));
    TRY(engine_replay_run(engine));
    if (engine->dirty_since_ms != 0 && now_ms - engine->dirty_since_ms >= ENGINE_IDLE_ADVANCE_MS) {
        TRY(engine_advance_alone(engine));
    }
    if (now_ms >= engine->tail_check_at_ms) {
        engine->tail_check_at_ms = now_ms + ENGINE_TAIL_CHECK_MS;
        TRY(engine_lanes_check_tails(engine));
    }
    TRY(engine_forget(engine, now_ms));
    TRY(engine_expire(engine, now_ms));
    engine_clock_tend(
        engine); /* after the tails: these are not looked at while something is on its way */
    return OK;
}

static STATUS work(struct engine *engine, int64_t max_wait_ms)
{
    if (!engine->connected) {
        return connect_store(engine, max_wait_ms);
    }
    if (clock_mono_ms() >= engine->heartbeat_at_ms) {
        TRY(engine_lanes_tend(engine));
        atomic_store_explicit(&engine->stats.connected, 1, memory_order_relaxed);
        engine->connect_tries = 0;
    }
    TRY(engine_deliveries(engine));
    if (engine->behind) {
        TRY(engine_publish_behind(engine));
    }
    TRY(engine_tidy_parked(engine));
    TRY(engine_timer_fill(engine));
    engine_effect_take(engine);
    bool any;
    TRY(engine_collect(engine, &any));
    if (any) {
        begin_work(engine);
        TRY(engine_batch_run(engine));
    }
    begin_work(engine);
    TRY(keep_house(engine));
    int64_t wait_ms = any ? 0 : engine_timer_wait_ms(engine, max_wait_ms);
    if (wait_ms > 0) {
        engine->ports.bus->ops->wait(engine->ports.bus, wait_ms);
    }
    return OK;
}

STATUS engine_step(struct engine *engine, int64_t max_wait_ms)
{
    begin_work(engine);
    struct status st = work(engine, max_wait_ms);
    switch (st.kind) {
    case STATUS_OK: return OK;
    case STATUS_RETRY:
    case STATUS_CANCELED:
    case STATUS_INVALID:
    case STATUS_DENIED:
    case STATUS_NOT_FOUND:
    case STATUS_CONFLICT:
    case STATUS_LIMIT:
    case STATUS_BUG:
        /* Whatever is not about one message was not decided anywhere below: look again from the start. */
        atomic_fetch_add_explicit(&engine->stats.commits_failed, 1, memory_order_relaxed);
        start_over(engine);
        return OK;
    case STATUS_STOP: start_over(engine); return st;
    case STATUS_KIND_COUNT: break;
    }
    UNREACHABLE("status kind");
}

/* True when nothing of any lane is on its way any more, nor a message to one. */
static bool drained(struct engine *engine)
{
    if (engine->intakes_reported < engine->intakes_produced) {
        return false;
    }
    for (int32_t p = 0; p < LANES; p++) {
        struct engine_lane *lane = &engine->lanes[p];
        for (uint32_t i = 0; lane->mine && i < engine->out_count; i++) {
            if (lane->outs[i].row.published_n + 1 < lane->outs[i].row.next_n) {
                return false;
            }
        }
    }
    return true;
}

static STATUS drain(struct engine *engine, int64_t until_ms)
{
    CRASH_POINT("engine-before-drain");
    while (!drained(engine) && clock_mono_ms() < until_ms) {
        begin_work(engine);
        TRY(engine_deliveries(engine));
        TRY(engine_publish_behind(engine));
        engine->ports.bus->ops->wait(engine->ports.bus, DRAIN_WAIT_MS);
    }
    begin_work(engine);
    TRY(engine_advance_alone(engine));
    for (int32_t p = 0; p < LANES; p++) {
        struct engine_lane *lane = &engine->lanes[p];
        if (lane->mine) {
            struct store_lane_ref ref = {.lane = p, .epoch = lane->epoch};
            TRY(engine->ports.store->ops->release(&engine->op, engine->ports.store, ref,
                                                  lane->probes_left == 0));
            CRASH_POINT("engine-drain-after-release");
        }
    }
    return engine->ports.store->ops->retire(&engine->op, engine->ports.store, engine->owner);
}

void engine_drain(struct engine *engine, int64_t drain_ms)
{
    begin_work(engine);
    if (engine->connected) {
        struct status st = drain(engine, clock_mono_ms() + drain_ms);
        if (status_failed(st)) {
            engine_report(engine, -1,
                          "engine.drain_failed"); /* the next owner claims: nothing is lost */
        }
    }
    engine_lanes_lose_all(engine);
    engine->connected = false;
}
