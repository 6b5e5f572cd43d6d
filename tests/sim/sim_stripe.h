#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "engine/caller.h"
#include "sim_intake.h"

/*
 * Stripe as it behaves on a bad day: idempotency keys that it forgets after 24 hours, answers that are
 * lost before or after the work, 500s that it saved and repeats for ever, requests that arrive when
 * nobody waits for them any more, webhooks that come late, twice, in any order. It outlives the
 * processes that call it, and it counts what it really did: that is the truth about money. It does
 * not protect anybody from asking for a second transfer. Single-threaded, deterministic.
 */

struct sim_stripe;

/* seed: of its own chances. The clock is borrowed. */
struct sim_stripe *sim_stripe_new(const struct clock_fake *clock, uint64_t seed);
void sim_stripe_free(struct sim_stripe *stripe);

/* ---- Faults ---- */

/* What a call meets. */
enum sim_stripe_fault {
    SIM_STRIPE_ANSWERS = 0,
    SIM_STRIPE_NOT_SENT,       /* no connection */
    SIM_STRIPE_CALL_LOST,      /* something went out and did not arrive */
    SIM_STRIPE_REPLY_LOST,     /* the work is done and nobody hears of it */
    SIM_STRIPE_STRAYS,         /* it arrives when nobody waits for it any more */
    SIM_STRIPE_ERROR_500,      /* before any work, not saved under the key */
    SIM_STRIPE_SAVED_500,      /* not done, and this key answers 500 from now on */
    SIM_STRIPE_SAVED_500_DONE, /* the same, but the work was done */
    SIM_STRIPE_GARBAGE,        /* 200 with something that is not JSON; no work */
    SIM_STRIPE_BUSY_409,       /* "this key is in use"; no work */
    SIM_STRIPE_LIMITED_429,    /* with Retry-After; no work */
    SIM_STRIPE_STRANGE,        /* 400, 402 or 404 in words that refuse nothing; no work */
    SIM_STRIPE_STRANGE_DONE,   /* the same, from something in between: the work is done */
    SIM_STRIPE_REFUSED,        /* 400, 402 or 404: done with, and remembered under the key */
    SIM_STRIPE_FAULT_COUNT,
};

/* "reply_lost" */
const char *sim_stripe_fault_name(enum sim_stripe_fault fault);

#define SIM_STRIPE_CHANCE 10000

/* All chances are of SIM_STRIPE_CHANCE. All zero: a provider that does everything right, at once. */
struct sim_stripe_rates {
    uint16_t faults[SIM_STRIPE_FAULT_COUNT];
    uint16_t refund_pending;   /* a refund is settled later, by webhook */
    uint16_t refund_fails;     /* of those pending: it then fails */
    uint16_t refund_returned;  /* of those that succeeded: the buyer's bank sends it back later */
    uint16_t webhook_repeated; /* the same event is delivered again */
    uint16_t webhook_twin;     /* another event id about the same thing */
    uint16_t webhook_late;     /* comes up to webhook_late_us later, else within a second */
    /* Never comes: of all that somebody finds who looks, which a refund that the bank sent back later is not. */
    uint16_t webhook_lost;
    int64_t webhook_late_us;
    int64_t latency_us; /* of a call, at most */
};

void sim_stripe_set_rates(struct sim_stripe *stripe, const struct sim_stripe_rates *rates);
/* The next calls meet these, one each, before any chance is taken. */
void sim_stripe_script(struct sim_stripe *stripe, const enum sim_stripe_fault *faults,
                       uint32_t count);
/* Requests whose path begins so are refused with this code; NULL: none is any more. */
void sim_stripe_refuse(struct sim_stripe *stripe, const char *path, const char *code);

/* ---- Being called ---- */

/* One process's connection pool. */
struct sim_stripe_line {
    struct caller caller; /* first: the port */
    struct sim_stripe *stripe;
    uint32_t slots;
    uint32_t under_way;
};

struct caller *sim_stripe_line_init(struct sim_stripe_line *line, struct sim_stripe *stripe,
                                    uint32_t slots);
/* The process is gone: its answers reach nobody, its calls may still arrive. */
void sim_stripe_hang_up(struct sim_stripe_line *line);

/* ---- Time ---- */

/* The mono_us of the next thing that happens by itself; INT64_MAX: nothing will. */
int64_t sim_stripe_next_us(const struct sim_stripe *stripe);
/* Does the next thing that is due: a call arrives, an answer is there, something settles, a webhook is
 * delivered through `payments` (the product's own handler, signature and all; not taken: it comes again
 * later). False when nothing is due. */
bool sim_stripe_step(struct sim_stripe *stripe, struct intake *payments);

