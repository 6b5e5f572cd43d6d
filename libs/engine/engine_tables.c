/* Column lists, in the order of the migration. */
#include "engine/engine_tables.h"

#include "base/defer.h"

static const struct table_column lane_in_columns[] = {
    TABLE_COLUMN(struct lane_in_row, lane, COLUMN_INT4),
    TABLE_COLUMN(struct lane_in_row, topic, COLUMN_TEXT),
    TABLE_COLUMN(struct lane_in_row, next_offset, COLUMN_INT8),
    TABLE_COLUMN(struct lane_in_row, last_n, COLUMN_INT8),
    TABLE_COLUMN(struct lane_in_row, last_at_us, COLUMN_INT8),
};

const struct table engine_lane_in_table = {
    .name = "lane_in",
    .row_bytes = sizeof(struct lane_in_row),
    .columns = lane_in_columns,
    .column_count = ARRAY_LEN(lane_in_columns),
    .key_count = 2,
    .version = TABLE_NO_COLUMN,
    .parent = TABLE_NO_COLUMN,
};

static const struct table_column lane_out_columns[] = {
    TABLE_COLUMN(struct lane_out_row, lane, COLUMN_INT4),
    TABLE_COLUMN(struct lane_out_row, topic, COLUMN_TEXT),
    TABLE_COLUMN(struct lane_out_row, next_n, COLUMN_INT8),
    TABLE_COLUMN(struct lane_out_row, published_n, COLUMN_INT8),
    TABLE_COLUMN(struct lane_out_row, first_n, COLUMN_INT8),
};

const struct table engine_lane_out_table = {
    .name = "lane_out",
    .row_bytes = sizeof(struct lane_out_row),
    .columns = lane_out_columns,
    .column_count = ARRAY_LEN(lane_out_columns),
    .key_count = 2,
    .version = TABLE_NO_COLUMN,
    .parent = TABLE_NO_COLUMN,
};

static const struct table_column lane_change_columns[] = {
    TABLE_COLUMN(struct lane_change_row, lane, COLUMN_INT4),
    TABLE_COLUMN(struct lane_change_row, at_us, COLUMN_INT8),
    TABLE_COLUMN(struct lane_change_row, keys, COLUMN_BYTEA),
    TABLE_COLUMN(struct lane_change_row, requests, COLUMN_BYTEA),
};

const struct table engine_lane_change_table = {
    .name = "lane_change",
    .row_bytes = sizeof(struct lane_change_row),
    .columns = lane_change_columns,
    .column_count = ARRAY_LEN(lane_change_columns),
    .key_count = 2,
    .version = TABLE_NO_COLUMN,
    .parent = TABLE_NO_COLUMN,
};

static const struct table_column restored_columns[] = {
    TABLE_FIXED_COLUMN(struct restored_row, id, COLUMN_UUID),
    TABLE_FIXED_COLUMN(struct restored_row, key, COLUMN_UUID),
    TABLE_FIXED_COLUMN(struct restored_row, lane, COLUMN_INT4),
    TABLE_FIXED_COLUMN(struct restored_row, topic, COLUMN_TEXT),
    TABLE_FIXED_COLUMN(struct restored_row, n, COLUMN_INT8),
    TABLE_FIXED_COLUMN(struct restored_row, at_us, COLUMN_INT8),
    TABLE_FIXED_COLUMN(struct restored_row, content, COLUMN_HASH),
    TABLE_COLUMN(struct restored_row, open, COLUMN_BOOL),
};

const struct table engine_restored_table = {
    .name = "restored",
    .row_bytes = sizeof(struct restored_row),
    .columns = restored_columns,
    .column_count = ARRAY_LEN(restored_columns),
    .key_count = 1,
    .version = TABLE_NO_COLUMN,
    .parent = 1,
    .live = 7,
};

static const struct table_column lane_restore_columns[] = {
    TABLE_COLUMN(struct lane_restore_row, lane, COLUMN_INT4),
    TABLE_COLUMN(struct lane_restore_row, topic, COLUMN_TEXT),
    TABLE_COLUMN(struct lane_restore_row, until_offset, COLUMN_INT8),
};

const struct table engine_lane_restore_table = {
    .name = "lane_restore",
    .row_bytes = sizeof(struct lane_restore_row),
    .columns = lane_restore_columns,
    .column_count = ARRAY_LEN(lane_restore_columns),
    .key_count = 2,
    .version = TABLE_NO_COLUMN,
    .parent = TABLE_NO_COLUMN,
};

static const struct table_column lane_cluster_columns[] = {
    TABLE_COLUMN(struct lane_cluster_row, lane, COLUMN_INT4),
    TABLE_COLUMN(struct lane_cluster_row, cluster_id, COLUMN_TEXT),
};

