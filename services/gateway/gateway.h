#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/fee.h"
#include "base/id.h"
#include "base/money.h"
#include "base/str.h"
#include "engine/engine.h"

/*
 * What the gateway knows: one struct for each of its tables, and who somebody is to a deal. The
 * numbers of the states are those of proto/holdfast/escrow/v1; names come from there too.
 */

/* What is accepted from outside, ends included. */
#define GATEWAY_AMOUNT_MIN_MINOR 1
#define GATEWAY_AMOUNT_MAX_MINOR 1000000 /* 10,000.00 USD: the card rail's part of the market */
#define GATEWAY_FUNDING_MIN_SECONDS 3600
#define GATEWAY_FUNDING_MAX_SECONDS (30 * 86400)
#define GATEWAY_FUNDING_DEFAULT_SECONDS (72 * 3600)
#define GATEWAY_DELIVERY_MIN_SECONDS 3600
#define GATEWAY_DELIVERY_MAX_SECONDS (90 * 86400)
#define GATEWAY_DELIVERY_DEFAULT_SECONDS (48 * 3600)
#define GATEWAY_INSPECTION_MIN_SECONDS (1 * 86400)
#define GATEWAY_INSPECTION_MAX_SECONDS (30 * 86400)
#define GATEWAY_INSPECTION_DEFAULT_SECONDS (7 * 86400)
#define GATEWAY_DESCRIPTION_MAX_CHARS 500
#define GATEWAY_REASON_MAX_CHARS 200
#define GATEWAY_ACCOUNT_MAX_CHARS 255
#define GATEWAY_MILESTONES_MIN 2
#define GATEWAY_MILESTONES_MAX 20
#define GATEWAY_TITLE_MAX_CHARS 80

/* Code points of a text in UTF-8. */
int64_t gateway_characters(struct str text);

/* The read model's state: 0, or the number of proto EscrowState. */
#define GATEWAY_STATE_NONE 0 /* only payments told of it so far */
#define GATEWAY_STATE_CREATED 1
#define GATEWAY_STATE_AWAIT_FUNDS 2
#define GATEWAY_STATE_COUNT 17

/* "AWAIT_FUNDS"; "PENDING" for GATEWAY_STATE_NONE. */
struct str gateway_state_name(int state);

/* "OPEN": by the number of proto MilestoneState. */
struct str gateway_milestone_state_name(int state);

/* A piece of a deal, as it is asked for or shown. */
struct gateway_milestone {
    struct str title;
    int64_t amount_minor;
    int state;                  /* the number of proto MilestoneState */
    int64_t inspection_ends_us; /* 0: no inspection of it runs */
    int64_t answer_ends_us;     /* 0: it is not rejected, or that stands still */
};

#define GATEWAY_MILESTONE_OPEN 1
#define GATEWAY_MILESTONE_STATE_COUNT 7

/* A row of escrow_view. */
struct gateway_view {
    struct id id;
    int64_t version;
    int64_t seq;
    int state;
    enum currency currency;
    int64_t price_minor;
    int64_t received_minor;
    int64_t held_minor;
    int64_t disputed_minor;
    int64_t suspense_minor;
    int64_t due_seller_minor;
    int64_t due_buyer_minor;
    int64_t paid_out_minor;
    int64_t refunded_minor;
    int64_t fee_deferred_minor;
    int64_t fee_minor;
    int64_t released_minor;
    int64_t returned_minor;
    int64_t split_number; /* of the offer to divide what is held that is open; 0: none is */
    struct id split_by;   /* whose it is */
    int64_t split_seller_minor;
    int64_t split_buyer_minor;
    int64_t payout_failed_minor;
    int64_t refund_failed_minor;
    bool payment_setup_failed;
    bool foreign_money;
    struct id marketplace_id;
    struct id buyer_id;
    struct id seller_id;
    struct id arbiter_id;   /* none: there is no arbiter */
    struct str arbiter_key; /* in hex; empty: there is no arbiter */
    int64_t dispute_number; /* of the last dispute; 0: there was none */
    struct str docket;      /* of the one that is open: JSON, as the API shows it; empty: none is */
    struct str seller_account;
    int64_t funding_seconds;
    int64_t delivery_seconds;
    int64_t inspection_seconds;
    struct fee_terms fees;
    int64_t deadline_at_us; /* 0: no clock runs */
    int deadline_state;     /* what the deal then becomes; GATEWAY_STATE_NONE: no clock runs */
    struct str description;
    struct str milestones; /* JSON, as the API shows them; empty: none */
    struct str payment_ref;
    struct str payment_client_secret; /* for the buyer's eyes alone */
    int64_t created_at_us;
    int64_t updated_at_us;
};

/* A row of escrow_timeline. */
struct gateway_entry {
    struct id escrow_id;
    int64_t seq;
    struct str type;
    int state;
    int64_t amount_minor;
    int64_t milestone; /* that it is about; 0: the deal */
    struct str note;
    int actor_kind; /* enum engine_actor_kind */
    struct id actor_id;
    int64_t at_us;
};

/* A row of escrow_pending. */
struct gateway_pending {
    struct id id;
    struct id command_id;
    struct id marketplace_id;
    struct id buyer_id;
    struct id seller_id;
    struct id arbiter_id;
    struct str arbiter_key;
    enum currency currency;
    int64_t price_minor;
    struct str seller_account;
    int64_t funding_seconds;
    int64_t delivery_seconds;
    int64_t inspection_seconds;
    struct fee_terms fees;
    struct str description;
    struct str milestones; /* as in the view */
    int64_t created_at_us;
};

/* Who calls: made by authentication, the principal of a request. */
struct gateway_caller {
    enum engine_actor_kind kind; /* USER, MARKETPLACE or STAFF */
    struct id account_id;
};

struct gateway_parties {
    struct id marketplace_id;
    struct id buyer_id;
    struct id seller_id;
    struct id arbiter_id; /* none: nobody is */
};

enum gateway_role {
    GATEWAY_ROLE_NONE = 0, /* a stranger: for them the deal does not exist */
    GATEWAY_ROLE_BUYER,
    GATEWAY_ROLE_SELLER,
    GATEWAY_ROLE_ARBITER,
    GATEWAY_ROLE_MARKETPLACE,
    GATEWAY_ROLE_STAFF,
    GATEWAY_ROLE_COUNT,
};

struct gateway_parties gateway_view_parties(const struct gateway_view *view);

enum gateway_role gateway_role_of(const struct gateway_caller *caller,
                                  const struct gateway_parties *parties);
