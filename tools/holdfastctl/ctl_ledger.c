/* In: the whole schema of escrow, in one snapshot, a page at a time. Out: totals, and what is off. */
#include <inttypes.h>

#include "escrow/escrow.h"
#include "escrow/escrow_repo.h"
#include "holdfastctl/ctl_db.h"
#include "holdfastctl/ctl_findings.h"
#include "holdfastctl/ctl_seals.h"
#include "holdfastctl/ctl_verify.h"
#include "holdfastctl_sql.h"
#include "pg/pg_batch.h"

#define PAGE_ROWS 500
#define PAGE_ARENA_BYTES ((size_t)256 * 1024 * 1024)

struct page {
    struct id ids[PAGE_ROWS];
    uint32_t count;
    struct pg_batch_rows escrows;
    struct pg_batch_rows transitions;
    struct pg_batch_rows transfers;
    struct pg_batch_rows verdicts;
    struct pg_batch_rows evidence;
    struct pg_batch_rows suspense;
    struct pg_batch_rows parts;
    struct pg_batch_rows milestones;
    struct pg_batch_rows leaves;
};

static STATUS read_ids(struct op *op, struct pg_conn *conn, struct id after, struct page *page)
{
    const struct pg_param params[] = {PG_ID(after), PG_I32(PAGE_ROWS)};
    DEFER(pg_rows_free_at) struct pg_rows *rows = NULL;
    TRY(pg_query(op, conn, &holdfastctl_sql_escrow_page, params, ARRAY_LEN(params), &rows));
    page->count = 0;
    for (uint32_t row = 0; row < pg_rows_count(rows); row++) {
        TRY(pg_rows_id(op, rows, row, "id", &page->ids[page->count]));
        page->count++;
    }
    return OK;
}

static STATUS read_rows(struct op *op, struct pg_conn *conn, struct page *page)
{
    TRY(pg_batch_load(op, conn, &escrow_table, page->ids, page->count, &page->escrows));
    TRY(pg_batch_load_children(op, conn, &escrow_transition_table, page->ids, page->count,
                               &page->transitions));
    TRY(pg_batch_load_children(op, conn, &escrow_transfer_table, page->ids, page->count,
                               &page->transfers));
    TRY(pg_batch_load_children(op, conn, &escrow_verdict_table, page->ids, page->count,
                               &page->verdicts));
    TRY(pg_batch_load_children(op, conn, &escrow_evidence_table, page->ids, page->count,
                               &page->evidence));
    TRY(pg_batch_load_children(op, conn, &escrow_suspense_table, page->ids, page->count,
                               &page->suspense));
    TRY(pg_batch_load_children(op, conn, &escrow_part_table, page->ids, page->count, &page->parts));
    TRY(pg_batch_load_children(op, conn, &escrow_milestone_table, page->ids, page->count,
                               &page->milestones));
    TRY(pg_batch_load_children(op, conn, &escrow_seal_leaf_table, page->ids, page->count,
                               &page->leaves));
    return pg_batch_sync(op, conn);
}

/* How far the rows of a page, which are sorted by escrow, have been handed out. */
struct cursor {
    uint32_t transition;
    uint32_t transfer;
    uint32_t verdict;
    uint32_t evidence;
    uint32_t suspense;
    uint32_t part;
    uint32_t milestone;
    uint32_t leaf;
};

static const struct escrow *find_escrow(const struct page *page, struct id id)
{
    const struct escrow *escrows = page->escrows.rows;
    for (uint32_t i = 0; i < page->escrows.count; i++) {
        if (id_eq(escrows[i].id, id)) {
            return &escrows[i];
        }
    }
    return NULL;
}

