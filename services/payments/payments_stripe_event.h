#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/id.h"
#include "base/op.h"
#include "payments/payments_decide.h"

/* A webhook's body, once its signature is known to be right: what it is about, in our words. Pure
 * but for the arena. */

/* The provider's ids, types and states are letters, digits and a few signs within these bounds. */
#define STRIPE_ID_MAX_BYTES 255
#define STRIPE_TYPE_MAX_BYTES 100
#define STRIPE_CODE_MAX_BYTES 64

/* What becomes of an event. The numbers stand in the table `webhook`. */
enum stripe_disposition {
    STRIPE_DISPOSITION_NONE = 0,
    STRIPE_SIGNALLED, /* about one of our legs: goes to payments.signals.v1 */
    STRIPE_IGNORED,   /* of a type that changes nothing here */
    STRIPE_UNMATCHED, /* of a type that matters, and not to be given to a leg: a person must look */
    STRIPE_DISPOSITION_COUNT,
};

struct stripe_event {
    struct str id;   /* "evt_..." */
    struct str type; /* "payment_intent.succeeded" */
    bool live;
    int64_t created_s;     /* when it happened there; 0: it does not say */
    bool of_other_account; /* it happened in an account connected to ours, not in ours */
    enum stripe_disposition disposition;
    /* With UNMATCHED, each empty where the object does not say it: what a person looks for. */
    struct str object_id;   /* with SIGNALLED, too */
    struct str payment_ref; /* the payment that it is about: its intent, else its charge */
    struct id escrow_id;    /* with SIGNALLED, too */
    /* With SIGNALLED: */
    struct id leg_id;
    struct str object_state;
    int64_t amount_minor; /* received or moved; 0 where no money is told of */
    struct str currency;  /* upper case, with the amount */
    struct str charge_id;
    struct str failure_code;
};

/*
 * STATUS_INVALID "payments.event_unreadable": it has no proper id, type or livemode; or what
 * json_read refuses (json.*). Text lives in op->arena.
 */
STATUS payments_stripe_event_read(struct op *op, struct str body, struct stripe_event *ret_event);

/* What an event of this type, about an object in this state, says about its leg; NONE: nothing. */
enum payments_fact_kind payments_stripe_event_fact(struct str type, struct str object_state);

/* What the objects that events of this type are about are to us; NONE: nothing. */
enum leg_kind payments_stripe_event_leg(struct str type);

/* A code as we pass it on: the provider's where it is a plain word, else "provider_error". */
struct str payments_stripe_event_code(struct str code);
/* An id as the provider makes them: letters, digits, '_', '-'. */
bool payments_stripe_event_is_id(struct str id);
/* Three lower-case letters to upper case, in the arena; false when it is not that. */
bool payments_stripe_event_currency(struct arena *arena, struct str lower, struct str *ret_upper);

struct json_value;

/* What moved, by an object that has it at `pointer` ("/amount"): more than nothing, with its currency in
 * upper case; false when the object does not say it. */
bool payments_stripe_event_money(struct arena *arena, const struct json_value *object,
                                 const char *pointer, int64_t *ret_minor, struct str *ret_currency);
/* Where a PaymentIntent says how much was received. */
#define STRIPE_RECEIVED "/amount_received"
/* The charge that an intent was paid by, or that failed last; empty: it does not say. */
struct str payments_stripe_event_charge(const struct json_value *intent);
/* The charge that the bank declined, of an intent that says so. */
struct str payments_stripe_event_declined_charge(const struct json_value *intent);

struct payments_signal;

/* What an event (SIGNALLED) tells, with the body that it was read from. Borrows from both. */
struct payments_signal payments_stripe_event_signal(const struct stripe_event *event,
                                                    struct str body);

/* A leg's object that somebody looked at, as the event that would have told of it; its id is made of the object's and its
 * state. False: the object does not say properly what it is. */
bool payments_stripe_event_of_object(struct arena *arena, const struct json_value *object,
                                     enum leg_kind kind, struct stripe_event *ret_event);
