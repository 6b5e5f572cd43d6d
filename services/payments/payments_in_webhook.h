#pragma once

#include <pthread.h>
#include <stdbool.h>

#include "base/secret.h"
#include "engine/intake.h"
#include "http/http.h"
#include "http/http_observer.h"
#include "obs/metrics.h"
#include "payments/payments_repo.h"
#include "payments/payments_signature.h"

/*
 * POST /webhooks/stripe: verified over the raw bytes, stored with them, then answered. 200 says that
 * the bytes are durable; everything that is not from the provider, or not for us, gets one and the
 * same 400 and leaves no row. When the database is away: 503, and the provider tries again.
 */

#define WEBHOOK_DEADLINE_MS 10000
/* The body, its tree (many small values cost the most) and the record. */
#define WEBHOOK_ARENA_BYTES ((size_t)16 * 1024 * 1024)
#define WEBHOOK_LOCKS 256

/* What became of a call: one counter each. */
enum webhook_fate {
    WEBHOOK_FATE_NONE = 0,
    WEBHOOK_TAKEN,             /* stored, signalled */
    WEBHOOK_TAKEN_IGNORED,     /* stored; of no interest */
    WEBHOOK_TAKEN_UNMATCHED,   /* stored; a person should look */
    WEBHOOK_TAKEN_UNREADABLE,  /* stored; rightly signed, and not understood */
    WEBHOOK_REPEATED,          /* was stored before */
    WEBHOOK_REFUSED_SIGNATURE, /* see enum signature_verdict in the log */
    WEBHOOK_REFUSED_LIVEMODE,  /* of the other world: test events in production or the reverse */
    WEBHOOK_REFUSED_ACCOUNT,   /* of an account that is not ours */
    WEBHOOK_FAILED,            /* not stored: database, queue, deadline */
    WEBHOOK_FATE_COUNT,
};

struct payments_webhook_deps {
    const struct secret *secrets; /* borrowed */
    uint32_t secret_count;
    bool live; /* production: only live events, else only test events */
    struct intake *intake;
    struct http_observer *observer;
    struct metrics_counter *counters[WEBHOOK_FATE_COUNT];
    struct metrics_histogram *age; /* of what is stored for the first time */
    struct metrics_counter *bad_signatures[SIGNATURE_VERDICT_COUNT]; /* from SIGNATURE_MISSING */
    /* The same event from many connections at once is stored one after the other, so that each of
     * them is told that it is stored. By the event id's hash. */
    pthread_mutex_t locks[WEBHOOK_LOCKS];
};

void payments_in_webhook_init(struct payments_webhook_deps *deps, struct metrics *metrics);
void payments_in_webhook_fini(struct payments_webhook_deps *deps);

/* What a call is worth, and what is to be stored for it. Pure but for the arena. */
struct webhook_work {
    enum webhook_fate fate; /* TAKEN…: store request; REFUSED…: nothing is stored */
    enum signature_verdict signature;
    struct payments_webhook row;
    /* Of what no leg takes: see struct stripe_event. */
    struct str object_id, payment_ref;
    struct id escrow_id;
    int64_t created_s;
    struct intake_request request; /* its extra_row is not set: the work may be copied */
};

/* Fails only when the arena is full. now_us: the wall clock. */
STATUS payments_in_webhook_judge(struct op *op, const struct payments_webhook_deps *deps,
                                 struct str signature, struct str body,
                                 struct webhook_work *ret_work);

/* http_handler; deps: struct payments_webhook_deps. */
struct status payments_in_webhook(struct op *op, void *deps, const struct http_request *req,
                                  struct http_response *ret);

extern const struct http_route payments_routes[];
extern const uint32_t payments_route_count;
