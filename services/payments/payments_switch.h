#pragma once

#include <stdatomic.h>

#include "obs/metrics.h"
#include "payments/payments_rail.h"
#include "pg/pg.h"

/*
 * The switch of each rail: off, and nothing pays out by it, in no process of payments: neither transfers nor refunds are
 * sent, those under way at the provider are not called back. They wait in their rows and go once it is on again. Money in,
 * cancellations and questions go on. One person switches off, two switch on (`admin_request`, holdfastctl rail).
 *
 * The clerk looks at it each second. Who could not look for PAYMENTS_SWITCH_STALE_MS takes it for off, so after that time
 * nothing goes out anywhere, whatever has happened to a process.
 */

#define PAYMENTS_SWITCH_STALE_MS 15000
/* How long a call waits before it asks again: while the switch is off, and until it was looked at. */
#define PAYMENTS_SWITCH_OFF_MS 10000
#define PAYMENTS_SWITCH_UNREAD_MS 500

struct payments_switch {
    _Atomic bool off[LEG_RAIL_COUNT];
    _Atomic int64_t at_ms; /* clock_mono_ms when it was looked at; 0: it was not yet */
    struct metrics_gauge *shown[LEG_RAIL_COUNT];
    struct metrics_counter *held; /* calls that were held back */
};

void payments_switch_init(struct payments_switch *rail_switch, struct metrics *metrics);

/* How all of them stand now. */
STATUS payments_switch_read(struct op *op, struct pg_conn *conn,
                            struct payments_switch *rail_switch);

/* effects_options.held; ctx: the switch */
int64_t payments_switch_held(void *ctx, const struct effects_request *request);