/* Somebody asks for all events again, those too that were taken: as Stripe's "resend". */
void sim_stripe_tell_again(struct sim_stripe *stripe);

/* ---- Buyers ---- */

enum sim_stripe_pay {
    SIM_PAY_GOOD = 0,
    SIM_PAY_DECLINED,   /* the buyer may try again */
    SIM_PAY_SLOW,       /* is being processed, then good */
    SIM_PAY_SLOW_FAILS, /* is being processed, then declined */
    SIM_PAY_LESS,       /* half of it arrives */
    SIM_PAY_MORE,
    SIM_PAY_FOREIGN, /* in another currency */
    SIM_PAY_COUNT,
};

/* Somebody pays an intent of the escrow that can be paid. False when there is none. */
bool sim_stripe_pay(struct sim_stripe *stripe, struct id escrow_id, enum sim_stripe_pay how);

/* ---- The truth ---- */

enum sim_stripe_kind {
    SIM_STRIPE_NONE = 0,
    SIM_STRIPE_INTENT,
    SIM_STRIPE_TRANSFER,
    SIM_STRIPE_REFUND,
    SIM_STRIPE_KIND_COUNT,
};

enum sim_stripe_state {
    SIM_STRIPE_STATE_NONE = 0,
    SIM_STRIPE_OPEN,       /* an intent that can be paid */
    SIM_STRIPE_PROCESSING, /* an intent that is being paid, a refund under way */
    SIM_STRIPE_MOVED,      /* money moved */
    SIM_STRIPE_CANCELED,
    SIM_STRIPE_FAILED,
    SIM_STRIPE_RETURNED, /* a refund that moved and came back */
    SIM_STRIPE_STATE_COUNT,
};

/* A transfer that names no payment: it is paid out of what we have. */
#define SIM_STRIPE_NO_INTENT UINT32_MAX

#define SIM_STRIPE_ACCOUNT_BYTES 32 /* with its end; no account of ours has a longer name */

/* An object of the provider, as it is. */
struct sim_stripe_object {
    enum sim_stripe_kind kind;
    enum sim_stripe_state state;
    uint32_t number; /* its name: "pi_<number>", "tr_…", "re_…" */
    struct id key;   /* the idempotency key that made it */
    struct id escrow_id;
    struct id leg_id;
    int64_t asked_minor;
    char asked_currency[4];                     /* lower case; of a refund empty: it names none */
    char destination[SIM_STRIPE_ACCOUNT_BYTES]; /* of a transfer: whom it pays */
    int64_t moved_minor;                        /* MOVED, RETURNED: what really moved */
    char currency[4];                           /* lower case, of what moved */
    uint32_t intent;  /* the number of what a refund gives back, or a transfer passes on */
    uint32_t charge;  /* of an intent: the last one's number, "ch_<number>"; 0: none yet */
    int64_t asked_us; /* wall clock, when the request that made it was sent */
};

uint32_t sim_stripe_count(const struct sim_stripe *stripe);
/* By number, from 0; valid until the next call that changes something. For tampering: not const. */
struct sim_stripe_object *sim_stripe_object(struct sim_stripe *stripe, uint32_t number);
/* How many of this kind were made for an escrow (none: for all), and the first one's number. */
uint32_t sim_stripe_made(const struct sim_stripe *stripe, enum sim_stripe_kind kind,
                         struct id escrow_id, uint32_t *ret_first);

/* How a request under this key was answered first, and is as long as the provider remembers it. */
enum sim_stripe_key {
    SIM_STRIPE_KEY_UNKNOWN = 0, /* never arrived, or forgotten */
    SIM_STRIPE_KEY_FINE,
    SIM_STRIPE_KEY_REFUSED,
    SIM_STRIPE_KEY_BROKEN, /* answers 500 for ever */
    SIM_STRIPE_KEY_COUNT,
};

enum sim_stripe_key sim_stripe_key(const struct sim_stripe *stripe, struct id key);

/* A request under this key met an error that is not remembered: the next one may be served. */
bool sim_stripe_said_error(const struct sim_stripe *stripe, struct id key);

struct sim_stripe_counts {
    uint64_t calls;     /* that arrived */
    uint64_t different; /* of these: a known key with another request. Must stay 0 */
    uint64_t repeated;  /* of these: answered from memory */
    uint64_t forgotten; /* a key that had been forgotten was used again */
    uint64_t bad;       /* requests that no rail of ours makes */
    uint64_t met[SIM_STRIPE_FAULT_COUNT];
    uint64_t webhooks, webhooks_taken, webhooks_refused;
    uint64_t waiting; /* calls and webhooks that are still under way */
};

struct sim_stripe_counts sim_stripe_counts(const struct sim_stripe *stripe);
