#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/assert.h"
#include "base/defer.h"
#include "engine/bus.h"
#include "engine/caller.h"
#include "engine/store.h"

/*
 * The one loop that every service runs in: collect, fence, decide, save, commit, publish
 * (ARCHITECTURE.md, "The engine"). A service gives tables and pure decide functions; the engine
 * owns order, batching, fencing, deduplication, the outbox, commit, publishing and parking.
 */

/* ---- What a decision gets ---- */

enum engine_actor_kind {
    ENGINE_ACTOR_NONE = 0,
    ENGINE_ACTOR_USER,
    ENGINE_ACTOR_MARKETPLACE,
    ENGINE_ACTOR_STAFF,
    ENGINE_ACTOR_SYSTEM,
    ENGINE_ACTOR_COUNT,
};

/* As clients and operators read it. */
static inline struct str engine_actor_name(enum engine_actor_kind kind)
{
    switch (kind) {
    case ENGINE_ACTOR_USER: return STR("user");
    case ENGINE_ACTOR_MARKETPLACE: return STR("marketplace");
    case ENGINE_ACTOR_STAFF: return STR("staff");
    case ENGINE_ACTOR_SYSTEM: return STR("system");
    case ENGINE_ACTOR_NONE:
    case ENGINE_ACTOR_COUNT: break;
    }
    UNREACHABLE("an actor of no kind");
}

struct engine_actor {
    enum engine_actor_kind kind;
    struct id id;
};

/* A record, decoded. Filled by a handler's decode; the engine has filled what is marked (engine). */
struct engine_message {
    enum topic topic;        /* (engine) */
    int32_t lane;            /* (engine) */
    int64_t committed_at_us; /* (engine) header of lane-written topics; 0 for intakes */
    struct id id;
    struct id key; /* the aggregate's id; must equal the record's key */
    struct id correlation_id;
    struct id causation_id;
    struct engine_actor actor;
    struct hash content; /* intakes: hash over type, key, actor and body (R4) */
    bool creates;        /* creates its aggregate: passes a key parked as MISSING */
    bool skip;           /* an unknown type where the service skips those: counted, not decided */
    int32_t type;        /* the service's enum */
    const void *body;    /* the service's struct, in the arena */
    /* With ENGINE_CLOSES_MESSAGE: a message to the same key that engine_close_later left open; its row of
     * `intake` gets this one's outcome. None: there is none. */
    struct id also_closes;
};

/* ---- What a decision may do ---- */

struct engine_turn; /* one message being decided; valid during decide */

struct op *engine_op(struct engine_turn *turn); /* now_us is the fence's time */

/* What is being decided; for the answer of an effect: id is the effect's, actor SYSTEM, correlation
 * that of the message which asked for it. What wire_meta_fill wants. */
const struct engine_message *engine_cause(struct engine_turn *turn);

/* The aggregate that the message is about (its handler's kind, the message's key), as of now in this
 * batch, or NULL: no such one. Change it in place, then say so. */
void *engine_aggregate(struct engine_turn *turn);
void engine_changed(struct engine_turn *turn);
/* Creates the aggregate of the message's key from a copy of row; there must be none. Returns it. */
STATUS engine_create(struct engine_turn *turn, const void *row, void **ret_row);

/* The aggregate's rows of a child table, in this batch's view: ret_rows[i] points to a struct. */
uint32_t engine_children(struct engine_turn *turn, const struct table *table,
                         void *const **ret_rows);
void engine_child_changed(struct engine_turn *turn, const struct table *table, const void *row);
STATUS engine_child_create(struct engine_turn *turn, const struct table *table, const void *row,
                           void **ret_row);

/* Appends a row (copied) to one of the service's insert-only tables. */
STATUS engine_append(struct engine_turn *turn, const struct table *table, const void *row);

/* The id of the next thing this decision makes: derived from (message, ordinal), so a replay makes
 * the same. Use it in what is emitted, transferred, asked for. */
struct id engine_next_id(struct engine_turn *turn);

/* Publishes a record on one of the service's lane-written topics, with the message's key. id is
 * from engine_next_id; type is the CloudEvents type; payload lives in the arena.
 * STATUS_LIMIT with "engine.output_too_large" over BUS_VALUE_MAX_BYTES. */
STATUS engine_emit(struct engine_turn *turn, enum topic topic, struct id id, struct str type,
                   struct str payload);

