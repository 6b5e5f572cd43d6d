/* One transaction at a time per connection: reads see what is committed, writes wait for commit. */
#include "sim_db.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "sim_rows.h"

#define TABLES_MAX 32
#define OWNERS_MAX 64

struct sim_owner {
    struct id id;
    struct sim_store *connection;
    int64_t lease_until_us;
};

struct sim_db {
    const struct clock_fake *clock;
    struct sim_rows tables[TABLES_MAX];
    uint32_t table_count;
    struct store_lane lanes[LANES];
    struct sim_store *lane_connection[LANES]; /* the backend of the lane's owner */
    struct sim_store *locked_by[LANES];
    struct sim_owner owners[OWNERS_MAX];
    uint32_t owner_count;
    enum sim_commit next_commit;
    bool away;
};

enum write_kind { WRITE_INSERT, WRITE_UPDATE, WRITE_ERASE };

struct write {
    enum write_kind kind;
    const struct table *table;
    void *row;
    bool versioned;
    int64_t old_version;
};

struct sim_store {
    struct store store;
    struct sim_db *db;
    bool connected;
    bool open; /* in a transaction */
    struct write *writes;
    uint32_t write_count, write_capacity;
};

static struct sim_store *self_of(struct store *store)
{
    return (struct sim_store *)(void *)store;
}

/* ---- The database ---- */

struct sim_db *sim_db_new(const struct clock_fake *clock)
{
    struct sim_db *db = calloc(1, sizeof(*db));
    ASSERT(db);
    db->clock = clock;
    for (int32_t p = 0; p < LANES; p++) {
        db->lanes[p] = (struct store_lane){.lane = p, .clean = true};
    }
    return db;
}

static void drop_tables(struct sim_db *db)
{
    for (uint32_t i = 0; i < db->table_count; i++) {
        sim_rows_fini(&db->tables[i]);
    }
    db->table_count = 0;
}

void sim_db_free(struct sim_db *db)
{
    drop_tables(db);
    free(db);
}

static struct sim_rows *table_of(struct sim_db *db, const struct table *table)
{
    for (uint32_t i = 0; i < db->table_count; i++) {
        if (db->tables[i].table == table) {
            return &db->tables[i];
        }
    }
    ASSERT(db->table_count < TABLES_MAX);
    sim_rows_init(&db->tables[db->table_count], table);
    return &db->tables[db->table_count++];
}

void sim_db_next_commit(struct sim_db *db, enum sim_commit how)
{
    db->next_commit = how;
}

void sim_db_set_away(struct sim_db *db, bool away)
{
    db->away = away;
}

static const struct sim_rows *find_table(const struct sim_db *db, const struct table *table)
{
    for (uint32_t i = 0; i < db->table_count; i++) {
        if (db->tables[i].table == table) {
            return &db->tables[i];
        }
    }
    return NULL;
}

uint32_t sim_db_count(const struct sim_db *db, const struct table *table)
{
    const struct sim_rows *rows = find_table(db, table);
    return rows ? rows->live : 0;
}

const void *sim_db_row(const struct sim_db *db, const struct table *table, uint32_t at)
{
    const struct sim_rows *rows = find_table(db, table);
    for (uint32_t i = 0; rows && i < rows->count; i++) {
        if (rows->rows[i] && at-- == 0) {
            return rows->rows[i];
        }
    }
    return NULL;
}

void sim_db_put(struct sim_db *db, const struct table *table, const void *row)
{
    struct sim_rows *rows = table_of(db, table);
    if (sim_rows_find(rows, row)) {
        sim_rows_replace(rows, row);
    } else {
        sim_rows_insert(rows, row);
    }
}

struct store_lane sim_db_lane(const struct sim_db *db, int32_t lane)
{
    return db->lanes[lane];
}

void sim_db_resume_lane(struct sim_db *db, int32_t lane)
{
    db->lanes[lane].stopped = false;
}

