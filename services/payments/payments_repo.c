/* The columns of payments' tables and where they lie in their structs. */
#include "payments/payments_repo.h"

#include "base/defer.h"

static const struct table_column payment_columns[] = {
    TABLE_COLUMN(struct payment, escrow_id, COLUMN_UUID),
    TABLE_COLUMN(struct payment, version, COLUMN_INT8),
    TABLE_COLUMN(struct payment, seq, COLUMN_INT8),
    TABLE_COLUMN(struct payment, cancel_wanted, COLUMN_BOOL),
    TABLE_COLUMN(struct payment, created_at_us, COLUMN_INT8),
    TABLE_COLUMN(struct payment, updated_at_us, COLUMN_INT8),
};

const struct table payments_repo_payment = {
    .name = "payment",
    .row_bytes = sizeof(struct payment),
    .columns = payment_columns,
    .column_count = ARRAY_LEN(payment_columns),
    .key_count = 1,
    .version = 1,
    .parent = TABLE_NO_COLUMN,
};

static const struct table_column leg_columns[] = {
    TABLE_COLUMN(struct leg, id, COLUMN_UUID),
    TABLE_COLUMN(struct leg, escrow_id, COLUMN_UUID),
    TABLE_COLUMN(struct leg, version, COLUMN_INT8),
    TABLE_COLUMN(struct leg, kind, COLUMN_ENUM),
    TABLE_COLUMN(struct leg, state, COLUMN_ENUM),
    TABLE_COLUMN(struct leg, rail, COLUMN_ENUM),
    TABLE_COLUMN(struct leg, currency, COLUMN_ENUM),
    TABLE_COLUMN(struct leg, amount_minor, COLUMN_INT8),
    TABLE_COLUMN(struct leg, received_minor, COLUMN_INT8),
    TABLE_COLUMN(struct leg, received_currency, COLUMN_TEXT),
    TABLE_COLUMN(struct leg, provider_ref, COLUMN_TEXT),
    TABLE_COLUMN(struct leg, charge_ref, COLUMN_TEXT),
    TABLE_COLUMN(struct leg, destination, COLUMN_TEXT),
    TABLE_COLUMN(struct leg, paid_leg_id, COLUMN_UUID),
    TABLE_COLUMN(struct leg, failure_code, COLUMN_TEXT),
    TABLE_COLUMN(struct leg, look_at_us, COLUMN_INT8),
    TABLE_COLUMN(struct leg, created_at_us, COLUMN_INT8),
    TABLE_COLUMN(struct leg, updated_at_us, COLUMN_INT8),
};

const struct table payments_repo_leg = {
    .name = "leg",
    .row_bytes = sizeof(struct leg),
    .columns = leg_columns,
    .column_count = ARRAY_LEN(leg_columns),
    .key_count = 1,
    .version = 2,
    .parent = 1,
};

static const struct table_column webhook_columns[] = {
    TABLE_COLUMN(struct payments_webhook, id, COLUMN_UUID),
    TABLE_COLUMN(struct payments_webhook, provider, COLUMN_TEXT),
    TABLE_COLUMN(struct payments_webhook, event_id, COLUMN_TEXT),
    TABLE_COLUMN(struct payments_webhook, event_type, COLUMN_TEXT),
    TABLE_COLUMN(struct payments_webhook, disposition, COLUMN_ENUM),
    TABLE_COLUMN(struct payments_webhook, body, COLUMN_BYTEA),
    TABLE_COLUMN(struct payments_webhook, received_at_us, COLUMN_INT8),
};

const struct table payments_repo_webhook = {
    .name = "webhook",
    .row_bytes = sizeof(struct payments_webhook),
    .columns = webhook_columns,
    .column_count = ARRAY_LEN(webhook_columns),
    .key_count = 1,
    .version = TABLE_NO_COLUMN,
    .parent = TABLE_NO_COLUMN,
};