/* Called with `about` when the batch of this decision is committed, in the order of the decisions; never when
 * it is rolled back, to be decided again: for what is to be counted or told to people once. A process
 * that dies right after the commit tells nothing. about lives as long as the arena. */
typedef void engine_afterwards_fn(const struct op *op, const void *about);
STATUS engine_afterwards(struct engine_turn *turn, engine_afterwards_fn *tell, const void *about);

/* Whoever waits for this message (its row of `intake`, ENGINE_CLOSES_MESSAGE) hears REJECTED, with this
 * code and sentence, which live as long as the arena; without this: ACCEPTED. */
void engine_refuse(struct engine_turn *turn, struct str code, struct str sentence);
/* Whoever waits for this message hears nothing yet: the answer to what is posted now (engine_post) will say
 * what became of it (also_closes). The decision must have posted what brings that answer. */
void engine_close_later(struct engine_turn *turn);

#define ENGINE_POSTS_MAX 64 /* of one decision; a wider fan-out goes in steps */

/*
 * A message to another aggregate of this service, of whatever lane and kind (its own too): a record
 * with that key on one of the service's own intake topics, which it reads itself with
 * ENGINE_CLOSES_MESSAGE. It is inserted with the decision (table intake), so it is sent if and only if
 * that is committed, and published at once by this thread, or, if that failed, by the owner of the key's
 * lane; and again until the decision of the target closes the row (R5). The target decides it once (R4);
 * there is no order among posts, nor between posts and events.
 * id is from engine_next_id; type is the CloudEvents type; payload lives in the arena and names the same
 * key. STATUS_LIMIT with "engine.output_too_large" over BUS_VALUE_MAX_BYTES, with
 * "engine.too_many_posts" over ENGINE_POSTS_MAX.
 */
STATUS engine_post(struct engine_turn *turn, enum topic topic, struct id id, struct str type,
                   struct id key, struct str payload);

/* A request to the outside. */
struct engine_ask {
    struct id id;         /* from engine_next_id */
    int32_t kind;         /* the service's own enum */
    struct id subject;    /* what it is about */
    struct str request;   /* frozen bytes */
    int64_t caused_at_us; /* its age counts from here; 0: from what is being decided */
};

STATUS engine_effect(struct engine_turn *turn, const struct engine_ask *ask);

/* From its cause on: after this a call is not sent any more (R12), for the other side may have forgotten its key. */
#define ENGINE_EFFECT_SEND_AGE_US (20 * INT64_C(3600) * 1000000)

/* An effect's row. Exactly the columns of the table `effect`. */
enum effect_state {
    EFFECT_NONE = 0,
    EFFECT_WAITING,
    EFFECT_SENDING,
    EFFECT_DONE,
    EFFECT_FAILED,
    EFFECT_UNKNOWN,
    EFFECT_STATE_COUNT,
};

struct effect_row {
    struct id id;
    int32_t lane;
    struct id key;
    int kind;
    struct id subject;
    struct id correlation_id;
    struct str request;
    enum effect_state state;
    int32_t attempts;
    int64_t due_at_us;
    int64_t caused_at_us;
    bool open;
    int32_t last_status;
    struct str last_answer;
};

/*
 * Timers (R14): something to be decided at a moment, about the message's aggregate, of the kind that
 * engine_service.timers_of names. Times are microseconds since 1970 by the database's clock; a moment
 * that has passed is due at once. While that clock and Kafka's are more than a minute apart none is decided.
 */

/* A timer's row. Exactly the columns of the table `timer`. */
enum timer_state {
    TIMER_NONE = 0,
    TIMER_WAITING,
    TIMER_PARKED, /* it was due and could not be decided: among the key's parked messages */
    TIMER_FIRED,
    TIMER_CANCELED,
    TIMER_STATE_COUNT,
};

struct timer_row {
    struct id key;
    int kind;           /* the service's enum, from 1 on: at most one timer of each (key, kind) */
    int32_t lane;       /* of the key */
    int64_t generation; /* from 1 on */
    int64_t due_at_us;
    struct id correlation_id; /* of the message that set it */
    enum timer_state state;
    bool open; /* WAITING */
    int64_t closed_at_us;
};

extern const struct table engine_timer_table;

/*
 * Sets the timer of this kind, in place of one with a lower generation, whatever became of that. A
 * generation that is not higher than the highest one known is ignored. STATUS_LIMIT only, when the
 * arena is full.
 */