static void copy_contents(struct sim_db *to, const struct sim_db *from)
{
    drop_tables(to);
    for (uint32_t i = 0; i < from->table_count; i++) {
        struct sim_rows *rows = table_of(to, from->tables[i].table);
        for (uint32_t r = 0; r < from->tables[i].count; r++) {
            if (from->tables[i].rows[r]) {
                sim_rows_insert(rows, from->tables[i].rows[r]);
            }
        }
    }
    for (int32_t p = 0; p < LANES; p++) {
        to->lanes[p] = from->lanes[p];
        to->lanes[p].owner = (struct id){.bytes = {0}};
        to->lane_connection[p] = NULL;
        to->locked_by[p] = NULL;
    }
    to->owner_count = 0;
}

struct sim_db *sim_db_snapshot(const struct sim_db *db)
{
    struct sim_db *snapshot = sim_db_new(db->clock);
    copy_contents(snapshot, db);
    return snapshot;
}

void sim_db_restore(struct sim_db *db, const struct sim_db *snapshot)
{
    copy_contents(db, snapshot);
}

/* ---- Connections and transactions ---- */

static void forget_writes(struct sim_store *self)
{
    for (uint32_t i = 0; i < self->write_count; i++) {
        if (self->writes[i].row) {
            sim_row_free(self->writes[i].table, self->writes[i].row);
        }
    }
    self->write_count = 0;
}

static void end_transaction(struct sim_store *self)
{
    forget_writes(self);
    self->open = false;
    for (int32_t p = 0; p < LANES; p++) {
        if (self->db->locked_by[p] == self) {
            self->db->locked_by[p] = NULL;
        }
    }
}

static void disconnect(struct sim_store *self)
{
    end_transaction(self);
    self->connected = false;
}

static STATUS gone(struct op *op)
{
    return op_fail(op, STATUS_RETRY, "pg.connection_lost", "simulated");
}

static STATUS check(struct op *op, struct sim_store *self)
{
    if (self->db->away) {
        disconnect(self);
    }
    return self->connected ? OK : gone(op);
}

static STATUS sim_connect(struct op *op, struct store *store)
{
    struct sim_store *self = self_of(store);
    disconnect(self);
    if (self->db->away) {
        return gone(op);
    }
    self->connected = true;
    return OK;
}

static void sim_close(struct store *store)
{
    if (!store) {
        return;
    }
    struct sim_store *self = self_of(store);
    disconnect(self);
    for (int32_t p = 0; p < LANES; p++) {
        if (self->db->lane_connection[p] == self) {
            self->db->lane_connection[p] = NULL;
        }
    }
    free(self->writes);
    free(self);
}

static bool alive(const struct sim_db *db, struct id owner)
{
    for (uint32_t i = 0; i < db->owner_count; i++) {
        if (id_eq(db->owners[i].id, owner)) {
            return db->owners[i].lease_until_us > db->clock->wall_us;
        }
    }
    return false;
}

static STATUS sim_heartbeat(struct op *op, struct store *store, struct id owner, int64_t lease_ms,
                            struct store_view *ret_view)
{
    struct sim_store *self = self_of(store);
    struct sim_db *db = self->db;
    TRY(check(op, self));
    uint32_t at = 0;
    while (at < db->owner_count && !id_eq(db->owners[at].id, owner)) {
        at++;
    }
    if (at == db->owner_count) {
        ASSERT(db->owner_count < OWNERS_MAX);
        db->owners[db->owner_count++].id = owner;
    }
    db->owners[at].lease_until_us = db->clock->wall_us + lease_ms * 1000;
    *ret_view = (struct store_view){.owners_alive = 0};
    for (uint32_t i = 0; i < db->owner_count; i++) {
        ret_view->owners_alive += db->owners[i].lease_until_us > db->clock->wall_us ? 1 : 0;
    }
    for (int32_t p = 0; p < LANES; p++) {
        ret_view->lanes[p] = db->lanes[p];
        ret_view->lanes[p].owner_alive = alive(db, db->lanes[p].owner);
    }
    return OK;
}

