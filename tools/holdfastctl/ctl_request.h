#pragma once

#include "holdfastctl/ctl.h"
#include "pg/pg.h"

/*
 * A person's wish to the owner of a lane: a row of admin_request. The owner alone changes what its
 * lane owns; we write the wish and wait for what came of it.
 */

enum ctl_request_kind {
    CTL_REQUEST_NONE = 0,
    CTL_REQUEST_PARK_RETRY,
    CTL_REQUEST_PARK_DROP,
    CTL_REQUEST_REPUBLISH,
    CTL_REQUEST_RESTORE,
    CTL_REQUEST_REPLAY,
    CTL_REQUEST_SETTLE,
    CTL_REQUEST_QUARANTINE_DROP,
    CTL_REQUEST_SWITCH_OFF,
    CTL_REQUEST_SWITCH_ON,
    CTL_REQUEST_KIND_COUNT,
};

struct ctl_request {
    enum ctl_request_kind kind;
    struct str service;
    int32_t lane;
    struct id key;      /* PARK_*, REPLAY: of the webhook, SETTLE: of the call; none otherwise */
    struct str topic;   /* REPUBLISH, QUARANTINE_DROP; SWITCH_*: its name; empty otherwise */
    int64_t n;          /* the number, the offset */
    int16_t verdict;    /* SETTLE: enum engine_verdict */
    struct str answer;  /* SETTLE: what was done, by the other side's name of it */
    struct str content; /* SETTLE: the SHA-256 of the frozen request */
};

#define CTL_REQUEST_WAIT_DEFAULT_S 30
#define CTL_REQUEST_POLL_MS 100

/* Leaves the row. conn is at home in the service's schema. */
STATUS ctl_request_add(struct op *op, const struct ctl *ctl, struct pg_conn *conn, struct id id,
                       const struct ctl_request *request);
/* Waits (--wait) until it was carried out. STATUS_CANCELED "ctl.no_answer": the row stays. */
STATUS ctl_request_wait(struct op *op, const struct ctl *ctl, struct pg_conn *conn, struct id id,
                        struct str *ret_result);

/*
 * Leaves the row, waits (--wait) and prints the result. STATUS_CANCELED "ctl.no_answer": the row stays
 * and may still be carried out. STATUS_CONFLICT "ctl.refused": the owner's answer is not "done".
 */
STATUS ctl_request_run(struct op *op, struct ctl *ctl, const struct ctl_request *request);
