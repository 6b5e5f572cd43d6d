#pragma once

/* What the tests of the read model share. cmocka and its prerequisites are included before. */
#include <string.h>

#include "gateway/gateway_repo.h"

/* Column by column, because structs have gaps between their fields; all but `except`, which may be
 * TABLE_NO_COLUMN. */
static inline void same_row(const struct table *table, const void *a, const void *b, int except)
{
    static const size_t sizes[COLUMN_TYPE_COUNT] = {[COLUMN_UUID] = sizeof(struct id),
                                                    [COLUMN_INT8] = sizeof(int64_t),
                                                    [COLUMN_ENUM] = sizeof(int),
                                                    [COLUMN_BOOL] = sizeof(bool)};
    for (uint16_t i = 0; i < table->column_count; i++) {
        const struct table_column *column = &table->columns[i];
        const char *left = (const char *)a + column->offset;
        const char *right = (const char *)b + column->offset;
        bool same = column->type == COLUMN_TEXT
                        ? str_eq(*(const struct str *)(const void *)left,
                                 *(const struct str *)(const void *)right)
                        : sizes[column->type] > 0 && memcmp(left, right, sizes[column->type]) == 0;
        if (!same && i != except) {
            fail_msg("%s.%s differs", table->name, column->name);
        }
    }
}

/* A number of its own in every field, so that none can be forgotten or taken for another. The id, the
 * versions and the times are left to the test. */
static inline struct gateway_view gateway_full_view(int64_t base)
{
    return (struct gateway_view){
        .state = 1,
        .currency = CURRENCY_USD,
        .price_minor = base + 1,
        .received_minor = base + 2,
        .held_minor = base + 3,
        .disputed_minor = base + 30,
        .suspense_minor = base + 4,
        .due_seller_minor = base + 5,
        .due_buyer_minor = base + 6,
        .paid_out_minor = base + 7,
        .refunded_minor = base + 8,
        .fee_deferred_minor = base + 15,
        .fee_minor = base + 16,
        .released_minor = base + 31,
        .returned_minor = base + 32,
        .split_number = base + 32,
        .split_by = {.bytes = {0xd1}},
        .split_seller_minor = base + 33,
        .split_buyer_minor = base + 34,
        .payout_failed_minor = base + 9,
        .refund_failed_minor = base + 10,
        .payment_setup_failed = true,
        .foreign_money = true,
        .marketplace_id = {.bytes = {0xa1}},
        .buyer_id = {.bytes = {0xb1}},
        .seller_id = {.bytes = {0xc1}},
        .arbiter_id = {.bytes = {0xe1}},
        .arbiter_key = STR("0123"),
        .dispute_number = base + 35,
        .docket = STR("{}"),
        .seller_account = STR("acct_1"),
        .funding_seconds = base + 11,
        .delivery_seconds = base + 12,
        .inspection_seconds = base + 13,
        .fees = {.buyer = {base + 17, base + 18},
                 .seller = {base + 19, base + 20},
                 .buyer_refundable = true},
        .deadline_at_us = base + 14,
        .deadline_state = 7,
        .description = STR("A sword"),
        .milestones = STR("[]"),
    };
}
