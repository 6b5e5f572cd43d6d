#include "base/op.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/clock.h"

STATUS op_record(struct op *op, enum status_kind kind, const char *code, const char *format, ...)
{
    ASSERT(kind != STATUS_OK);
    va_list args;
    va_start(args, format);
    int len = vsnprintf(op->err.msg, sizeof(op->err.msg), format, args);
    va_end(args);
    ASSERT(len >= 0);
    op->err.code = code;
    op->err.field[0] = '\0';
    return (struct status){.kind = kind};
}

void op_set_field(struct op *op, struct str pointer)
{
    if (pointer.len < sizeof(op->err.field)) {
        memcpy(op->err.field, pointer.ptr, pointer.len);
        op->err.field[pointer.len] = '\0';
    }
}

STATUS op_check_deadline(struct op *op)
{
    if (op->deadline_ms != 0 && clock_mono_ms() >= op->deadline_ms) {
        return op_fail(op, STATUS_CANCELED, "op.deadline", "deadline passed");
    }
    return OK;
}
