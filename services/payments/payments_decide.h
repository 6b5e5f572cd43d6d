#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/id.h"
#include "base/money.h"
#include "base/str.h"

/*
 * What payments decides: a pure function of (a payment with its legs, one message). A leg is one
 * provider operation: money in, a transfer to the seller, a refund to the buyer. Everything that
 * becomes known about a leg, by the answer to our own request or by the provider's webhook, is a
 * fact; facts may come twice, in any order, and whoever is first wins.
 *
 * Two exceptions to "any order", both on purpose. A declined charge is a note to people: it is told
 * when it is news, so whether it is told depends on what is known already. A refund that succeeded
 * and that the bank sends back later has failed in every order, but its success is told only when it
 * is heard of first.
 *
 * Every struct str in here is borrowed from whoever made the message or the row.
 */

/* The numbers stand in the table `leg` and in its CHECKs. */
enum leg_kind {
    LEG_KIND_NONE = 0,
    LEG_IN,
    LEG_TRANSFER,
    LEG_REFUND,
    LEG_KIND_COUNT,
};

enum leg_state {
    LEG_STATE_NONE = 0,
    LEG_ASKED,    /* we asked; nothing certain was told to anybody */
    LEG_OPEN,     /* the provider has it and it is not settled; an intent was announced */
    LEG_DONE,     /* money moved */
    LEG_FAILED,   /* it did not and will not move */
    LEG_CANCELED, /* an intent that can no longer be paid */
    LEG_STATE_COUNT,
};

enum leg_rail {
    LEG_RAIL_NONE = 0,
    LEG_RAIL_STRIPE,
    LEG_RAIL_COUNT,
};

/* A row of `payment`: one for each escrow. */
struct payment {
    struct id escrow_id;
    int64_t version;
    int64_t seq; /* of the last event about this escrow; 0: none yet */
    bool cancel_wanted;
    int64_t created_at_us;
    int64_t updated_at_us;
};

/* A row of `leg`. */
struct leg {
    struct id id;
    struct id escrow_id;
    int64_t version;
    enum leg_kind kind;
    enum leg_state state;
    enum leg_rail rail;
    enum currency currency;
    int64_t amount_minor;         /* asked for, > 0 */
    int64_t received_minor;       /* IN and DONE: what the provider received */
    struct str received_currency; /* IN and DONE: as the provider says, upper case */
    struct str provider_ref;      /* "pi_...", "tr_...", "re_..."; empty until known */
    struct str charge_ref;  /* IN: the charge that paid it; before that the one declined last */
    struct str destination; /* TRANSFER: the seller's account at the provider */
    struct id paid_leg_id;  /* TRANSFER, REFUND: the leg whose money it is */
    struct str failure_code;
    /* When the provider is asked what became of it, should nothing be heard until then; 0: it is settled, or is being
     * asked about. */
    int64_t look_at_us;
    int64_t created_at_us;
    int64_t updated_at_us;
};

/* ---- What comes in ---- */

enum payments_command_kind {
    PAYMENTS_COMMAND_NONE = 0,
    PAYMENTS_CREATE_PAYMENT_INTENT,
    PAYMENTS_CANCEL_PAYMENT,
    PAYMENTS_TRANSFER_TO_SELLER,
    PAYMENTS_REFUND_BUYER,
    PAYMENTS_COMMAND_COUNT,
};

struct payments_command {
    enum payments_command_kind kind;
    struct id escrow_id;
    struct id leg_id; /* none for CANCEL_PAYMENT */
    enum currency currency;
    int64_t amount_minor;
    struct str description;    /* CREATE_PAYMENT_INTENT */
    enum leg_rail rail;        /* CREATE_PAYMENT_INTENT: chosen by rule; NONE: no rail takes it */
    struct str seller_account; /* TRANSFER_TO_SELLER */
    struct id paid_leg_id;     /* TRANSFER_TO_SELLER, REFUND_BUYER: the leg whose money it is */
};

enum payments_fact_kind {
    PAYMENTS_FACT_NONE = 0,
    PAYMENTS_FACT_EXISTS, /* the provider has the object, not settled */
    PAYMENTS_FACT_MADE,   /* our request was answered: it exists, with all that the answer tells */
    PAYMENTS_FACT_DECLINED, /* a charge failed; the intent can still be paid */
    PAYMENTS_FACT_SUCCEEDED,
    PAYMENTS_FACT_CANCELED,
    PAYMENTS_FACT_FAILED, /* it did not and will not happen */
    PAYMENTS_FACT_COUNT,
};

struct payments_fact {
    enum payments_fact_kind kind;
    enum leg_kind about;      /* what the provider's object is: an intent, a transfer, a refund */
    struct str provider_ref;  /* empty: not told */
    struct str client_secret; /* MADE of an intent */
    struct str charge_ref;
    struct str failure_code;
    int64_t amount_minor; /* SUCCEEDED: received or moved, > 0; 0: not told */
    struct str currency;  /* with the amount, upper case */
};

/* The payment and its legs as they stand; payment is NULL where there is none yet. */
struct payments_view {
    const struct payment *payment;
    const void *const *legs; /* each points to a struct leg */
    uint32_t leg_count;
};

