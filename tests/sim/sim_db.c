/* The tables, what a person does to a database, and the leases of lanes. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/defer.h"
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
    db->next_write = STATUS_OK;
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

void sim_db_next_write(struct sim_db *db, enum status_kind kind)
{
    db->next_write = kind;
}

void sim_db_set_faults(struct sim_db *db, struct sim_db_faults faults, struct random *random)
{
    db->faults = faults;
    db->random = random;
}

struct sim_db_faults sim_db_faults_done(const struct sim_db *db)
{
    return db->done;
}

void sim_db_unique(struct sim_db *db, const struct table *table, const uint16_t *columns,
                   uint16_t column_count)
{
    struct sim_order *index =
        sim_rows_order(sim_db_table(db, table), columns, columns, column_count, TABLE_NO_COLUMN);
    index->unique_count = column_count;
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
    if (rows && rows->live == rows->count && at < rows->count) {
        return rows->rows[at];
    }
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
    void *copy = sim_row_copy(table, row);
    if (sim_rows_find(rows, row)) {
        sim_row_drop(sim_rows_replace(rows, copy));
    } else {
        sim_rows_insert(rows, copy);
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

/* Indexes are kept, those of the old rows emptied: what is unique stays so. */
static void copy_table(struct sim_db *to, const struct sim_rows *from)
{
    struct sim_rows *rows = sim_db_table(to, from->table);
    for (uint32_t i = 0; i < from->index_count; i++) {
        const struct sim_order *index = &from->indexes[i];
        struct sim_order *copy =
            sim_rows_order(rows, index->about, index->columns,
                           (uint16_t)(index->column_count - from->table->key_count), index->filter);
        copy->unique_count = index->unique_count;
    }
    for (uint32_t r = 0; r < from->count; r++) {
        if (from->rows[r]) {
            sim_rows_insert(rows, sim_row_keep(from->rows[r]));
        }
    }
}

