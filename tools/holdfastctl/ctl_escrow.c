/* In: an id or a state. Out: escrows as the escrow service knows them. */
#include "engine/engine.h"
#include "escrow/escrow_decide.h"
#include "escrow/escrow_repo.h"
#include "holdfastctl/ctl_db.h"
#include "holdfastctl_sql.h"
#include "pg/pg_batch.h"

#define LIST_DEFAULT 50

static STATUS state_of(struct op *op, const struct ctl_args *args, enum escrow_state *ret_state)
{
    *ret_state = ESCROW_NONE;
    if (!ctl_args_given(args, CTL_OPTION_STATE)) {
        return OK;
    }
    for (int state = ESCROW_NONE + 1; state < ESCROW_STATE_COUNT; state++) {
        if (str_eq(args->text[CTL_OPTION_STATE],
                   str_of(escrow_state_name((enum escrow_state)state)))) {
            *ret_state = (enum escrow_state)state;
            return OK;
        }
    }
    return op_fail(op, STATUS_INVALID, "ctl.usage", "there is no such state");
}

static STATUS add_listed(struct op *op, const struct pg_rows *rows, uint32_t row,
                         struct ctl_table *table)
{
    struct ctl_cell *cells;
    int state;
    int currency;
    bool attention;
    TRY(ctl_table_add(op, table, &cells));
    TRY(pg_rows_id(op, rows, row, "id", &cells[0].id));
    TRY(pg_rows_enum(op, rows, row, "state", ESCROW_STATE_COUNT, &state));
    cells[1].text = str_of(escrow_state_name((enum escrow_state)state));
    TRY(pg_rows_i64(op, rows, row, "price_minor", &cells[2].number));
    TRY(pg_rows_enum(op, rows, row, "currency", CURRENCY_COUNT, &currency));
    cells[3].text = currency_name((enum currency)currency);
    TRY(pg_rows_i64(op, rows, row, "received_minor", &cells[4].number));
    TRY(pg_rows_bool(op, rows, row, "attention", &attention));
    cells[5].number = attention ? 1 : 0;
    TRY(pg_rows_id(op, rows, row, "buyer_id", &cells[6].id));
    TRY(pg_rows_id(op, rows, row, "seller_id", &cells[7].id));
    return pg_rows_i64(op, rows, row, "updated_at_us", &cells[8].number);
}

struct status ctl_escrow_list(struct op *op, struct ctl *ctl)
{
    static const struct ctl_column columns[] = {
        {"id", CTL_CELL_ID},
        {"state", CTL_CELL_TEXT},
        {"price_minor", CTL_CELL_NUMBER},
        {"currency", CTL_CELL_TEXT},
        {"received_minor", CTL_CELL_NUMBER},
        {"attention", CTL_CELL_BOOL},
        {"buyer_id", CTL_CELL_ID},
        {"seller_id", CTL_CELL_ID},
        {"updated_at", CTL_CELL_TIME},
    };
    enum escrow_state state;
    TRY(state_of(op, &ctl->args, &state));
    int32_t limit = ctl_args_given(&ctl->args, CTL_OPTION_LIMIT)
                        ? (int32_t)ctl->args.number[CTL_OPTION_LIMIT]
                        : LIST_DEFAULT;
    DEFER(pg_conn_free_at) struct pg_conn *conn = NULL;
    DEFER(pg_rows_free_at) struct pg_rows *rows = NULL;
    struct ctl_table table;
    TRY(ctl_db_open(op, ctl, STR("escrow"), &conn));
    const struct pg_param params[] = {PG_I16(state), PG_I16(ESCROW_ESCALATED),
                                      PG_BOOL(ctl_args_given(&ctl->args, CTL_OPTION_ATTENTION)),
                                      PG_I32(limit)};
    TRY(pg_query(op, conn, &holdfastctl_sql_escrow_list, params, ARRAY_LEN(params), &rows));
    TRY(ctl_table_init(op, &table, columns, ARRAY_LEN(columns), pg_rows_count(rows)));
    for (uint32_t row = 0; row < pg_rows_count(rows); row++) {
        TRY(add_listed(op, rows, row, &table));
    }
    ctl_out_list(&ctl->out, "escrows", /* heading */ NULL, &table);
    return OK;
}