const struct table engine_lane_cluster_table = {
    .name = "lane_cluster",
    .row_bytes = sizeof(struct lane_cluster_row),
    .columns = lane_cluster_columns,
    .column_count = ARRAY_LEN(lane_cluster_columns),
    .key_count = 1,
    .version = TABLE_NO_COLUMN,
    .parent = TABLE_NO_COLUMN,
};

static const struct table_column outbox_columns[] = {
    TABLE_COLUMN(struct outbox_row, lane, COLUMN_INT4),
    TABLE_COLUMN(struct outbox_row, topic, COLUMN_ENUM),
    TABLE_COLUMN(struct outbox_row, n, COLUMN_INT8),
    TABLE_COLUMN(struct outbox_row, id, COLUMN_UUID),
    TABLE_COLUMN(struct outbox_row, aggregatetype, COLUMN_TEXT),
    TABLE_COLUMN(struct outbox_row, aggregateid, COLUMN_UUID),
    TABLE_COLUMN(struct outbox_row, type, COLUMN_TEXT),
    TABLE_COLUMN(struct outbox_row, payload, COLUMN_BYTEA),
    TABLE_COLUMN(struct outbox_row, committed_at_us, COLUMN_INT8),
    TABLE_COLUMN(struct outbox_row, causation_id, COLUMN_UUID),
};

const struct table engine_outbox_table = {
    .name = "outbox",
    .row_bytes = sizeof(struct outbox_row),
    .columns = outbox_columns,
    .column_count = ARRAY_LEN(outbox_columns),
    .key_count = 3,
    .version = TABLE_NO_COLUMN,
    .parent = TABLE_NO_COLUMN,
};

static const struct table_column inbox_columns[] = {
    TABLE_COLUMN(struct inbox_row, id, COLUMN_UUID),
    TABLE_COLUMN(struct inbox_row, key, COLUMN_UUID),
    TABLE_COLUMN(struct inbox_row, content, COLUMN_HASH),
    TABLE_COLUMN(struct inbox_row, lane, COLUMN_INT4),
    TABLE_COLUMN(struct inbox_row, at_us, COLUMN_INT8),
};

const struct table engine_inbox_table = {
    .name = "inbox",
    .row_bytes = sizeof(struct inbox_row),
    .columns = inbox_columns,
    .column_count = ARRAY_LEN(inbox_columns),
    .key_count = 1,
    .version = TABLE_NO_COLUMN,
    .parent = TABLE_NO_COLUMN,
};

static const struct table_column intake_columns[] = {
    TABLE_COLUMN(struct intake_row, id, COLUMN_UUID),
    TABLE_FIXED_COLUMN(struct intake_row, lane, COLUMN_INT4),
    TABLE_FIXED_COLUMN(struct intake_row, topic, COLUMN_TEXT),
    TABLE_FIXED_COLUMN(struct intake_row, key, COLUMN_UUID),
    TABLE_FIXED_COLUMN(struct intake_row, type, COLUMN_TEXT),
    TABLE_FIXED_COLUMN(struct intake_row, payload, COLUMN_BYTEA),
    TABLE_FIXED_COLUMN(struct intake_row, content, COLUMN_HASH),
    TABLE_FIXED_COLUMN(struct intake_row, account, COLUMN_UUID),
    TABLE_FIXED_COLUMN(struct intake_row, created_at_us, COLUMN_INT8),
    TABLE_COLUMN(struct intake_row, due_at_us, COLUMN_INT8),
    TABLE_COLUMN(struct intake_row, attempts, COLUMN_INT4),
    TABLE_COLUMN(struct intake_row, open, COLUMN_BOOL),
    TABLE_COLUMN(struct intake_row, outcome, COLUMN_ENUM),
    TABLE_COLUMN(struct intake_row, outcome_code, COLUMN_TEXT),
    TABLE_COLUMN(struct intake_row, outcome_sentence, COLUMN_TEXT),
    TABLE_COLUMN(struct intake_row, closed_at_us, COLUMN_INT8),
};

const struct table engine_intake_table = {
    .name = "intake",
    .row_bytes = sizeof(struct intake_row),
    .columns = intake_columns,
    .column_count = ARRAY_LEN(intake_columns),
    .key_count = 1,
    .version = TABLE_NO_COLUMN,
    .parent = TABLE_NO_COLUMN,
};

