#pragma once

#include <stdint.h>

#include "base/str.h"

/*
 * The floor of what goes through several services: the rows that they left, written once more into empty tables of the same
 * form and with the same indexes, in as many transactions, by PostgreSQL alone. No service, no broker, no
 * reading of what was there, and a row that was changed is written once, as it was at last: a product cannot be faster.
 */

struct bench_floor;

/* One writer with its own connection, and the tables it writes. */
struct bench_floor_part {
    const char *name;    /* of the part */
    const char *service; /* the schema */
    const char *tables;  /* "intake,escrow_pending"; "": all; "-intake": all but these */
};

struct bench_floor *bench_floor_new(void);
void bench_floor_free(struct bench_floor *floor);

/* Rows that are written from now on belong to what is measured. */
void bench_floor_mark(struct bench_floor *floor);
/* Copies the rows since the mark aside and makes the empty tables. steps: into so many equal transactions; 0: as many as
 * wrote the rows. Returns how many. A part that was taken before is replaced. */
int64_t bench_floor_take(struct bench_floor *floor, const struct bench_floor_part *part,
                         int64_t steps);
/* One transaction of a part that was taken last: for those who measure steps one by one. */
void bench_floor_step(struct bench_floor *floor, const struct bench_floor_part *part, int64_t step);
/* Takes the parts (as many transactions as wrote them), plays them side by side and returns how long it took. */
int64_t bench_floor_play(struct bench_floor *floor, const struct bench_floor_part *parts,
                         uint32_t part_count);