static STATUS sim_retire(struct op *op, struct store *store, struct id owner)
{
    struct sim_store *self = self_of(store);
    TRY(check(op, self));
    for (uint32_t i = 0; i < self->db->owner_count; i++) {
        if (id_eq(self->db->owners[i].id, owner)) {
            self->db->owners[i] = self->db->owners[--self->db->owner_count];
            break;
        }
    }
    return OK;
}

static STATUS sim_claim(struct op *op, struct store *store, const struct store_lane *seen,
                        struct id owner, int64_t *ret_epoch)
{
    struct sim_store *self = self_of(store);
    struct sim_db *db = self->db;
    TRY(check(op, self));
    struct store_lane *lane = &db->lanes[seen->lane];
    bool ours = id_eq(lane->owner, owner);
    bool taken = !id_is_none(lane->owner) && !ours && alive(db, lane->owner);
    if (lane->epoch != seen->epoch || taken || lane->stopped) {
        return op_fail(op, STATUS_CONFLICT, "engine.lane_taken", "simulated");
    }
    struct sim_store *before = db->lane_connection[seen->lane];
    if (before && before != self) {
        disconnect(before); /* pg_terminate_backend */
    }
    ASSERT(!db->locked_by[seen->lane] || db->locked_by[seen->lane] == self);
    lane->epoch++;
    lane->owner = owner;
    lane->clean = false;
    db->lane_connection[seen->lane] = self;
    *ret_epoch = lane->epoch;
    return OK;
}

static STATUS sim_release(struct op *op, struct store *store, struct store_lane_ref ref, bool clean)
{
    struct sim_store *self = self_of(store);
    TRY(check(op, self));
    struct store_lane *lane = &self->db->lanes[ref.lane];
    if (lane->epoch == ref.epoch) {
        lane->owner = (struct id){.bytes = {0}};
        lane->clean = clean;
        self->db->lane_connection[ref.lane] = NULL;
    }
    return OK;
}

static STATUS sim_stop(struct op *op, struct store *store, struct store_lane_ref ref,
                       struct str reason)
{
    struct sim_store *self = self_of(store);
    (void)reason;
    TRY(check(op, self));
    if (self->db->lanes[ref.lane].epoch == ref.epoch) {
        self->db->lanes[ref.lane].stopped = true;
    }
    return OK;
}

static STATUS sim_begin(struct op *op, struct store *store, const struct store_lane_ref *refs,
                        uint32_t ref_count, struct store_fence *ret_fence)
{
    struct sim_store *self = self_of(store);
    struct sim_db *db = self->db;
    TRY(check(op, self));
    ASSERT(!self->open);
    self->open = true;
    *ret_fence = (struct store_fence){.now_us = db->clock->wall_us};
    for (uint32_t i = 0; i < ref_count; i++) {
        struct store_lane *lane = &db->lanes[refs[i].lane];
        if (lane->epoch != refs[i].epoch || lane->stopped) {
            continue;
        }
        if (db->locked_by[refs[i].lane] && db->locked_by[refs[i].lane] != self) {
            return op_fail(op, STATUS_RETRY, "pg.lock_timeout", "simulated");
        }
        db->locked_by[refs[i].lane] = self;
        ret_fence->held[ret_fence->held_count++] = refs[i].lane;
        ret_fence->now_us =
            lane->last_at_us > ret_fence->now_us ? lane->last_at_us : ret_fence->now_us;
    }
    return OK;
}

/* ---- Reading ---- */

struct answer {
    char *rows;
    uint32_t count, capacity;
};

