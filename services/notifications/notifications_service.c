/* The service told once; main and tests run the same. */
#include "notifications/notifications_service.h"

#include "base/defer.h"
#include "notifications/notifications_act.h"
#include "notifications/notifications_in_accounts.h"
#include "notifications/notifications_in_answers.h"
#include "notifications/notifications_in_deals.h"
#include "notifications/notifications_in_messages.h"
#include "notifications/notifications_message.h"
#include "notifications/notifications_repo.h"
#include "wire/wire.h"

static const struct engine_handler handlers[] = {
    {
        .topic = TOPIC_ACCOUNTS_EVENTS_V1,
        .aggregate = &notifications_act_kind,
        .decode = notifications_in_accounts_decode,
        .decide = notifications_in_accounts_decide,
    },
    {
        .topic = TOPIC_ESCROW_EVENTS_V1,
        .aggregate = &notifications_in_deals_kind,
        .decode = notifications_in_deals_decode,
        .decide = notifications_in_deals_decide,
    },
    {
        .topic = TOPIC_NOTIFICATIONS_MESSAGES_V1,
        .aggregate = &notifications_act_kind,
        .decode = notifications_message_decode,
        .decide = notifications_in_messages_decide,
        .closes = ENGINE_CLOSES_MESSAGE,
    },
};

/* What a person was told; its words are personal data besides. */
static const struct engine_expiring delivery = {
    .scan = {.name = "delivery_old",
             .table = &notifications_repo_delivery,
             .filter = 2 /* open */,
             .order = 16 /* updated_at_us */,
             .bound = SCAN_PIECE},
    .key = 1 /* user_id */,
};

const struct engine_service notifications_service = {
    .name = STR("notifications"),
    .handlers = handlers,
    .handler_count = ARRAY_LEN(handlers),
    .dlq = TOPIC_NOTIFICATIONS_DLQ_V1,
    .parked_record = wire_parked_record,
    .effects_of = &notifications_act_kind,
    .effects_expire = true,
    .still_wanted = notifications_in_answers_still_wanted,
    .judge = notifications_in_answers_judge,
    .answered = notifications_in_answers_decide,
    .expiring = {&delivery},
};
