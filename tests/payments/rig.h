#pragma once

#include "engine/engine_tables.h"
#include "holdfast/payments/v1/commands.pb-c.h"
#include "holdfast/payments/v1/events.pb-c.h"
#include "sim/sim_stripe.h"
#include "sim/sim_world.h"

/* Payments in its engine, over the simulated pair: escrow's commands and webhooks go in, events are
 * heard. Everything asserts. */

#define RIG_STEP_MS INT64_C(5)
#define RIG_RUN_MS INT64_C(600000)
#define RIG_EVENTS_MAX 16
#define RIG_AMOUNT 5000

/* Kinds of events, as the oneof has them. */
#define EVENT(name) HOLDFAST__PAYMENTS__V1__PAYMENTS_EVENT__BODY_##name
#define CREATED EVENT(PAYMENT_INTENT_CREATED)
#define SUCCEEDED EVENT(PAYMENT_SUCCEEDED)
#define PAYMENT_FAILED EVENT(PAYMENT_FAILED)
#define CANCELED EVENT(PAYMENT_CANCELED)
#define TRANSFERRED EVENT(TRANSFER_SUCCEEDED)
#define TRANSFER_FAILED EVENT(TRANSFER_FAILED)
#define REFUNDED EVENT(REFUND_SUCCEEDED)
#define REFUND_FAILED EVENT(REFUND_FAILED)

struct rig {
    struct sim_world *world;
    struct op *op; /* the world's */
    struct sim_db *db;
    struct sim_place place;
    struct intake door; /* for the provider's own webhooks */
    struct sim_stripe *stripe;
    struct sim_stripe_line line;
    uint32_t service;            /* its place in the world */
    struct sim_process *process; /* NULL: none lives */
};

struct rig *rig_open(void);
void rig_close(struct rig *rig);
void rig_start(struct rig *rig);
/* The process dies, if it has not yet. */
void rig_end(struct rig *rig);
void rig_step(struct rig *rig);
void rig_run_for(struct rig *rig, int64_t ms);

/* ---- What escrow and the provider's webhooks send ---- */

enum leg_number { LEG_PAY = 1, LEG_OUT, LEG_BACK };

struct id rig_escrow(uint32_t number);
struct id rig_leg(struct id escrow, enum leg_number number);
void rig_command(struct rig *rig, struct id escrow, Holdfast__Payments__V1__PaymentsCommand *out);
void rig_create(struct rig *rig, struct id escrow);
void rig_cancel(struct rig *rig, struct id escrow);
void rig_transfer(struct rig *rig, struct id escrow);
void rig_refund(struct rig *rig, struct id escrow);
/* As the webhook leaves it: a row in `intake` and a record. */
void rig_signal(struct rig *rig, struct id escrow, enum leg_number leg, const char *event,
                const char *type, const char *object);

/* ---- What came out ---- */

struct heard {
    uint32_t count;
    int kinds[RIG_EVENTS_MAX];
    bool secret; /* the intent was announced with its client secret */
};

/* The events of an escrow, each once; asserts n without a hole and seq 1, 2, 3. */
struct heard rig_hear(struct rig *rig, struct id escrow);
bool rig_has_heard(struct rig *rig, struct id escrow, int kind);
void rig_assert_heard(struct rig *rig, struct id escrow, const int *kinds, uint32_t count);
void rig_run_until(struct rig *rig, struct id escrow, int kind);
/* Nothing waits: effects are closed, signals have their outcome, no key is parked. */
void rig_assert_quiet(struct rig *rig);
/* Attempts to call the provider, those that did not reach it too. */
uint64_t rig_attempts(const struct rig *rig);
/* What the provider has made of this kind, for whomever. */
uint32_t rig_made(const struct rig *rig, enum sim_stripe_kind kind);
/* The provider's name of the escrow's intent; valid until the next call. */
const char *rig_intent_ref(struct rig *rig, struct id escrow);
const struct parked_key_row *rig_parked(struct rig *rig, struct id key);