/* ---- What goes out ---- */

enum payments_event_kind {
    PAYMENTS_EVENT_NONE = 0,
    PAYMENTS_PAYMENT_INTENT_CREATED,
    PAYMENTS_PAYMENT_SUCCEEDED,
    PAYMENTS_PAYMENT_FAILED,
    PAYMENTS_PAYMENT_CANCELED,
    PAYMENTS_TRANSFER_SUCCEEDED,
    PAYMENTS_TRANSFER_FAILED,
    PAYMENTS_REFUND_SUCCEEDED,
    PAYMENTS_REFUND_FAILED,
    PAYMENTS_EVENT_COUNT,
};

struct payments_event {
    enum payments_event_kind kind;
    struct id leg_id;
    int64_t seq; /* per escrow 1, 2, 3 … without a gap */
    struct str provider_ref;
    /* PAYMENT_INTENT_CREATED: empty when the intent ended before our own answer came. */
    struct str client_secret;
    struct str code;      /* of failures */
    bool charge_declined; /* PAYMENT_FAILED: the buyer may try again; else the set-up failed */
    int64_t amount_minor;
    struct str currency; /* PAYMENT_SUCCEEDED */
};

/* The numbers stand in the table `effect`. */
enum payments_effect_kind {
    PAYMENTS_EFFECT_NONE = 0,
    PAYMENTS_EFFECT_CREATE_INTENT,
    PAYMENTS_EFFECT_CANCEL_INTENT,
    PAYMENTS_EFFECT_CREATE_TRANSFER,
    PAYMENTS_EFFECT_CREATE_REFUND,
    /* Questions, which change nothing out there: what became of a leg of which nothing was heard. */
    PAYMENTS_EFFECT_LOOK_AT_INTENT,
    PAYMENTS_EFFECT_LOOK_AT_TRANSFER,
    PAYMENTS_EFFECT_LOOK_AT_REFUND,
    PAYMENTS_EFFECT_COUNT,
};

/* One request to the provider. */
struct payments_effect {
    enum payments_effect_kind kind;
    enum leg_rail rail; /* of its leg */
    struct id escrow_id;
    struct id leg_id;
    enum currency currency;
    int64_t amount_minor;
    struct str description; /* CREATE_INTENT */
    struct str destination; /* CREATE_TRANSFER */
    struct str intent_ref;  /* CANCEL_INTENT, CREATE_REFUND, LOOK_AT_REFUND */
    struct str object_ref;  /* LOOK_AT_…: what the provider calls it; empty: it did not say yet */
    struct str charge_ref;  /* CREATE_TRANSFER */
};

enum payments_verdict {
    PAYMENTS_VERDICT_NONE = 0,
    PAYMENTS_NOTHING, /* known already, or of no interest any more */
    PAYMENTS_CHANGED, /* save payment and leg, publish events, send effects */
    PAYMENTS_BROKEN, /* no sound escrow or provider says this: `code` says why; a person must look */
    PAYMENTS_VERDICT_COUNT,
};

/* An intent that ends before it was announced makes two. */
#define PAYMENTS_EVENTS_MAX 2
#define PAYMENTS_EFFECTS_MAX 1

struct payments_decision {
    enum payments_verdict verdict;
    const char *code;  /* BROKEN: listed in error_codes.txt */
    const char *alarm; /* not NULL: somebody should know, nothing is stopped */
    bool payment_new;
    struct payment payment;
    bool leg_new;
    bool leg_changed;
    struct leg leg; /* with leg_new or leg_changed */
    uint32_t event_count;
    struct payments_event events[PAYMENTS_EVENTS_MAX];
    uint32_t effect_count;
    struct payments_effect effects[PAYMENTS_EFFECTS_MAX];
};

/* view->legs are all legs of the command's escrow. now_us is the fence's time. */
struct payments_decision payments_decide_command(const struct payments_view *view,
                                                 const struct payments_command *command,
                                                 int64_t now_us);

/* A person dropped a command that was parked: whoever waits for its leg is told that it failed. */
struct payments_decision payments_decide_dropped(const struct payments_view *view,
                                                 const struct payments_command *command,
                                                 int64_t now_us);

/* A fact about the leg `leg_id`; view->payment must be there. BROKEN when there is no such leg, or when it
 * is not what the fact's object is. */
struct payments_decision payments_decide_fact(const struct payments_view *view, struct id leg_id,
                                              const struct payments_fact *fact, int64_t now_us);

/* Asks the provider about the leg that waits longest for it; NOTHING when none is due. */
struct payments_decision payments_decide_look(const struct payments_view *view, int64_t now_us);

/* A question about the leg is answered: it is asked again later, if it is not settled by then. */
struct payments_decision payments_decide_looked(const struct payments_view *view, struct id leg_id,
                                                int64_t now_us);

/* The leg with this id, or NULL. */
const struct leg *payments_decide_leg(const struct payments_view *view, struct id id);

/* What a leg and a payment must be before and after every decision. */
bool payments_decide_leg_is_sound(const struct leg *leg);
bool payments_decide_payment_is_sound(const struct payment *payment);