static const struct table_column effect_columns[] = {
    TABLE_COLUMN(struct effect_row, id, COLUMN_UUID),
    TABLE_FIXED_COLUMN(struct effect_row, lane, COLUMN_INT4),
    TABLE_FIXED_COLUMN(struct effect_row, key, COLUMN_UUID),
    TABLE_FIXED_COLUMN(struct effect_row, kind, COLUMN_ENUM),
    TABLE_FIXED_COLUMN(struct effect_row, subject, COLUMN_UUID),
    TABLE_FIXED_COLUMN(struct effect_row, correlation_id, COLUMN_UUID),
    TABLE_FIXED_COLUMN(struct effect_row, request, COLUMN_BYTEA),
    TABLE_COLUMN(struct effect_row, state, COLUMN_ENUM),
    TABLE_COLUMN(struct effect_row, attempts, COLUMN_INT4),
    TABLE_COLUMN(struct effect_row, due_at_us, COLUMN_INT8),
    TABLE_FIXED_COLUMN(struct effect_row, caused_at_us, COLUMN_INT8),
    TABLE_COLUMN(struct effect_row, open, COLUMN_BOOL),
    TABLE_COLUMN(struct effect_row, last_status, COLUMN_INT4),
    TABLE_COLUMN(struct effect_row, last_answer, COLUMN_TEXT),
};

const struct table engine_effect_table = {
    .name = "effect",
    .row_bytes = sizeof(struct effect_row),
    .columns = effect_columns,
    .column_count = ARRAY_LEN(effect_columns),
    .key_count = 1,
    .version = TABLE_NO_COLUMN,
    .parent = TABLE_NO_COLUMN,
};

static const struct table_column timer_columns[] = {
    TABLE_COLUMN(struct timer_row, key, COLUMN_UUID),
    TABLE_COLUMN(struct timer_row, kind, COLUMN_ENUM),
    TABLE_FIXED_COLUMN(struct timer_row, lane, COLUMN_INT4),
    TABLE_COLUMN(struct timer_row, generation, COLUMN_INT8),
    TABLE_COLUMN(struct timer_row, due_at_us, COLUMN_INT8),
    TABLE_COLUMN(struct timer_row, correlation_id, COLUMN_UUID),
    TABLE_COLUMN(struct timer_row, state, COLUMN_ENUM),
    TABLE_COLUMN(struct timer_row, open, COLUMN_BOOL),
    TABLE_COLUMN(struct timer_row, closed_at_us, COLUMN_INT8),
};

const struct table engine_timer_table = {
    .name = "timer",
    .row_bytes = sizeof(struct timer_row),
    .columns = timer_columns,
    .column_count = ARRAY_LEN(timer_columns),
    .key_count = 2,
    .version = TABLE_NO_COLUMN,
    .parent = 0, /* key */
};

static const struct table_column parked_key_columns[] = {
    TABLE_COLUMN(struct parked_key_row, key, COLUMN_UUID),
    TABLE_COLUMN(struct parked_key_row, lane, COLUMN_INT4),
    TABLE_COLUMN(struct parked_key_row, reason, COLUMN_TEXT),
    TABLE_COLUMN(struct parked_key_row, missing, COLUMN_BOOL),
    TABLE_COLUMN(struct parked_key_row, since_us, COLUMN_INT8),
    TABLE_COLUMN(struct parked_key_row, next_seq, COLUMN_INT8),
};

const struct table engine_parked_key_table = {
    .name = "parked_key",
    .row_bytes = sizeof(struct parked_key_row),
    .columns = parked_key_columns,
    .column_count = ARRAY_LEN(parked_key_columns),
    .key_count = 1,
    .version = TABLE_NO_COLUMN,
    .parent = TABLE_NO_COLUMN,
};

static const struct table_column parked_message_columns[] = {
    TABLE_COLUMN(struct parked_message_row, key, COLUMN_UUID),
    TABLE_COLUMN(struct parked_message_row, seq, COLUMN_INT8),
    TABLE_COLUMN(struct parked_message_row, lane, COLUMN_INT4),
    TABLE_COLUMN(struct parked_message_row, source, COLUMN_TEXT),
    TABLE_COLUMN(struct parked_message_row, kafka_offset, COLUMN_INT8),
    TABLE_COLUMN(struct parked_message_row, n, COLUMN_INT8),
    TABLE_COLUMN(struct parked_message_row, timer_kind, COLUMN_ENUM),
    TABLE_COLUMN(struct parked_message_row, timer_generation, COLUMN_INT8),
    TABLE_COLUMN(struct parked_message_row, verdict, COLUMN_ENUM),
    TABLE_COLUMN(struct parked_message_row, http_status, COLUMN_INT4),
    TABLE_COLUMN(struct parked_message_row, message_id, COLUMN_UUID),
    TABLE_COLUMN(struct parked_message_row, committed_at_us, COLUMN_INT8),
    TABLE_COLUMN(struct parked_message_row, value, COLUMN_BYTEA),
    TABLE_COLUMN(struct parked_message_row, at_us, COLUMN_INT8),
};

