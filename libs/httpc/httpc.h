#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/defer.h"
#include "base/op.h"
#include "base/str.h"

/*
 * HTTP calls to the outside. One thread with one curl-multi loop carries all calls of a client; at
 * most `slots` at once, nothing queues. No redirects, no proxies, no cookies, HTTPS only unless
 * told otherwise. A call never blocks whoever starts it.
 */

#define HTTPC_SLOTS_MAX 256
#define HTTPC_HEADERS_MAX 12
#define HTTPC_CONNECT_MS 3000
#define HTTPC_TOTAL_MS 30000
#define HTTPC_ANSWER_MAX_BYTES (64 * 1024)
#define HTTPC_REQUEST_MAX_BYTES (192 * 1024)             /* url, headers and body of one call */
#define HTTPC_RETRY_AFTER_MAX_MS (24 * 60 * 60 * 1000LL) /* more is cut to this */

struct httpc_header {
    struct str name;
    struct str value;
};

struct httpc_request {
    struct str method; /* "POST" */
    struct str url;
    uint32_t header_count;
    struct httpc_header headers[HTTPC_HEADERS_MAX]; /* use httpc_request_header */
    struct str body;
    int64_t connect_ms;      /* 0: HTTPC_CONNECT_MS */
    int64_t total_ms;        /* connecting included; 0: HTTPC_TOTAL_MS */
    int64_t not_after_ms;    /* clock_mono_ms: checked when the connection stands, right before the
                           * first byte of the request; 0: none */
    size_t answer_max_bytes; /* 0: HTTPC_ANSWER_MAX_BYTES, which is also the most */
};

/* Adds a header; both slices must live until the request is started. STATUS_INVALID with
 * "httpc.header" when they have control characters or there are HTTPC_HEADERS_MAX. */
STATUS httpc_request_header(struct op *op, struct httpc_request *request, struct str name,
                            struct str value);

enum httpc_outcome {
    HTTPC_NOT_SENT = 0, /* surely no byte of the request went out */
    HTTPC_ANSWERED,     /* a whole answer came back */
    HTTPC_UNKNOWN,      /* some of the request may have gone out, and no whole answer came back */
    HTTPC_OUTCOME_COUNT,
};

/* What the other side says of its limits in X-RateLimit-… headers (Discord and others). */
struct httpc_limit {
    bool told;
    bool everything;        /* -Global: true, or -Scope: global */
    int64_t remaining;      /* -Remaining: calls that are left; -1: not said */
    int64_t reset_after_ms; /* -Reset-After, seconds with decimals, rounded up; 0: not said */
};

struct httpc_answer {
    enum httpc_outcome outcome;
    int32_t status;           /* with ANSWERED */
    struct str body;          /* with ANSWERED */
    int64_t retry_after_ms;   /* with ANSWERED, seconds and dates both understood; 0: none */
    struct httpc_limit limit; /* with ANSWERED */
    struct str request_id;    /* with ANSWERED: the Request-Id header, or empty */
    const char *reason;       /* otherwise, a stable word: "late", "dns", "connect", "tls",
                             * "timeout", "cut", "too_large", "request" */
    int64_t took_us;
};

struct httpc_options {
    uint32_t slots;      /* 1 to HTTPC_SLOTS_MAX; for httpc_perform not used */
    bool allow_http;     /* plain http too: development, the sandbox */
    bool public_only;    /* refuse to connect to private, loopback, link-local … addresses, by the
                       * address that is really connected to: for URLs that strangers gave us */
    const char *ca_file; /* instead of the system's authorities; NULL: those */
};

/* ---- Many at once ---- */

struct httpc;
struct httpc_call; /* one slot, from reserve to release */

/* Starts the loop's thread. */
STATUS httpc_open(struct op *op, const struct httpc_options *options, struct httpc **ret_httpc);
/* Gives up what is under way (its `done` is not called any more) and ends the thread. All calls
 * must have been released or be given up. NULL is fine. */
void httpc_free(struct httpc *httpc);
DEFINE_FREE_AT(struct httpc, httpc_free)

uint32_t httpc_free_slots(struct httpc *httpc);
/* A slot, or NULL. From any thread. */
struct httpc_call *httpc_reserve(struct httpc *httpc);
/* The slot's own memory, for building its request: HTTPC_REQUEST_MAX_BYTES and some. */
struct arena *httpc_arena(struct httpc_call *call);

/* Called in the loop's thread, exactly once per started call; must not block. */
typedef void httpc_done(void *ctx, struct httpc_call *call, const struct httpc_answer *answer);

/* Starts the call. The request is borrowed from the slot's arena or copied before this returns.
 * The answer given to `done` lives until release. From any thread. */
void httpc_start(struct httpc_call *call, const struct httpc_request *request, httpc_done *done,
                 void *ctx);
/* The slot is free again. From any thread. */
void httpc_release(struct httpc_call *call);

/* ---- One, waiting for it ---- */

/* Connections that stay open from one call of a thread to its next. Zero at first. */
struct httpc_keep {
    void *easy;
};

void httpc_keep_fini(struct httpc_keep *keep);

/* Tools, tests, the sandbox's webhooks. The answer lives in op->arena; what came of the call is in
 * it. keep: NULL for a connection of its own. Fails only for our own reasons: STATUS_LIMIT, STATUS_INVALID
 * "httpc.request". */
STATUS httpc_perform(struct op *op, const struct httpc_options *options, struct httpc_keep *keep,
                     const struct httpc_request *request, struct httpc_answer *ret_answer);
