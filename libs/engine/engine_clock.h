#pragma once

#include <stdbool.h>
#include <stdint.h>

struct bus_delivery;
struct engine;

/* INV32: Kafka's clock and the database's, both as what they show more than our monotonic clock. */
enum engine_clock_state {
    ENGINE_CLOCK_UNKNOWN = 0,
    ENGINE_CLOCK_AGREES,
    ENGINE_CLOCK_APART,
    ENGINE_CLOCK_STATE_COUNT,
};

struct engine_clock {
    enum engine_clock_state state;
    bool told;              /* the log knows that they were compared once */
    bool asked;             /* a record is on its way */
    int32_t partition;      /* of the next one */
    int64_t asked_us;       /* monotonic */
    int64_t ask_at_us;      /* monotonic */
    bool heard;             /* the three below are something */
    int64_t heard_us;       /* monotonic: when the question was asked that has this answer */
    int64_t kafka_least_us; /* between this … */
    int64_t kafka_most_us;  /* … and that */
    bool database_known;
    int64_t database_us; /* at the last fence or heartbeat */
    bool seen;           /* by whatever Kafka acknowledged last, in every service: at least … */
    int64_t seen_us;     /* … this */
};

/* Only a service with timers asks Kafka; the others know what it acknowledged. */

/* What the database's clock shows, read just now. */
void engine_clock_learn(struct engine *engine, int64_t wall_us);
/* True: no timer may be decided. As of what was learned last: under a fence, as of that fence. */
bool engine_clock_holds(const struct engine *engine);
/* Asks Kafka, when it is time. */
void engine_clock_tend(struct engine *engine);
/* False: the delivery is of something else. */
bool engine_clock_heard(struct engine *engine, const struct bus_delivery *delivery);
/* At least so late is it by both clocks, sandbox time included; 0 while Kafka has acknowledged nothing. */
int64_t engine_clock_surely_us(const struct engine *engine);
/* The producer was reset: no answer comes. */
void engine_clock_forget(struct engine *engine);