const struct table engine_parked_message_table = {
    .name = "parked_message",
    .row_bytes = sizeof(struct parked_message_row),
    .columns = parked_message_columns,
    .column_count = ARRAY_LEN(parked_message_columns),
    .key_count = 2,
    .version = TABLE_NO_COLUMN,
    .parent = TABLE_NO_COLUMN,
};

static const struct table_column quarantine_columns[] = {
    TABLE_COLUMN(struct quarantine_row, topic, COLUMN_TEXT),
    TABLE_COLUMN(struct quarantine_row, lane, COLUMN_INT4),
    TABLE_COLUMN(struct quarantine_row, kafka_offset, COLUMN_INT8),
    TABLE_COLUMN(struct quarantine_row, n, COLUMN_INT8),
    TABLE_COLUMN(struct quarantine_row, reason, COLUMN_TEXT),
    TABLE_COLUMN(struct quarantine_row, key, COLUMN_BYTEA),
    TABLE_COLUMN(struct quarantine_row, value, COLUMN_BYTEA),
    TABLE_COLUMN(struct quarantine_row, at_us, COLUMN_INT8),
};

const struct table engine_quarantine_table = {
    .name = "quarantine",
    .row_bytes = sizeof(struct quarantine_row),
    .columns = quarantine_columns,
    .column_count = ARRAY_LEN(quarantine_columns),
    .key_count = 3,
    .version = TABLE_NO_COLUMN,
    .parent = TABLE_NO_COLUMN,
};

static const struct table_column lane_probe_columns[] = {
    TABLE_COLUMN(struct lane_probe_row, lane, COLUMN_INT4),
    TABLE_COLUMN(struct lane_probe_row, source, COLUMN_TEXT),
    TABLE_COLUMN(struct lane_probe_row, kafka_offset, COLUMN_INT8),
    TABLE_COLUMN(struct lane_probe_row, item_id, COLUMN_UUID),
    TABLE_COLUMN(struct lane_probe_row, tries, COLUMN_INT4),
};

const struct table engine_lane_probe_table = {
    .name = "lane_probe",
    .row_bytes = sizeof(struct lane_probe_row),
    .columns = lane_probe_columns,
    .column_count = ARRAY_LEN(lane_probe_columns),
    .key_count = 2,
    .version = TABLE_NO_COLUMN,
    .parent = TABLE_NO_COLUMN,
};

static const struct table_column admin_request_columns[] = {
    TABLE_COLUMN(struct admin_request_row, id, COLUMN_UUID),
    TABLE_COLUMN(struct admin_request_row, lane, COLUMN_INT4),
    TABLE_COLUMN(struct admin_request_row, kind, COLUMN_ENUM),
    TABLE_COLUMN(struct admin_request_row, key, COLUMN_UUID),
    TABLE_COLUMN(struct admin_request_row, topic, COLUMN_TEXT),
    TABLE_COLUMN(struct admin_request_row, n, COLUMN_INT8),
    TABLE_COLUMN(struct admin_request_row, verdict, COLUMN_ENUM),
    TABLE_COLUMN(struct admin_request_row, answer, COLUMN_TEXT),
    TABLE_COLUMN(struct admin_request_row, content, COLUMN_BYTEA),
    TABLE_COLUMN(struct admin_request_row, reason, COLUMN_TEXT),
    TABLE_COLUMN(struct admin_request_row, requested_by, COLUMN_TEXT),
    TABLE_COLUMN(struct admin_request_row, approved_by, COLUMN_TEXT),
    TABLE_COLUMN(struct admin_request_row, created_at_us, COLUMN_INT8),
    TABLE_COLUMN(struct admin_request_row, open, COLUMN_BOOL),
    TABLE_COLUMN(struct admin_request_row, result, COLUMN_TEXT),
    TABLE_COLUMN(struct admin_request_row, done_at_us, COLUMN_INT8),
};

const struct table engine_admin_request_table = {
    .name = "admin_request",
    .row_bytes = sizeof(struct admin_request_row),
    .columns = admin_request_columns,
    .column_count = ARRAY_LEN(admin_request_columns),
    .key_count = 1,
    .version = TABLE_NO_COLUMN,
    .parent = TABLE_NO_COLUMN,
};

