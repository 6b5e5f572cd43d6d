#pragma once

/*
 * The one error value of the project. The kind says what the caller does next; what went wrong is
 * in op->err (base/op.h). A struct, so that it cannot be mixed up with a count or a bool.
 */

#define MUST_CHECK __attribute__((warn_unused_result))

enum status_kind {
    STATUS_OK = 0,
    STATUS_INVALID,   /* wrong now and forever         HTTP 400      lane: halve, park by key */
    STATUS_DENIED,    /* not allowed                   HTTP 401/403  lane: a refusal is a result */
    STATUS_NOT_FOUND, /* no such thing                 HTTP 404      lane: a refusal is a result */
    STATUS_CONFLICT,  /* well-formed, wrong moment     HTTP 409      lane: halve, park by key */
    STATUS_LIMIT,     /* a named limit was reached     HTTP 413/429  lane: halve, park by key */
    STATUS_RETRY,     /* a dependency is away          HTTP 503      lane: back off, claim again */
    STATUS_CANCELED,  /* draining or past deadline     HTTP 503      lane: claim again later */
    STATUS_BUG,       /* our invariant is broken       HTTP 500      lane: halve, park by key */
    STATUS_STOP,      /* cannot go on without a person HTTP 503      lane: stops, not ready, page */
    STATUS_KIND_COUNT,
};

struct status {
    enum status_kind kind;
};

#define STATUS MUST_CHECK struct status
#define OK ((struct status){.kind = STATUS_OK})

static inline _Bool status_failed(struct status st)
{
    return st.kind != STATUS_OK;
}

/* The stable lower-case word of a kind, for logs and metrics: "ok", "invalid", ... */
const char *status_kind_name(enum status_kind kind);

/* Says in the code that a result does not matter here, and why. */
static inline void status_ignore(struct status st, const char *why)
{
    (void)st;
    (void)why;
}

/* The only macro in the project that hides a return. */
#define TRY(call)                    \
    do {                             \
        struct status try_ = (call); \
        if (status_failed(try_)) {   \
            return try_;             \
        }                            \
    } while (0)
