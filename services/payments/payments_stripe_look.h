#pragma once

#include "engine/engine.h"
#include "json/json_read.h"
#include "payments/payments_decide.h"

/* What became of a leg that nothing is heard of, or of a request that is too old to be repeated: how the provider is asked,
 * and what it found. Pure but for the arena. A look-up names no idempotency key: it changes nothing. */

/* Objects of one deal, or of one payment, that a list shows. Answers are at most CALLER_BODY_MAX_BYTES, and an object of a
 * list has about a thousand. */
#define STRIPE_LOOK_MAX 30

struct payments_stripe_question {
    enum leg_kind kind;
    struct id escrow_id;
    struct id leg_id;
    struct str object_ref; /* what the provider calls it; empty: it is searched for */
    struct str intent_ref; /* of a refund that is searched for: of which payment */
};

/* The frozen bytes of a question. STATUS_BUG "payments.look_up" when it cannot be asked. */
STATUS payments_stripe_look_ask(struct op *op, const struct payments_stripe_question *question,
                                struct str *ret_request);

/* The frozen bytes of the look-up for an effect of ours (of a question: its own). STATUS_BUG "payments.look_up" when its frozen
 * request is not one that we make. */
STATUS payments_stripe_look_request(struct op *op, const struct effect_row *effect,
                                    struct str *ret_request);

/* Is it the answer to a look-up among several objects? No request that makes something is answered so. */
bool payments_stripe_look_is_list(const struct json_value *root);

/* The object with the effect's metadata among those of a list; NULL: it is not there, or more than one has them.
 * *ret_certain: and nowhere else. */
const struct json_value *payments_stripe_look_find(const struct json_value *list,
                                                   const struct effect_row *effect,
                                                   const char *object_name, bool *ret_certain);

/* The object is the one that this effect is about, by what we wrote into it. */
bool payments_stripe_look_is_ours(const struct json_value *object, const struct effect_row *effect,
                                  const char *object_name);
