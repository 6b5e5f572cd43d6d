/*
 * One transaction at a time per connection: reads see what is committed, writes wait for commit.
 * Here: the tables, lanes and leases, and the life of a transaction.
 */
#include <stdlib.h>

#include "base/assert.h"
#include "sim_db_internal.h"

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

struct sim_rows *sim_db_table(struct sim_db *db, const struct table *table)
{
    for (uint32_t i = 0; i < db->table_count; i++) {
        if (db->tables[i].table == table) {
            return &db->tables[i];
        }
    }
    ASSERT(db->table_count < SIM_TABLES_MAX);
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

bool sim_db_is_away(const struct sim_db *db)
{
    return db->away;
}

void sim_db_spare_backends(struct sim_db *db, bool spares)
{
    db->spares_backends = spares;
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

const void *sim_db_next(const struct sim_db *db, const struct table *table, uint32_t *cursor)
{
    const struct sim_rows *rows = find_table(db, table);
    while (rows && *cursor < rows->count) {
        const void *row = rows->rows[(*cursor)++];
        if (row) {
            return row;
        }
    }
    return NULL;
}

const void *sim_db_find(const struct sim_db *db, const struct table *table, const void *like)
{
    const struct sim_rows *rows = find_table(db, table);
    return rows ? sim_rows_find(rows, like) : NULL;
}

void sim_db_put(struct sim_db *db, const struct table *table, const void *row)
{
    struct sim_rows *rows = sim_db_table(db, table);
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

const char *sim_db_stop_reason(const struct sim_db *db, int32_t lane)
{
    return db->reasons[lane];
}

void sim_db_resume_lane(struct sim_db *db, int32_t lane)
{
    db->lanes[lane].stopped = false;
}

static void copy_contents(struct sim_db *to, const struct sim_db *from)
{
    drop_tables(to);
    for (uint32_t i = 0; i < from->table_count; i++) {
        struct sim_rows *rows = sim_db_table(to, from->tables[i].table);
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
    to->sandbox_us = from->sandbox_us;
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

void sim_db_advance_clock(struct sim_db *db, int64_t us)
{
    ASSERT(us >= 0);
    db->sandbox_us += us;
}

void sim_db_set_clock(struct sim_db *db, int64_t by_us)
{
    db->skew_us += by_us;
}

static int64_t wall_us(const struct sim_db *db)
{
    return db->clock->wall_us + db->skew_us;
}

int64_t sim_db_now_us(const struct sim_db *db)
{
    return wall_us(db);
}

/* ---- Connections and transactions ---- */

/* What decisions and owners without work call now. */
static struct store_clock clock_of(const struct sim_db *db)
{
    return (struct store_clock){.now_us = wall_us(db) + db->sandbox_us,
                                .sandbox_us = db->sandbox_us};
}

int64_t sim_db_decision_us(const struct sim_db *db)
{
    return clock_of(db).now_us;
}

static void end_transaction(struct sim_store *self)
{
    sim_db_forget_writes(self);
    self->open = false;
    self->tells = false;
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

STATUS sim_db_check(struct op *op, struct sim_store *self)
{
    if (self->db->away) {
        disconnect(self);
    }
    return self->connected ? OK : gone(op);
}

static STATUS sim_connect(struct op *op, struct store *store)
{
    struct sim_store *self = sim_store_of(store);
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
    struct sim_store *self = sim_store_of(store);
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
            return db->owners[i].lease_until_us > wall_us(db);
        }
    }
    return false;
}

/* Owners whose lease ran out: nobody asks for them by name again. */
static void forget_dead(struct sim_db *db)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < db->owner_count; i++) {
        if (db->owners[i].lease_until_us > wall_us(db)) {
            db->owners[kept++] = db->owners[i];
        }
    }
    db->owner_count = kept;
}

static STATUS sim_heartbeat(struct op *op, struct store *store, struct id owner, int64_t lease_ms,
                            struct store_view *ret_view)
{
    struct sim_store *self = sim_store_of(store);
    struct sim_db *db = self->db;
    TRY(sim_db_check(op, self));
    uint32_t at = 0;
    while (at < db->owner_count && !id_eq(db->owners[at].id, owner)) {
        at++;
    }
    if (at == db->owner_count) {
        forget_dead(db);
        ASSERT(db->owner_count < SIM_OWNERS_MAX);
        at = db->owner_count++;
        db->owners[at].id = owner;
    }
    db->owners[at].lease_until_us = wall_us(db) + lease_ms * 1000;
    *ret_view = (struct store_view){.owners_alive = 0, .clock = clock_of(db)};
    for (uint32_t i = 0; i < db->owner_count; i++) {
        ret_view->owners_alive += db->owners[i].lease_until_us > wall_us(db) ? 1 : 0;
    }
    for (int32_t p = 0; p < LANES; p++) {
        ret_view->lanes[p] = db->lanes[p];
        ret_view->lanes[p].owner_alive = alive(db, db->lanes[p].owner);
    }
    return OK;
}

static STATUS sim_retire(struct op *op, struct store *store, struct id owner)
{
    struct sim_store *self = sim_store_of(store);
    TRY(sim_db_check(op, self));
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
    struct sim_store *self = sim_store_of(store);
    struct sim_db *db = self->db;
    TRY(sim_db_check(op, self));
    struct store_lane *lane = &db->lanes[seen->lane];
    bool ours = id_eq(lane->owner, owner);
    bool taken = !id_is_none(lane->owner) && !ours && alive(db, lane->owner);
    if (lane->epoch != seen->epoch || taken || lane->stopped) {
        return op_fail(op, STATUS_CONFLICT, "engine.lane_taken", "simulated");
    }
    struct sim_store *before = db->lane_connection[seen->lane];
    if (before && before != self && !db->spares_backends) {
        disconnect(before); /* pg_terminate_backend */
    }
    if (db->locked_by[seen->lane] && db->locked_by[seen->lane] != self) {
        ASSERT(db->spares_backends);
        return op_fail(op, STATUS_RETRY, "pg.lock_timeout", "simulated");
    }
    lane->epoch++;
    lane->owner = owner;
    lane->clean = false;
    db->lane_connection[seen->lane] = self;
    *ret_epoch = lane->epoch;
    return OK;
}

static STATUS sim_release(struct op *op, struct store *store, struct store_lane_ref ref, bool clean)
{
    struct sim_store *self = sim_store_of(store);
    TRY(sim_db_check(op, self));
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
    struct sim_store *self = sim_store_of(store);
    TRY(sim_db_check(op, self));
    if (self->db->lanes[ref.lane].epoch == ref.epoch) {
        struct strbuf text;
        strbuf_init_fixed(&text, self->db->reasons[ref.lane], SIM_REASON_MAX_BYTES);
        strbuf_add(&text, reason);
        struct str whole;
        ASSERT(strbuf_finish(&text, &whole));
        self->db->lanes[ref.lane].stopped = true;
    }
    return OK;
}

static STATUS sim_begin(struct op *op, struct store *store, const struct store_lane_ref *refs,
                        uint32_t ref_count, struct store_fence *ret_fence)
{
    struct sim_store *self = sim_store_of(store);
    struct sim_db *db = self->db;
    TRY(sim_db_check(op, self));
    ASSERT(!self->open);
    self->open = true;
    *ret_fence = (struct store_fence){.clock = clock_of(db)};
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
        ret_fence->clock.now_us = lane->last_at_us >= ret_fence->clock.now_us
                                      ? lane->last_at_us + 1
                                      : ret_fence->clock.now_us;
    }
    self->fence_us = ret_fence->clock.now_us;
    return OK;
}

/* ---- The end of a transaction ---- */

/* The commit raises last_at_us of every lane that is locked: nothing to remember. */
static STATUS sim_touch(struct op *op, struct store *store, const struct store_fence *fence)
{
    (void)fence;
    return sim_db_check(op, sim_store_of(store));
}

/* A listener hears of committed transactions alone. */
static STATUS sim_tell(struct op *op, struct store *store, const struct store_fence *fence)
{
    (void)fence;
    sim_store_of(store)->tells = true;
    return sim_db_check(op, sim_store_of(store));
}

uint64_t sim_db_told(const struct sim_db *db)
{
    return db->told;
}

static STATUS sim_sync(struct op *op, struct store *store)
{
    return sim_db_check(op, sim_store_of(store));
}

static STATUS sim_commit(struct op *op, struct store *store)
{
    struct sim_store *self = sim_store_of(store);
    struct sim_db *db = self->db;
    TRY(sim_db_check(op, self));
    ASSERT(self->open);
    enum sim_commit how = db->next_commit;
    db->next_commit = SIM_COMMIT_OK;
    if (how == SIM_COMMIT_LOST_BEFORE) {
        disconnect(self);
        return gone(op);
    }
    TRY(sim_db_apply_writes(op, self));
    for (int32_t p = 0; p < LANES; p++) {
        if (db->locked_by[p] == self && db->lanes[p].last_at_us < self->fence_us) {
            db->lanes[p].last_at_us = self->fence_us;
        }
    }
    db->told += self->tells ? 1 : 0;
    end_transaction(self);
    if (how == SIM_COMMIT_LOST_AFTER) {
        disconnect(self);
        return gone(op);
    }
    return OK;
}

static void sim_rollback(struct store *store)
{
    end_transaction(sim_store_of(store));
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
    .load = sim_db_load,
    .load_children = sim_db_load_children,
    .scan = sim_db_scan,
    .insert = sim_db_insert,
    .update = sim_db_update,
    .erase = sim_db_erase,
    .touch = sim_touch,
    .tell = sim_tell,
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