static STATUS print_escrow(struct op *op, struct ctl *ctl, const struct escrow *escrow)
{
    static const struct ctl_column columns[] = {
        {"id", CTL_CELL_ID},
        {"state", CTL_CELL_TEXT},
        {"seq", CTL_CELL_NUMBER},
        {"currency", CTL_CELL_TEXT},
        {"price_minor", CTL_CELL_NUMBER},
        {"received_minor", CTL_CELL_NUMBER},
        {"held_minor", CTL_CELL_NUMBER},
        {"disputed_minor", CTL_CELL_NUMBER},
        {"suspense_minor", CTL_CELL_NUMBER},
        {"due_seller_minor", CTL_CELL_NUMBER},
        {"due_buyer_minor", CTL_CELL_NUMBER},
        {"paid_out_minor", CTL_CELL_NUMBER},
        {"refunded_minor", CTL_CELL_NUMBER},
        {"fee_deferred_minor", CTL_CELL_NUMBER},
        {"fee_minor", CTL_CELL_NUMBER},
        {"released_minor", CTL_CELL_NUMBER},
        {"returned_minor", CTL_CELL_NUMBER},
        {"payout_failed_minor", CTL_CELL_NUMBER},
        {"refund_failed_minor", CTL_CELL_NUMBER},
        {"funding_seconds", CTL_CELL_NUMBER},
        {"delivery_seconds", CTL_CELL_NUMBER},
        {"inspection_seconds", CTL_CELL_NUMBER},
        {"buyer_fee_minor", CTL_CELL_NUMBER},
        {"seller_fee_minor", CTL_CELL_NUMBER},
        {"deadline_at", CTL_CELL_TIME},
        {"next_state", CTL_CELL_TEXT},
        {"buyer_id", CTL_CELL_ID},
        {"seller_id", CTL_CELL_ID},
    };
    struct ctl_table table;
    struct ctl_cell *cells;
    TRY(ctl_table_init(op, &table, columns, ARRAY_LEN(columns), 1));
    TRY(ctl_table_add(op, &table, &cells));
    cells[0].id = escrow->id;
    cells[1].text = str_of(escrow_state_name(escrow->state));
    cells[3].text = currency_name(escrow->currency);
    const int64_t numbers[] = {
        escrow->price_minor,        escrow->received_minor,      escrow->held_minor,
        escrow->disputed_minor,     escrow->suspense_minor,      escrow->due_seller_minor,
        escrow->due_buyer_minor,    escrow->paid_out_minor,      escrow->refunded_minor,
        escrow->fee_deferred_minor, escrow->fee_minor,           escrow->released_minor,
        escrow->returned_minor,     escrow->payout_failed_minor, escrow->refund_failed_minor,
        escrow->funding_seconds,    escrow->delivery_seconds,    escrow->inspection_seconds,
        escrow->buyer_fee_minor,    escrow->seller_fee_minor,
    };
    cells[2].number = escrow->seq;
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        cells[4 + i].number = numbers[i];
    }
    cells += 4 + ARRAY_LEN(numbers);
    cells[0].number = escrow->deadline_at_us;
    cells[1].text = str_of(escrow_state_name(escrow_state_when_over(escrow->state)));
    cells[2].id = escrow->buyer_id;
    cells[3].id = escrow->seller_id;
    ctl_out_object(&ctl->out, "escrow", &table);
    return OK;
}

static STATUS print_transitions(struct op *op, struct ctl *ctl, const struct pg_batch_rows *rows)
{
    static const struct ctl_column columns[] = {
        {"seq", CTL_CELL_NUMBER},  {"event", CTL_CELL_TEXT},  {"from", CTL_CELL_TEXT},
        {"to", CTL_CELL_TEXT},     {"at", CTL_CELL_TIME},     {"actor", CTL_CELL_TEXT},
        {"actor_id", CTL_CELL_ID}, {"cause_id", CTL_CELL_ID}, {"hash", CTL_CELL_TEXT},
    };
    const struct escrow_transition *transitions = rows->rows;
    struct ctl_table table;
    TRY(ctl_table_init(op, &table, columns, ARRAY_LEN(columns), rows->count));
    for (uint32_t i = 0; i < rows->count; i++) {
        const struct escrow_transition *row = &transitions[i];
        struct ctl_cell *cells;
        struct strbuf buf;
        TRY(ctl_table_add(op, &table, &cells));
        cells[0].number = row->seq;
        cells[1].text = str_of(escrow_event_name(row->event));
        cells[2].text = str_of(escrow_state_name(row->from_state));
        cells[3].text = str_of(escrow_state_name(row->to_state));
        cells[4].number = row->at_us;
        cells[5].text = engine_actor_name((enum engine_actor_kind)row->actor_kind);
        cells[6].id = row->actor_id;
        cells[7].id = row->cause_id;
        strbuf_init(&buf, op->arena, (size_t)2 * HASH_BYTES + 1);
        strbuf_add_hex(&buf, row->hash.bytes, HASH_BYTES);
        if (!strbuf_finish(&buf, &cells[8].text)) {
            return op_arena_full(op);
        }
    }
    ctl_out_list(&ctl->out, "transitions", "History", &table);
    return OK;
}

static STATUS print_transfers(struct op *op, struct ctl *ctl, const struct pg_batch_rows *rows)
{
    static const struct ctl_column columns[] = {
        {"seq", CTL_CELL_NUMBER},  {"ordinal", CTL_CELL_NUMBER},      {"debit", CTL_CELL_TEXT},
        {"credit", CTL_CELL_TEXT}, {"amount_minor", CTL_CELL_NUMBER}, {"currency", CTL_CELL_TEXT},
        {"leg_id", CTL_CELL_ID},
    };
    const struct escrow_transfer *transfers = rows->rows;
    struct ctl_table table;
    TRY(ctl_table_init(op, &table, columns, ARRAY_LEN(columns), rows->count));
    for (uint32_t i = 0; i < rows->count; i++) {
        const struct escrow_transfer *row = &transfers[i];
        struct ctl_cell *cells;
        TRY(ctl_table_add(op, &table, &cells));
        cells[0].number = row->seq;
        cells[1].number = row->ordinal;
        cells[2].text = str_of(escrow_account_name(row->debit));
        cells[3].text = str_of(escrow_account_name(row->credit));
        cells[4].number = row->amount_minor;
        cells[5].text = row->currency;
        cells[6].id = row->leg_id;
    }
    ctl_out_list(&ctl->out, "transfers", "Ledger", &table);
    return OK;
}

