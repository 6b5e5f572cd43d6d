#pragma once

#include "base/op.h"
#include "effects/effects.h"
#include "engine/engine.h"
#include "payments/payments_decide.h"
#include "payments/payments_signal.h"

/*
 * A rail: what one provider takes, how it is asked, and how its answers and webhooks are read. Pure but for
 * the arena: requests are frozen as bytes, secrets are added when they are sent. Stripe is the first;
 * others (a custodian of USDC, a wallet's RPC) are rows of the table in payments_rail.c.
 */

struct payments_rail {
    enum leg_rail kind;
    struct str name; /* "stripe", in metrics, in signals and in the table `webhook` */

    /* What it takes of a buyer at once. The first rail of the table that takes it is the one, for good. */
    enum currency currency;
    int64_t amount_max_minor;

    /* The frozen bytes of a request, the same for the same effect in every build of this version. */
    struct status (*request)(struct op *op, const struct payments_effect *effect,
                             struct str *ret_request);

    /* The frozen bytes of what asks the provider what became of a request that is too old to be repeated. */
    struct status (*look_up)(struct op *op, const struct effect_row *effect,
                             struct str *ret_request);

    /* What an answer means, of the request or of its look-up. *ret_code is a stable word for people; empty with DONE, but
     * of a question that told nothing. */
    enum engine_verdict (*judge)(struct op *op, const struct effect_row *effect,
                                 const struct caller_answer *answer, struct str *ret_code);

    /* What a certain answer says about the leg effect->subject. *ret_told false: nothing new. */
    struct status (*read)(struct op *op, const struct effect_row *effect,
                          const struct caller_answer *answer, struct payments_fact *ret_fact,
                          bool *ret_told);

    /* What the answer to a question (LOOK_AT_…) found, as the webhook would have told it. *ret_told false: nothing. */
    struct status (*hear)(struct op *op, const struct effect_row *effect,
                          const struct caller_answer *answer, struct payments_signal *ret_signal,
                          bool *ret_told);

    /* What a signal of this provider says about its leg; kind NONE: nothing that this version knows. Borrows from it. */
    struct payments_fact (*fact)(const struct payments_signal *signal);

    /* Does the request move money out: to a seller, back to a buyer? */
    bool (*pays_out)(const struct effects_request *request);

    /* The signal of a webhook's body as it was stored. STATUS_CONFLICT "payments.no_signal": it is about no leg of ours. */
    struct status (*told)(struct op *op, struct str body, struct payments_signal *ret_signal);
};

/* The rail for what a buyer is to pay; LEG_RAIL_NONE: there is none, and the payment is refused. */
enum leg_rail payments_rail_choose(enum currency currency, int64_t amount_minor);

/* A leg that stands has one. */
const struct payments_rail *payments_rail_of(enum leg_rail kind);
/* By the kind of an effect of ours: PAYMENTS_RAIL_EFFECTS numbers for each rail, Stripe's first. */
const struct payments_rail *payments_rail_of_effect(int effect_kind);
/* By its name; NULL: none of ours. */
const struct payments_rail *payments_rail_named(struct str name);

#define PAYMENTS_RAIL_EFFECTS 100
_Static_assert(PAYMENTS_EFFECT_COUNT <= PAYMENTS_RAIL_EFFECTS, "rails' effects are apart");

/* The number of an effect in its row, and back. */
int payments_rail_effect_kind(enum leg_rail rail, enum payments_effect_kind kind);
enum payments_effect_kind payments_rail_operation(int effect_kind);

/* The numbers of all rails' questions, which change nothing out there. Those of the first rail are the operations. */
#define PAYMENTS_RAIL_QUESTION_COUNT 3
#define PAYMENTS_RAIL_QUESTIONS \
    PAYMENTS_EFFECT_LOOK_AT_INTENT, PAYMENTS_EFFECT_LOOK_AT_TRANSFER, PAYMENTS_EFFECT_LOOK_AT_REFUND

/* Codes of judge that mean "not this leg's fault: somebody must look at our account or key". */
#define RAIL_CODE_REFUSES_US "provider_refuses_us"
#define RAIL_CODE_KEY_REUSED "idempotency_error"
/* The answer cannot be what this request was answered: of another object, or unreadable. */
#define RAIL_CODE_NOT_OURS "answer_not_ours"
#define RAIL_CODE_UNREADABLE "answer_unreadable"
/* An intent is not canceled, and what became of it is not told: its money may come, or be there. */
#define RAIL_CODE_NOT_CANCELED "intent_not_canceled"
/* It is too late to cancel an intent: its webhook will tell how it ended. */
#define RAIL_CODE_BEING_PAID "intent_being_paid"
/* The provider was asked what became of an old request, and shows nothing that it made. */
#define RAIL_CODE_NOT_FOUND "not_found_at_provider"
/* It was asked, and what it shows does not tell: there is more than it shows, or there are two. */
#define RAIL_CODE_NOT_TOLD "look_up_not_told"
/* The provider broke on this key and says so again and again: it will not do otherwise. */
#define RAIL_CODE_BROKE "provider_error_repeated"
