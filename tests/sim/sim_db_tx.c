/*
 * The life of a transaction, and of a connection. What is queued is carried out at once, but handed
 * out by the next sync alone, as a pipeline does. Writes are a set that others see after the commit.
 */
#include <string.h>

#include "base/assert.h"
#include "sim_db_internal.h"

#define MILLION 1000000

/* ---- Connections ---- */

STATUS sim_db_gone(struct op *op)
{
    return op_fail(op, STATUS_RETRY, "pg.unavailable", "simulated: no connection");
}

STATUS sim_db_lock_timeout(struct op *op)
{
    return op_fail(op, STATUS_RETRY, "pg.unavailable", "simulated: 55P03 lock timeout");
}

static void unlock(struct sim_store *self)
{
    for (int32_t p = 0; p < LANES; p++) {
        if (self->db->locked_by[p] == self) {
            self->db->locked_by[p] = NULL;
        }
    }
}

static void end_transaction(struct sim_store *self)
{
    sim_db_forget_writes(self);
    unlock(self);
    self->open = false;
    self->failed = false;
    self->tells = false;
    self->touched.held_count = 0;
    self->ret_fence = NULL;
    self->output_count = 0;
}

void sim_db_disconnect(struct sim_store *self)
{
    end_transaction(self);
    self->connected = false;
}

static bool idles(const struct sim_store *self)
{
    return self->open && self->db->clock->mono_us - self->called_us > SIM_IDLE_IN_TX_US;
}

void sim_db_evict_idle(struct sim_db *db)
{
    for (struct sim_store *store = db->stores; store; store = store->next) {
        if (idles(store)) {
            sim_db_disconnect(store);
        }
    }
}

bool sim_db_strikes(struct sim_db *db, uint32_t rate, uint32_t *done)
{
    if (rate == 0 || random_below(db->random, MILLION) >= rate) {
        return false;
    }
    (*done)++;
    return true;
}

STATUS sim_db_check(struct op *op, struct sim_store *self)
{
    struct sim_db *db = self->db;
    if (db->away || idles(self) ||
        (self->connected && sim_db_strikes(db, db->faults.cut, &db->done.cut))) {
        sim_db_disconnect(self);
    }
    self->called_us = db->clock->mono_us;
    if (!self->connected) {
        return sim_db_gone(op);
    }
    return self->failed ? op_fail(op, STATUS_BUG, "pg.refused",
                                  "simulated: 25P02 the transaction has failed")
                        : OK;
}

/* A statement of the transaction failed: PostgreSQL rolls back, and waits for us to notice. */
static STATUS fail_transaction(struct sim_store *self, struct status st)
{
    bool open = self->open;
    end_transaction(self);
    self->open = open;
    self->failed = open;
    return st;
}

/* ---- Transactions ---- */

/* Whether the lane is ours to lock. A failure: somebody else has it locked. */
static STATUS lock_lane(struct op *op, struct sim_store *self, struct store_lane_ref ref,
                        bool *ret_held)
{
    struct sim_db *db = self->db;
    const struct store_lane *lane = &db->lanes[ref.lane];
    *ret_held = lane->epoch == ref.epoch && !lane->stopped;
    if (*ret_held && db->locked_by[ref.lane] && db->locked_by[ref.lane] != self) {
        sim_db_evict_idle(db);
        if (db->locked_by[ref.lane]) {
            return fail_transaction(self, sim_db_lock_timeout(op));
        }
    }
    if (*ret_held) {
        db->locked_by[ref.lane] = self;
    }
    return OK;
}

STATUS sim_db_begin(struct op *op, struct store *store, const struct store_lane_ref *refs,
                    uint32_t ref_count, struct store_fence *ret_fence)
{
    struct sim_store *self = sim_store_of(store);
    struct sim_db *db = self->db;
    TRY(sim_db_check(op, self));
    ASSERT(!self->open);
    ASSERT(ref_count <= LANES);
    self->open = true;
    struct store_fence fence = {.held_count = 0};
    struct store_clock clock = sim_db_clock(db);
    for (int32_t p = 0; p < LANES; p++) { /* in the order of the lanes */
        for (uint32_t i = 0; i < ref_count; i++) {
            bool held = false;
            TRY(refs[i].lane == p ? lock_lane(op, self, refs[i], &held) : OK);
            if (!held) {
                continue;
            }
            int64_t after_us = db->lanes[p].last_at_us + 1;
            int64_t now_us = clock.now_us > after_us ? clock.now_us : after_us;
            fence.held[fence.held_count++] = p;
            fence.clock.sandbox_us = clock.sandbox_us;
            fence.clock.wall_us = clock.wall_us;
            fence.clock.now_us = now_us > fence.clock.now_us ? now_us : fence.clock.now_us;
        }
    }
    self->fence = fence;
    self->ret_fence = ret_fence;
    return OK;
}

STATUS sim_db_output(struct op *op, struct sim_store *self, struct store_rows rows,
                     struct store_rows *ret_rows)
{
    if (self->output_count == SIM_OUTPUTS_MAX) {
        return op_fail(op, STATUS_BUG, "store.queue_full", "simulated");
    }
    self->outputs[self->output_count++] = (struct sim_output){.rows = rows, .ret_rows = ret_rows};
    return OK;
}

