/* The service as the engine sees it: topics, tables, and who does what. */
#include "base/defer.h"
#include "escrow/escrow_in.h"
#include "escrow/escrow_repo.h"
#include "wire/wire.h"

static const struct engine_aggregate_kind escrow = {
    .table = &escrow_table,
    .children = {&escrow_suspense_table, &escrow_dispute_table, &escrow_part_table,
                 &escrow_milestone_table},
};

static const struct engine_handler handlers[] = {
    {
        .topic = TOPIC_ESCROW_COMMANDS_V1,
        .aggregate = &escrow,
        .decode = escrow_in_commands_decode,
        .decide = escrow_in_decide,
        .dropped = escrow_in_commands_dropped,
    },
    {
        .topic = TOPIC_PAYMENTS_EVENTS_V1,
        .aggregate = &escrow,
        .decode = escrow_in_payments_decode,
        .decide = escrow_in_decide,
        .drop_needs_two = true, /* it is about money */
    },
    {
        .topic = TOPIC_ORACLE_EVENTS_V1,
        .aggregate = &escrow,
        .decode = escrow_in_oracle_decode,
        .decide = escrow_in_decide,
        .drop_needs_two = true, /* nothing else would refund or release the deal */
    },
    {
        .topic = TOPIC_ESCROW_MESSAGES_V1,
        .aggregate = &escrow,
        .decode = escrow_in_seals_decode,
        .decide = escrow_in_seals_decide,
        .closes = ENGINE_CLOSES_MESSAGE,
    },
};

const struct engine_service escrow_service = {
    .name = STR("escrow"),
    .appends = {&escrow_transition_table, &escrow_transfer_table, &escrow_verdict_table,
                &escrow_evidence_table},
    .handlers = handlers,
    .handler_count = ARRAY_LEN(handlers),
    .dlq = TOPIC_ESCROW_DLQ_V1,
    .parked_record = wire_parked_record,
    .demands_first = true,
};