static STATUS answer_add(struct op *op, const struct table *table, struct answer *answer,
                         const void *row)
{
    if (answer->count == answer->capacity) {
        uint32_t capacity = answer->capacity ? answer->capacity * 2 : 16;
        char *bigger = arena_alloc(op->arena, capacity, table->row_bytes);
        if (!bigger) {
            return op_arena_full(op);
        }
        if (answer->count > 0) {
            memcpy(bigger, answer->rows, answer->count * table->row_bytes);
        }
        answer->rows = bigger;
        answer->capacity = capacity;
    }
    char *copy = answer->rows + answer->count++ * table->row_bytes;
    memcpy(copy, row, table->row_bytes);
    for (uint16_t c = 0; c < table->column_count; c++) {
        if (table->columns[c].type == COLUMN_TEXT || table->columns[c].type == COLUMN_BYTEA) {
            struct str s;
            memcpy(&s, copy + table->columns[c].offset, sizeof(s));
            s = str_dup(op->arena, s); /* the committed row may be replaced before it is used */
            if (!s.ptr) {
                return op_arena_full(op);
            }
            memcpy(copy + table->columns[c].offset, &s, sizeof(s));
        }
    }
    return OK;
}

static struct store_rows answer_done(const struct answer *answer)
{
    return (struct store_rows){.rows = answer->rows, .count = answer->count};
}

static STATUS load_where(struct op *op, struct sim_store *self, const struct table *table,
                         uint16_t column, const struct id *keys, uint32_t key_count,
                         struct store_rows *ret_rows)
{
    TRY(check(op, self));
    ASSERT(table->columns[column].type == COLUMN_UUID);
    struct sim_rows *rows = table_of(self->db, table);
    struct answer answer = {.count = 0};
    char *like = arena_alloc(op->arena, 1, table->row_bytes);
    if (!like) {
        return op_arena_full(op);
    }
    for (uint32_t k = 0; k < key_count; k++) {
        memcpy(like + table->columns[column].offset, &keys[k], sizeof(keys[k]));
        if (column == 0 && table->key_count == 1) {
            const void *row = sim_rows_find(rows, like);
            TRY(row ? answer_add(op, table, &answer, row) : OK);
            continue;
        }
        for (uint32_t i = 0; i < rows->count; i++) {
            if (rows->rows[i] && sim_column_compare(table, column, rows->rows[i], like) == 0) {
                TRY(answer_add(op, table, &answer, rows->rows[i]));
            }
        }
    }
    *ret_rows = answer_done(&answer);
    return OK;
}

static STATUS sim_load(struct op *op, struct store *store, const struct table *table,
                       const struct id *keys, uint32_t key_count, struct store_rows *ret_rows)
{
    return load_where(op, self_of(store), table, 0, keys, key_count, ret_rows);
}

static STATUS sim_load_children(struct op *op, struct store *store, const struct table *table,
                                const struct id *parents, uint32_t parent_count,
                                struct store_rows *ret_rows)
{
    ASSERT(table->parent >= 0);
    return load_where(op, self_of(store), table, (uint16_t)table->parent, parents, parent_count,
                      ret_rows);
}

static bool scan_matches(const struct table_scan *scan, const void *row, const void *like,
                         int64_t bound)
{
    if (scan->filter >= 0) {
        bool value;
        memcpy(&value, (const char *)row + scan->table->columns[scan->filter].offset,
               sizeof(value));
        if (!value) {
            return false;
        }
    }
    for (uint16_t i = 0; i < scan->equal_count; i++) {
        if (sim_column_compare(scan->table, scan->equal[i], row, like) != 0) {
            return false;
        }
    }
    switch (scan->bound) {
    case SCAN_ALL: return true;
    case SCAN_ABOVE: return sim_column_i64(scan->table, (uint16_t)scan->order, row) > bound;
    case SCAN_UP_TO: return sim_column_i64(scan->table, (uint16_t)scan->order, row) <= bound;
    }
    UNREACHABLE("scan bound");
}

