/*
 * A second witness of the time (INV32). Timers go by the database's clock, and one that wakes up two days ahead
 * would end deals two days early. So a service with timers asks Kafka as well: an empty record to a topic of its
 * own, whose acknowledgement says what time it was there. While the two clocks are too far apart, or nobody has
 * compared them lately, no timer is decided. Nothing is lost by waiting for a Kafka that is away: what a timer
 * would publish could not be published either. Sandbox time is none of the clocks' doing and does not count.
 */
#include "base/assert.h"
#include "base/clock.h"
#include "engine/engine_internal.h"
#include "obs/log.h"

#define AGAIN_US INT64_C(1000000) /* after an answer that says nothing */

static bool has_clock(const struct engine *engine)
{
    return engine->service->timers_of != NULL;
}

/* ---- What is known ---- */

static int64_t magnitude(int64_t us)
{
    return us < 0 ? -us : us;
}

/* The database's clock minus Kafka's, as far apart as they may be by what was heard. */
static int64_t apart_us(const struct engine_clock *clock)
{
    int64_t most_us = clock->database_us - clock->kafka_least_us;
    int64_t least_us = clock->database_us - clock->kafka_most_us;
    return magnitude(most_us) > magnitude(least_us) ? most_us : least_us;
}

static enum engine_clock_state state_of(const struct engine_clock *clock)
{
    bool fresh = clock->heard && clock_mono_us() - clock->heard_us <= ENGINE_CLOCK_VALID_US;
    if (!fresh || !clock->database_known) {
        return ENGINE_CLOCK_UNKNOWN;
    }
    return magnitude(apart_us(clock)) <= ENGINE_CLOCK_APART_US ? ENGINE_CLOCK_AGREES
                                                               : ENGINE_CLOCK_APART;
}

static void tell(struct engine *engine, enum engine_clock_state state)
{
    if (state == ENGINE_CLOCK_UNKNOWN) {
        engine_report(engine, /* lane */ -1, "engine.clock_unknown");
        return;
    }
    log_warn(&engine->op,
             state == ENGINE_CLOCK_APART ? "engine.clock_apart" : "engine.clock_agrees",
             LOG_STR("engine_service", engine->service->name), LOG_I64("thread", engine->number),
             LOG_I64("apart_ms", apart_us(&engine->clock) / 1000));
}

/* Looks at what is known by now. The first agreement is nothing to tell of. */
static void look(struct engine *engine)
{
    struct engine_clock *clock = &engine->clock;
    enum engine_clock_state state = state_of(clock);
    if (state != clock->state && (clock->told || state != ENGINE_CLOCK_AGREES)) {
        tell(engine, state);
    }
    clock->told |= state != ENGINE_CLOCK_UNKNOWN;
    clock->state = state;
    if (state != ENGINE_CLOCK_UNKNOWN) {
        atomic_store_explicit(&engine->stats.clock_apart_us, (uint64_t)magnitude(apart_us(clock)),
                              memory_order_relaxed);
    }
    atomic_store_explicit(&engine->stats.timers_held, state == ENGINE_CLOCK_AGREES ? 0 : 1,
                          memory_order_relaxed);
}

void engine_clock_learn(struct engine *engine, int64_t wall_us)
{
    if (has_clock(engine)) {
        engine->clock.database_us = wall_us - clock_mono_us();
        engine->clock.database_known = true;
        look(engine);
    }
}

bool engine_clock_holds(const struct engine *engine)
{
    return engine->clock.state != ENGINE_CLOCK_AGREES;
}

int64_t engine_clock_surely_us(const struct engine *engine)
{
    if (!engine->clock.seen) {
        return 0;
    }
    int64_t database_us = engine_now_us(engine);
    int64_t kafka_us = clock_mono_us() + engine->clock.seen_us + engine->sandbox_us;
    return kafka_us < database_us ? kafka_us : database_us;
}

/* ---- Asking ---- */

void engine_clock_tend(struct engine *engine)
{
    struct engine_clock *clock = &engine->clock;
    if (!has_clock(engine)) {
        return;
    }
    look(engine); /* what was heard grows old */
    int64_t now_us = clock_mono_us();
    if (clock->asked || now_us < clock->ask_at_us) {
        return;
    }
    const struct bus_message message = {.topic = engine->service->clock,
                                        .partition = clock->partition,
                                        .type = STR("holdfast.clock"),
                                        .key = STR(""),
                                        .value = STR("")};
    struct bus *bus = engine->ports.bus;
    if (status_failed(bus->ops->produce(&engine->op, bus, &message))) {
        return; /* the queue is full: in the next turn */
    }
    clock->asked = true;
    clock->asked_us = now_us;
    clock->partition = (clock->partition + 1) % LANES; /* every broker leads some */
}

bool engine_clock_heard(struct engine *engine, const struct bus_delivery *delivery)
{
    struct engine_clock *clock = &engine->clock;
    int64_t now_us = clock_mono_us();
    if (delivery->broker_at_ms >= 0) {
        clock->seen = true;
        clock->seen_us = delivery->broker_at_ms * 1000 - now_us;
    }
    if (!has_clock(engine) || delivery->topic != engine->service->clock) {
        return false;
    }
    ASSERT(clock->asked);
    clock->asked = false;
    if (delivery->broker_at_ms < 0 || now_us - clock->asked_us > ENGINE_CLOCK_TOOK_US) {
        clock->ask_at_us = now_us + AGAIN_US;
        if (delivery->broker_at_ms < 0) { /* the topic was made by hand, without LogAppendTime */
            tell(engine, ENGINE_CLOCK_UNKNOWN);
        }
        return true;
    }
    /* Its clock showed this at some moment between the question and the answer. */
    clock->kafka_least_us = delivery->broker_at_ms * 1000 - now_us;
    clock->kafka_most_us = delivery->broker_at_ms * 1000 + 999 - clock->asked_us;
    clock->heard = true;
    clock->heard_us = clock->asked_us;
    clock->ask_at_us = now_us + ENGINE_CLOCK_ASK_US;
    look(engine);
    return true;
}

void engine_clock_forget(struct engine *engine)
{
    engine->clock.asked = false;
}