static void copy_contents(struct sim_db *to, const struct sim_db *from)
{
    for (uint32_t i = 0; i < to->table_count; i++) {
        sim_rows_clear(&to->tables[i]);
    }
    for (uint32_t i = 0; i < from->table_count; i++) {
        copy_table(to, &from->tables[i]);
    }
    for (struct sim_store *store = to->stores; store; store = store->next) {
        sim_db_disconnect(store);
    }
    for (int32_t p = 0; p < LANES; p++) {
        to->lanes[p] = from->lanes[p];
        to->lane_connection[p] = NULL;
    }
    memcpy(to->reasons, from->reasons, sizeof(to->reasons));
    memcpy(to->owners, from->owners, sizeof(to->owners));
    to->owner_count = from->owner_count;
    for (uint32_t i = 0; i < to->owner_count; i++) {
        to->owners[i].connection = NULL; /* leases run out by themselves */
    }
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

int64_t sim_db_skew_us(const struct sim_db *db)
{
    return db->skew_us;
}

int64_t sim_db_now_us(const struct sim_db *db)
{
    return db->clock->wall_us + db->skew_us;
}

struct store_clock sim_db_clock(const struct sim_db *db)
{
    return (struct store_clock){.now_us = sim_db_now_us(db) + db->sandbox_us,
                                .sandbox_us = db->sandbox_us,
                                .wall_us = sim_db_now_us(db)};
}

int64_t sim_db_decision_us(const struct sim_db *db)
{
    return sim_db_clock(db).now_us;
}

/* ---- Connections ---- */

static STATUS sim_connect(struct op *op, struct store *store)
{
    struct sim_store *self = sim_store_of(store);
    sim_db_disconnect(self);
    if (self->db->away) {
        return sim_db_gone(op);
    }
    self->connected = true;
    return OK;
}

static void forget_connection(struct sim_store *self)
{
    struct sim_db *db = self->db;
    for (int32_t p = 0; p < LANES; p++) {
        db->lane_connection[p] = db->lane_connection[p] == self ? NULL : db->lane_connection[p];
    }
    for (uint32_t i = 0; i < db->owner_count; i++) {
        struct sim_owner *owner = &db->owners[i];
        owner->connection = owner->connection == self ? NULL : owner->connection;
    }
    struct sim_store **at = &db->stores;
    while (*at != self) {
        at = &(*at)->next;
    }
    *at = self->next;
}

static void sim_close(struct store *store)
{
    if (!store) {
        return;
    }
    struct sim_store *self = sim_store_of(store);
    sim_db_disconnect(self);
    forget_connection(self);
    free(self->writes);
    free(self);
}

/* ---- Leases ---- */

static bool lease_runs(const struct sim_db *db, uint32_t at)
{
    int64_t left_us = db->owners[at].lease_until_us - sim_db_now_us(db);
    return left_us > 0 && left_us <= STORE_LEASE_MAX_US;
}

static bool alive(const struct sim_db *db, struct id owner)
{
    for (uint32_t i = 0; i < db->owner_count; i++) {
        if (id_eq(db->owners[i].id, owner)) {
            return lease_runs(db, i);
        }
    }
    return false;
}

/* Owners whose lease ran out: nobody asks for them by name again. */
static void forget_dead(struct sim_db *db)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < db->owner_count; i++) {
        if (lease_runs(db, i)) {
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
    db->owners[at].connection = self;
    db->owners[at].lease_until_us = sim_db_now_us(db) + lease_ms * 1000;
    *ret_view = (struct store_view){.owners_alive = 0, .clock = sim_db_clock(db)};
    for (uint32_t i = 0; i < db->owner_count; i++) {
        ret_view->owners_alive += lease_runs(db, i) ? 1 : 0;
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

/* pg_terminate_backend: the sessions that the lane's owner had, when it took it and when it last beat. */
static void terminate(struct sim_db *db, const struct store_lane *lane,
                      const struct sim_store *claimer)
{
    struct sim_store *sessions[] = {db->lane_connection[lane->lane], NULL};
    for (uint32_t i = 0; i < db->owner_count; i++) {
        if (id_eq(db->owners[i].id, lane->owner)) {
            sessions[1] = db->owners[i].connection;
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(sessions) && !db->spares_backends; i++) {
        if (sessions[i] && sessions[i] != claimer) {
            sim_db_disconnect(sessions[i]);
        }
    }
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
    bool gone = lane->epoch != seen->epoch || taken || lane->stopped;
    if (lane->epoch == seen->epoch && !taken) {
        terminate(db, lane, self);
    }
    sim_db_evict_idle(db);
    if (db->locked_by[seen->lane] && db->locked_by[seen->lane] != self) {
        return sim_db_lock_timeout(op);
    }
    if (gone) {
        return op_fail(op, STATUS_CONFLICT, "store.lane_taken", "simulated");
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

uint64_t sim_db_told(const struct sim_db *db)
{
    return db->told;
}

static const struct store_ops sim_store_ops = {
    .connect = sim_connect,
    .close = sim_close,
    .heartbeat = sim_heartbeat,
    .retire = sim_retire,
    .claim = sim_claim,
    .release = sim_release,
    .stop = sim_stop,
    .begin = sim_db_begin,
    .load = sim_db_load,
    .load_children = sim_db_load_children,
    .scan = sim_db_scan,
    .insert = sim_db_insert,
    .update = sim_db_update,
    .erase = sim_db_erase,
    .touch = sim_db_touch,
    .tell = sim_db_tell,
    .sync = sim_db_sync,
    .commit = sim_db_commit,
    .rollback = sim_db_rollback,
};

struct store *sim_db_store(struct sim_db *db)
{
    struct sim_store *self = calloc(1, sizeof(*self));
    ASSERT(self);
    self->store.ops = &sim_store_ops;
    self->db = db;
    self->next = db->stores;
    db->stores = self;
    return &self->store;
}
