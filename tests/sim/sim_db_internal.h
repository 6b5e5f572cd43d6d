#pragma once

#include "sim_db.h"
#include "sim_rows.h"

/* What sim_db.c (tables, lanes, leases), sim_db_tx.c (the life of a transaction), sim_db_read.c and
 * sim_db_write.c share. */

#define SIM_TABLES_MAX 32
#define SIM_OWNERS_MAX 64
#define SIM_OUTPUTS_MAX 64
#define SIM_REASON_MAX_BYTES 512

/* As every session of libs/pg has it set (PG_IDLE_IN_TX_TIMEOUT_MS). */
#define SIM_IDLE_IN_TX_US INT64_C(5000000)

struct sim_owner {
    struct id id;
    struct sim_store *connection; /* of its last heartbeat */
    int64_t lease_until_us;
};

struct sim_db {
    const struct clock_fake *clock;
    struct sim_rows tables[SIM_TABLES_MAX];
    uint32_t table_count;
    struct store_lane lanes[LANES];
    char reasons[LANES][SIM_REASON_MAX_BYTES]; /* of stopped lanes */
    struct sim_store *lane_connection[LANES];  /* the backend of the lane's owner */
    struct sim_store *locked_by[LANES];
    struct sim_owner owners[SIM_OWNERS_MAX];
    uint32_t owner_count;
    struct sim_store *stores; /* every connection */
    enum sim_commit next_commit;
    enum status_kind next_write;
    struct sim_db_faults faults;
    struct sim_db_faults done;
    struct random *random;
    int64_t sandbox_us; /* the table `clock` */
    int64_t skew_us;    /* its clock minus everybody else's */
    bool away;
    bool spares_backends;
    uint64_t told;
};

enum sim_write_kind { SIM_WRITE_INSERT, SIM_WRITE_UPDATE, SIM_WRITE_ERASE };

struct sim_write {
    enum sim_write_kind kind;
    const struct table *table;
    void *row; /* a reference; NULL while the table has it */
    bool versioned;
    int64_t old_version;
};

/* What the next sync hands out. */
struct sim_output {
    struct store_rows rows;
    struct store_rows *ret_rows;
};

struct sim_store {
    struct store store;
    struct sim_db *db;
    struct sim_store *next;
    bool connected;
    bool open;         /* in a transaction */
    bool failed;       /* and a call of it failed: rolled back, but for the client's own ROLLBACK */
    int64_t called_us; /* mono: of its last call */
    struct store_fence *ret_fence;
    struct store_fence fence;
    struct store_fence touched; /* what commit raises last_at_us of */
    struct store_fence told;    /* whose old changes commit forgets */
    bool tells;
    struct sim_output outputs[SIM_OUTPUTS_MAX];
    uint32_t output_count;
    struct sim_write *writes;
    uint32_t write_count, write_capacity;
    uint32_t written; /* of these, how many a sync found to be without fault */
};

static inline struct sim_store *sim_store_of(struct store *store)
{
    return (struct sim_store *)(void *)store;
}

/* The rows of a table; made empty when it was never touched. */
struct sim_rows *sim_db_table(struct sim_db *db, const struct table *table);
/* What decisions and owners without work call now. */
struct store_clock sim_db_clock(const struct sim_db *db);
/* True in so many of a million times; counts it. */
bool sim_db_strikes(struct sim_db *db, uint32_t rate, uint32_t *done);

/* Every call begins so. RETRY when the connection is gone or the database is away; BUG after a
 * failure within the transaction. */
STATUS sim_db_check(struct op *op, struct sim_store *self);
STATUS sim_db_gone(struct op *op);
STATUS sim_db_lock_timeout(struct op *op);
void sim_db_disconnect(struct sim_store *self);
/* Somebody who holds locks in an idle transaction for too long loses them. */
void sim_db_evict_idle(struct sim_db *db);
/* What the next sync will hand out. */
STATUS sim_db_output(struct op *op, struct sim_store *self, struct store_rows rows,
                     struct store_rows *ret_rows);

STATUS sim_db_begin(struct op *op, struct store *store, const struct store_lane_ref *refs,
                    uint32_t ref_count, struct store_fence *ret_fence);
STATUS sim_db_touch(struct op *op, struct store *store, const struct store_fence *fence);
STATUS sim_db_tell(struct op *op, struct store *store, const struct store_fence *fence);
STATUS sim_db_sync(struct op *op, struct store *store);
STATUS sim_db_commit(struct op *op, struct store *store);
void sim_db_rollback(struct store *store);

STATUS sim_db_load(struct op *op, struct store *store, const struct table *table,
                   const struct id *keys, uint32_t key_count, struct store_rows *ret_rows);
STATUS sim_db_load_children(struct op *op, struct store *store, const struct table *table,
                            const struct id *parents, uint32_t parent_count,
                            struct store_rows *ret_rows);
STATUS sim_db_scan(struct op *op, struct store *store, const struct table_scan *scan,
                   const void *like, int64_t bound, uint32_t limit, struct store_rows *ret_rows);

STATUS sim_db_insert(struct op *op, struct store *store, const struct table *table,
                     const void *const *rows, uint32_t row_count);
STATUS sim_db_update(struct op *op, struct store *store, const struct table *table,
                     const void *const *rows, const int64_t *old_versions, uint32_t row_count);
STATUS sim_db_erase(struct op *op, struct store *store, const struct table *table,
                    const void *const *rows, uint32_t row_count);
/* Applies the transaction's writes, all or none; BUG when one of them violates something. */
STATUS sim_db_apply_writes(struct op *op, struct sim_store *self);
/* Takes back what apply did. */
void sim_db_undo_writes(struct sim_store *self);
void sim_db_forget_writes(struct sim_store *self);
