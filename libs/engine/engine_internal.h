#pragma once

#include "base/map.h"
#include "base/pace.h"
#include "base/random.h"
#include "engine/engine.h"
#include "engine/engine_clock.h"
#include "engine/engine_tables.h"
#include "engine/engine_timer_heap.h"

/*
 * What the files of the engine share. Nobody else includes this.
 *
 * engine.c          the loop and its life
 * engine_lanes.c    heartbeat, fair share, hand-over, stopping a lane
 * engine_claim.c    taking a lane: what the database and the log really say
 * engine_clock.c    Kafka's clock against the database's: are timers held back? (INV32)
 * engine_probe.c    after an unclean end: what is tried is noted before (R9)
 * engine_adopt.c    records that a restored database lost, taken back from the log (R18)
 * engine_replay.c   the decisions that led to them, made again in their order and compared (R18)
 * engine_seek.c     where in a log to begin, when a position is not in it any more
 * engine_batch.c    collect, decode; one attempt, and what follows its commit or failure
 * engine_load.c     fence and load
 * engine_decide.c   one item: new or not, waiting or not, decided
 * engine_dedupe.c   which record is next, a duplicate, a gap or a fork (R3, R4)
 * engine_turn.c     what a decision may do: the batch's view of rows, and what it makes
 * engine_save.c     the batch's rows into the store
 * engine_tell.c     what the batch changed, for those who watch
 * engine_park.c     parking, quarantine, running or dropping what was parked
 * engine_aside.c    what on-call sees of that: a line, a count by reason
 * engine_publish.c  outbox to Kafka, acknowledgements, the cursor
 * engine_forget.c   what was published long ago leaves the outbox (R1)
 * engine_expire.c   what was closed longer ago leaves the other tables
 * engine_effect.c   effects due, answers, verdicts
 * engine_post.c     messages from one aggregate to another
 * engine_timer.c    timers: which are due, and what becomes of them (engine_timer_heap.c: the soonest)
 * engine_sweep.c    open intakes published again, requests of people
 * engine_person.c   of these: something kept decided again, a call's outcome told
 */

#define ENGINE_ARENA_BYTES ((size_t)256 * 1024 * 1024) /* a batch of 512 at 256 KB each, and rows */
#define ENGINE_QUEUE_MAX ENGINE_BATCH_MAX
#define ENGINE_PARKED_MAX 4096 /* keys of one lane; more is no accident any more: the lane stops */
#define ENGINE_PARKED_ROOM \
    (2 * ENGINE_BATCH_MAX) /* for those that come and go until it is tidied */
#define ENGINE_OUT_TOPICS_MAX 8
#define ENGINE_INFLIGHT_MAX 64     /* effects sent and not answered, of one thread */
#define ENGINE_TRIES_MAX 3         /* R9: the third try of a record that kills parks it */
#define ENGINE_STRANGE_PARKS_MAX 3 /* R8: different keys parked in a row without a success */
#define ENGINE_PUBLISH_BATCH 512
#define ENGINE_OUTBOX_KEPT_US (180 * 24 * INT64_C(3600) * 1000000) /* twice what any topic keeps */
#define ENGINE_WAITING_ASK_MS 1000 /* of a longer wait the outbox is asked how old the row is */
#define ENGINE_WAITING_BEFORE_MS 1 /* waiting_since_ms of what waited before our time */
#define ENGINE_TAIL_CHECK_MS 60000
/* INV32: further apart than this, and one of the two clocks is wrong; in step they are, NTP keeps them. */
#define ENGINE_CLOCK_APART_US (60 * INT64_C(1000000))
#define ENGINE_CLOCK_ASK_US (10 * INT64_C(1000000)) /* one that was set right is seen within this */
#define ENGINE_CLOCK_VALID_US (60 * INT64_C(1000000)) /* an older answer counts no more */
#define ENGINE_CLOCK_TOOK_US (10 * INT64_C(1000000))  /* an answer that took longer says little */
#define ENGINE_SWEEP_MS 1000
#define ENGINE_ADMIN_MS 500
#define ENGINE_IDLE_ADVANCE_MS 100
#define ENGINE_EFFECT_WATCH_US (60 * INT64_C(1000000)) /* an answer that never came: asked again */
/* People may settle it: what was sent last has arrived by then, or never will. */
#define ENGINE_EFFECT_SETTLE_AGE_US (21 * INT64_C(3600) * 1000000)
#define ENGINE_EFFECT_LOOK_AGAIN_MS (INT64_C(3600) * 1000) /* what the other side could not tell */
/* A person's effect is looked at this much later than the others, so that it never hides them. */
#define ENGINE_EFFECT_OLD_DUE_US (100 * 365 * 24 * INT64_C(3600) * 1000000)
#define ENGINE_EFFECT_BACKOFF_MS 500
#define ENGINE_EFFECT_BACKOFF_MAX_MS 60000

