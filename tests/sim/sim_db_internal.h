#pragma once

#include "sim_db.h"
#include "sim_rows.h"

/* What sim_db.c (lanes, leases, transactions), sim_db_read.c and sim_db_write.c share. */

#define SIM_TABLES_MAX 32
#define SIM_OWNERS_MAX 64
#define SIM_REASON_MAX_BYTES 512

struct sim_owner {
    struct id id;
    struct sim_store *connection;
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
    enum sim_commit next_commit;
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
    void *row;
    bool versioned;
    int64_t old_version;
};

struct sim_store {
    struct store store;
    struct sim_db *db;
    bool connected;
    bool open; /* in a transaction */
    bool tells;
    int64_t fence_us; /* the time of the transaction */
    struct sim_write *writes;
    uint32_t write_count, write_capacity;
};

static inline struct sim_store *sim_store_of(struct store *store)
{
    return (struct sim_store *)(void *)store;
}

/* The rows of a table; made empty when it was never touched. */
struct sim_rows *sim_db_table(struct sim_db *db, const struct table *table);
/* RETRY when the connection is gone or the database is away. */
STATUS sim_db_check(struct op *op, struct sim_store *self);

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
void sim_db_forget_writes(struct sim_store *self);