static struct ctl_history next_history(const struct page *page, const struct escrow *escrow,
                                       struct cursor *cursor)
{
    const struct escrow_transition *transitions = page->transitions.rows;
    const struct escrow_transfer *transfers = page->transfers.rows;
    const struct escrow_dispute_verdict *verdicts = page->verdicts.rows;
    const struct escrow_evidence *evidence = page->evidence.rows;
    const struct escrow_suspense *suspense = page->suspense.rows;
    const struct escrow_part *parts = page->parts.rows;
    const struct escrow_milestone *milestones = page->milestones.rows;
    const struct escrow_seal_leaf *leaves = page->leaves.rows;
    struct cursor from = *cursor;
    while (cursor->transition < page->transitions.count &&
           id_eq(transitions[cursor->transition].escrow_id, escrow->id)) {
        cursor->transition++;
    }
    while (cursor->transfer < page->transfers.count &&
           id_eq(transfers[cursor->transfer].escrow_id, escrow->id)) {
        cursor->transfer++;
    }
    while (cursor->verdict < page->verdicts.count &&
           id_eq(verdicts[cursor->verdict].escrow_id, escrow->id)) {
        cursor->verdict++;
    }
    while (cursor->evidence < page->evidence.count &&
           id_eq(evidence[cursor->evidence].escrow_id, escrow->id)) {
        cursor->evidence++;
    }
    while (cursor->suspense < page->suspense.count &&
           id_eq(suspense[cursor->suspense].escrow_id, escrow->id)) {
        cursor->suspense++;
    }
    while (cursor->part < page->parts.count && id_eq(parts[cursor->part].escrow_id, escrow->id)) {
        cursor->part++;
    }
    while (cursor->milestone < page->milestones.count &&
           id_eq(milestones[cursor->milestone].escrow_id, escrow->id)) {
        cursor->milestone++;
    }
    while (cursor->leaf < page->leaves.count && id_eq(leaves[cursor->leaf].escrow_id, escrow->id)) {
        cursor->leaf++;
    }
    return (struct ctl_history){
        .escrow = escrow,
        .transitions = transitions + from.transition,
        .transition_count = cursor->transition - from.transition,
        .transfers = transfers + from.transfer,
        .transfer_count = cursor->transfer - from.transfer,
        .verdicts = verdicts + from.verdict,
        .verdict_count = cursor->verdict - from.verdict,
        .evidence = evidence + from.evidence,
        .evidence_count = cursor->evidence - from.evidence,
        .suspense = suspense + from.suspense,
        .suspense_count = cursor->suspense - from.suspense,
        .parts = parts + from.part,
        .part_count = cursor->part - from.part,
        .milestones = milestones + from.milestone,
        .milestone_count = cursor->milestone - from.milestone,
        .leaves = leaves + from.leaf,
        .leaf_count = cursor->leaf - from.leaf,
    };
}

/* Findings go to op's arena, rows to the page's. */
static STATUS verify_page(struct op *op, const struct page *page,
                          struct ctl_verification *verification)
{
    struct cursor cursor = {.transition = 0};
    for (uint32_t i = 0; i < page->count; i++) {
        const struct escrow *escrow = find_escrow(page, page->ids[i]);
        if (!escrow) {
            return op_fail(op, STATUS_BUG, "ctl.snapshot", "a row is gone within one snapshot");
        }
        struct ctl_history history = next_history(page, escrow, &cursor);
        ctl_verify_escrow(op, verification, &history);
    }
    return OK;
}

static STATUS verify_all(struct op *op, struct pg_conn *conn, struct ctl_verification *verification)
{
    DEFER(arena_fini) struct arena arena;
    arena_init(&arena, PAGE_ARENA_BYTES);
    struct page *page = arena_new(op->arena, struct page, 1);
    if (!page) {
        return op_arena_full(op);
    }
    struct id after = {.bytes = {0}};
    do {
        struct op page_op = {.arena = &arena, .correlation_id = op->correlation_id};
        arena_reset(&arena);
        struct status st = read_ids(&page_op, conn, after, page);
        if (!status_failed(st) && page->count > 0) {
            st = read_rows(&page_op, conn, page);
        }
        if (status_failed(st)) {
            op->err = page_op.err;
            return st;
        }
        TRY(verify_page(op, page, verification));
        after = page->count > 0 ? page->ids[page->count - 1] : after;
    } while (page->count == PAGE_ROWS);
    return OK;
}

static STATUS verify_orphans(struct op *op, struct pg_conn *conn,
                             struct ctl_verification *verification)
{
    DEFER(pg_rows_free_at) struct pg_rows *rows = NULL;
    int64_t transitions;
    int64_t transfers;
    TRY(pg_query(op, conn, &holdfastctl_sql_ledger_orphans, /* params */ NULL, 0, &rows));
    TRY(pg_rows_i64(op, rows, 0, "transitions", &transitions));
    TRY(pg_rows_i64(op, rows, 0, "transfers", &transfers));
    const struct id none = {.bytes = {0}};
    if (transitions > 0) {
        ctl_verify_add(op, verification, none, "orphan", "%" PRId64 " transitions have no escrow",
                       transitions);
    }
    if (transfers > 0) {
        ctl_verify_add(op, verification, none, "orphan", "%" PRId64 " transfers have no transition",
                       transfers);
    }
    return OK;
}

/* ---- Output ---- */

