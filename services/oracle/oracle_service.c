/* The service told once; main and the tests run the same. */
#include "oracle/oracle_service.h"

#include "base/defer.h"
#include "oracle/oracle_in_commands.h"
#include "oracle/oracle_out_events.h"
#include "wire/wire.h"

/* An escrow, of which we know but its deadlines. */
static const struct engine_aggregate_kind deadlines = {
    .children = {&engine_timer_table},
};

static const struct engine_handler handlers[] = {
    {
        .topic = TOPIC_ORACLE_COMMANDS_V1,
        .aggregate = &deadlines,
        .decode = oracle_in_commands_decode,
        .decide = oracle_in_commands_decide,
        .drop_needs_two = true, /* a deadline that is never set is money that nobody moves */
    },
};

const struct engine_service oracle_service = {
    .name = STR("oracle"),
    .handlers = handlers,
    .handler_count = ARRAY_LEN(handlers),
    .dlq = TOPIC_ORACLE_DLQ_V1,
    .parked_record = wire_parked_record,
    .demands_first = true,
    .timers_of = &deadlines,
    .clock = TOPIC_ORACLE_CLOCK_V1,
    .fired = oracle_out_timer_fired,
};
