/* Dossiers: written from one snapshot of the schema of escrow, proved from a file alone. */
#include <errno.h>
#include <inttypes.h>
#include <sys/stat.h>

#include "base/defer.h"
#include "base/file.h"
#include "escrow/escrow_repo.h"
#include "holdfastctl/ctl_db.h"
#include "holdfastctl/ctl_dossier.h"
#include "holdfastctl/ctl_evidence.h"
#include "holdfastctl/ctl_findings.h"
#include "holdfastctl/ctl_seals.h"
#include "pg/pg_batch.h"

struct loaded {
    struct pg_batch_rows escrows;
    struct pg_batch_rows transitions;
    struct pg_batch_rows transfers;
    struct pg_batch_rows verdicts;
    struct pg_batch_rows evidence;
    struct pg_batch_rows suspense;
    struct pg_batch_rows milestones;
    struct pg_batch_rows leaves;
};

static STATUS load(struct op *op, struct pg_conn *conn, struct id id, struct loaded *ret)
{
    TRY(pg_batch_load(op, conn, &escrow_table, &id, 1, &ret->escrows));
    TRY(pg_batch_load_children(op, conn, &escrow_transition_table, &id, 1, &ret->transitions));
    TRY(pg_batch_load_children(op, conn, &escrow_transfer_table, &id, 1, &ret->transfers));
    TRY(pg_batch_load_children(op, conn, &escrow_verdict_table, &id, 1, &ret->verdicts));
    TRY(pg_batch_load_children(op, conn, &escrow_evidence_table, &id, 1, &ret->evidence));
    TRY(pg_batch_load_children(op, conn, &escrow_suspense_table, &id, 1, &ret->suspense));
    TRY(pg_batch_load_children(op, conn, &escrow_milestone_table, &id, 1, &ret->milestones));
    TRY(pg_batch_load_children(op, conn, &escrow_seal_leaf_table, &id, 1, &ret->leaves));
    TRY(pg_batch_sync(op, conn));
    return ret->escrows.count > 0
               ? OK
               : op_fail(op, STATUS_NOT_FOUND, "ctl.not_found", "there is no such escrow");
}

static STATUS load_seals(struct op *op, struct pg_conn *conn, const struct pg_batch_rows *rows,
                         struct ctl_dossier *dossier)
{
    const struct escrow_seal_leaf *leaves = rows->rows;
    dossier->seals = arena_new(op->arena, struct ctl_dossier_seal, rows->count);
    if (!dossier->seals) {
        return op_arena_full(op);
    }
    for (uint32_t i = 0; i < rows->count; i++) {
        struct ctl_dossier_seal *seal = &dossier->seals[i];
        const struct escrow_seal *found = NULL;
        struct hash *hashes = NULL;
        uint32_t count = 0;
        TRY(ctl_seals_next(op, conn, leaves[i].seal_n - 1, &found));
        TRY(ctl_seals_leaves(op, conn, leaves[i].seal_n, &hashes, &count));
        if (!found || found->n != leaves[i].seal_n || leaves[i].leaf_index >= (int64_t)count) {
            return op_fail(op, STATUS_CONFLICT, "ctl.findings", "seal %" PRId64 " is not whole",
                           leaves[i].seal_n);
        }
        seal->seal = *found;
        seal->leaf = leaves[i];
        seal->path_count =
            escrow_seal_path(hashes, count, (uint32_t)leaves[i].leaf_index, seal->path);
    }
    dossier->seal_count = rows->count;
    return OK;
}

/* What the last seal covers, and no more: all of it can be proved. */
static void cut_to_seal(const struct loaded *rows, struct ctl_dossier *dossier)
{
    int64_t seq = dossier->seals[dossier->seal_count - 1].leaf.seq;
    dossier->escrow = *(const struct escrow *)rows->escrows.rows;
    dossier->transitions = rows->transitions.rows;
    dossier->transfers = rows->transfers.rows;
    dossier->verdicts = rows->verdicts.rows;
    dossier->evidence = rows->evidence.rows;
    dossier->suspense = rows->suspense.rows;
    dossier->milestones = rows->milestones.rows;
    dossier->milestone_count = rows->milestones.count;
    while (dossier->transition_count < rows->transitions.count &&
           dossier->transitions[dossier->transition_count].seq <= seq) {
        dossier->transition_count++;
    }
    while (dossier->transfer_count < rows->transfers.count &&
           dossier->transfers[dossier->transfer_count].seq <= seq) {
        dossier->transfer_count++;
    }
    while (dossier->verdict_count < rows->verdicts.count &&
           dossier->verdicts[dossier->verdict_count].seq <= seq) {
        dossier->verdict_count++;
    }
    while (dossier->evidence_count < rows->evidence.count &&
           dossier->evidence[dossier->evidence_count].seq <= seq) {
        dossier->evidence_count++;
    }
    int64_t until_us = dossier->transition_count > 0
                           ? dossier->transitions[dossier->transition_count - 1].at_us
                           : 0;
    for (uint32_t i = 0; i < rows->suspense.count; i++) {
        if (dossier->suspense[i].created_at_us <= until_us) {
            dossier->suspense[dossier->suspense_count++] = dossier->suspense[i];
        }
    }
}

