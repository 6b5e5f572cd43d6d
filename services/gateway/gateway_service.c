/* The service as the engine sees it: topics, tables, and who does what. */
#include "base/defer.h"
#include "engine/engine_tables.h"
#include "gateway/gateway_evidence.h"
#include "gateway/gateway_in.h"
#include "gateway/gateway_proof.h"
#include "gateway/gateway_repo.h"
#include "wire/wire.h"

static const struct engine_aggregate_kind deal = {
    .table = &gateway_view_table,
};

static const struct engine_aggregate_kind account = {
    .table = &gateway_account_table,
};

static const struct engine_aggregate_kind claim = {
    .table = &gateway_claim_table,
};

static const struct engine_aggregate_kind proof = {
    .table = &gateway_proof_table,
};

static const struct engine_handler handlers[] = {
    {
        .topic = TOPIC_ESCROW_EVENTS_V1,
        .aggregate = &deal,
        .decode = gateway_in_events_decode,
        .decide = gateway_in_decide,
        .closes = ENGINE_CLOSES_CAUSE,
        .outcome = gateway_in_events_outcome,
    },
    {
        .topic = TOPIC_PAYMENTS_EVENTS_V1,
        .aggregate = &deal,
        .decode = gateway_in_payments_decode,
        .decide = gateway_in_decide,
    },
    {
        .topic = TOPIC_GATEWAY_COMMANDS_V1,
        .aggregate = &account,
        .decode = gateway_in_accounts_decode,
        .decide = gateway_in_accounts_decide,
        .dropped = gateway_in_accounts_dropped,
        .closes = ENGINE_CLOSES_MESSAGE,
    },
    {
        .topic = TOPIC_GATEWAY_CLAIMS_V1,
        .aggregate = &claim,
        .decode = gateway_in_claims_decode,
        .decide = gateway_in_claims_decide,
        .dropped = gateway_in_claims_dropped,
        .closes = ENGINE_CLOSES_MESSAGE,
    },
    {
        .topic = TOPIC_ESCROW_SEALS_V1,
        .aggregate = &proof,
        .decode = gateway_in_seals_decode,
        .decide = gateway_in_seals_decide,
    },
};

/* What a creation was about is read with its request, and of no use when that has gone; by then what it made has long
 * been shown by itself. */
static const struct engine_expiring deal_pending = {
    .scan = {.name = "escrow_pending_old",
             .table = &gateway_pending_table,
             .filter = TABLE_NO_COLUMN,
             .order = 2 /* created_at_us */,
             .bound = SCAN_PIECE,
             .widow = {.of = &engine_intake_table, .column = 1 /* command_id */}},
    .key = 0,
};
static const struct engine_expiring account_pending = {
    .scan = {.name = "account_pending_old",
             .table = &gateway_account_pending_table,
             .filter = TABLE_NO_COLUMN,
             .order = 2 /* created_at_us */,
             .bound = SCAN_PIECE,
             .widow = {.of = &engine_intake_table, .column = 1 /* command_id */}},
    .key = 0,
};

const struct engine_service gateway_service = {
    .name = STR("gateway"),
    .appends = {&gateway_entry_table, &gateway_evidence_table},
    .handlers = handlers,
    .handler_count = ARRAY_LEN(handlers),
    .dlq = TOPIC_GATEWAY_DLQ_V1,
    .parked_record = wire_parked_record,
    .tells = true,
    .expiring = {&deal_pending, &account_pending},
};
