#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "engine/caller.h"

/*
 * The outside, and a caller to it. One `sim_outside` stands for the provider: it keeps what it was
 * asked, by idempotency key, and answers as the test says. Each simulated process has a
 * `sim_caller` of its own, whose unanswered calls end with it. Single-threaded.
 */

enum sim_reply {
    SIM_REPLY_DONE = 0,    /* carried out, said so */
    SIM_REPLY_FAILED,      /* refused for good */
    SIM_REPLY_STRANGE,     /* an answer that settles nothing */
    SIM_REPLY_DONE_UNSAID, /* carried out, the answer is lost */
    SIM_REPLY_LOST,        /* not carried out, the answer is lost */
    SIM_REPLY_NOT_SENT,    /* no connection could be made */
    SIM_REPLY_LATER,       /* not carried out: come back after retry_after_ms */
    SIM_REPLY_HELD,        /* the same, told by the caller itself: nothing goes out */
    SIM_REPLY_COUNT,
};

/* A request that begins so asks what became of its key: answered "done", or "nothing". */
#define SIM_LOOK_UP STR("look up")

#define SIM_OUTSIDE_KEYS_MAX 4096
#define SIM_OUTSIDE_SCRIPT_MAX 64
#define SIM_OUTSIDE_REQUEST_MAX_BYTES 64

/* What the provider knows of one idempotency key. */
struct sim_request {
    struct id key;
    char bytes[SIM_OUTSIDE_REQUEST_MAX_BYTES];
    size_t len;
    uint32_t attempts;
    bool carried_out;
    bool refused;
    int64_t last_at_ms;
};

struct sim_outside {
    struct sim_request requests[SIM_OUTSIDE_KEYS_MAX];
    uint32_t request_count;
    uint32_t calls;     /* attempts that arrived */
    uint32_t different; /* attempts under a known key with other bytes: must stay 0 */
    uint32_t too_late;  /* attempts that not_after forbade */
    uint32_t look_ups;
    enum sim_reply script[SIM_OUTSIDE_SCRIPT_MAX]; /* for the first calls, then `usual` */
    uint32_t script_count;
    enum sim_reply usual;
    enum sim_reply (*choose)(void *context); /* instead of both, when set */
    void *context;
    int64_t retry_after_ms; /* told with STRANGE, LATER and HELD */
};

const struct sim_request *sim_outside_find(const struct sim_outside *outside, struct id key);
uint32_t sim_outside_carried_out(const struct sim_outside *outside);

#define SIM_CALLER_SLOTS_MAX 64

struct sim_call {
    bool used;
    uint32_t thread;
    int32_t lane;
    int64_t epoch;
    struct id effect_id;
    enum caller_outcome outcome;
    int32_t http_status;
    int64_t retry_after_ms;
    struct str body;
    uint64_t order;
};

struct sim_caller {
    struct caller caller;
    struct sim_outside *outside;
    struct sim_call calls[SIM_CALLER_SLOTS_MAX];
    uint32_t slots; /* at most SIM_CALLER_SLOTS_MAX */
    uint64_t order;
    bool hold; /* answers of the outside are kept back */
};

struct caller *sim_caller_init(struct sim_caller *caller, struct sim_outside *outside,
                               uint32_t slots);
