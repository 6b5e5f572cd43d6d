#pragma once

#include "base/arena.h"
#include "base/random.h"
#include "base/secret.h"
#include "effects/effects.h"
#include "payments/payments_in_webhook.h"
#include "sim_index.h"
#include "sim_stripe.h"

/* What the parts of the provider share: sim_stripe.c keeps things and time, _serve.c does what a request
 * asks, _line.c is the port, _webhook.c tells. */

#define STRIPE_KEY_KEPT_US (INT64_C(24) * 3600 * 1000000)
#define STRIPE_TIMEOUT_US (INT64_C(30) * 1000000)    /* how long a caller waits for an answer */
#define STRIPE_STRAY_US (INT64_C(15) * 60 * 1000000) /* how late a call may still arrive */
#define STRIPE_SETTLE_US (INT64_C(3600) * 1000000)   /* what takes its time takes at most this */
#define STRIPE_TEXT_MAX_BYTES 1024
#define STRIPE_SCRIPT_MAX 64

/* What the provider remembers of an idempotency key. */
struct stripe_key {
    struct id id;
    struct hash request;
    int32_t http_status;
    char *body; /* owned */
    int64_t at_us;
};

/* A call on its way, there or back. */
struct stripe_call {
    bool used;
    bool answered;                /* the line may take it */
    uint32_t tasks;               /* that name it */
    struct sim_stripe_line *line; /* NULL: taken, or hung up */
    int64_t sent_us;              /* wall clock */
    struct caller_call call;      /* its request is owned */
    enum sim_stripe_fault fault;
    struct caller_answer answer; /* its body is owned */
};

/* An event of the provider, as its webhook says it: the same bytes every time. */
struct stripe_told {
    char *body;     /* owned */
    uint32_t about; /* the object's number */
    bool lost;      /* is not delivered any more, until somebody asks again */
    uint32_t tries;
};

enum stripe_task_kind {
    STRIPE_TASK_NONE = 0,
    STRIPE_TASK_ARRIVE,  /* at: a call */
    STRIPE_TASK_ANSWER,  /* at: a call */
    STRIPE_TASK_SETTLE,  /* at: an object in PROCESSING */
    STRIPE_TASK_RETURN,  /* at: a refund comes back */
    STRIPE_TASK_WEBHOOK, /* at: an event */
    STRIPE_TASK_KIND_COUNT,
};

struct stripe_task {
    int64_t due_us; /* mono */
    uint64_t order;
    enum stripe_task_kind kind;
    uint32_t at;
    bool good; /* SETTLE: money moves */
};

struct sim_stripe {
    const struct clock_fake *clock;
    struct random random;
    struct sim_stripe_rates rates;
    enum sim_stripe_fault script[STRIPE_SCRIPT_MAX];
    uint32_t script_count;
    const char *refused_path;
    const char *refused_code;

    struct sim_stripe_object *objects;
    uint32_t object_count, object_capacity;
    struct stripe_key *keys;
    uint32_t key_count, key_capacity;
    struct sim_index key_index;
    struct sim_index error_index; /* keys that met an error that was not saved */
    struct stripe_key looked;     /* the answer to the last look-up, which has no key */
    struct stripe_call *calls;    /* slots are used again */
    uint32_t call_count, call_capacity;
    struct stripe_told *events;
    uint32_t event_count, event_capacity;
    struct stripe_task *tasks; /* a heap: the soonest first */
    uint32_t task_count, task_capacity;
    uint64_t order;
    int64_t sent_us; /* of the call that is being served */
    uint32_t charge_count;
    struct sim_stripe_counts counts;

    struct arena boot;
    struct arena arena; /* of one request or delivery */
    struct secret secret;
    struct payments_webhook_deps webhook;
};

/* ---- sim_stripe.c ---- */

/* chance of SIM_STRIPE_CHANCE */
bool sim_stripe_lucky(struct sim_stripe *stripe, uint16_t chance);
/* 0 to max_us; takes no chance when max_us is 0. */
int64_t sim_stripe_delay(struct sim_stripe *stripe, int64_t max_us);
void sim_stripe_plan(struct sim_stripe *stripe, struct stripe_task task);
/* A new object with the next number; only its number and when it was asked for are set. */
struct sim_stripe_object *sim_stripe_make(struct sim_stripe *stripe);
/* One more element; doubles what is full. */
void *sim_stripe_room(void *array, uint32_t count, uint32_t *capacity, size_t bytes);
char *sim_stripe_copy(struct str text);

/* ---- sim_stripe_serve.c ---- */

/* What the provider answers to a call that has arrived, from memory or by doing it. The body is owned by
 * the key. */
const struct stripe_key *sim_stripe_serve(struct sim_stripe *stripe, const struct caller_call *call,
                                          enum sim_stripe_fault fault);
/* The object as it is, in the provider's words. */
void sim_stripe_render(struct strbuf *buf, const struct sim_stripe_object *object);

/* The value of a form parameter that needs no decoding; empty when it is not there. */
struct str sim_stripe_param(struct str form, const char *name);

/* ---- sim_stripe_look.c ---- */

/* What there is, as somebody asks who lost an answer. The same answer until the next look-up. */
const struct stripe_key *sim_stripe_look(struct sim_stripe *stripe,
                                         const struct effects_request *request,
                                         enum sim_stripe_fault fault);

/* ---- sim_stripe_line.c ---- */

/* at: a place in `calls`, below in `events`. */
void sim_stripe_arrive(struct sim_stripe *stripe, uint32_t at);
void sim_stripe_answer(struct sim_stripe *stripe, uint32_t at);

/* ---- sim_stripe_webhook.c ---- */

void sim_stripe_webhook_init(struct sim_stripe *stripe);
void sim_stripe_webhook_fini(struct sim_stripe *stripe);
/* Something happened to the object: its webhooks are on their way. */
void sim_stripe_tell(struct sim_stripe *stripe, const struct sim_stripe_object *object,
                     const char *type);
/* What was told about the object and is still on its way never comes. */
void sim_stripe_lose(struct sim_stripe *stripe, const struct sim_stripe_object *object);
void sim_stripe_deliver(struct sim_stripe *stripe, uint32_t at, struct intake *payments);