/* How far a lane has read one of its topics; the batch works on a copy until it is committed. */
struct engine_in {
    enum topic topic;
    const struct engine_handler *handler;
    bool stored;  /* a lane_in row exists */
    bool started; /* last_n is known (a row exists, or a first record was seen) */
    bool dirty;   /* differs from the row */
    bool gap;     /* reading and discarding until last_n + 1 comes */
    struct lane_in_row row;
};

struct engine_out {
    enum topic topic;
    bool stored;
    bool dirty;
    struct lane_out_row row; /* published_n: acknowledged without a hole */
    int64_t produced_n;      /* handed to the producer */
    /* Since when something is committed and not acknowledged, whatever it is: no row waits longer.
     * 0: nothing waits. */
    int64_t waiting_since_ms;
};

/* R9: one thing that a lane tries. */
struct engine_trial {
    int64_t kafka_offset; /* of a record, else -1 */
    struct id item_id;    /* of a timer's message or an effect, else none */
};

/* What was noted last of one source, before it was tried. */
struct engine_probe {
    struct lane_probe_row row; /* its source lives for ever */
    bool stored;               /* a lane_probe row exists */
    bool has_survived;
    struct engine_trial survived; /* what was noted last and did not kill us */
};

/* Decisions being made again, of a lane whose records were taken back from the log. */
struct engine_replay {
    bool on;
    bool due;                           /* something happened that may let a key go on */
    bool progressed;                    /* in this round over the keys */
    uint32_t skip;                      /* keys of this round that were looked at and still wait */
    int64_t until[ENGINE_HANDLERS_MAX]; /* offsets: before these are read, the order is not known */
};

struct engine_lane {
    int32_t lane;
    bool mine;
    bool draining; /* being handed over: reads nothing, waits for acknowledgements */
    int64_t epoch;
    uint32_t probes_left;   /* R9: items still to be taken one by one */
    int64_t forgiven_at_ms; /* clock_mono_ms: its owners' deaths count no more from then on */
    int64_t judged_epoch;   /* ours, at which they were counted */
    struct engine_probe
        probes[ENGINE_HANDLERS_MAX + 3];           /* as handlers, then timers, answers, owners */
    struct engine_in ins[ENGINE_HANDLERS_MAX];     /* as service->handlers */
    struct engine_out outs[ENGINE_OUT_TOPICS_MAX]; /* as engine->out_topics */
    struct arena parked_arena;
    struct map parked;       /* key → enum engine_parked */
    uint32_t parked_keys;    /* those of them that are not ENGINE_PARKED_NOT */
    bool look_for_missed;    /* a key parked as MISSING may have its aggregate by now */
    int64_t effect_due_us;   /* the next effect is not due before this; INT64_MAX: none known */
    bool effect_takeover;    /* effects left SENDING by the owner before: ask again now */
    uint32_t effects_old;    /* open, too old to be sent again: a person's */
    int64_t effect_since_us; /* what caused the oldest open one, when last looked; 0: none */
    int64_t strange_parks;   /* R8: parked in a row without a success */
    struct engine_timer_heap timers;
    struct engine_replay replay;
};

enum engine_parked {
    ENGINE_PARKED_NOT = 0,
    ENGINE_PARKED_BROKEN,
    ENGINE_PARKED_MISSING,
    ENGINE_PARKED_RESTORING,
};

#define ENGINE_RESTORING STR("engine.restoring") /* the reason of the last kind */

