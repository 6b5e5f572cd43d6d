#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/id.h"
#include "base/money.h"
#include "base/str.h"

/*
 * What notifications knows: deals (who the parties are), recipients (where a person is reached), and
 * deliveries (what a person is told, once each). Rows of migrations/notifications.
 */

/* ---- What is told ---- */

enum notice {
    NOTICE_NONE = 0,
    NOTICE_PAYMENT_READY,
    NOTICE_PAYMENT_DECLINED,
    NOTICE_PAYMENT_SETUP_FAILED,
    NOTICE_FUNDS_HELD,
    NOTICE_DELIVERED,
    NOTICE_RELEASE_STARTED,
    NOTICE_RELEASED,
    NOTICE_PAYOUT_FAILED,
    NOTICE_REFUND_STARTED,
    NOTICE_REFUNDED,
    NOTICE_REFUND_FAILED,
    NOTICE_CANCELLED,
    NOTICE_EXPIRED,
    NOTICE_FUNDS_SUSPENDED,
    NOTICE_FOREIGN_MONEY,
    NOTICE_SUSPENSE_REFUNDED,
    NOTICE_REJECTED,
    NOTICE_DISPUTED,
    NOTICE_DISPUTE_WITHDRAWN,
    NOTICE_DISPUTE_ESCALATED,
    NOTICE_PARTIALLY_RELEASED,
    NOTICE_PART_PAID,
    NOTICE_SPLIT_PROPOSED,
    NOTICE_SPLIT_AGREED,
    NOTICE_DISPUTE_RESOLVED,
    NOTICE_PARTIALLY_REFUNDED,
    NOTICE_PART_REFUNDED,
    NOTICE_EVIDENCE_SUBMITTED,
    NOTICE_SPLIT_WITHDRAWN,
    NOTICE_COUNT,
};

enum role {
    ROLE_NONE = 0,
    ROLE_BUYER,
    ROLE_SELLER,
    ROLE_ARBITER,
    ROLE_COUNT,
};

/* One thing to tell one party. Text is as the event has it: whoever shows it makes it harmless. */
struct news {
    struct id escrow_id;
    int64_t seq; /* the event's place in its escrow */
    enum notice notice;
    enum role role;
    int64_t amount_minor;   /* 0: about no sum */
    struct str currency;    /* ISO 4217, ours or not */
    struct str detail;      /* a provider's code, a person's reason; may be empty */
    struct str description; /* of the deal; may be empty */
    int64_t happened_at_us;
};

#define NEWS_DETAIL_MAX_BYTES ((size_t)4096)
#define NEWS_DESCRIPTION_MAX_BYTES ((size_t)4096)
#define NEWS_CURRENCY_MAX_BYTES 16

/* ---- Rows ---- */

/* The parties of an escrow, and what its buyer is asked for. Never changes. */
struct deal {
    struct id escrow_id;
    int64_t version;
    struct id buyer_id;
    struct id seller_id;
    struct id arbiter_id; /* none: there is no arbiter */
    enum currency currency;
    int64_t price_minor;
    int64_t buyer_fee_minor; /* asked for beside the price */
    struct str description;
    int64_t created_at_us;
};

/* What a recipient's one call is about: there is never more than one under way, so that a person reads
 * things in their order, and a channel's bucket is asked once at a time. */
enum asking {
    ASKING_NOTHING = 0,
    ASKING_CHANNEL,
    ASKING_MESSAGE,
    ASKING_COUNT,
};

struct recipient {
    struct id user_id;
    int64_t version;
    struct str discord_id; /* empty: cannot be reached */
    struct str channel_id; /* of the DMs with discord_id; empty: not opened yet */
    enum asking asking;
    int64_t told_n; /* deliveries so far: the last one's n */
    int64_t created_at_us;
    int64_t updated_at_us;
};

enum delivery_state {
    DELIVERY_NONE = 0,
    DELIVERY_WAITING,    /* will be sent, or is being sent */
    DELIVERY_SENT,       /* Discord has it */
    DELIVERY_NO_CHANNEL, /* nobody told us where this person is */
    DELIVERY_CLOSED,     /* the person takes no messages from us */
    DELIVERY_FAILED,     /* Discord refused it: `code` */
    DELIVERY_EXPIRED,    /* could not be sent for DELIVERY_AGE_MAX_US */
    DELIVERY_DROPPED,    /* DELIVERIES_WAITING_MAX were waiting already */
    DELIVERY_STATE_COUNT,
};

/* Older news would mislead more than it tells: the deal's page has it. */
#define DELIVERY_AGE_MAX_US (20 * INT64_C(3600) * 1000000)
/* Of one recipient: they are loaded with it. Nobody reads more after an outage. */
#define DELIVERIES_WAITING_MAX 200
/* Of those without a channel, kept for the account that may become known: the last so many. Whoever never comes
 * must cost little. */
#define DELIVERIES_KEPT_MAX 20

struct delivery {
    struct id id; /* of its call's nonce too */
    struct id user_id;
    int64_t version;
    int64_t n; /* 1, 2, 3 … for each recipient, as they came here */
    struct id escrow_id;
    int64_t seq;
    enum notice notice;
    enum role role;
    enum delivery_state state;
    bool open;              /* decisions look at it: WAITING, or NO_CHANNEL and kept */
    struct str content;     /* what is said */
    struct str code;        /* why not, or why not at first; empty otherwise */
    struct str message_ref; /* Discord's id of the message; empty until SENT */
    int64_t happened_at_us;
    int64_t taken_up_at_us; /* when an account became known for what was kept; 0: it was there */
    int64_t created_at_us;
    int64_t updated_at_us;
};

/* Lower-case words for people: "payment_ready", "buyer", "sent". */
struct str notice_name(enum notice notice);
struct str role_name(enum role role);
struct str delivery_state_name(enum delivery_state state);
