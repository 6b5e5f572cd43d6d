#include "bench_record.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "sim/sim_rows.h"

#define LEASE_MS 600000 /* a replay does not beat */

enum step_kind {
    STEP_BEGIN,
    STEP_LOAD,
    STEP_CHILDREN,
    STEP_SCAN,
    STEP_INSERT,
    STEP_UPDATE,
    STEP_ERASE,
    STEP_TOUCH,
    STEP_SYNC,
    STEP_COMMIT,
    STEP_ROLLBACK,
    STEP_PHASE,
};

struct step {
    enum step_kind kind;
    const struct table *table;
    const struct table_scan *scan;
    void *ids;         /* keys, or lanes of a begin */
    const void **rows; /* deep copies; like of a scan is rows[0] */
    int64_t *versions;
    uint32_t count;
    int64_t bound;
    uint32_t limit;
};

struct bench_tape {
    struct step *steps;
    size_t count, capacity;
    size_t transaction; /* where the open one began */
    bool open;
    bool begun; /* the first phase */
    bool lanes[LANES];
    int64_t epochs[LANES]; /* of the replay */
    uint64_t transactions;
};

struct recorder {
    struct store store;
    struct bench_tape *tape;
    struct store *inner;
};

struct bench_tape *bench_tape_new(void)
{
    struct bench_tape *tape = calloc(1, sizeof(*tape));
    ASSERT(tape);
    return tape;
}

static void free_step(struct step *step)
{
    for (uint32_t i = 0; step->rows && i < step->count; i++) {
        sim_row_drop((void *)(uintptr_t)step->rows[i]);
    }
    free((void *)step->rows);
    free(step->ids);
    free(step->versions);
}

static void cut(struct bench_tape *tape, size_t count)
{
    while (tape->count > count) {
        free_step(&tape->steps[--tape->count]);
    }
}

void bench_tape_free(struct bench_tape *tape)
{
    if (tape) {
        cut(tape, 0);
        free(tape->steps);
        free(tape);
    }
}

uint64_t bench_tape_transactions(const struct bench_tape *tape)
{
    return tape->transactions;
}

/* ---- Recording: only what happens inside transactions ---- */

static struct step *append(struct bench_tape *tape, enum step_kind kind)
{
    if (tape->count == tape->capacity) {
        tape->capacity = tape->capacity ? tape->capacity * 2 : 1024;
        struct step *more = realloc(tape->steps, tape->capacity * sizeof(*more));
        ASSERT(more);
        tape->steps = more;
    }
    tape->steps[tape->count] = (struct step){.kind = kind};
    return &tape->steps[tape->count++];
}

void bench_tape_phase(struct bench_tape *tape)
{
    ASSERT(!tape->open);
    if (!tape->begun) { /* what came before was the threads finding their lanes, some of which then went elsewhere */
        cut(tape, 0);
        memset(tape->lanes, 0, sizeof(tape->lanes));
        tape->transactions = 0;
        tape->begun = true;
    }
    (void)append(tape, STEP_PHASE);
}

static struct step *add(struct store *store, enum step_kind kind)
{
    struct bench_tape *tape = ((struct recorder *)(void *)store)->tape;
    if (kind == STEP_BEGIN) {
        tape->open = true;
        tape->transaction = tape->count;
    }
    return tape->open ? append(tape, kind) : NULL;
}

static void *copy_bytes(const void *bytes, size_t len)
{
    void *copy = malloc(len + 1);
    ASSERT(copy);
    memcpy(copy, bytes, len);
    return copy;
}

static void add_rows(struct store *store, enum step_kind kind, const struct table *table,
                     const void *const *rows, const int64_t *versions, uint32_t count)
{
    struct step *step = add(store, kind);
    if (!step) {
        return;
    }
    step->table = table;
    step->count = count;
    step->rows = (const void **)calloc(count, sizeof(*step->rows));
    ASSERT(step->rows);
    for (uint32_t i = 0; i < count; i++) {
        step->rows[i] = sim_row_copy(table, rows[i]);
    }
    step->versions = versions ? copy_bytes(versions, count * sizeof(*versions)) : NULL;
}

#define INNER(store) (((struct recorder *)(void *)(store))->inner)

static STATUS rec_connect(struct op *op, struct store *store)
{
    return INNER(store)->ops->connect(op, INNER(store));
}

static void rec_close(struct store *store)
{
    if (store) {
        INNER(store)->ops->close(INNER(store));
        free(store);
    }
}

