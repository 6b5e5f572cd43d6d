/* The columns of notifications' tables and where they lie in their structs. */
#include "notifications/notifications_repo.h"

#include "base/defer.h"

static const struct table_column deal_columns[] = {
    TABLE_COLUMN(struct deal, escrow_id, COLUMN_UUID),
    TABLE_COLUMN(struct deal, version, COLUMN_INT8),
    TABLE_FIXED_COLUMN(struct deal, buyer_id, COLUMN_UUID),
    TABLE_FIXED_COLUMN(struct deal, seller_id, COLUMN_UUID),
    TABLE_FIXED_COLUMN(struct deal, arbiter_id, COLUMN_UUID),
    TABLE_FIXED_COLUMN(struct deal, currency, COLUMN_ENUM),
    TABLE_FIXED_COLUMN(struct deal, price_minor, COLUMN_INT8),
    TABLE_FIXED_COLUMN(struct deal, buyer_fee_minor, COLUMN_INT8),
    TABLE_FIXED_COLUMN(struct deal, description, COLUMN_TEXT),
    TABLE_FIXED_COLUMN(struct deal, created_at_us, COLUMN_INT8),
};

const struct table notifications_repo_deal = {
    .name = "deal",
    .row_bytes = sizeof(struct deal),
    .columns = deal_columns,
    .column_count = ARRAY_LEN(deal_columns),
    .key_count = 1,
    .version = 1,
    .parent = TABLE_NO_COLUMN,
};

static const struct table_column recipient_columns[] = {
    TABLE_COLUMN(struct recipient, user_id, COLUMN_UUID),
    TABLE_COLUMN(struct recipient, version, COLUMN_INT8),
    TABLE_COLUMN(struct recipient, discord_id, COLUMN_TEXT),
    TABLE_COLUMN(struct recipient, channel_id, COLUMN_TEXT),
    TABLE_COLUMN(struct recipient, asking, COLUMN_ENUM),
    TABLE_COLUMN(struct recipient, told_n, COLUMN_INT8),
    TABLE_FIXED_COLUMN(struct recipient, created_at_us, COLUMN_INT8),
    TABLE_COLUMN(struct recipient, updated_at_us, COLUMN_INT8),
};

const struct table notifications_repo_recipient = {
    .name = "recipient",
    .row_bytes = sizeof(struct recipient),
    .columns = recipient_columns,
    .column_count = ARRAY_LEN(recipient_columns),
    .key_count = 1,
    .version = 1,
    .parent = TABLE_NO_COLUMN,
};

static const struct table_column delivery_columns[] = {
    TABLE_COLUMN(struct delivery, id, COLUMN_UUID),
    TABLE_COLUMN(struct delivery, user_id, COLUMN_UUID),
    TABLE_COLUMN(struct delivery, open, COLUMN_BOOL),
    TABLE_COLUMN(struct delivery, version, COLUMN_INT8),
    TABLE_FIXED_COLUMN(struct delivery, n, COLUMN_INT8),
    TABLE_FIXED_COLUMN(struct delivery, escrow_id, COLUMN_UUID),
    TABLE_FIXED_COLUMN(struct delivery, seq, COLUMN_INT8),
    TABLE_FIXED_COLUMN(struct delivery, notice, COLUMN_ENUM),
    TABLE_FIXED_COLUMN(struct delivery, role, COLUMN_ENUM),
    TABLE_COLUMN(struct delivery, state, COLUMN_ENUM),
    TABLE_FIXED_COLUMN(struct delivery, content, COLUMN_TEXT),
    TABLE_COLUMN(struct delivery, code, COLUMN_TEXT),
    TABLE_COLUMN(struct delivery, message_ref, COLUMN_TEXT),
    TABLE_FIXED_COLUMN(struct delivery, happened_at_us, COLUMN_INT8),
    TABLE_COLUMN(struct delivery, taken_up_at_us, COLUMN_INT8),
    TABLE_FIXED_COLUMN(struct delivery, created_at_us, COLUMN_INT8),
    TABLE_COLUMN(struct delivery, updated_at_us, COLUMN_INT8),
};

const struct table notifications_repo_delivery = {
    .name = "delivery",
    .row_bytes = sizeof(struct delivery),
    .columns = delivery_columns,
    .column_count = ARRAY_LEN(delivery_columns),
    .key_count = 1,
    .version = 3,
    .parent = 1,
    .live = 2, /* what is settled matters to nobody's decision any more */
};
