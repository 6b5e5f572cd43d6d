#pragma once

#include "payments/payments_census.h"
#include "payments/payments_conf.h"
#include "payments/payments_switch.h"
#include "pg/pg.h"

/*
 * The clerk: a thread beside the engine with a connection of its own, for what looks at the books as a whole and decides
 * nothing about a deal. What must not be done twice at a time among replicas is locked in the database.
 */

#define PAYMENTS_CLERK_LOOK_MS 1000

struct payments_clerk;

struct payments_clerk_options {
    struct str database_url;
    struct payments_census *census;
    struct payments_switch *rail_switch; /* looked at each second */
    const struct payments_conf *conf;    /* must outlive the clerk */
};

/* Starts the thread, which connects by itself, again and again. op's arena must outlive it. */
STATUS payments_clerk_open(struct op *op, const struct payments_clerk_options *options,
                           struct payments_clerk **ret_clerk);
/* NULL is fine. */
void payments_clerk_close(struct payments_clerk *clerk);
DEFINE_FREE_AT(struct payments_clerk, payments_clerk_close)