static STATUS collect(struct op *op, struct pg_conn *conn, struct id id,
                      struct ctl_dossier *ret_dossier)
{
    struct loaded rows;
    struct ctl_dossier dossier = {.transition_count = 0};
    TRY(pg_begin_snapshot(op, conn));
    TRY(load(op, conn, id, &rows));
    TRY(load_seals(op, conn, &rows.leaves, &dossier));
    TRY(pg_commit(op, conn));
    if (dossier.seal_count == 0) {
        return op_fail(op, STATUS_CONFLICT, "ctl.not_sealed", "no seal covers it yet");
    }
    cut_to_seal(&rows, &dossier);
    ctl_dossier_derive(&dossier);
    *ret_dossier = dossier;
    return OK;
}

static STATUS file_name(struct op *op, const struct ctl *ctl, struct id id, struct str *ret_name)
{
    if (ctl_args_given(&ctl->args, CTL_OPTION_OUT)) {
        *ret_name = ctl->args.text[CTL_OPTION_OUT];
        return OK;
    }
    char text[ID_TEXT_BYTES];
    struct strbuf buf;
    id_format(id, text);
    strbuf_init(&buf, op->arena, (size_t)2 * ID_TEXT_BYTES);
    strbuf_addf(&buf, "%s.dossier.jsonl", text);
    return strbuf_finish(&buf, ret_name) ? OK : op_arena_full(op);
}

static STATUS print_dossier(struct op *op, struct ctl *ctl, const struct ctl_dossier *dossier,
                            struct str file)
{
    static const struct ctl_column columns[] = {
        {"escrow_id", CTL_CELL_ID},     {"state", CTL_CELL_TEXT},      {"seq", CTL_CELL_NUMBER},
        {"transfers", CTL_CELL_NUMBER}, {"suspense", CTL_CELL_NUMBER}, {"seals", CTL_CELL_NUMBER},
        {"evidence", CTL_CELL_NUMBER},  {"file", CTL_CELL_TEXT},
    };
    struct ctl_table table;
    struct ctl_cell *cells;
    TRY(ctl_table_init(op, &table, columns, ARRAY_LEN(columns), 1));
    TRY(ctl_table_add(op, &table, &cells));
    cells[0].id = dossier->escrow.id;
    cells[1].text = str_of(escrow_state_name(dossier->escrow.state));
    cells[2].number = dossier->escrow.seq;
    cells[3].number = dossier->transfer_count;
    cells[4].number = dossier->suspense_count;
    cells[5].number = dossier->seal_count;
    cells[6].number = dossier->evidence_count;
    cells[7].text = file;
    ctl_out_object(&ctl->out, "dossier", &table);
    return OK;
}

/* From the gateway's folder into one beside the dossier, that is called as it is. */
static STATUS copy_evidence(struct op *op, const struct ctl *ctl, const struct ctl_dossier *dossier,
                            struct str file)
{
    DEFER(objects_free_at) struct objects *from = NULL;
    DEFER(objects_free_at) struct objects *to = NULL;
    struct strbuf buf;
    struct str path;
    if (!ctl_args_given(&ctl->args, CTL_OPTION_EVIDENCE)) {
        return OK;
    }
    strbuf_init(&buf, op->arena, file.len + sizeof(".evidence"));
    strbuf_addf(&buf, STR_FMT ".evidence", STR_ARG(file));
    if (!strbuf_finish(&buf, &path)) {
        return op_arena_full(op);
    }
    TRY(objects_open_folder(op, ctl->args.text[CTL_OPTION_EVIDENCE], &from));
    if (mkdir(path.ptr, 0750) != 0 && errno != EEXIST) {
        return op_fail(op, STATUS_RETRY, "file.unwritable", "%s cannot be made", path.ptr);
    }
    TRY(objects_open_folder(op, path, &to));
    return ctl_evidence_copy(op, dossier, from, to);
}

struct status ctl_audit_export(struct op *op, struct ctl *ctl)
{
    struct id id;
    if (!id_parse(ctl->args.argument, &id)) {
        return op_fail(op, STATUS_INVALID, "ctl.usage", "the id must be a UUID");
    }
    DEFER(pg_conn_free_at) struct pg_conn *conn = NULL;
    struct ctl_dossier dossier;
    struct str file;
    struct str text;
    TRY(ctl_db_open(op, ctl, STR("escrow"), &conn));
    TRY(collect(op, conn, id, &dossier));
    TRY(ctl_dossier_write(op, &dossier, &text));
    TRY(file_name(op, ctl, id, &file));
    TRY(file_write(op, file, text));
    TRY(copy_evidence(op, ctl, &dossier, file));
    return print_dossier(op, ctl, &dossier, file);
}

struct status ctl_audit_verify(struct op *op, struct ctl *ctl)
{
    struct ctl_verification *verification = arena_new(op->arena, struct ctl_verification, 1);
    struct ctl_keys *keys = arena_new(op->arena, struct ctl_keys, 1);
    struct ctl_dossier dossier = {.transition_count = 0};
    struct str text;
    if (!verification || !keys) {
        return op_arena_full(op);
    }
    TRY(ctl_keys_read(op, ctl->args.text[CTL_OPTION_SEAL_KEYS], keys));
    TRY(file_read(op, ctl->args.argument, CTL_DOSSIER_MAX_BYTES, &text));
    TRY(ctl_dossier_verify(op, text, keys, verification, &dossier));
    if (ctl_args_given(&ctl->args, CTL_OPTION_EVIDENCE)) {
        DEFER(objects_free_at) struct objects *objects = NULL;
        TRY(objects_open_folder(op, ctl->args.text[CTL_OPTION_EVIDENCE], &objects));
        TRY(ctl_evidence_verify(op, verification, &dossier, objects));
    }
    TRY(print_dossier(op, ctl, &dossier, ctl->args.argument));
    return ctl_findings_print(op, ctl, verification);
}