/* Which parked message of a key is run. */
struct engine_choice {
    const struct parked_message_row *parked; /* NULL: none */
    uint32_t count;                          /* of the key; more than one: 2 or more */
    bool silent; /* while decisions are made again: it has no place in the log */
};

/* One thing to decide. Lives for one attempt of one batch. */
enum engine_item_kind {
    ENGINE_ITEM_RECORD = 0,
    ENGINE_ITEM_ANSWER,  /* of an effect */
    ENGINE_ITEM_TIMER,   /* one that is due */
    ENGINE_ITEM_PARKED,  /* a parked message being run again */
    ENGINE_ITEM_DROPPED, /* a parked message being dropped */
};

enum engine_fate {
    ENGINE_FATE_DECIDE = 0,
    ENGINE_FATE_IGNORE,     /* duplicate, discarded in a gap, skipped type: the position moves on */
    ENGINE_FATE_BEHIND,     /* its key is parked: queues behind */
    ENGINE_FATE_PARK,       /* parks its key, for `reason` */
    ENGINE_FATE_QUARANTINE, /* no key that we can read */
    ENGINE_FATE_NOT_YET, /* a timer that is due later than the fence's time, or held: goes back */
};

struct engine_item {
    enum engine_item_kind kind;
    enum engine_fate fate;
    int32_t lane;
    uint32_t in; /* index of lane.ins, for records */
    const struct bus_record *record;
    const struct engine_handler *handler; /* NULL: the answer of an effect, or a timer */
    struct engine_message message;
    struct id key;
    bool key_known;
    struct str reason; /* of PARK and QUARANTINE: an error code */
    bool missing;
    /* answers */
    struct effect_row *effect;
    enum engine_verdict verdict;
    int64_t wait_ms; /* UNKNOWN, LATER: until it is asked again */
    struct caller_answer answer;
    /* timers, parked ones too; generation 0: none */
    struct engine_timer_entry timer;
    /* parked */
    const struct parked_message_row *parked;
};

/* One aggregate, as this batch sees it. */
enum engine_row_state {
    ENGINE_ROW_ABSENT = 0,
    ENGINE_ROW_LOADED,
    ENGINE_ROW_CHANGED,
    ENGINE_ROW_CREATED,
};

struct engine_child {
    void *row;
    int64_t loaded_version;
    enum engine_row_state state;
};

struct engine_children {
    struct engine_child *items;
    void **rows; /* items[i].row, for engine_children() */
    uint32_t count;
    uint32_t capacity;
};

struct engine_view {
    uint32_t aggregate; /* its kind: index of engine->aggregates */
    struct id key;
    void *row;
    int64_t loaded_version;
    enum engine_row_state state;
    struct engine_children children[ENGINE_TABLES_MAX];
};

/* Pointers to rows for one insert, update or erase. */
struct engine_rows {
    const struct table *table;
    const void **rows;
    int64_t *old_versions;
    uint32_t count;
    uint32_t capacity;
};

struct engine_output {
    enum topic topic;
    int32_t lane;
    struct outbox_row row;
};

struct engine_new_effect {
    struct effect_row row;
    bool send;
};

/* One attempt: everything in the batch arena, nothing kept unless it commits. */
struct engine_batch {
    struct engine_item *items;
    uint32_t item_count, item_max; /* item_max: room for so many */
    uint32_t record_count;         /* of the items, how many came from the queue's front */
    uint32_t timer_count;          /* … and from the heaps */
    bool is_probe;                 /* R9: its one item is tried alone */
    struct store_fence fence;
    struct engine_in ins[LANES][ENGINE_HANDLERS_MAX];
    struct engine_out outs[LANES][ENGINE_OUT_TOPICS_MAX];
    bool lane_used[LANES];
    struct engine_view *views;
    uint32_t view_count;
    struct map view_of[ENGINE_AGGREGATES_MAX]; /* key → index in views */
    struct map seen;                           /* message ids of intakes in this batch */
    struct engine_rows appends[ENGINE_TABLES_MAX];
    struct engine_rows inbox, quarantine, parked_keys_new, parked_keys_changed, parked_keys_gone;
    struct engine_rows parked_messages, parked_messages_gone, intakes, effects_new, effects_changed;
    struct engine_rows requests, posts, restored_changed, afterwards;
    struct engine_output *outputs;
    uint32_t output_count, output_capacity;
    struct engine_new_effect **sends; /* effects to send after commit */
    uint32_t send_count, send_capacity;
    uint32_t slots_left; /* free slots of the caller when the batch began */
    struct store_rows loaded_inbox, loaded_intakes, loaded_parked;
    struct store_rows loaded_restored; /* open ones of the items' keys */
    struct store_rows loaded_views[ENGINE_AGGREGATES_MAX];
    struct store_rows loaded_children[ENGINE_AGGREGATES_MAX][ENGINE_TABLES_MAX];
    struct map intake_of; /* intake id → index in loaded_intakes */