STATUS sim_db_touch(struct op *op, struct store *store, const struct store_fence *fence)
{
    struct sim_store *self = sim_store_of(store);
    TRY(sim_db_check(op, self));
    self->touched = *fence;
    return OK;
}

/* A listener hears of committed transactions alone. */
STATUS sim_db_tell(struct op *op, struct store *store, const struct store_fence *fence)
{
    struct sim_store *self = sim_store_of(store);
    TRY(sim_db_check(op, self));
    self->tells = true;
    self->told = *fence;
    return OK;
}

static void deliver(struct sim_store *self)
{
    if (self->ret_fence) {
        *self->ret_fence = self->fence;
        self->ret_fence = NULL;
    }
    for (uint32_t i = 0; i < self->output_count; i++) {
        *self->outputs[i].ret_rows = self->outputs[i].rows;
    }
    self->output_count = 0;
}

/* What a server may say to any statement that changes something. */
static STATUS meet_faults(struct op *op, struct sim_store *self)
{
    struct sim_db *db = self->db;
    if (self->open && sim_db_strikes(db, db->faults.deadlock, &db->done.deadlock)) {
        return op_fail(op, STATUS_RETRY, "pg.unavailable", "simulated: 40P01 deadlock");
    }
    if (self->written < self->write_count &&
        sim_db_strikes(db, db->faults.refused, &db->done.refused)) {
        return random_below(db->random, 2) == 0
                   ? op_fail(op, STATUS_INVALID, "pg.invalid", "simulated: 22000")
                   : op_fail(op, STATUS_BUG, "pg.refused", "simulated: 23514");
    }
    return OK;
}

STATUS sim_db_sync(struct op *op, struct store *store)
{
    struct sim_store *self = sim_store_of(store);
    TRY(sim_db_check(op, self));
    struct status st = meet_faults(op, self);
    if (!status_failed(st) && self->written < self->write_count) {
        st = sim_db_apply_writes(op, self);
        if (!status_failed(st)) {
            sim_db_undo_writes(self);
            self->written = self->write_count;
        }
    }
    if (status_failed(st)) {
        return fail_transaction(self, st);
    }
    deliver(self);
    return OK;
}

/* The rows of lane_change that nobody waits for any more. */
static void forget_told(struct sim_store *self)
{
    struct sim_db *db = self->db;
    int64_t before_us = sim_db_now_us(db) - STORE_TOLD_KEPT_US;
    for (uint32_t t = 0; t < db->table_count; t++) {
        struct sim_rows *rows = &db->tables[t];
        if (strcmp(rows->table->name, "lane_change") != 0) {
            continue;
        }
        for (uint32_t r = 0; r < rows->count; r++) { /* lane and at_us are its key */
            const void *row = rows->rows[r];
            for (uint32_t i = 0; row && i < self->told.held_count; i++) {
                if (sim_column_i64(rows->table, 0, row) == self->told.held[i] &&
                    sim_column_i64(rows->table, 1, row) < before_us) {
                    sim_row_drop(sim_rows_erase(rows, row));
                    row = NULL;
                }
            }
        }
    }
}

static STATUS carry_out(struct op *op, struct sim_store *self)
{
    struct sim_db *db = self->db;
    TRY(sim_db_apply_writes(op, self));
    for (uint32_t i = 0; i < self->touched.held_count; i++) {
        struct store_lane *lane = &db->lanes[self->touched.held[i]];
        int64_t now_us = self->touched.clock.now_us;
        lane->last_at_us = lane->last_at_us > now_us ? lane->last_at_us : now_us;
    }
    if (self->tells) {
        forget_told(self);
        db->told++;
    }
    return OK;
}

static enum sim_commit how_to_commit(struct sim_db *db)
{
    enum sim_commit how = db->next_commit;
    db->next_commit = SIM_COMMIT_OK;
    if (how == SIM_COMMIT_OK && sim_db_strikes(db, db->faults.unknown, &db->done.unknown)) {
        how = random_below(db->random, 2) == 0 ? SIM_COMMIT_LOST_BEFORE : SIM_COMMIT_LOST_AFTER;
    }
    return how;
}

STATUS sim_db_commit(struct op *op, struct store *store)
{
    struct sim_store *self = sim_store_of(store);
    TRY(sim_db_check(op, self));
    if (!self->open) {
        return op_fail(op, STATUS_BUG, "pg.not_committed", "simulated: no transaction is open");
    }
    enum sim_commit how = how_to_commit(self->db);
    struct status st = how == SIM_COMMIT_LOST_BEFORE ? OK : meet_faults(op, self);
    if (!status_failed(st) && how != SIM_COMMIT_LOST_BEFORE) {
        st = carry_out(op, self);
    }
    if (status_failed(st)) {
        return fail_transaction(self, st);
    }
    if (how != SIM_COMMIT_OK) {
        sim_db_disconnect(self);
        return op_fail(op, STATUS_RETRY, "pg.commit_unknown", "simulated");
    }
    deliver(self);
    end_transaction(self);
    return OK;
}

void sim_db_rollback(struct store *store)
{
    end_transaction(sim_store_of(store));
}