/* By number, as they left: rows come by id. */
static STATUS print_parts(struct op *op, struct ctl *ctl, const struct pg_batch_rows *rows)
{
    static const struct ctl_column columns[] = {
        {"number", CTL_CELL_NUMBER},       {"to", CTL_CELL_TEXT},
        {"state", CTL_CELL_TEXT},          {"price_minor", CTL_CELL_NUMBER},
        {"amount_minor", CTL_CELL_NUMBER}, {"leg_id", CTL_CELL_ID},
    };
    const struct escrow_part *parts = rows->rows;
    struct ctl_table table;
    TRY(ctl_table_init(op, &table, columns, ARRAY_LEN(columns), rows->count));
    for (int64_t number = 1; number <= ESCROW_PARTS_MAX; number++) {
        for (uint32_t i = 0; i < rows->count; i++) {
            struct ctl_cell *cells;
            if (parts[i].number != number) {
                continue;
            }
            TRY(ctl_table_add(op, &table, &cells));
            cells[0].number = number;
            cells[1].text = parts[i].to_buyer ? STR("buyer") : STR("seller");
            cells[2].text = str_of(escrow_part_state_name(parts[i].state));
            cells[3].number = parts[i].price_minor;
            cells[4].number = parts[i].amount_minor;
            cells[5].id = parts[i].leg_id;
        }
    }
    if (rows->count > 0 || ctl->out.json) { /* most deals have none */
        ctl_out_list(&ctl->out, "parts", "Parts", &table);
    }
    return OK;
}

/* By rising number, as they are stored. */
static STATUS print_milestones(struct op *op, struct ctl *ctl, const struct pg_batch_rows *rows)
{
    static const struct ctl_column columns[] = {
        {"number", CTL_CELL_NUMBER},
        {"title", CTL_CELL_TEXT},
        {"price_minor", CTL_CELL_NUMBER},
        {"state", CTL_CELL_TEXT},
    };
    const struct escrow_milestone *milestones = rows->rows;
    struct ctl_table table;
    TRY(ctl_table_init(op, &table, columns, ARRAY_LEN(columns), rows->count));
    for (uint32_t i = 0; i < rows->count; i++) {
        struct ctl_cell *cells;
        TRY(ctl_table_add(op, &table, &cells));
        cells[0].number = milestones[i].number;
        cells[1].text = milestones[i].title;
        cells[2].number = milestones[i].price_minor;
        cells[3].text = str_of(escrow_milestone_state_name(milestones[i].state));
    }
    if (rows->count > 0 || ctl->out.json) { /* most deals have none */
        ctl_out_list(&ctl->out, "milestones", "Milestones", &table);
    }
    return OK;
}

struct status ctl_escrow_show(struct op *op, struct ctl *ctl)
{
    struct id id;
    if (!id_parse(ctl->args.argument, &id)) {
        return op_fail(op, STATUS_INVALID, "ctl.usage", "the id must be a UUID");
    }
    DEFER(pg_conn_free_at) struct pg_conn *conn = NULL;
    struct pg_batch_rows escrows;
    struct pg_batch_rows transitions;
    struct pg_batch_rows transfers;
    struct pg_batch_rows parts;
    struct pg_batch_rows milestones;
    TRY(ctl_db_open(op, ctl, STR("escrow"), &conn));
    TRY(pg_begin_snapshot(op, conn));
    TRY(pg_batch_load(op, conn, &escrow_table, &id, 1, &escrows));
    TRY(pg_batch_load_children(op, conn, &escrow_transition_table, &id, 1, &transitions));
    TRY(pg_batch_load_children(op, conn, &escrow_transfer_table, &id, 1, &transfers));
    TRY(pg_batch_load_children(op, conn, &escrow_part_table, &id, 1, &parts));
    TRY(pg_batch_load_children(op, conn, &escrow_milestone_table, &id, 1, &milestones));
    TRY(pg_batch_sync(op, conn));
    TRY(pg_commit(op, conn));
    if (escrows.count == 0) {
        return op_fail(op, STATUS_NOT_FOUND, "ctl.not_found", "there is no such escrow");
    }
    TRY(print_escrow(op, ctl, escrows.rows));
    TRY(print_transitions(op, ctl, &transitions));
    TRY(print_transfers(op, ctl, &transfers));
    TRY(print_parts(op, ctl, &parts));
    return print_milestones(op, ctl, &milestones);
}
