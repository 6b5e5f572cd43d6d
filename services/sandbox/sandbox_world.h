#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/op.h"
#include "base/str.h"
#include "sandbox/sandbox_error.h"
#include "sandbox/sandbox_form.h"

/*
 * What the provider knows: payments, transfers, refunds, events. In memory, bounded, only growing
 * until reset. Not thread-safe: the caller holds the sandbox's lock. All text lives in the world's
 * arena until reset. Amounts are minor units; currencies are three lower-case letters.
 */

#define SANDBOX_SHELF_CHUNKS 64
#define SANDBOX_SHELF_CHUNK_ITEMS 4096
#define SANDBOX_OBJECTS_MAX (SANDBOX_SHELF_CHUNKS * SANDBOX_SHELF_CHUNK_ITEMS)
#define SANDBOX_METADATA_MAX 50 /* the real provider's limits */
#define SANDBOX_METADATA_NAME_MAX_BYTES 40
#define SANDBOX_METADATA_VALUE_MAX_BYTES 500
/* About 4 KB for each of SANDBOX_OBJECTS_MAX events: used only as far as it is needed. */
#define SANDBOX_WORLD_MAX_BYTES ((size_t)1024 * 1024 * 1024)

/* Items of one size that never move, found by index. */
struct sandbox_shelf {
    void *chunks[SANDBOX_SHELF_CHUNKS];
    uint32_t count;
};

/* A zeroed new item; NULL when the shelf or the arena is full. */
void *sandbox_shelf_add(struct sandbox_shelf *shelf, struct arena *arena, size_t item_bytes);
void *sandbox_shelf_at(const struct sandbox_shelf *shelf, size_t item_bytes, uint32_t index);

struct sandbox_metadata {
    struct sandbox_pair *pairs;
    uint32_t count;
};

enum sandbox_intent_state {
    SANDBOX_INTENT_NONE = 0,
    SANDBOX_INTENT_REQUIRES_PAYMENT_METHOD,
    SANDBOX_INTENT_SUCCEEDED,
    SANDBOX_INTENT_CANCELED,
    SANDBOX_INTENT_STATE_COUNT,
};

struct sandbox_intent {
    struct str id;        /* pi_ */
    struct str charge_id; /* ch_; shown once paid */
    struct str client_secret;
    enum sandbox_intent_state state;
    int64_t amount_minor;
    int64_t received_minor;
    int64_t transferred_minor;
    int64_t refunded_minor;
    struct str currency;          /* as asked */
    struct str received_currency; /* as paid; a test may pay another one */
    struct str description;
    struct str transfer_group;
    struct str decline_code; /* of the last declined try; empty: none */
    struct sandbox_metadata metadata;
    int64_t created_s;
};

struct sandbox_transfer {
    struct str id; /* tr_ */
    int64_t amount_minor;
    struct str currency;
    struct str destination;
    struct str source_transaction; /* ch_; empty: from the balance */
    struct str transfer_group;
    struct str description;
    struct sandbox_metadata metadata;
    int64_t created_s;
};

struct sandbox_refund {
    struct str id; /* re_ */
    int64_t amount_minor;
    struct str currency;
    struct str charge_id;
    struct str intent_id;
    struct str reason;
    struct str failure_reason; /* the buyer's bank sent it back; empty: it did not */
    struct sandbox_metadata metadata;
    int64_t created_s;
};

struct sandbox_event {
    struct str id; /* evt_ */
    struct str type;
    struct str body; /* the bytes that are signed and sent, each time the same */
    int64_t created_s;
};

/* A line of the account's balance: what moved, and what the provider took for it. */
struct sandbox_line {
    struct str id;        /* txn_ */
    struct str type;      /* "charge", "transfer", "refund", "refund_failure", … */
    struct str source;    /* ch_, tr_, re_; empty: what a test invented */
    int64_t amount_minor; /* to the account above zero */
    int64_t fee_minor;
    struct str currency;
    bool lost; /* a test took it away */
    int64_t created_s;
};

struct sandbox_world {
    struct arena arena;
    struct sandbox_shelf intents;
    struct sandbox_shelf transfers;
    struct sandbox_shelf refunds;
    struct sandbox_shelf events;
    struct sandbox_shelf lines;
};

void sandbox_world_init(struct sandbox_world *world);
void sandbox_world_fini(struct sandbox_world *world);

/* prefix, the object's index in hex (so that it is found without a map), and 16 random digits. */
struct str sandbox_world_new_id(struct arena *arena, const char *prefix, uint32_t index);

/* Objects by id; NULL: no such one. */
struct sandbox_intent *sandbox_world_intent(const struct sandbox_world *world, struct str id);
struct sandbox_intent *sandbox_world_intent_of_charge(const struct sandbox_world *world,
                                                      struct str charge_id);
struct sandbox_transfer *sandbox_world_transfer(const struct sandbox_world *world, struct str id);
struct sandbox_refund *sandbox_world_refund(const struct sandbox_world *world, struct str id);

/*
 * What a client may ask. Each returns the refusal, and the object only when there is none. Nothing
 * is changed by a refused call. The asked values are copied; the form only has to live for the call.
 */
struct sandbox_refusal sandbox_world_create_intent(struct sandbox_world *world,
                                                   const struct sandbox_form *form, int64_t now_s,
                                                   struct sandbox_intent **ret_intent);
struct sandbox_refusal sandbox_world_cancel_intent(struct sandbox_intent *intent,
                                                   const struct sandbox_form *form);
struct sandbox_refusal sandbox_world_create_transfer(struct sandbox_world *world,
                                                     const struct sandbox_form *form, int64_t now_s,
                                                     struct sandbox_transfer **ret_transfer);
struct sandbox_refusal sandbox_world_create_refund(struct sandbox_world *world,
                                                   const struct sandbox_form *form, int64_t now_s,
                                                   struct sandbox_refund **ret_refund);

/* The buyer pays: amount and currency are what really arrives. */
struct sandbox_refusal sandbox_world_pay(struct sandbox_world *world, struct sandbox_intent *intent,
                                         int64_t amount_minor, struct str currency);
/* The buyer's card is declined; the intent stays open. */
struct sandbox_refusal sandbox_world_decline(struct sandbox_world *world,
                                             struct sandbox_intent *intent, struct str code);
/* The buyer's bank sends a refund back that had succeeded; the payment can be refunded again. */
struct sandbox_refusal sandbox_world_fail_refund(struct sandbox_world *world,
                                                 struct sandbox_refund *refund, struct str reason);

/* A new event id, and the event with it; NULL when the world is full. */
struct sandbox_event *sandbox_world_new_event(struct sandbox_world *world, struct str type,
                                              int64_t now_s);

/* The value of a metadata entry; empty: none. */
struct str sandbox_metadata_get(const struct sandbox_metadata *metadata, struct str name);