static STATUS rec_heartbeat(struct op *op, struct store *store, struct id owner, int64_t lease_ms,
                            struct store_view *ret_view)
{
    return INNER(store)->ops->heartbeat(op, INNER(store), owner, lease_ms, ret_view);
}

static STATUS rec_retire(struct op *op, struct store *store, struct id owner)
{
    return INNER(store)->ops->retire(op, INNER(store), owner);
}

static STATUS rec_claim(struct op *op, struct store *store, const struct store_lane *seen,
                        struct id owner, int64_t *ret_epoch)
{
    return INNER(store)->ops->claim(op, INNER(store), seen, owner, ret_epoch);
}

static STATUS rec_release(struct op *op, struct store *store, struct store_lane_ref ref, bool clean)
{
    return INNER(store)->ops->release(op, INNER(store), ref, clean);
}

static STATUS rec_stop(struct op *op, struct store *store, struct store_lane_ref ref,
                       struct str reason)
{
    return INNER(store)->ops->stop(op, INNER(store), ref, reason);
}

static STATUS rec_begin(struct op *op, struct store *store, const struct store_lane_ref *refs,
                        uint32_t ref_count, struct store_fence *ret_fence)
{
    struct step *step = add(store, STEP_BEGIN);
    step->count = ref_count;
    step->ids = copy_bytes(refs, ref_count * sizeof(*refs));
    for (uint32_t i = 0; i < ref_count; i++) {
        ((struct recorder *)(void *)store)->tape->lanes[refs[i].lane] = true;
    }
    return INNER(store)->ops->begin(op, INNER(store), refs, ref_count, ret_fence);
}

static STATUS rec_load(struct op *op, struct store *store, const struct table *table,
                       const struct id *keys, uint32_t key_count, struct store_rows *ret_rows)
{
    struct step *step = add(store, STEP_LOAD);
    if (step) {
        step->table = table;
        step->count = key_count;
        step->ids = copy_bytes(keys, key_count * sizeof(*keys));
    }
    return INNER(store)->ops->load(op, INNER(store), table, keys, key_count, ret_rows);
}

static STATUS rec_load_children(struct op *op, struct store *store, const struct table *table,
                                const struct id *parents, uint32_t parent_count,
                                struct store_rows *ret_rows)
{
    struct step *step = add(store, STEP_CHILDREN);
    if (step) {
        step->table = table;
        step->count = parent_count;
        step->ids = copy_bytes(parents, parent_count * sizeof(*parents));
    }
    return INNER(store)->ops->load_children(op, INNER(store), table, parents, parent_count,
                                            ret_rows);
}

static STATUS rec_scan(struct op *op, struct store *store, const struct table_scan *scan,
                       const void *like, int64_t bound, uint32_t limit, struct store_rows *ret_rows)
{
    /* Scans belong to sweeps and claims, not to the work that is compared. */
    return INNER(store)->ops->scan(op, INNER(store), scan, like, bound, limit, ret_rows);
}

static STATUS rec_insert(struct op *op, struct store *store, const struct table *table,
                         const void *const *rows, uint32_t row_count)
{
    add_rows(store, STEP_INSERT, table, rows, NULL, row_count);
    return INNER(store)->ops->insert(op, INNER(store), table, rows, row_count);
}

static STATUS rec_update(struct op *op, struct store *store, const struct table *table,
                         const void *const *rows, const int64_t *old_versions, uint32_t row_count)
{
    add_rows(store, STEP_UPDATE, table, rows, old_versions, row_count);
    return INNER(store)->ops->update(op, INNER(store), table, rows, old_versions, row_count);
}

static STATUS rec_erase(struct op *op, struct store *store, const struct table *table,
                        const void *const *rows, uint32_t row_count)
{
    add_rows(store, STEP_ERASE, table, rows, NULL, row_count);
    return INNER(store)->ops->erase(op, INNER(store), table, rows, row_count);
}

static STATUS rec_touch(struct op *op, struct store *store, const struct store_fence *fence)
{
    (void)add(store, STEP_TOUCH);
    return INNER(store)->ops->touch(op, INNER(store), fence);
}

/* Not recorded: no service that is measured tells. */
static STATUS rec_tell(struct op *op, struct store *store, const struct store_fence *fence)
{
    return INNER(store)->ops->tell(op, INNER(store), fence);
}

static STATUS rec_sync(struct op *op, struct store *store)
{
    (void)add(store, STEP_SYNC);
    return INNER(store)->ops->sync(op, INNER(store));
}