    struct engine_parked_change {
        int32_t lane;
        struct id key;
        enum engine_parked state;
    } *parked_changes;

    uint32_t parked_change_count;
    bool created_missed[LANES]; /* the creator of a key parked as MISSING was decided */
};

struct engine_turn {
    struct engine *engine;
    struct engine_batch *batch;
    struct engine_view *view;
    const struct engine_item *item;
    struct id cause;
    int64_t caused_at_us;
    struct id first_id; /* once ordinal is above 0 */
    uint32_t ordinal;
    uint32_t post_count;
    struct str refused_code; /* empty: not refused */
    struct str refused_sentence;
    bool closes_later;
};

struct engine_inflight {
    bool used;
    bool looks_up; /* asks what became of the call */
    int32_t lane;
    struct id effect_id;
    struct id key;
};

/* The one item that the next batch must park, after it failed alone. */
struct engine_condemned {
    bool set;
    enum engine_item_kind kind;
    int32_t lane;
    enum topic topic; /* records */
    int64_t offset;
    struct id id; /* of the effect, or of the timer's message */
    bool missing;
    const char *reason;
};

struct engine {
    const struct engine_service *service;
    struct engine_ports ports;
    struct engine_limits limits;
    uint32_t number;
    struct id owner;
    const struct engine_aggregate_kind *aggregates[ENGINE_AGGREGATES_MAX]; /* the service's */
    uint32_t aggregate_count;
    enum topic out_topics[ENGINE_OUT_TOPICS_MAX];
    uint32_t out_count;
    enum topic intake_topics[ENGINE_OUT_TOPICS_MAX]; /* the service's own, swept */
    uint32_t intake_count;

    struct arena arena; /* of the current step */
    struct op op;
    struct random random;

    bool connected;
    uint32_t connect_tries;
    int64_t connect_at_ms, heartbeat_at_ms;
    int64_t clock_offset_us; /* the database's clock minus ours, at the last fence or heartbeat */
    int64_t sandbox_us;      /* of that, what its sandbox clock adds */
    struct engine_clock clock;
    int64_t lease_until_ms;    /* by our clock, counted from before the heartbeat was sent */
    bool was_away;             /* at the last heartbeat: it was the first, or came late */
    int64_t starving_since_ms; /* another owner has less than its share since; 0: none has */
    bool topology_checked;
    int64_t
        longest_retention_ms; /* of the topics that this service reads or writes; -1: for ever */

    struct engine_lane lanes[LANES];
    struct bus_record queue[ENGINE_QUEUE_MAX];
    uint32_t queue_count;
    struct caller_answer answers[ENGINE_INFLIGHT_MAX];
    uint32_t answer_count;
    struct engine_inflight inflight[ENGINE_INFLIGHT_MAX];

    uint32_t limit;      /* of the next batch: halves and doubles */
    uint32_t first_kind; /* of things, in the next batch: counts on while they are tried alone */
    struct pace small_pace;
    struct engine_condemned condemned;
    int64_t dirty_since_ms; /* cursors not written yet; 0: none */
    int64_t sweep_at_ms, admin_at_ms, tail_check_at_ms, forget_at_ms, expire_at_ms;
    uint32_t forget_next; /* which topic of which lane is looked at, at forget_at_ms */
    const struct engine_expiring *expiring[ENGINE_FORGOTTEN_MAX];
    uint32_t expiring_count, expire_next; /* which of them is looked through, at expire_at_ms */
    int64_t expire_place;                 /* and which piece of it */
    bool behind; /* some committed rows must be read back to be published */
    /* Intake rows that this thread gave to its producer and that were reported, ever; and how many must
     * be reported before the next sweep. */
    uint64_t intakes_produced, intakes_reported, intakes_awaited;
    struct engine_stats stats;
};

