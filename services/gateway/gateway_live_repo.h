#pragma once

#include "base/lane.h"
#include "gateway/gateway_repo.h"

/* What streams are made of, asked on one connection: in a snapshot, so that all of it belongs together. */

/* Lanes' changes of one look; more wait for the next. */
#define GATEWAY_LIVE_CHANGES_MAX 16
/* What a stream begins with: at most so many deals and commands, of the caller's newest deals. */
#define GATEWAY_LIVE_DEALS_MAX 100
#define GATEWAY_LIVE_WINDOW 500
#define GATEWAY_LIVE_COMMANDS_MAX 100
#define GATEWAY_LIVE_CLOSED_US ((int64_t)24 * 3600 * 1000000)

/* How far a reader is in each lane. */
struct gateway_live_seen {
    int64_t at_us[LANES];
};

STATUS gateway_live_repo_positions(struct op *op, struct pg_conn *conn,
                                   struct gateway_live_seen *ret_seen);

struct gateway_live_news {
    struct gateway_live_seen seen; /* after these changes */
    bool more;                     /* there are changes above */
    uint32_t change_count;
    int64_t change_at_us[GATEWAY_LIVE_CHANGES_MAX];
    const struct gateway_view *views; /* as they are now; a deal occurs once */
    uint32_t view_count;
    const struct gateway_command_row *commands; /* that were closed */
    uint32_t command_count;
    const struct gateway_deal *refused; /* creations that were rejected */
    uint32_t refused_count;
};

/* What changed above seen. */
STATUS gateway_live_repo_news(struct op *op, struct pg_conn *conn,
                              const struct gateway_live_seen *seen,
                              struct gateway_live_news *ret_news);

/* What a stream begins with. */
struct gateway_live_start {
    const struct gateway_view *views;
    uint32_t view_count;
    const struct gateway_deal *pending; /* of a stream about one deal that is not created yet */
    const struct gateway_command_row *commands;
    uint32_t command_count;
    bool more; /* there are deals or commands beyond the bounds; which, lists tell */
};

/* escrow_id: about this deal alone; none: about all of the caller's, who is no staff then. */
STATUS gateway_live_repo_start(struct op *op, struct pg_conn *conn,
                               const struct gateway_caller *caller, struct id escrow_id,
                               int64_t now_us, struct gateway_live_start *ret_start);
