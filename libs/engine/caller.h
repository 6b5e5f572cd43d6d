#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/id.h"
#include "base/str.h"

/*
 * Where effects are carried out: calls to the outside, with the bytes frozen in their row, never
 * inside a transaction. Production: libs/effects (a thread with one curl-multi loop). The engine
 * sends after COMMIT and takes answers back in its own thread; neither side ever blocks the other.
 */

/* One attempt. Bytes are copied by send. */
struct caller_call {
    uint32_t thread; /* who gets the answer: the engine thread's number */
    int32_t lane;
    int64_t epoch;        /* an answer for a lane that moved is dropped by the engine */
    struct id effect_id;  /* also the idempotency key */
    struct str request;   /* the service's own encoding, see effects/effects.h */
    bool again;           /* not the first attempt: an earlier one may have arrived */
    int64_t not_after_ms; /* clock_mono_ms: do not let the first byte go later than this */
};

enum caller_outcome {
    CALLER_NOT_SENT = 0, /* surely nothing went out: too late, or no connection could be made */
    CALLER_ANSWERED,     /* an HTTP answer: status and body */
    CALLER_UNKNOWN,      /* something may have gone out and no whole answer came back */
    CALLER_HELD, /* surely nothing went out: a limit of the other side, for retry_after_ms */
    /* (engine) Not sent any more: the body is the code of why; or a person said that it was done: what the other side
     * calls it. */
    CALLER_GIVEN_UP,
    CALLER_OUTCOME_COUNT,
};

#define CALLER_BODY_MAX_BYTES ((size_t)64 * 1024)

struct caller_answer {
    uint32_t thread;
    int32_t lane;
    int64_t epoch;
    struct id effect_id;
    enum caller_outcome outcome;
    bool looked_up;         /* (engine) not of the call itself: it was asked what became of it */
    int32_t http_status;    /* with ANSWERED */
    int64_t retry_after_ms; /* with ANSWERED: what the other side asked for; 0: nothing */
    struct str body; /* with ANSWERED; at most CALLER_BODY_MAX_BYTES; lives until caller free */
    void *handle;    /* the implementation's */
};

struct caller;

struct caller_ops {
    /* Calls that may be sent right now without queueing. */
    uint32_t (*free_slots)(struct caller *caller);
    /* Starts a call; false when there was no free slot after all (nothing was sent). */
    bool (*send)(struct caller *caller, const struct caller_call *call);
    /* The next finished call of this engine thread; the caller wakes the thread's bus before. */
    bool (*take)(struct caller *caller, uint32_t thread, struct caller_answer *ret_answer);
    void (*release)(struct caller *caller, struct caller_answer *answer);
};

struct caller {
    const struct caller_ops *ops;
};