/* engine.c: one log line about a lane (-1: the thread), with what op.err says if it is set. */
void engine_report(struct engine *engine, int32_t lane, const char *event);
/* The fence's time for what is decided now; remembers how far our clock is off. */
void engine_set_now(struct engine *engine, const struct store_fence *fence);
/* Which kind of aggregate the item is about, and its place in engine->aggregates. */
const struct engine_aggregate_kind *engine_kind_of(const struct engine *engine,
                                                   const struct engine_item *item);
uint32_t engine_aggregate_of(const struct engine *engine, const struct engine_item *item);
/* What the database says that it is now. */
void engine_set_clock(struct engine *engine, struct store_clock clock);
/* The database's time, as far as we know: only for deciding when to look. */
int64_t engine_now_us(const struct engine *engine);

/* engine_lanes.c */
STATUS engine_lanes_tend(struct engine *engine);
/* The heartbeat alone, if it is due, between transactions. */
STATUS engine_lease_renew(struct engine *engine, struct op *op);
void engine_lanes_lose_all(struct engine *engine);
void engine_lane_lose(struct engine *engine, struct engine_lane *lane);
void engine_lane_stop(struct engine *engine, struct engine_lane *lane, const char *code,
                      struct str reason);
STATUS engine_lanes_check_tails(struct engine *engine);
bool engine_lane_finish_draining(struct engine *engine, struct engine_lane *lane);
uint32_t engine_lanes_held(const struct engine *engine);
void engine_lanes_count(struct engine *engine);

/* engine_claim.c */
STATUS engine_claim(struct engine *engine, const struct store_lane *seen);
/* Before each batch: makes room for the keys that it may park. */
STATUS engine_tidy_parked(struct engine *engine);
/* R7: the last record of a topic that we write, against what we remember. */
STATUS engine_check_own_tail(struct engine *engine, struct engine_lane *lane,
                             struct engine_out *out, const struct bus_tail *tail);

/* engine_adopt.c: R7, R18. Records of our topics (tails) that we do not know: STATUS_STOP, or taken back as asked. */
STATUS engine_adopt(struct engine *engine, struct engine_lane *lane, const struct bus_tail *tails);
/* The lane's open request to restore it, in op->arena. */
STATUS engine_adopt_asked(struct engine *engine, struct engine_lane *lane, bool *ret_asked,
                          struct admin_request_row *ret_request);

/* engine_replay.c: R18 */
STATUS engine_replay_open(struct engine *engine, struct engine_lane *lane);
/* One step of what can be decided again by now. */
STATUS engine_replay_run(struct engine *engine);
/* Must the item wait until the decisions of its key are made again? Then its fate is BEHIND. */
void engine_replay_judge(const struct engine_turn *turn, struct engine_item *item);
/* Around each decision: it is made at its own time, and must publish what it published. */
STATUS engine_replay_begin(struct engine_turn *turn);
STATUS engine_replay_end(struct engine_turn *turn);
/* *ret_told: the very record is in the log. Fails when another one is, or one is missing before it. */
STATUS engine_replay_emit(struct engine_turn *turn, enum topic topic, struct id id,
                          struct str payload, bool *ret_told);
/* Runs the key's next parked message, as once decided; parked NULL: none yet. Fails if none ever. */
STATUS engine_replay_one(struct engine *engine, struct engine_lane *lane, struct id key,
                         struct engine_choice *ret_choice);

/* engine_aside.c */
void engine_aside_init(struct engine_stats *stats);
/* An item of a batch that was committed. */
void engine_aside_note(struct engine *engine, const struct engine_item *item);

/* engine_batch.c */
STATUS engine_collect(struct engine *engine, bool *ret_any);
STATUS engine_batch_run(struct engine *engine);
/* Runs items made by the caller (parked ones) in one transaction. */
STATUS engine_batch_items(struct engine *engine, struct engine_batch *batch);
/* Room for item_max items; copies the lanes' cursors. */
STATUS engine_batch_begin(struct engine *engine, struct engine_batch *batch, uint32_t item_max);
void engine_queue_drop(struct engine *engine, int32_t lane, enum topic topic); /* NONE: of all */
uint32_t engine_in_index(const struct engine *engine, enum topic topic); /* in service->handlers */

