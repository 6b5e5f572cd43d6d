/* The service told once; main and the simulator run the same. */
#include "payments/payments_service.h"

#include "base/defer.h"
#include "engine/engine_tables.h"
#include "payments/payments_in_answers.h"
#include "payments/payments_in_commands.h"
#include "payments/payments_in_signals.h"
#include "payments/payments_in_timers.h"
#include "payments/payments_rail.h"
#include "payments/payments_repo.h"
#include "payments/payments_signal.h"
#include "wire/wire.h"

static const struct engine_aggregate_kind payment = {
    .table = &payments_repo_payment,
    .children = {&payments_repo_leg, &engine_timer_table},
};

static const struct engine_handler payments_handlers[] = {
    {
        .topic = TOPIC_PAYMENTS_COMMANDS_V1,
        .aggregate = &payment,
        .decode = payments_in_commands_decode,
        .decide = payments_in_commands_decide,
        .dropped = payments_in_commands_dropped,
        .drop_needs_two = true,
    },
    {
        .topic = TOPIC_PAYMENTS_SIGNALS_V1,
        .aggregate = &payment,
        .decode = payments_signal_decode,
        .decide = payments_in_signals_decide,
        .closes = ENGINE_CLOSES_MESSAGE,
        .never_early = true, /* the payment is committed before the provider hears of it */
        .drop_needs_two = true,
    },
};

/* What the provider said. It resends events of a month at most; legs and calls stay. */
static const struct engine_expiring webhook = {
    .scan = {.name = "webhook_old",
             .table = &payments_repo_webhook,
             .filter = TABLE_NO_COLUMN,
             .order = 6 /* received_at_us */,
             .bound = SCAN_PIECE},
    .key = TABLE_NO_COLUMN,
};

/* Questions, one each ten minutes while a buyer does not pay. What they found stands in the leg; calls that move money stay. */
static const struct engine_expiring question = {
    .scan = {.name = "question_old",
             .table = &engine_effect_table,
             .filter = 11 /* open */,
             .order = 10 /* caused_at_us */,
             .bound = SCAN_PIECE,
             .among = {.column = 3 /* kind */,
                       .count = PAYMENTS_RAIL_QUESTION_COUNT,
                       .values = {PAYMENTS_RAIL_QUESTIONS}}},
    .key = 2,
    .kept_us = 7 * ENGINE_DAY_US,
};

/* A rail's: off, and nothing goes out by it (payments_switch.h). */
static bool has_switch(struct str name)
{
    return payments_rail_named(name) != NULL;
}

const struct engine_service payments_service = {
    .name = STR("payments"),
    .handlers = payments_handlers,
    .handler_count = ARRAY_LEN(payments_handlers),
    .dlq = TOPIC_PAYMENTS_DLQ_V1,
    .parked_record = wire_parked_record,
    .demands_first = true,
    .effects_of = &payment,
    .judge = payments_in_answers_judge,
    .look_up = payments_in_answers_look_up,
    .answered = payments_in_answers_decide,
    .has_switch = has_switch,
    .kept = &payments_repo_webhook,
    .again = payments_in_signals_again,
    .timers_of = &payment,
    .clock = TOPIC_PAYMENTS_CLOCK_V1,
    .timers_may_wait = true, /* they ask about what a webhook tells too, which comes here */
    .fired = payments_in_timers_fired,
    .expiring = {&webhook, &question},
};
