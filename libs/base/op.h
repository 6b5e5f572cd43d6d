#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "base/assert.h"
#include "base/status.h"
#include "base/str.h"

/*
 * The unit of work: one HTTP request, one batch of messages, one sweep. First parameter of all that
 * does I/O. Belongs to one thread at a time.
 */

#define OP_ERR_MSG_MAX_BYTES 256
#define OP_ERR_FIELD_MAX_BYTES 128

struct op_err {
    const char *code;               /* stable, dotted, listed in error_codes.txt; may be shown */
    char msg[OP_ERR_MSG_MAX_BYTES]; /* for operators, cut to fit; never holds a secret */
    /* Which field of the request is wrong: an RFC 6901 pointer made of our own names, never of what
     * was sent; may be shown. Empty: none. Emptied by op_fail, set afterwards by op_blame. */
    char field[OP_ERR_FIELD_MAX_BYTES];
};

struct op {
    struct arena *arena;
    struct str correlation_id;
    int64_t now_us;      /* microseconds since 1970: in a lane the database's time at the fence */
    int64_t deadline_ms; /* clock_mono_ms(); past it, fail with STATUS_CANCELED; 0: none */
    struct op_err err;
};

/* Records why and returns the kind, which is not OK. code is a literal listed in error_codes.txt. */
#define op_fail(op, kind, ...) op_not_ok(op_record((op), (kind), __VA_ARGS__))

STATUS op_record(struct op *op, enum status_kind kind, const char *code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Tells flow analysis what op_record asserts, so that it knows what holds after a TRY. */
static inline STATUS op_not_ok(struct status st)
{
    if (st.kind == STATUS_OK) {
        __builtin_unreachable();
    }
    return st;
}

void op_set_field(struct op *op, struct str pointer);

/* Names the field that is to blame for the failure just recorded, and returns st as it is. A pointer
 * that is too long is left out. */
static inline STATUS op_blame(struct op *op, struct status st, struct str pointer)
{
    ASSERT(status_failed(st));
    op_set_field(op, pointer);
    return st;
}

/* STATUS_LIMIT with the code "op.arena_full": what to return when an arena allocation fails. */
static inline STATUS op_arena_full(struct op *op)
{
    return op_fail(op, STATUS_LIMIT, "op.arena_full", "over %zu bytes", op->arena->max_bytes);
}

/* STATUS_CANCELED with "op.deadline" once the deadline has passed, else OK. */
STATUS op_check_deadline(struct op *op);