STATUS engine_timer_set(struct engine_turn *turn, int kind, int64_t generation, int64_t due_at_us);
/* Ends the timer of exactly this generation, if it still waits; else nothing. */
void engine_timer_cancel(struct engine_turn *turn, int kind, int64_t generation);

/* Why a call was given up that nobody misses any more (engine_service.effects_expire). */
#define ENGINE_EXPIRED STR("expired")

/* What an answer means for its effect. */
enum engine_verdict {
    ENGINE_VERDICT_NONE = 0,
    ENGINE_VERDICT_DONE,    /* certain: it happened */
    ENGINE_VERDICT_FAILED,  /* certain: it did not and will not */
    ENGINE_VERDICT_UNKNOWN, /* ask again: same key, same bytes, backoff */
    ENGINE_VERDICT_LATER, /* the other side told when to come back: the same bytes then; it certainly
                             * did not happen, and is no attempt that failed */
    ENGINE_VERDICT_COUNT,
};

/* The outcome of an intake row, set by a projection (see engine_handler.closes). */
enum intake_outcome {
    INTAKE_OPEN = 0,
    INTAKE_ACCEPTED,
    INTAKE_REJECTED,
    INTAKE_OUTCOME_COUNT,
};

/* ---- What a service is ---- */

#define ENGINE_TABLES_MAX 8
#define ENGINE_HANDLERS_MAX 8
#define ENGINE_AGGREGATES_MAX 4 /* kinds of one service */

/* Which of this service's own intake rows a handler's messages close (R5). */
enum engine_closes {
    ENGINE_CLOSES_NONE = 0,
    ENGINE_CLOSES_CAUSE,   /* the row whose id is the message's causation id (gateway: events) */
    ENGINE_CLOSES_MESSAGE, /* the row of the message itself (an internal intake topic) */
    ENGINE_CLOSES_COUNT,
};

/*
 * A kind of aggregate: what messages are about, what parking and order go by. A service may have
 * several; each is found by (kind, key), so two kinds may have the same key, though parking a key
 * holds up the messages of both.
 */
struct engine_aggregate_kind {
    const struct table *table; /* single COLUMN_UUID key; NULL: children are all that it has */
    const struct table *children[ENGINE_TABLES_MAX]; /* with a parent column; NULL-terminated */
};

struct engine_handler {
    enum topic topic;
    const struct engine_aggregate_kind *aggregate; /* what the topic's keys are keys of */
    /* Bytes to message; checks everything. STATUS_INVALID parks. Pure but for the arena. */
    struct status (*decode)(struct op *op, const struct bus_record *record,
                            struct engine_message *ret_message);
    /* Decides. A refusal is a result, not a status. A failed status means "this message cannot be
     * decided": the batch is rolled back and the message ends parked, by STATUS kind (R8).
     * STATUS_NOT_FOUND parks the key as MISSING: the message that creates it will release it. */
    struct status (*decide)(struct engine_turn *turn, const struct engine_message *message);
    /* A parked message is dropped by a person: tell whoever waits (commands: CommandRejected).
     * NULL where nobody waits. */
    struct status (*dropped)(struct engine_turn *turn, const struct engine_message *message);
    enum engine_closes closes;
    /* With ENGINE_CLOSES_CAUSE, else NULL: the outcome that this message brings. code and sentence stay
     * empty for ACCEPTED. */
    enum intake_outcome (*outcome)(const struct engine_message *message, struct str *ret_code,
                                   struct str *ret_sentence);
    /* What comes before its aggregate is no matter of order, which heals by itself: people are told of it
     * (engine.put_aside) as of anything else that waits for them. */
    bool never_early;
    bool drop_needs_two; /* dropping a parked message of this topic needs a second person */
};

/* Rows that nobody can need any more once they are so old: see engine_expire.c. */
#define ENGINE_EXPIRING_MAX 2

struct engine_expiring {
    /* SCAN_PIECE: by when a row was closed, and `filter` where it can be open. Rows that stay for other reasons are not
     * among its answers, so that they hide none. */
    struct table_scan scan;
    int16_t key; /* whose lane deletes it, unless it is parked; TABLE_NO_COLUMN: lane 0 does */
    int64_t
        kept_us; /* 0: engine_limits.closed_kept_us; else so long: no message leads to such rows again */
};

