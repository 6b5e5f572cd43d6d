#pragma once

#include "base/hash.h"
#include "engine/engine.h"
#include "payments/payments_decide.h"

/*
 * A signal: what a provider told us, verified, on its way from the webhook through
 * payments.signals.v1 to the lane of its escrow. The webhook packs it, the lane unpacks it.
 */

struct payments_signal {
    struct id escrow_id;
    struct id leg_id;
    struct str provider; /* "stripe" */
    struct str event_id;
    struct str event_type;
    struct str object_id;
    struct str object_state;
    int64_t amount_minor;
    struct str currency;
    struct str charge_id;
    struct str failure_code;
    struct str raw; /* the body as signed; empty where it would not fit */
};

/* A record's bytes are at most BUS_VALUE_MAX_BYTES; this much is kept for all but the raw body. */
#define SIGNAL_RAW_MAX_BYTES ((size_t)248 * 1024)
_Static_assert(SIGNAL_RAW_MAX_BYTES + 8192 <= BUS_VALUE_MAX_BYTES, "the rest of a signal fits too");

/* The same event has the same id, however often and through whichever replica it comes. */
struct id payments_signal_id(struct str provider, struct str event_id);

/*
 * The record's value and its content hash, which leaves the raw body out: a provider may send the
 * same event with other bytes (Stripe counts its pending webhooks in it). id: the message's.
 */
STATUS payments_signal_pack(struct op *op, struct id id, const struct payments_signal *signal,
                            struct str *ret_payload, struct hash *ret_content);

/* The reverse, with everything checked; fills *ret_message (body: struct payments_signal).
 * STATUS_INVALID with wire.* or "payments.signal_invalid". */
STATUS payments_signal_decode(struct op *op, const struct bus_record *record,
                              struct engine_message *ret_message);

/* CloudEvents type of the record. */
struct str payments_signal_type(void);
