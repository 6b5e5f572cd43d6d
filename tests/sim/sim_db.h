#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/random.h"
#include "engine/store.h"

/*
 * A PostgreSQL of the mind: committed rows of any descriptor, write sets, locks on rows and lanes,
 * leases, and commits that fail or answer nothing. Single-threaded. Time is the world's clock, which
 * only the test moves. Nobody waits for a lock here: what waits two seconds in a real one fails at
 * once, as after these two seconds. Of constraints it knows primary keys, versions, row counts and
 * what sim_db_unique told it. tests/engine/vectors_test.c holds it against the real one.
 */

struct sim_db;

struct sim_db *sim_db_new(const struct clock_fake *clock);
void sim_db_free(struct sim_db *db);

/* What the next commit of any connection does. */
enum sim_commit {
    SIM_COMMIT_OK = 0,
    SIM_COMMIT_LOST_BEFORE, /* nothing was committed, the connection is gone */
    SIM_COMMIT_LOST_AFTER,  /* everything was committed, the connection is gone */
};

void sim_db_next_commit(struct sim_db *db, enum sim_commit how);
/* The next write of any connection fails so when it is sent: STATUS_RETRY (deadlock, no room),
 * STATUS_INVALID (data), STATUS_BUG (constraint) or STATUS_STOP (schema, rights). STATUS_OK: none. */
void sim_db_next_write(struct sim_db *db, enum status_kind kind);

/* What happens by itself, each in a million times of the calls that it can happen to. */
struct sim_db_faults {
    uint32_t cut;      /* any call: the connection breaks before it is carried out */
    uint32_t unknown;  /* a commit, carried out or not, whose answer never comes */
    uint32_t deadlock; /* a sync or commit: STATUS_RETRY, and the connection lives */
    uint32_t refused;  /* a sync or commit with writes: STATUS_INVALID or STATUS_BUG */
};

/* From now on, drawn from random (borrowed). All zero: no more. */
void sim_db_set_faults(struct sim_db *db, struct sim_db_faults faults, struct random *random);
/* How often each has happened. */
struct sim_db_faults sim_db_faults_done(const struct sim_db *db);

/* These columns together are unique, besides the primary key. `columns` must last as long as the database. */
void sim_db_unique(struct sim_db *db, const struct table *table, const uint16_t *columns,
                   uint16_t column_count);

/* The database refuses connections and cuts those that are open. */
void sim_db_set_away(struct sim_db *db, bool away);
bool sim_db_is_away(const struct sim_db *db);

/* A claim no longer ends the backend of the owner before: it is left to the fence alone. */
void sim_db_spare_backends(struct sim_db *db, bool spares);

/* A connection, not connected yet. Freed by its close. */
struct store *sim_db_store(struct sim_db *db);

/* For checks: rows of a table as committed, by position (in the order of insertion). */
uint32_t sim_db_count(const struct sim_db *db, const struct table *table);
const void *sim_db_row(const struct sim_db *db, const struct table *table, uint32_t at);
/* The same without counting from the start each time: *cursor is 0 at first. NULL: no more. */
const void *sim_db_next(const struct sim_db *db, const struct table *table, uint32_t *cursor);
/* The committed row with the primary key of `like`, or NULL. */
const void *sim_db_find(const struct sim_db *db, const struct table *table, const void *like);
/* For planting: copies a row in, replacing one with the same key, as if it had been committed. */
void sim_db_put(struct sim_db *db, const struct table *table, const void *row);
/* The lane as the lease table has it. */
struct store_lane sim_db_lane(const struct sim_db *db, int32_t lane);
/* How often listeners were woken: once for each committed transaction that told. */
uint64_t sim_db_told(const struct sim_db *db);
/* What a person reads of a stopped lane. */
const char *sim_db_stop_reason(const struct sim_db *db, int32_t lane);
void sim_db_resume_lane(struct sim_db *db, int32_t lane);

/* Its clock, by which leases and intakes go: without what sandbox time adds. */
int64_t sim_db_now_us(const struct sim_db *db);
/* What a decision would call now: its clock and sandbox time. */
int64_t sim_db_decision_us(const struct sim_db *db);
/* Sandbox time goes forward by so much; leases know nothing of it. */
void sim_db_advance_clock(struct sim_db *db, int64_t us);

/* Its machine's clock is set: from now on it differs by so much more (less) from everybody else's. */
void sim_db_set_clock(struct sim_db *db, int64_t by_us);
int64_t sim_db_skew_us(const struct sim_db *db);

/* The whole committed contents, and a return to them: a backup restored. Who is connected loses the
 * connection; the clock goes on. Cheap: rows are shared. */
struct sim_db *sim_db_snapshot(const struct sim_db *db);
void sim_db_restore(struct sim_db *db, const struct sim_db *snapshot);
