#pragma once

#include "base/table.h"
#include "gateway/gateway.h"
#include "gateway/gateway_account.h"
#include "gateway/gateway_claim.h"
#include "pg/pg.h"

/* Rows and their structs, and the questions that requests ask. All texts live in op->arena. */

extern const struct table gateway_view_table;
extern const struct table gateway_entry_table;
extern const struct table gateway_pending_table;
extern const struct table gateway_account_table;
extern const struct table gateway_claim_table;
extern const struct table gateway_account_pending_table;

/* Every statement of the gateway, for pg_open. */
extern const struct pg_stmt *const *const gateway_repo_stmts;
extern const uint32_t gateway_repo_stmt_count;

struct gateway_token {
    struct hash hash; /* of its text; the id of its key, too */
    struct gateway_caller caller;
    bool is_signed; /* its requests must be signed */
    int64_t now_us; /* when it was found, by the database's clock, which all replicas share */
};

/* *ret_found false: no such token, or no longer. */
STATUS gateway_repo_find_token(struct op *op, struct pg *pg, const struct hash *hash,
                               struct gateway_token *ret_token, bool *ret_found);

/* Remembers, for all replicas, that a request of the token had this nonce. *ret_is_new false: one had it
 * within the last memory_s seconds. Forgets some that are older. */
STATUS gateway_repo_use_nonce(struct op *op, struct pg *pg, const struct hash *token_hash,
                              struct str nonce, int32_t memory_s, bool *ret_is_new);

/* What there is about one deal: the view, or else the creation that was taken in. */
struct gateway_deal {
    bool in_view;
    bool is_pending; /* a creation without a view; see outcome */
    struct gateway_view view;
    struct gateway_pending pending;
    enum intake_outcome outcome; /* of the creation */
    struct str outcome_code;
    struct str outcome_sentence;
};

/* Both flags false: nobody ever heard of it. */
STATUS gateway_repo_find_deal(struct op *op, struct pg *pg, struct id id,
                              struct gateway_deal *ret_deal);

/* The same on a connection that the caller has, within its transaction if there is one. */
STATUS gateway_repo_find_deal_on(struct op *op, struct pg_conn *conn, struct id id,
                                 struct gateway_deal *ret_deal);

/* The parties, wherever they are known from; all none when there is no deal. */
struct gateway_parties gateway_deal_parties(const struct gateway_deal *deal);

/* Where a page of the list begins: deals older than this. */
struct gateway_cursor {
    int64_t before_us;
    struct id before_id;
};

/* The caller's own deals, newest first; staff: all. At most limit. */
STATUS gateway_repo_list(struct op *op, struct pg *pg, const struct gateway_caller *caller,
                         struct gateway_cursor cursor, uint32_t limit,
                         const struct gateway_view **ret_views, uint32_t *ret_count);

/* All rows of a question that selects what view_get.sql selects. */
STATUS gateway_repo_read_views(struct op *op, const struct pg_rows *rows,
                               const struct gateway_view **ret_views, uint32_t *ret_count);

/* The same of a question that selects what pending_get.sql selects. */
STATUS gateway_repo_read_pending(struct op *op, const struct pg_rows *rows,
                                 const struct gateway_deal **ret_deals, uint32_t *ret_count);

STATUS gateway_repo_timeline(struct op *op, struct pg *pg, struct id escrow_id, int64_t after_seq,
                             uint32_t limit, const struct gateway_entry **ret_entries,
                             uint32_t *ret_count);

/* What there is about one user: the account, or else the registration that was taken in. */
struct gateway_user {
    bool is_registered;
    bool is_pending;                /* a registration without an account; see outcome */
    struct gateway_account account; /* of a registration: what it asks for; seq 0 */
    enum intake_outcome outcome;    /* of the registration */
    struct str outcome_code;
    struct str outcome_sentence;
};

/* Both flags false: nobody ever heard of it. */
STATUS gateway_repo_find_user(struct op *op, struct pg *pg, struct id id,
                              struct gateway_user *ret_user);

struct gateway_command_row {
    struct id id;
    struct str topic;
    struct id key;   /* whom or what it is about: by topic */
    struct str type; /* CloudEvents type */
    struct id account_id;
    enum intake_outcome outcome;
    struct str code;
    struct str sentence;
    int64_t created_at_us;
    int64_t closed_at_us; /* 0: open */
};

STATUS gateway_repo_find_command(struct op *op, struct pg *pg, struct id id,
                                 struct gateway_command_row *ret_command, bool *ret_found);
/* One row of a question that selects what command_get.sql selects. */
STATUS gateway_repo_read_command(struct op *op, const struct pg_rows *rows, uint32_t row,
                                 struct gateway_command_row *ret_command);