const struct table_scan engine_scan_lane_in = {
    .name = "lane_in",
    .table = &engine_lane_in_table,
    .filter = TABLE_NO_COLUMN,
    .equal_count = 1,
    .equal = {0}, /* lane */
    .order = TABLE_NO_COLUMN,
    .bound = SCAN_ALL,
};

const struct table_scan engine_scan_lane_out = {
    .name = "lane_out",
    .table = &engine_lane_out_table,
    .filter = TABLE_NO_COLUMN,
    .equal_count = 1,
    .equal = {0}, /* lane */
    .order = TABLE_NO_COLUMN,
    .bound = SCAN_ALL,
};

const struct table_scan engine_scan_outbox = {
    .name = "outbox",
    .table = &engine_outbox_table,
    .filter = TABLE_NO_COLUMN,
    .equal_count = 2,
    .equal = {0, 1}, /* lane, topic */
    .order = 2,      /* n */
    .bound = SCAN_ABOVE,
};

const struct table_scan engine_scan_intake_due = {
    .name = "intake_due",
    .table = &engine_intake_table,
    .filter = 11, /* open */
    .equal_count = 1,
    .equal = {1}, /* lane */
    .order = 9,   /* due_at_us */
    .bound = SCAN_UP_TO,
};

const struct table_scan engine_scan_effect_due = {
    .name = "effect_due",
    .table = &engine_effect_table,
    .filter = 11, /* open */
    .equal_count = 1,
    .equal = {1}, /* lane */
    .order = 9,   /* due_at_us */
    .bound = SCAN_UP_TO,
};

const struct table_scan engine_scan_timer_open = {
    .name = "timer_open",
    .table = &engine_timer_table,
    .filter = 7, /* open */
    .equal_count = 1,
    .equal = {2}, /* lane */
    .order = 4,   /* due_at_us */
    .bound = SCAN_ALL,
};

const struct table_scan engine_scan_parked_key = {
    .name = "parked_key",
    .table = &engine_parked_key_table,
    .filter = TABLE_NO_COLUMN,
    .equal_count = 1,
    .equal = {1}, /* lane */
    .order = TABLE_NO_COLUMN,
    .bound = SCAN_ALL,
};

const struct table_scan engine_scan_parked_message = {
    .name = "parked_message",
    .table = &engine_parked_message_table,
    .filter = TABLE_NO_COLUMN,
    .equal_count = 1,
    .equal = {0}, /* key */
    .order = 1,   /* seq */
    .bound = SCAN_ALL,
};

const struct table_scan engine_scan_quarantine = {
    .name = "quarantine",
    .table = &engine_quarantine_table,
    .filter = TABLE_NO_COLUMN,
    .equal_count = 2,
    .equal = {0, 1}, /* topic, lane */
    .order = 2,      /* kafka_offset */
    .bound = SCAN_ABOVE,
};

const struct table_scan engine_scan_lane_cluster = {
    .name = "lane_cluster",
    .table = &engine_lane_cluster_table,
    .filter = TABLE_NO_COLUMN,
    .equal_count = 1,
    .equal = {0}, /* lane */
    .order = TABLE_NO_COLUMN,
    .bound = SCAN_ALL,
};

const struct table_scan engine_scan_lane_probe = {
    .name = "lane_probe",
    .table = &engine_lane_probe_table,
    .filter = TABLE_NO_COLUMN,
    .equal_count = 1,
    .equal = {0}, /* lane */
    .order = TABLE_NO_COLUMN,
    .bound = SCAN_ALL,
};

const struct table_scan engine_scan_admin_request = {
    .name = "admin_request",
    .table = &engine_admin_request_table,
    .filter = 13, /* open */
    .equal_count = 1,
    .equal = {1}, /* lane */
    .order = 12,  /* created_at_us */
    .bound = SCAN_ALL,
};

const struct table_scan engine_scan_parked_for = {
    .name = "parked_for",
    .table = &engine_parked_key_table,
    .filter = TABLE_NO_COLUMN,
    .equal_count = 2,
    .equal = {1, 2}, /* lane, reason */
    .order = 0,      /* key */
    .bound = SCAN_ALL,
};

const struct table_scan engine_scan_restored_open = {
    .name = "restored_open",
    .table = &engine_restored_table,
    .filter = 7, /* open */
    .equal_count = 1,
    .equal = {2}, /* lane */
    .order = 5,   /* at_us */
    .bound = SCAN_ALL,
};

const struct table_scan engine_scan_lane_restore = {
    .name = "lane_restore",
    .table = &engine_lane_restore_table,
    .filter = TABLE_NO_COLUMN,
    .equal_count = 1,
    .equal = {0}, /* lane */
    .order = TABLE_NO_COLUMN,
    .bound = SCAN_ALL,
};