static STATUS rec_commit(struct op *op, struct store *store)
{
    struct bench_tape *tape = ((struct recorder *)(void *)store)->tape;
    (void)add(store, STEP_COMMIT);
    tape->open = false;
    tape->transactions++;
    return INNER(store)->ops->commit(op, INNER(store));
}

static void rec_rollback(struct store *store)
{
    struct bench_tape *tape = ((struct recorder *)(void *)store)->tape;
    if (tape->open) {
        cut(tape, tape->transaction);
        tape->open = false;
    }
    INNER(store)->ops->rollback(INNER(store));
}

static const struct store_ops recorder_ops = {
    .connect = rec_connect,
    .close = rec_close,
    .heartbeat = rec_heartbeat,
    .retire = rec_retire,
    .claim = rec_claim,
    .release = rec_release,
    .stop = rec_stop,
    .begin = rec_begin,
    .load = rec_load,
    .load_children = rec_load_children,
    .scan = rec_scan,
    .insert = rec_insert,
    .update = rec_update,
    .erase = rec_erase,
    .touch = rec_touch,
    .tell = rec_tell,
    .sync = rec_sync,
    .commit = rec_commit,
    .rollback = rec_rollback,
};

struct store *bench_recorder(struct bench_tape *tape, struct store *inner)
{
    struct recorder *self = calloc(1, sizeof(*self));
    ASSERT(self);
    self->store.ops = &recorder_ops;
    self->tape = tape;
    self->inner = inner;
    return &self->store;
}

/* ---- Replay ---- */

STATUS bench_replay_claim(struct op *op, const struct bench_tape *tape, struct store *store,
                          struct id owner)
{
    struct store_view view;
    TRY(store->ops->heartbeat(op, store, owner, LEASE_MS, &view));
    for (int32_t p = 0; p < LANES; p++) {
        if (tape->lanes[p]) {
            TRY(store->ops->claim(op, store, &view.lanes[p], owner,
                                  &((struct bench_tape *)(uintptr_t)tape)->epochs[p]));
        }
    }
    return OK;
}

static STATUS play_begin(struct op *op, const struct bench_tape *tape, struct store *store,
                         const struct step *step, struct store_fence *fence)
{
    struct store_lane_ref refs[LANES];
    memcpy(refs, step->ids, step->count * sizeof(*refs));
    for (uint32_t i = 0; i < step->count; i++) {
        refs[i].epoch = tape->epochs[refs[i].lane];
    }
    return store->ops->begin(op, store, refs, step->count, fence);
}

static STATUS play(struct op *op, const struct bench_tape *tape, struct store *store,
                   const struct step *step, struct store_fence *fence)
{
    struct store_rows *rows =
        arena_new(op->arena, struct store_rows, 1); /* filled by the next sync */
    if (!rows) {
        return op_arena_full(op);
    }
    switch (step->kind) {
    case STEP_BEGIN: return play_begin(op, tape, store, step, fence);
    case STEP_LOAD: return store->ops->load(op, store, step->table, step->ids, step->count, rows);
    case STEP_CHILDREN:
        return store->ops->load_children(op, store, step->table, step->ids, step->count, rows);
    case STEP_INSERT: return store->ops->insert(op, store, step->table, step->rows, step->count);
    case STEP_UPDATE:
        return store->ops->update(op, store, step->table, step->rows, step->versions, step->count);
    case STEP_ERASE: return store->ops->erase(op, store, step->table, step->rows, step->count);
    case STEP_TOUCH: return store->ops->touch(op, store, fence);
    case STEP_SYNC: return store->ops->sync(op, store);
    case STEP_COMMIT: return store->ops->commit(op, store);
    case STEP_SCAN:
    case STEP_ROLLBACK:
    case STEP_PHASE: break;
    }
    UNREACHABLE("step");
}

static void await_others(pthread_barrier_t *phases)
{
    int failed = pthread_barrier_wait(phases);
    ASSERT(failed == 0 || failed == PTHREAD_BARRIER_SERIAL_THREAD);
}

STATUS bench_replay(struct op *op, struct bench_tape *tape, struct store *store,
                    pthread_barrier_t *phases)
{
    struct store_fence fence = {.held_count = 0};
    for (size_t i = 0; i < tape->count; i++) {
        if (tape->steps[i].kind == STEP_PHASE) {
            await_others(phases);
            continue;
        }
        if (tape->steps[i].kind == STEP_BEGIN) {
            arena_reset(op->arena);
        }
        TRY(play(op, tape, store, &tape->steps[i], &fence));
    }
    return OK;
}
