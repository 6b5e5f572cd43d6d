#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/id.h"
#include "base/op.h"
#include "base/str.h"
#include "effects/effects_breaker.h"
#include "effects/effects_limit.h"
#include "engine/caller.h"
#include "httpc/httpc.h"
#include "obs/metrics.h"

/*
 * The production caller: carries out effects over HTTP. One thread for all engine threads; an
 * answer waits in its engine thread's queue, and that thread is woken.
 */

/* ---- What stands frozen in an effect's row ---- */

#define EFFECTS_PATH_MAX_BYTES 1024
#define EFFECTS_TYPE_MAX_BYTES 127
#define EFFECTS_BODY_MAX_BYTES (64 * 1024)

enum effects_method {
    EFFECTS_METHOD_NONE = 0,
    EFFECTS_GET,
    EFFECTS_POST,
    EFFECTS_PUT,
    EFFECTS_PATCH,
    EFFECTS_DELETE,
    EFFECTS_METHOD_COUNT,
};

/* Holds no secret: those are added by options.build when the call is sent. */
struct effects_request {
    enum effects_method method;
    bool idempotency_key;    /* send `Idempotency-Key: <effect id>` */
    struct str path;         /* "/v1/transfers", query included; begins with '/', no blanks */
    struct str content_type; /* empty with an empty body */
    struct str body;
};

/* The bytes for engine_effect, in op->arena. STATUS_INVALID "effects.request" when the
 * request does not keep the bounds above. */
STATUS effects_encode(struct op *op, const struct effects_request *request, struct str *ret_bytes);
/* The reverse; slices point into bytes. STATUS_INVALID "effects.request" for anything that encode
 * does not make. */
STATUS effects_decode(struct op *op, struct str bytes, struct effects_request *ret_request);

/* ---- The caller ---- */

#define EFFECTS_THREADS_MAX 16

/*
 * Completes a call right before it is started, in the engine thread: adds what is secret or depends
 * on the moment (authorization, API version, another URL) by httpc_request_header. `call` has
 * method, url (base_url + path), Content-Type, Idempotency-Key and body. Memory: op->arena.
 */
typedef struct status effects_build(struct op *op, void *deps,
                                    const struct effects_request *request, struct id effect_id,
                                    struct httpc_request *call);

struct effects_options {
    uint32_t slots;      /* calls at once, answers not yet taken included; 1 to HTTPC_SLOTS_MAX */
    struct str base_url; /* "https://api.stripe.com", no slash at its end */
    bool allow_http;
    const char *ca_file; /* NULL: the system's authorities */
    effects_build *build;
    void *deps;
    int64_t connect_ms;                        /* 0: HTTPC_CONNECT_MS */
    int64_t total_ms;                          /* 0: HTTPC_TOTAL_MS */
    const struct effects_limit_options *limit; /* NULL: the other side's limits are not looked at */
    /* Shows holdfast_effects_…, for one caller of a process; NULL: does not. */
    struct metrics *metrics;
    bool breaker; /* calls wait while the other side is away, and a budget holds those made again */
    /* May this call go now? 0: it may; else for how long not (CALLER_HELD). In the sender's thread; must not block. NULL:
     * all may. */
    int64_t (*held)(void *ctx, const struct effects_request *request);
    void *held_ctx;
    /* Told of each call that came to its end, in the caller's thread (in the sender's, when it is refused at once); must
     * not block. NULL: nobody asks. */
    void (*seen)(void *ctx, const struct httpc_answer *answer);
    void *seen_ctx;
};

/* Starts the caller's thread. base_url and limit are copied. */
STATUS effects_open(struct op *op, const struct effects_options *options,
                    struct caller **ret_caller);
/* How to wake an engine thread when an answer has come for it. Before its first send. wake is
 * called in the caller's thread (in the sender's, when a call is refused at once), must not block. */
void effects_set_wake(struct caller *caller, uint32_t thread, void (*wake)(void *ctx), void *ctx);
/* Ends the thread; calls under way are given up (their outcome is unknown). All answers must have
 * been released. NULL is fine. */
void effects_free(struct caller *caller);
DEFINE_FREE_AT(struct caller, effects_free)

/* What the metrics show, for tests. */
struct effects_counts {
    uint32_t slots_in_use;
    uint64_t
        bad_requests; /* whose frozen bytes or build were refused: CALLER_NOT_SENT. More than 0 is a bug */
    uint64_t limited; /* answers with 429 */
    uint64_t held;    /* calls held back to spare the other side that */
    uint32_t refused; /* refusals that count against refused_max now */
};

struct effects_counts effects_counts(struct caller *caller);

/* With options.breaker: as it is, and how often it opened and held a call back. */
struct effects_breaker_counts {
    enum effects_breaker_state state;
    uint64_t opened;
    uint64_t held;
};

struct effects_breaker_counts effects_breaker_counts(struct caller *caller);
