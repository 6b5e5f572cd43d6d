#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/id.h"
#include "base/lane.h"
#include "base/op.h"
#include "base/table.h"

/*
 * The engine's view of its database, one per engine thread: rows of descriptors in one transaction,
 * and the leases of lanes. Production: engine/store_pg.c over libs/pg. Simulation: tests/sim.
 *
 * A transaction is: begin, (load | scan | insert | update | erase)*, sync, …, commit or rollback.
 * Calls between two syncs only queue; their results are there after the next sync (commit syncs
 * too). Loaded rows live in op->arena. After a failed call the only legal calls are rollback
 * and connect. load and scan may also stand alone, without begin: they see what is committed.
 *
 * Failures, by SQLSTATE class (architecture R8): 08, 40, 53, 55, 57 and lost connections: STATUS_RETRY.
 * 42: STATUS_STOP. 22: STATUS_INVALID. 23, row counts that do not fit (SQLSTATE HF001) and the rest:
 * STATUS_BUG. A commit whose outcome is unknown is STATUS_RETRY too: claim the lanes again and look.
 */

struct store_lane_ref {
    int32_t lane;
    int64_t epoch;
};

/* The database's time. Decisions live in it; leases and intakes in the same without sandbox_us. */
struct store_clock {
    int64_t now_us;     /* of a fence: always after last_at_us of every held lane */
    int64_t sandbox_us; /* what the table `clock` added to it: 0 outside development and test */
    int64_t
        wall_us; /* the clock itself: without sandbox_us, whatever the lanes' last commits say */
};

/* What time it is: other than now_us while a clock that was ahead, and was set right, catches up. */
static inline int64_t store_clock_now_us(struct store_clock clock)
{
    return clock.wall_us + clock.sandbox_us;
}

/* What the fence found: these lanes are ours and locked until the transaction ends. */
struct store_fence {
    uint32_t held_count;
    int32_t held[LANES]; /* rising */
    struct store_clock clock;
};

/* Rows of one load or scan: an array of table->row_bytes each. Valid after the next sync. */
struct store_rows {
    void *rows;
    uint32_t count;
};

/* One lane as the lease table shows it. */
struct store_lane {
    int32_t lane;
    int64_t epoch;
    struct id owner;  /* none: free */
    bool owner_alive; /* its lease has not run out, by the database's clock */
    bool clean;       /* the last owner handed it over; false: it died or still works */
    bool stopped;     /* stopped for a person to look at; never claimed until resumed */
    int64_t last_at_us;
};

/* All lanes and how many owners are alive, the caller included. */
struct store_view {
    struct store_lane lanes[LANES];
    uint32_t owners_alive;
    struct store_clock clock; /* so that an owner without work sees it moved */
};

/* No lease is longer. One that seems to be was given before the clock was set back, and counts as none: who lives renews
 * it soon, and who has died would keep its lanes until the clock is there again. */
#define STORE_LEASE_MAX_US ((int64_t)600 * 1000000)

/* Rows of lane_change are kept so long: much longer than anybody who reads them may be late. */
#define STORE_TOLD_KEPT_US ((int64_t)600 * 1000000)

struct store;

struct store_ops {
    /* Connects, or drops what was and connects anew. Prepares statements. STATUS_RETRY: not now. */
    struct status (*connect)(struct op *op, struct store *store);
    void (*close)(struct store *store); /* frees the store itself; NULL is fine */

    /* Extends this owner's lease by lease_ms (inserting it at first) and looks at the lanes. Alone
     * (its own transaction). */
    struct status (*heartbeat)(struct op *op, struct store *store, struct id owner,
                               int64_t lease_ms, struct store_view *ret_view);
    /* Removes the owner's lease row; its lanes must have been released. */
    struct status (*retire)(struct op *op, struct store *store, struct id owner);
    /*
     * Takes the lane if its epoch is still `seen->epoch` and its owner is gone, dead (its backend is
     * then terminated) or this same owner, who lost track of it (unless its backend is this one, it
     * is terminated too). One transaction with a lock timeout. STATUS_CONFLICT: somebody
     * else was quicker. *ret_epoch is ours; clean is set to false.
     */
    struct status (*claim)(struct op *op, struct store *store, const struct store_lane *seen,
                           struct id owner, int64_t *ret_epoch);
    /* Gives the lane back; clean says that nothing was left half done. Ignores a stale epoch. */
    struct status (*release)(struct op *op, struct store *store, struct store_lane_ref ref,
                             bool clean);
    /* Marks the lane as stopped, with the reason that a person will read. Ignores a stale epoch. */
    struct status (*stop)(struct op *op, struct store *store, struct store_lane_ref ref,
                          struct str reason);

    /* Opens a transaction and locks the lanes whose epoch is still ours. Queued; see sync. */
    struct status (*begin)(struct op *op, struct store *store, const struct store_lane_ref *refs,
                           uint32_t ref_count, struct store_fence *ret_fence);
    /* Rows with these primary keys (single COLUMN_UUID key), any order; missing ones are missing. */
    struct status (*load)(struct op *op, struct store *store, const struct table *table,
                          const struct id *keys, uint32_t key_count, struct store_rows *ret_rows);
    /* Rows whose parent column is one of the ids, the live ones of a table that tells them apart,
     * ordered by parent, then primary key. */
    struct status (*load_children)(struct op *op, struct store *store, const struct table *table,
                                   const struct id *parents, uint32_t parent_count,
                                   struct store_rows *ret_rows);
    /* At most limit rows. `like` is a row whose `equal` columns hold the values to look for. */
    struct status (*scan)(struct op *op, struct store *store, const struct table_scan *scan,
                          const void *like, int64_t bound, uint32_t limit,
                          struct store_rows *ret_rows);
    /* rows[i] points to a struct of the table; borrowed until the next sync. A key that is there
     * already fails the transaction (STATUS_BUG, or STATUS_CONFLICT where that is the reason). */
    struct status (*insert)(struct op *op, struct store *store, const struct table *table,
                            const void *const *rows, uint32_t row_count);
    /* Writes all columns of the rows with these primary keys. Where the table has a version,
     * old_versions[i] is what must stand there now; otherwise it is NULL. A row that is not
     * changed fails the transaction (STATUS_BUG). */
    struct status (*update)(struct op *op, struct store *store, const struct table *table,
                            const void *const *rows, const int64_t *old_versions,
                            uint32_t row_count);
    /* Deletes the rows with the primary keys of these; a missing one fails the transaction. */
    struct status (*erase)(struct op *op, struct store *store, const struct table *table,
                           const void *const *rows, uint32_t row_count);
    /* Raises lane.last_at_us of held lanes to the fence's time. Queued. */
    struct status (*touch)(struct op *op, struct store *store, const struct store_fence *fence);
    /* Wakes whoever listens for this service's changes once the transaction commits, and not before;
     * a hint, which may get lost. Forgets what the held lanes told longer than STORE_TOLD_KEPT_US
     * ago. Queued. */
    struct status (*tell)(struct op *op, struct store *store, const struct store_fence *fence);
    /* Sends what is queued and waits for all results. */
    struct status (*sync)(struct op *op, struct store *store);
    /* Sends what is queued with a COMMIT and waits; OK only when the server said COMMIT. */
    struct status (*commit)(struct op *op, struct store *store);
    /* Gives the transaction up. If that fails too, the connection is dropped: call connect. */
    void (*rollback)(struct store *store);
};

struct store {
    const struct store_ops *ops;
};
