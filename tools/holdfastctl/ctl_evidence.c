/* In: a dossier, a folder of objects. Out: copies of its evidence, or what does not fit. */
#include "holdfastctl/ctl_evidence.h"

#include <inttypes.h>

#define PIECE_ARENA_BYTES (OBJECTS_MAX_BYTES + (size_t)1024 * 1024)

#define FOUND(what, ...) ctl_verify_add(op, verification, dossier->escrow.id, (what), __VA_ARGS__)

/* One at a time in memory. */
static STATUS copy_piece(struct op *op, const struct escrow_evidence *piece, struct objects *from,
                         struct objects *to)
{
    DEFER(arena_fini) struct arena arena;
    arena_init(&arena, PIECE_ARENA_BYTES);
    struct op piece_op = {.arena = &arena, .correlation_id = op->correlation_id};
    struct str bytes;
    struct hash name;
    struct status st = objects_read_all(&piece_op, from, &piece->content, &bytes);
    if (!status_failed(st)) {
        st = objects_put(&piece_op, to, bytes, &name);
    }
    op->err = status_failed(st) ? piece_op.err : op->err;
    return st;
}

STATUS ctl_evidence_copy(struct op *op, const struct ctl_dossier *dossier, struct objects *from,
                         struct objects *to)
{
    for (uint32_t i = 0; i < dossier->evidence_count; i++) {
        TRY(copy_piece(op, &dossier->evidence[i], from, to));
    }
    return OK;
}

/* NULL: it is there, and what the history says. */
static const char *look_at(const struct escrow_evidence *piece, struct objects *objects,
                           struct status *ret_status)
{
    DEFER(arena_fini) struct arena arena;
    arena_init(&arena, PIECE_ARENA_BYTES);
    struct op piece_op = {.arena = &arena};
    struct str bytes = STR("");
    struct status st = objects_read_all(&piece_op, objects, &piece->content, &bytes);
    *ret_status = OK;
    if (st.kind == STATUS_NOT_FOUND) {
        return "evidence_missing";
    }
    if (st.kind == STATUS_BUG) {
        return "evidence_broken";
    }
    *ret_status = st;
    bool fits = (int64_t)bytes.len == piece->size_bytes && media_of(bytes) == piece->type;
    return fits ? NULL : "evidence_type";
}

STATUS ctl_evidence_verify(struct op *op, struct ctl_verification *verification,
                           const struct ctl_dossier *dossier, struct objects *objects)
{
    for (uint32_t i = 0; i < dossier->evidence_count; i++) {
        struct status st;
        const char *what = look_at(&dossier->evidence[i], objects, &st);
        if (status_failed(st)) {
            return op_fail(op, st.kind, "objects.unreadable", "the evidence of seq %" PRId64,
                           dossier->evidence[i].seq);
        }
        if (what) {
            FOUND(what, "of seq %" PRId64, dossier->evidence[i].seq);
        }
    }
    return OK;
}
