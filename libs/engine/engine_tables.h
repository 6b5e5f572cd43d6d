#pragma once

#include "base/table.h"
#include "engine/engine.h"

/* The engine's own tables: migrations/engine, told as structs. */

struct lane_in_row {
    int32_t lane;
    struct str topic;
    int64_t next_offset;
    int64_t last_n;
    int64_t last_at_us;
};

struct lane_out_row {
    int32_t lane;
    struct str topic;
    int64_t next_n;
    int64_t published_n;
    int64_t first_n; /* the oldest row that the outbox still has, or next_n */
};

struct lane_cluster_row {
    int32_t lane;
    struct str cluster_id;
};

struct outbox_row {
    int32_t lane;
    enum topic topic;
    int64_t n;
    struct id id;
    struct str aggregatetype; /* the topic's name: what Debezium's event router routes by */
    struct id aggregateid;
    struct str type;
    struct str payload;
    int64_t committed_at_us;
    struct id causation_id;
};

struct inbox_row {
    struct id id;
    struct id key;
    struct hash content;
    int32_t lane;
    int64_t at_us;
};

struct intake_row {
    struct id id;
    int32_t lane;
    struct str topic;
    struct id key;
    struct str type;
    struct str payload;
    struct hash content;
    struct id account;
    int64_t created_at_us;
    int64_t due_at_us;
    int32_t attempts;
    bool open;
    enum intake_outcome outcome;
    struct str outcome_code;
    struct str outcome_sentence;
    int64_t closed_at_us;
};

/* A message that waits to be published, as engine_post and others leave it for the lane of its key: open, never sent,
 * its times zero. Everything is borrowed. */
struct intake_row intake_row_of(enum topic topic, struct id id, struct str type, struct id key,
                                struct str payload);

struct parked_key_row {
    struct id key;
    int32_t lane;
    struct str reason;
    bool missing;
    int64_t since_us;
    int64_t next_seq;
};

struct parked_message_row {
    struct id key;
    int64_t seq;
    int32_t lane;
    struct str source;    /* its topic, or one of ENGINE_SOURCE_ */
    int64_t kafka_offset; /* of a record, else -1 */
    int64_t n;            /* of a numbered record, else 0 */
    int timer_kind;
    int64_t timer_generation;    /* of a timer, else 0 */
    enum engine_verdict verdict; /* of an answer: DONE or FAILED; else NONE */
    int32_t http_status;         /* of an answer, 0: it was given up; else 0 */
    struct id message_id;        /* of an answer: its effect */
    int64_t committed_at_us;     /* of a timer: its moment; of an answer: the cause of its effect */
    struct str value;
    int64_t at_us;
};

/* What is no record comes from no topic. Topics have a dot in their names; these have none. */
#define ENGINE_SOURCE_TIMER STR("timer")
#define ENGINE_SOURCE_ANSWER STR("answer")
#define ENGINE_SOURCE_OWNER STR("owner") /* of lane_probe alone */

struct quarantine_row {
    struct str topic;
    int32_t lane;
    int64_t kafka_offset;
    int64_t n;
    struct str reason;
    struct str key;
    struct str value;
    int64_t at_us;
};

struct lane_probe_row {
    int32_t lane;
    struct str source;    /* a topic, or one of ENGINE_SOURCE_ */
    int64_t kafka_offset; /* of a record, else -1 */
    struct id item_id;    /* of a timer's message or an effect, else none */
    int32_t tries;
};

enum admin_kind {
    ADMIN_NONE = 0,
    ADMIN_PARK_RETRY,
    ADMIN_PARK_DROP,
    ADMIN_BUS_REPUBLISH,
    ADMIN_RESTORE,
    ADMIN_REPLAY,          /* what the service keeps is decided again (engine_service.kept) */
    ADMIN_SETTLE,          /* two people say what became of a call that is too old to be repeated */
    ADMIN_QUARANTINE_DROP, /* a record without a readable key is forgotten: topic, n (its offset) */
    ADMIN_SWITCH_OFF,      /* one of the service's switches (topic: its name), by anybody */
    ADMIN_SWITCH_ON,       /* the same, by two people */
    ADMIN_KIND_COUNT,
};

struct admin_request_row {
    struct id id;
    int32_t lane;
    enum admin_kind kind;
    struct id key; /* PARK_: the key; REPLAY: of the kept row; SETTLE: the effect */
    struct str topic;
    int64_t n;
    enum engine_verdict verdict; /* SETTLE: DONE or FAILED; else NONE */
    struct str answer;           /* SETTLE, DONE: what the other side calls it */
    struct str content;          /* SETTLE: the hash of the frozen request; else empty */
    struct str reason;
    struct str requested_by;
    struct str approved_by;
    int64_t created_at_us;
    bool open;
    struct str result;
    int64_t done_at_us;
};

/* A record of ours that a restored database had lost, taken back from the log. */
struct restored_row {
    struct id id;
    struct id key;
    int32_t lane;
    struct str topic;
    int64_t n;
    int64_t at_us;
    struct hash content; /* of its value */
    bool open;           /* its decision was not made again yet */
};

struct lane_restore_row {
    int32_t lane;
    struct str topic;     /* one that the lane reads */
    int64_t until_offset; /* where it ended when the records were taken back */
};

/* What one batch changed in one lane; see engine_service.tells. */
struct lane_change_row {
    int32_t lane;
    int64_t at_us; /* the batch's time by the fence */
    struct str keys;
    struct str requests;
};

extern const struct table engine_lane_in_table;
extern const struct table engine_lane_out_table;
extern const struct table engine_lane_cluster_table;
extern const struct table engine_outbox_table;
extern const struct table engine_inbox_table;
extern const struct table engine_intake_table;
extern const struct table engine_effect_table;
extern const struct table engine_parked_key_table;
extern const struct table engine_parked_message_table;
extern const struct table engine_quarantine_table;
extern const struct table engine_lane_probe_table;
extern const struct table engine_admin_request_table;
extern const struct table engine_lane_change_table;
extern const struct table engine_restored_table;
extern const struct table engine_lane_restore_table;

extern const struct table_scan engine_scan_lane_in;        /* by lane */
extern const struct table_scan engine_scan_lane_out;       /* by lane */
extern const struct table_scan engine_scan_outbox;         /* by lane, topic; n > bound */
extern const struct table_scan engine_scan_intake_due;     /* open, by lane; due <= bound */
extern const struct table_scan engine_scan_effect_due;     /* open, by lane; due <= bound */
extern const struct table_scan engine_scan_timer_open;     /* open, by lane, soonest first */
extern const struct table_scan engine_scan_parked_key;     /* by lane */
extern const struct table_scan engine_scan_parked_message; /* by key, in order */
extern const struct table_scan engine_scan_quarantine;     /* by topic, lane; offset > bound */
extern const struct table_scan engine_scan_lane_cluster;   /* by lane */
extern const struct table_scan engine_scan_lane_probe;     /* by lane */
extern const struct table_scan engine_scan_admin_request;  /* open, by lane, oldest first */
extern const struct table_scan engine_scan_parked_for;     /* by lane, reason; keys in order */
extern const struct table_scan engine_scan_restored_open;  /* open, by lane, oldest first */
extern const struct table_scan engine_scan_lane_restore;   /* by lane */
