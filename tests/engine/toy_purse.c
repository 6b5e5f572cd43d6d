#include "toy_purse.h"

#include "base/assert.h"

static const struct table_column purse_columns[] = {
    TABLE_COLUMN(struct toy_purse, id, COLUMN_UUID),
    TABLE_COLUMN(struct toy_purse, version, COLUMN_INT8),
    TABLE_COLUMN(struct toy_purse, total, COLUMN_INT8),
};

const struct table toy_purse_table = {
    .name = "purse",
    .row_bytes = sizeof(struct toy_purse),
    .columns = purse_columns,
    .column_count = ARRAY_LEN(purse_columns),
    .key_count = 1,
    .version = 1,
    .parent = TABLE_NO_COLUMN,
};

static const struct table_column coin_columns[] = {
    TABLE_COLUMN(struct toy_coin, id, COLUMN_UUID),
    TABLE_COLUMN(struct toy_coin, purse_id, COLUMN_UUID),
    TABLE_COLUMN(struct toy_coin, amount, COLUMN_INT8),
};

const struct table toy_coin_table = {
    .name = "coin",
    .row_bytes = sizeof(struct toy_coin),
    .columns = coin_columns,
    .column_count = ARRAY_LEN(coin_columns),
    .key_count = 1,
    .version = TABLE_NO_COLUMN,
    .parent = 1,
};

/* The total is what its coins add up to, those of this batch included. */
static STATUS put(struct engine_turn *turn, struct toy_purse *purse, int64_t amount)
{
    void *row;
    void *const *rows;
    struct toy_coin coin = {.id = engine_next_id(turn), .purse_id = purse->id, .amount = amount};
    TRY(engine_child_create(turn, &toy_coin_table, &coin, &row));
    uint32_t count = engine_children(turn, &toy_coin_table, &rows);
    purse->total = 0;
    for (uint32_t i = 0; i < count; i++) {
        purse->total += ((const struct toy_coin *)rows[i])->amount;
    }
    purse->version++;
    engine_changed(turn);
    return engine_emit(turn, TOY_EVENTS, engine_next_id(turn), STR("toy.Put"), STR("put"));
}

static STATUS decide(struct engine_turn *turn, const struct engine_message *message)
{
    struct toy_purse *purse = engine_aggregate(turn);
    void *row = purse;
    if (!purse && message->creates) {
        struct toy_purse fresh = {.id = message->key};
        TRY(engine_create(turn, &fresh, &row));
        purse = row;
    }
    return purse ? put(turn, purse, toy_amount(message))
                 : op_fail(engine_op(turn), STATUS_NOT_FOUND, "toy.no_purse", "not opened yet");
}

static const struct engine_aggregate_kind purse_kind = {
    .table = &toy_purse_table,
    .children = {&toy_coin_table},
};

/* The others of the service, but for its signals. */
const struct engine_service *toy_purse_service(void)
{
    static struct engine_handler handlers[2];
    static struct engine_service service;

    handlers[0] = toy_service.handlers[0];
    handlers[1] = toy_service.handlers[1];
    handlers[1].aggregate = &purse_kind;
    handlers[1].decide = decide;
    service = toy_service;
    service.handlers = handlers;
    return &service;
}