struct engine_service {
    struct str name; /* "escrow": also its schema and the ce_source */
    const struct table *appends[ENGINE_TABLES_MAX]; /* insert-only; NULL-terminated */
    const struct engine_handler *handlers;
    uint32_t handler_count;
    enum topic dlq; /* where parking is announced */
    struct str (*parked_record)(struct op *op, const struct bus_record *record,
                                struct id message_id, struct id key,
                                struct str reason); /* the announcement's bytes */
    bool demands_first; /* no lane_in row and first n > 1: stop (money services) */
    /* Each batch leaves in lane_change, by lane, which aggregates it changed and which intake rows it
     * closed, and wakes the listeners (store.tell): for services that show changes as they happen. */
    bool tells;
    /* Effects; NULL where a service has none. Only one kind asks for them. */
    const struct engine_aggregate_kind *effects_of;
    enum engine_verdict (*judge)(struct op *op, const struct effect_row *effect,
                                 const struct caller_answer *answer, struct str *ret_code);
    /* What is too old to be sent has FAILED (outcome CALLER_GIVEN_UP, code ENGINE_EXPIRED) instead of waiting
     * for a person: for services whose calls nobody misses after a day. */
    bool effects_expire;
    /* What is too old to be sent is looked up instead: what asks the other side what became of it, as frozen bytes.
     * `judge` reads the answer (looked_up): DONE and FAILED settle the call; UNKNOWN with an HTTP status of success means
     * that the other side cannot tell: a person is called, and it is asked again hourly. NULL: a person is called at
     * once. Pure but for the arena. */
    struct status (*look_up)(struct op *op, const struct effect_row *effect,
                             struct str *ret_request);
    /* Asked before a call goes out later than with its decision, the first time or again, with the row of its
     * aggregate as it is then (NULL: there is none): may it still go out? One that may not has FAILED
     * (outcome CALLER_GIVEN_UP, with this code, which lives as long as the program), though an earlier attempt
     * may have arrived. Pure. NULL where what was asked for stays wanted. */
    bool (*still_wanted)(const struct effect_row *effect, const void *aggregate,
                         struct str *ret_code);
    /* Decides a certain answer (DONE or FAILED) like a message; message.id is the effect's id. DONE with the outcome
     * CALLER_GIVEN_UP is what two people said; a failed status is told to them, and the call stays open. */
    struct status (*answered)(struct engine_turn *turn, const struct effect_row *effect,
                              enum engine_verdict verdict, const struct caller_answer *answer);
    /* Is it one of the service's switches? How each stands is told by the last ADMIN_SWITCH_… that was done; off it is from
     * when that is asked for. The service looks by itself. NULL: it has none. */
    bool (*has_switch)(struct str name);
    /* What the service keeps of what it was told, and a person may have decided again (ADMIN_REPLAY): rows of this table,
     * by id. NULL: nothing. `again` makes the record that such a row leads to by now, whose message has this id: topic, key,
     * value. Its failed status is told to who asked. Pure but for the arena. */
    const struct table *kept;
    struct status (*again)(struct op *op, const void *row, struct id id,
                           struct bus_record *ret_record);
    /* Of the service's own tables, besides the engine's; NULL where there are fewer. */
    const struct engine_expiring *expiring[ENGINE_EXPIRING_MAX];
    /* Timers; NULL where a service has none. Only one kind has them, with engine_timer_table among its
     * children. */
    const struct engine_aggregate_kind *timers_of;
    /* With timers_of, else none: where Kafka is asked for its time; written by nobody else, read by nobody. */
    enum topic clock;
    /* Timers that are held do not make the process unready: what else it is asked for is wanted more. */
    bool timers_may_wait;
    /* Decides one that is due, like a message: message.id is
     * derived from (key, kind, generation), so that whatever is emitted has the same id whoever
     * fires it. The row is closed by the engine. A failed status parks it by its key (R8, R10). */
    struct status (*fired)(struct engine_turn *turn, const struct timer_row *timer);
};

/* ---- Running it ---- */

#define ENGINE_BATCH_MAX 512
#define ENGINE_BATCH_SMALL 128 /* a batch below this costs more by itself than by its messages */
#define ENGINE_THREADS_MAX 8
#define ENGINE_LEASE_MS 2500
#define ENGINE_HEARTBEAT_MS 500
#define ENGINE_DAY_US (24 * INT64_C(3600) * 1000000)
#define ENGINE_CLOSED_KEPT_DAYS 400