void engine_put_aside(struct engine_item *item, const char *reason);
/* Whether one more item, of this lane, may join (R9: some only alone). True: it must be added. */
bool engine_batch_takes(const struct engine *engine, struct engine_batch *batch, int32_t lane);
bool engine_item_is_condemned(const struct engine *engine, const struct engine_item *item);

/* engine_load.c */
STATUS engine_load(struct engine *engine, struct engine_batch *batch);
bool engine_item_is_intake(const struct engine_item *item);
/* The intake row that this item closes, or none. */
#define ENGINE_ITEM_CLOSES_MAX 2
uint32_t engine_item_closes(const struct engine_item *item,
                            struct id ret_ids[ENGINE_ITEM_CLOSES_MAX]);

/* engine_decide.c */
STATUS engine_decide(struct engine *engine, struct engine_batch *batch, struct engine_item *item);

/* engine_dedupe.c */
STATUS engine_dedupe_record(struct engine *engine, struct engine_batch *batch,
                            struct engine_item *item);

/* engine_turn.c */
STATUS engine_view_init(struct engine *engine, struct engine_batch *batch);
/* NULL: not loaded, for the item is not to be decided. */
struct engine_view *engine_view_get(const struct engine *engine, struct engine_batch *batch,
                                    const struct engine_item *item);
STATUS engine_emit_raw(struct engine_turn *turn, enum topic topic, struct id id, struct str type,
                       struct id key, struct str payload);
STATUS engine_rows_add(struct engine *engine, struct engine_rows *rows, const void *row,
                       int64_t old_version);
void engine_tell_afterwards(const struct engine *engine, const struct engine_batch *batch);
/* The view's rows of a child table (ASSERT) of its kind. */
struct engine_children *engine_view_children(const struct engine *engine, struct engine_view *view,
                                             const struct table *table);

/* engine_save.c */
STATUS engine_save(struct engine *engine, struct engine_batch *batch);
STATUS engine_advance_alone(struct engine *engine);

/* engine_tell.c: rows of lane_change and the hint, where the service tells. */
STATUS engine_tell(struct engine *engine, struct engine_batch *batch);

/* engine_park.c */
STATUS engine_park_item(struct engine_turn *turn, struct engine_item *item);
/* Runs the key's parked messages in order, as far as they can be by now; *ret_left: more, call again. */
STATUS engine_park_run(struct engine *engine, struct id key, bool *ret_left);
/* The first in the order in which they came. */
STATUS engine_park_first(struct engine *engine, struct id key, struct engine_choice *ret_choice);
/* Decides the chosen message of the key in a transaction of its own, or drops it as the request (else
 * NULL) wants; without one the key is free. */
STATUS engine_park_one(struct engine *engine, struct id key, const struct engine_choice *choice,
                       const struct admin_request_row *drop);
/* Runs what waited for a creation that has come: of one key at a time. */
STATUS engine_park_release(struct engine *engine);
/* From now on the key waits for a person. */
STATUS engine_park_give_up(struct engine *engine, struct engine_lane *lane, struct id key,
                           struct str reason);
/* True when the failure is about the message: it stays parked, and the lane goes on. */
bool engine_park_stays(enum status_kind kind);
void engine_park_tell_stays(const struct engine *engine, int32_t lane, struct id key);

enum engine_parked engine_parked_state(const struct engine *engine,
                                       const struct engine_batch *batch, int32_t lane,
                                       struct id key);

/* engine_publish.c */
void engine_publish_batch(struct engine *engine, const struct engine_batch *batch);
STATUS engine_publish_behind(struct engine *engine);
STATUS engine_deliveries(struct engine *engine);
void engine_note_dirty(struct engine *engine);
/* Starts or ends the clock of what is committed and not acknowledged. */
void engine_note_waiting(struct engine_out *out);
/* What was published is published again, from first_n on. */
void engine_publish_set_back(struct engine *engine, struct engine_out *out, int64_t first_n);
/* How long the oldest committed row waits for its acknowledgement, over all lanes (R17). */
STATUS engine_publish_measure(struct engine *engine);

