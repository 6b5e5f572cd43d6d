#pragma once

#include "base/media.h"
#include "base/op.h"
#include "engine/intake.h"
#include "gateway/gateway.h"
#include "json/json_read.h"

/*
 * From what a request asks to what enters escrow.commands.v1. Pure but for the arena: the same
 * request of the same account with the same key gives the same ids and the same content hash.
 */

enum gateway_action {
    GATEWAY_ACTION_NONE = 0,
    GATEWAY_CREATE,
    GATEWAY_MARK_DELIVERED,
    GATEWAY_RELEASE,
    GATEWAY_CANCEL,
    GATEWAY_REFUND,
    GATEWAY_RETRY,
    GATEWAY_REJECT_DELIVERY,
    GATEWAY_ACCEPT_RETURN,
    GATEWAY_RAISE_DISPUTE,
    GATEWAY_WITHDRAW_DISPUTE,
    GATEWAY_RELEASE_PART,
    GATEWAY_PROPOSE_SPLIT,
    GATEWAY_ACCEPT_SPLIT,
    GATEWAY_RESOLVE_DISPUTE,
    GATEWAY_SUBMIT_EVIDENCE,
    GATEWAY_WITHDRAW_SPLIT,
    GATEWAY_ACTION_COUNT,
};

/* "mark-delivered": the last segment of its path. GATEWAY_ACTION_NONE when there is none of that verb. */
enum gateway_action gateway_action_of_verb(struct str verb);

/* Whether somebody in this role may ask for it at all; never a question of the deal's state. */
bool gateway_action_allowed(enum gateway_action action, enum gateway_role role);

/* Whether its body may hold a reason, or must. */
enum gateway_reason_rule {
    GATEWAY_REASON_NONE = 0,
    GATEWAY_REASON_MAY,
    GATEWAY_REASON_MUST,
    GATEWAY_REASON_RULE_COUNT,
};

enum gateway_reason_rule gateway_action_reason(enum gateway_action action);

struct gateway_terms {
    struct id buyer_id;
    struct id seller_id;
    struct id arbiter_id;   /* none: there is no arbiter */
    struct str arbiter_key; /* 64 hex digits, small; empty: there is no arbiter */
    struct str seller_account;
    int64_t amount_minor;
    struct str currency;
    int64_t funding_seconds;
    int64_t delivery_seconds;
    int64_t inspection_seconds;
    struct fee_terms fees;
    struct str description;
    struct json_items milestones; /* struct gateway_milestone: title and amount */
};

/* STATUS_INVALID, HTTP 422, with the field to blame. */
STATUS gateway_terms_check(struct op *op, const struct gateway_terms *terms);
STATUS gateway_reason_check(struct op *op, enum gateway_action action, struct str reason);
/* Whether it is less than what is held is escrow's to say. */
STATUS gateway_part_check(struct op *op, int64_t amount_minor);
/* Whether it is all that is held is escrow's to say, too. */
STATUS gateway_split_check(struct op *op, int64_t seller_minor, int64_t buyer_minor);

struct gateway_order {
    enum gateway_action action;
    struct gateway_caller caller;
    struct str key;             /* Idempotency-Key */
    struct id escrow_id;        /* none for CREATE: it is derived */
    struct gateway_terms terms; /* CREATE, checked */
    struct str reason;          /* checked; empty: none. SUBMIT_EVIDENCE: its description */
    int64_t amount_minor;       /* RELEASE_PART, checked */
    int64_t seller_minor;       /* PROPOSE_SPLIT, RESOLVE_DISPUTE, checked */
    int64_t buyer_minor;
    int64_t number;       /* ACCEPT_SPLIT, WITHDRAW_SPLIT; RESOLVE_DISPUTE: of the dispute */
    struct str head;      /* RESOLVE_DISPUTE by an arbiter: 64 hex digits, */
    struct str signature; /* and 128; checked. By staff: empty */
    int64_t milestone;    /* MARK_DELIVERED, RELEASE, REFUND, REJECT_DELIVERY: 0: none was named */
    struct hash content;  /* SUBMIT_EVIDENCE: of its bytes, */
    enum media media;     /* what they are, */
    int64_t size_bytes;   /* and how many; checked */
    int64_t now_us;       /* when it was asked */
};

/* So many bytes in small digits: one way to write it, so that what is hashed and shown is the same for everybody. */
bool gateway_is_hex(struct str text, size_t bytes);
/* Bytes of what it was said of. */
STATUS gateway_hex_bytes(struct op *op, struct str hex, struct str *ret_bytes);

/* RESOLVE_DISPUTE: an arbiter's is signed with the key of the deal's terms, staff's is not signed. Whether it is about the deal
 * as it stands is escrow's to say. */
STATUS gateway_verdict_check(struct op *op, const struct gateway_order *order,
                             const struct gateway_view *view);

struct gateway_command {
    struct intake_request request; /* extra_row points to pending */
    struct id escrow_id;
    struct gateway_pending pending; /* CREATE */
};

/* UUIDv5 of account, POST, path and key. The path is the one of today's API, whichever of a route's two
 * names was used, so that both mean the same request. */
STATUS gateway_command_id(struct op *op, struct id account, struct str path, struct str key,
                          struct id *ret_id);
/* The correlation id of requests is a UUID in text, made by libs/http. */
struct id gateway_command_correlation(const struct op *op);

STATUS gateway_command_make(struct op *op, const struct gateway_order *order,
                            struct gateway_command *ret_command);
