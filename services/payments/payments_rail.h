#pragma once

#include "base/op.h"
#include "engine/engine.h"
#include "payments/payments_decide.h"
#include "payments/payments_signal.h"

/*
 * A rail: how one provider is asked and how its answers are read. Pure but for the arena: requests
 * are frozen as bytes, secrets are added when they are sent. Stripe is the first; others (a
 * custodian of USDC, a wallet's RPC) are rows of this struct.
 */

struct payments_rail {
    enum leg_rail kind;
    struct str name; /* "stripe", in metrics and in the table `webhook` */

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
};

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