/* engine_effect.c */
void engine_effect_take(struct engine *engine);
/* The first count answers are decided: forgets them. */
void engine_effect_answered(struct engine *engine, uint32_t count);
STATUS engine_effect_items(struct engine *engine, struct engine_batch *batch);
/* Under the fence: when those are due that their answers did not settle. */
void engine_effect_ask_again(struct engine *engine, struct engine_batch *batch);
void engine_effect_send(struct engine *engine, const struct effect_row *row);
bool engine_effect_is_under_way(struct engine *engine, struct id effect_id);
/* Nobody asks for it any more. */
void engine_effect_close(struct engine *engine, struct effect_row *row, enum effect_state state);
STATUS engine_effect_due(struct engine *engine);
void engine_effect_forget_lane(struct engine *engine, int32_t lane);

/* engine_post.c */
/* The posts of a batch that was committed. */
void engine_post_batch(struct engine *engine, const struct engine_batch *batch);
/* Gives one open row of our own intakes to the producer; false: it is full, or knows no such topic. */
bool engine_post_publish(struct engine *engine, const struct intake_row *row);
/* engine_timer.c */
/* Reads the heaps that are used up anew. */
STATUS engine_timer_fill(struct engine *engine);
/* As far as we know the time. */
bool engine_timer_is_due(const struct engine *engine);
/* Until the soonest one is due, at most max_wait_ms. */
int64_t engine_timer_wait_ms(const struct engine *engine, int64_t max_wait_ms);
/* Takes those that look due out of the heaps. An attempt that failed puts them back. */
STATUS engine_timer_items(struct engine *engine, struct engine_batch *batch);
void engine_timer_put_back(struct engine *engine, const struct engine_batch *batch);
/* Key and message from item->timer; to be decided. */
STATUS engine_timer_make_item(struct engine *engine, struct engine_item *item);
/* Under the fence: still wanted, and its moment has come? */
void engine_timer_judge(struct engine_turn *turn, struct engine_item *item);
STATUS engine_timer_fire(struct engine_turn *turn, struct engine_item *item);
/* Its row becomes one of the parked ones. */
void engine_timer_park(struct engine_turn *turn, const struct engine_item *item);
/* A parked one that a person drops. */
void engine_timer_drop(struct engine_turn *turn, const struct engine_item *item);
/* The heaps follow what was committed. */
void engine_timer_committed(struct engine *engine, const struct engine_batch *batch);

/* Not before this moment, INV19: longer than usual where a topic keeps its records longer than topology.yaml says. */
int64_t engine_forget_before_us(const struct engine *engine, int64_t usual_us);
/* engine_forget.c: looks at one topic of one lane, when it is time */
STATUS engine_forget(struct engine *engine, int64_t now_ms);

/* engine_expire.c: looks through a piece of one table, when it is time */
void engine_expire_init(struct engine *engine);
STATUS engine_expire(struct engine *engine, int64_t now_ms);
void engine_forgot(struct engine *engine, const struct table *table, uint64_t count);

/* engine_person.c: each decided in one transaction, which closes the request. A failure is told to who asked. */
STATUS engine_person_replay(struct engine *engine, const struct admin_request_row *request);
STATUS engine_person_settle(struct engine *engine, const struct admin_request_row *request);
STATUS engine_person_forget(struct engine *engine, const struct admin_request_row *request);
/* A switch: only who may. The request itself, once it is done, says how it stands. */
STATUS engine_person_switch(struct engine *engine, const struct admin_request_row *request);
/* engine_sweep.c: false when a second person is missing, for what is dropped of this topic is about money */
bool engine_drop_may(const struct engine *engine, const struct admin_request_row *request,
                     struct str topic);
/* The request is done when this batch is. */
STATUS engine_person_close(struct engine *engine, struct engine_batch *batch,
                           const struct admin_request_row *request);

/* engine_sweep.c */
STATUS engine_sweep(struct engine *engine);
STATUS engine_admin(struct engine *engine);

static inline struct engine_lane *engine_lane_at(struct engine *engine, int32_t lane)
{
    return &engine->lanes[lane];
}
