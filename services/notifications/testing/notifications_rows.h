#pragma once

/* What the tests of deliveries share: one person's rows. */
#include "notifications/notifications_decide.h"

#define NOW INT64_C(1763721600000000)
#define HOUR_US INT64_C(3600000000)

static inline struct id id_of(uint8_t last)
{
    return (struct id){.bytes = {[15] = last}};
}

static inline struct recipient recipient_at(const char *discord_id, const char *channel_id)
{
    return (struct recipient){.user_id = id_of(200),
                              .version = 1,
                              .discord_id = str_of(discord_id),
                              .channel_id = str_of(channel_id),
                              .created_at_us = NOW,
                              .updated_at_us = NOW};
}

static inline struct delivery delivery_of(uint8_t number, int64_t happened_at_us)
{
    return (struct delivery){.id = id_of(number),
                             .user_id = id_of(200),
                             .version = 1,
                             .escrow_id = id_of(100),
                             .notice = NOTICE_DELIVERED,
                             .role = ROLE_BUYER,
                             .content = STR("x"),
                             .code = STR(""),
                             .message_ref = STR(""),
                             .happened_at_us = happened_at_us,
                             .created_at_us = happened_at_us};
}

static const struct discord_fact done = {
    .kind = DISCORD_FACT_DONE, .ref = {.ptr = "77", .len = 2}, .code = {.ptr = "", .len = 0}};
static const struct discord_fact expired = {
    .kind = DISCORD_FACT_EXPIRED, .ref = {.ptr = "", .len = 0}, .code = {.ptr = "", .len = 0}};

static inline struct discord_fact refusal(enum discord_fact_kind kind)
{
    return (struct discord_fact){.kind = kind, .ref = STR(""), .code = STR("discord_1")};
}