static STATUS print_counts(struct op *op, struct ctl *ctl,
                           const struct ctl_verification *verification)
{
    static const struct ctl_column columns[] = {
        {"escrows", CTL_CELL_NUMBER},   {"transitions", CTL_CELL_NUMBER},
        {"transfers", CTL_CELL_NUMBER}, {"seals", CTL_CELL_NUMBER},
        {"unsealed", CTL_CELL_NUMBER},  {"findings", CTL_CELL_NUMBER},
        {"ok", CTL_CELL_BOOL},
    };
    struct ctl_table table;
    struct ctl_cell *cells;
    TRY(ctl_table_init(op, &table, columns, ARRAY_LEN(columns), 1));
    TRY(ctl_table_add(op, &table, &cells));
    cells[0].number = (int64_t)verification->escrows;
    cells[1].number = (int64_t)verification->transitions;
    cells[2].number = (int64_t)verification->transfers;
    cells[3].number = (int64_t)verification->seals;
    cells[4].number = (int64_t)verification->unsealed;
    cells[5].number = (int64_t)verification->findings_total;
    cells[6].number = verification->findings_total == 0 ? 1 : 0;
    ctl_out_object(&ctl->out, "verified", &table);
    return OK;
}

static STATUS add_total(struct op *op, struct ctl_table *table, const struct ctl_totals *totals,
                        struct str account, const struct ctl_account_sum *sum)
{
    struct ctl_cell *cells;
    TRY(ctl_table_add(op, table, &cells));
    cells[0].text = totals->currency;
    cells[1].text = account;
    cells[2].number = sum->debit_minor;
    cells[3].number = sum->credit_minor;
    cells[4].number = sum->debit_minor - sum->credit_minor;
    return OK;
}

/* Every account of one currency, and their sum. */
static STATUS add_totals(struct op *op, struct ctl_table *table, const struct ctl_totals *totals)
{
    struct ctl_account_sum all = {.debit_minor = 0};
    for (int a = ESCROW_ACCOUNT_NONE + 1; a < ESCROW_ACCOUNT_COUNT; a++) {
        const struct ctl_account_sum *sum = &totals->accounts[a];
        TRY(add_total(op, table, totals, str_of(escrow_account_name((enum escrow_account)a)), sum));
        TRY(money_add(op, all.debit_minor, sum->debit_minor, &all.debit_minor));
        TRY(money_add(op, all.credit_minor, sum->credit_minor, &all.credit_minor));
    }
    return add_total(op, table, totals, STR("SUM"), &all);
}

static STATUS print_totals(struct op *op, struct ctl *ctl,
                           const struct ctl_verification *verification)
{
    static const struct ctl_column columns[] = {
        {"currency", CTL_CELL_TEXT},        {"account", CTL_CELL_TEXT},
        {"debit_minor", CTL_CELL_NUMBER},   {"credit_minor", CTL_CELL_NUMBER},
        {"balance_minor", CTL_CELL_NUMBER},
    };
    struct ctl_table table;
    TRY(ctl_table_init(op, &table, columns, ARRAY_LEN(columns),
                       CTL_TOTALS_MAX * ESCROW_ACCOUNT_COUNT));
    for (uint32_t i = 0; i < verification->total_count; i++) {
        TRY(add_totals(op, &table, &verification->totals[i]));
    }
    ctl_out_list(&ctl->out, "accounts", "Accounts (debits less credits)", &table);
    return OK;
}

struct status ctl_ledger_verify(struct op *op, struct ctl *ctl)
{
    struct ctl_verification *verification = arena_new(op->arena, struct ctl_verification, 1);
    struct ctl_keys *keys = arena_new(op->arena, struct ctl_keys, 1);
    if (!verification || !keys) {
        return op_arena_full(op);
    }
    bool signatures = ctl_args_given(&ctl->args, CTL_OPTION_SEAL_KEYS);
    if (signatures) {
        TRY(ctl_keys_read(op, ctl->args.text[CTL_OPTION_SEAL_KEYS], keys));
    }
    DEFER(pg_conn_free_at) struct pg_conn *conn = NULL;
    TRY(ctl_db_open(op, ctl, STR("escrow"), &conn));
    TRY(pg_begin_snapshot(op, conn));
    TRY(verify_all(op, conn, verification));
    TRY(verify_orphans(op, conn, verification));
    TRY(ctl_seals_verify(op, conn, signatures ? keys : NULL, verification));
    TRY(pg_commit(op, conn));
    TRY(ctl_verify_finish(op, verification));
    TRY(print_counts(op, ctl, verification));
    TRY(print_totals(op, ctl, verification));
    return ctl_findings_print(op, ctl, verification);
}