struct engine_limits {
    uint32_t batch_max; /* 1 to ENGINE_BATCH_MAX */
    /* Small transactions of a thread (R16): a burst of them at once, then one each so many microseconds. What comes
     * meanwhile gathers, and goes as soon as it is no small batch any more. 0: never waits. */
    int64_t small_every_us;
    uint32_t small_burst; /* at least 1 */
    int64_t lease_ms;
    int64_t heartbeat_ms;
    int64_t
        closed_kept_us; /* what is closed stays so long, by the clocks of the database and of Kafka */
    uint64_t seed; /* simulation: the owner's id and all jitter come from it; 0: from the kernel */
};

struct engine_limits engine_default_limits(void);

/* Messages that a thread put aside, by reason: the engine's own from the start, error codes from their first message on.
 * "engine.behind": the key was parked already. The last place, "other", counts what finds no place of its own. */
#define ENGINE_ASIDE_MAX 32

struct engine_aside {
    /* Of static storage; NULL: an empty place, as all behind it are but the last. */
    _Atomic(const char *) reason;
    _Atomic uint64_t count;
};

/* Rows deleted because they were old: of the outbox, the engine's tables and the service's. */
#define ENGINE_FORGOTTEN_MAX (5 + ENGINE_EXPIRING_MAX)

struct engine_forgotten {
    _Atomic(const char *) table; /* NULL: an empty place */
    _Atomic uint64_t count;
};

/* Counters and gauges of one engine thread, read by the metrics page. */
struct engine_stats {
    _Atomic uint64_t decided, duplicates, skipped, refused_batches, batches, published;
    struct engine_aside aside[ENGINE_ASIDE_MAX];
    struct engine_forgotten forgotten[ENGINE_FORGOTTEN_MAX];
    _Atomic uint64_t gaps, claims, effects_sent, effects_done, effects_failed, effects_unknown,
        effects_later;
    _Atomic uint64_t intakes_republished, commits_failed, posted;
    _Atomic uint64_t timers_set, timers_fired, timers_canceled;
    _Atomic uint32_t lanes_held, lanes_stopped, batch_limit, connected;
    _Atomic uint32_t parked_keys;           /* of the lanes held */
    _Atomic uint64_t oldest_unpublished_us; /* age; 0: none */
    _Atomic uint64_t unpublished;           /* committed records that Kafka has not acknowledged */
    _Atomic uint64_t effects_need_person;   /* open, too old to be sent again */
    _Atomic uint64_t oldest_effect_us;      /* age of what caused the oldest open one; 0: none */
    _Atomic uint64_t timers_waiting; /* in memory: at most ENGINE_TIMER_WINDOW of each lane */
    _Atomic uint32_t timers_held;    /* 1: none is decided, for the clocks do not agree */
    _Atomic uint64_t clock_apart_us; /* the database's and Kafka's, when last compared */
};

/* One engine thread. Not thread-safe but for engine_stop and the stats. */
struct engine;

struct metrics_histogram;

struct engine_ports {
    struct store *store;   /* owned from engine_new on */
    struct bus *bus;       /* owned from engine_new on */
    struct caller *caller; /* borrowed; NULL where the service has no effects */
    /* Borrowed: how long after its moment a timer was decided. NULL: nobody asks. */
    struct metrics_histogram *timer_lateness;
};

/* number: 0 … ENGINE_THREADS_MAX - 1 within the process. Allocates; never fails but by ASSERT. */
struct engine *engine_new(const struct engine_service *service, struct engine_ports ports,
                          struct engine_limits limits, uint32_t number);
void engine_free(struct engine *engine);
DEFINE_FREE_AT(struct engine, engine_free)

/*
 * One turn of the loop: heartbeat if due, claim or hand over lanes, collect, decide, publish,
 * housekeeping. Waits at most max_wait_ms when there is nothing to do. Returns what it cannot
 * act on (STATUS_STOP: broker or database refuse us for good); everything else is handled inside.
 */
STATUS engine_step(struct engine *engine, int64_t max_wait_ms);

/* Finishes: publishes what is committed (at most drain_ms), hands the lanes over, retires. */
void engine_drain(struct engine *engine, int64_t drain_ms);

struct engine_stats *engine_stats(struct engine *engine);
