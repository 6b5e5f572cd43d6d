#pragma once

#include "base/defer.h"
#include "gateway/gateway.h"
#include "http/http.h"
#include "http/http_stream.h"
#include "obs/metrics.h"

/*
 * Streams of what happens to a caller's deals. One thread of each process listens for the hints that
 * the gateway's lanes give with each batch (of any replica), reads what changed above its position in
 * each lane, and gives every stream what its caller may see. A stream joins first and gets a snapshot
 * with the next look, however much changes meanwhile; what changed since then follows, and perhaps
 * some of what the snapshot holds, told as it is by then. A hint that was lost costs time only:
 * changes are looked for each GATEWAY_LIVE_NET_MS anyway.
 */

#define GATEWAY_LIVE_HEARTBEAT_MS 15000
#define GATEWAY_LIVE_NET_MS 5000
/* A token that was revoked is noticed when its stream ends. */
#define GATEWAY_LIVE_LIFE_MS (15 * 60 * 1000)
#define GATEWAY_LIVE_RETRY_MS 1000
#define GATEWAY_LIVE_BEHIND_MS 30000
#define GATEWAY_LIVE_PER_CALLER 8
/* A snapshot at its largest and some events. */
#define GATEWAY_LIVE_QUEUE_BYTES (1280 * 1024)
/* When the last look is so long ago, because reading fails or the process stood still, streams are
 * ended: who sees nothing must know it. Far below STORE_TOLD_KEPT_US, after which changes are gone. */
#define GATEWAY_LIVE_BLIND_MS (2 * GATEWAY_LIVE_NET_MS)
/* Snapshots made in one look, so that news are not late while many clients come back; the others' follow at once. */
#define GATEWAY_LIVE_STARTS_MAX 8

struct gateway_live;

struct gateway_live_options {
    struct str database_url; /* borrowed during the call, like the channel */
    struct str channel;      /* where the lanes give their hints: store_pg_channel */
    struct metrics *metrics; /* may be NULL */
    /* NULL and 0: the constants above; for tests. */
    const struct http_stream_limits *limits;
    int net_ms;
    int64_t blind_ms;
};

/* Starts the thread, which connects by itself, again and again. op's arena must outlive it. */
STATUS gateway_live_open(struct op *op, const struct gateway_live_options *options,
                         struct gateway_live **ret_live);
/* After the server has stopped. NULL is fine. */
void gateway_live_close(struct gateway_live *live);
DEFINE_FREE_AT(struct gateway_live, gateway_live_close)

/* Makes the response a stream for this caller; escrow_id: about this deal alone, which the caller may
 * see; none: about all deals of the caller, who is no staff. "http.streams_of_caller" (429). */
STATUS gateway_live_join(struct op *op, struct gateway_live *live,
                         const struct gateway_caller *caller, struct id escrow_id,
                         struct http_response *ret);