static STATUS sim_scan(struct op *op, struct store *store, const struct table_scan *scan,
                       const void *like, int64_t bound, uint32_t limit, struct store_rows *ret_rows)
{
    struct sim_store *self = self_of(store);
    TRY(check(op, self));
    struct sim_rows *rows = table_of(self->db, scan->table);
    struct answer answer = {.count = 0};
    const void *last = NULL;
    while (answer.count < limit) { /* selection in order: the sets are small */
        const void *best = NULL;
        for (uint32_t i = 0; i < rows->count; i++) {
            const void *row = rows->rows[i];
            if (!row || !scan_matches(scan, row, like, bound)) {
                continue;
            }
            if (scan->order < 0) {
                TRY(answer.count < limit ? answer_add(op, scan->table, &answer, row) : OK);
                continue;
            }
            uint16_t order = (uint16_t)scan->order;
            bool after_last = !last || sim_column_compare(scan->table, order, row, last) > 0;
            if (after_last && (!best || sim_column_compare(scan->table, order, row, best) < 0)) {
                best = row;
            }
        }
        if (!best) {
            break;
        }
        for (uint32_t i = 0; i < rows->count && answer.count < limit;
             i++) { /* all that tie with it */
            const void *row = rows->rows[i];
            if (row && scan_matches(scan, row, like, bound) &&
                sim_column_compare(scan->table, (uint16_t)scan->order, row, best) == 0) {
                TRY(answer_add(op, scan->table, &answer, row));
            }
        }
        last = best;
    }
    *ret_rows = answer_done(&answer);
    return OK;
}

/* ---- Writing ---- */

static void write_add(struct sim_store *self, struct write write)
{
    ASSERT(self->open);
    if (self->write_count == self->write_capacity) {
        self->write_capacity = self->write_capacity ? self->write_capacity * 2 : 64;
        self->writes = realloc(self->writes, self->write_capacity * sizeof(*self->writes));
        ASSERT(self->writes);
    }
    self->writes[self->write_count++] = write;
}

static STATUS write_rows(struct op *op, struct sim_store *self, enum write_kind kind,
                         const struct table *table, const void *const *rows,
                         const int64_t *old_versions, uint32_t row_count)
{
    TRY(check(op, self));
    for (uint32_t i = 0; i < row_count; i++) {
        write_add(self, (struct write){.kind = kind,
                                       .table = table,
                                       .row = sim_row_copy(table, rows[i]),
                                       .versioned = old_versions != NULL,
                                       .old_version = old_versions ? old_versions[i] : 0});
    }
    return OK;
}

static STATUS sim_insert(struct op *op, struct store *store, const struct table *table,
                         const void *const *rows, uint32_t row_count)
{
    return write_rows(op, self_of(store), WRITE_INSERT, table, rows, NULL, row_count);
}

static STATUS sim_update(struct op *op, struct store *store, const struct table *table,
                         const void *const *rows, const int64_t *old_versions, uint32_t row_count)
{
    ASSERT((table->version >= 0) == (old_versions != NULL));
    return write_rows(op, self_of(store), WRITE_UPDATE, table, rows, old_versions, row_count);
}

static STATUS sim_erase(struct op *op, struct store *store, const struct table *table,
                        const void *const *rows, uint32_t row_count)
{
    return write_rows(op, self_of(store), WRITE_ERASE, table, rows, NULL, row_count);
}

/* The commit raises last_at_us of every lane that is locked: nothing to remember. */
static STATUS sim_touch(struct op *op, struct store *store, const struct store_fence *fence)
{
    (void)fence;
    return check(op, self_of(store));
}

static STATUS sim_sync(struct op *op, struct store *store)
{
    return check(op, self_of(store));
}

/* Would this write violate something, given what is committed and the writes before it? */
static STATUS apply(struct op *op, struct sim_store *self, const struct write *write)
{
    struct sim_rows *rows = table_of(self->db, write->table);
    const void *found = sim_rows_find(rows, write->row);
    if (write->kind == WRITE_INSERT) {
        if (found) {
            return op_fail(op, STATUS_BUG, "pg.unique_violation", "%s", write->table->name);
        }
        sim_rows_insert(rows, write->row);
        return OK;
    }
    bool stale =
        found && write->versioned &&
        sim_column_i64(write->table, (uint16_t)write->table->version, found) != write->old_version;
    if (!found || stale) {
        return op_fail(op, STATUS_BUG, "pg.wrong_row_count", "%s", write->table->name);
    }
    if (write->kind == WRITE_UPDATE) {
        sim_rows_replace(rows, write->row);
    } else {
        sim_rows_erase(rows, write->row);
    }
    return OK;
}

/* Takes back the first `count` writes, last first. */
static void undo(struct sim_store *self, void *const *before, uint32_t count)
{
    for (uint32_t i = count; i > 0; i--) {
        const struct write *write = &self->writes[i - 1];
        struct sim_rows *rows = table_of(self->db, write->table);
        switch (write->kind) {
        case WRITE_INSERT: sim_rows_erase(rows, write->row); break;
        case WRITE_UPDATE: sim_rows_replace(rows, before[i - 1]); break;
        case WRITE_ERASE: sim_rows_insert(rows, before[i - 1]); break;
        }
    }
}

static STATUS apply_all(struct op *op, struct sim_store *self)
{
    void **before = (void **)calloc(self->write_count + 1, sizeof(*before));
    ASSERT(before);
    struct status st = OK;
    uint32_t done = 0;
    while (done < self->write_count && !status_failed(st)) {
        const struct write *write = &self->writes[done];
        const void *found = sim_rows_find(table_of(self->db, write->table), write->row);
        before[done] = found ? sim_row_copy(write->table, found) : NULL;
        st = apply(op, self, write);
        done++;
    }
    if (status_failed(st)) {
        undo(self, before, done - 1);
    }
    for (uint32_t i = 0; i < done; i++) {
        sim_row_free(self->writes[i].table, before[i]);
    }
    free((void *)before);
    return st;
}

static STATUS sim_commit(struct op *op, struct store *store)
{
    struct sim_store *self = self_of(store);
    struct sim_db *db = self->db;
    TRY(check(op, self));
    ASSERT(self->open);
    enum sim_commit how = db->next_commit;
    db->next_commit = SIM_COMMIT_OK;
    if (how == SIM_COMMIT_LOST_BEFORE) {
        disconnect(self);
        return gone(op);
    }
    TRY(apply_all(op, self));
    for (int32_t p = 0; p < LANES; p++) {
        if (db->locked_by[p] == self && db->lanes[p].last_at_us < db->clock->wall_us) {
            db->lanes[p].last_at_us = db->clock->wall_us;
        }
    }
    end_transaction(self);
    if (how == SIM_COMMIT_LOST_AFTER) {
        disconnect(self);
        return gone(op);
    }
    return OK;
}

static void sim_rollback(struct store *store)
{
    end_transaction(self_of(store));
}

static const struct store_ops sim_store_ops = {
    .connect = sim_connect,
    .close = sim_close,
    .heartbeat = sim_heartbeat,
    .retire = sim_retire,
    .claim = sim_claim,
    .release = sim_release,
    .stop = sim_stop,
    .begin = sim_begin,
    .load = sim_load,
    .load_children = sim_load_children,
    .scan = sim_scan,
    .insert = sim_insert,
    .update = sim_update,
    .erase = sim_erase,
    .touch = sim_touch,
    .sync = sim_sync,
    .commit = sim_commit,
    .rollback = sim_rollback,
};

struct store *sim_db_store(struct sim_db *db)
{
    struct sim_store *self = calloc(1, sizeof(*self));
    ASSERT(self);
    self->store.ops = &sim_store_ops;
    self->db = db;
    return &self->store;
}
