/* Commands of escrow: bytes to struct to a timer's row. */
#include "oracle/oracle_in_commands.h"

#include <inttypes.h>

#include "base/assert.h"
#include "holdfast/oracle/v1/commands.pb-c.h"
#include "oracle/oracle.h"
#include "wire/wire.h"

typedef Holdfast__Oracle__V1__OracleCommand wire_command;

static struct status read_timer(struct op *op, Holdfast__Oracle__V1__TimerKind kind,
                                int64_t generation, struct oracle_command *out)
{
    if (kind == HOLDFAST__ORACLE__V1__TIMER_KIND__TIMER_KIND_UNSPECIFIED) {
        return op_fail(op, STATUS_INVALID, "oracle.bad_timer", "of no kind");
    }
    if (generation < 1) {
        return op_fail(op, STATUS_INVALID, "oracle.bad_timer", "generation %" PRId64, generation);
    }
    out->timer = (enum oracle_timer_kind)kind; /* one that we know: the wire was checked */
    out->generation = generation;
    return OK;
}

static struct status read_set(struct op *op, const Holdfast__Oracle__V1__SetTimer *in,
                              struct oracle_command *out)
{
    out->kind = ORACLE_SET_TIMER;
    out->due_at_us = in->due_at_us;
    if (in->due_at_us < 1 || in->due_at_us > ORACLE_DUE_MAX_US) {
        return op_fail(op, STATUS_INVALID, "oracle.bad_timer", "due at %" PRId64, in->due_at_us);
    }
    return read_timer(op, in->kind, in->generation, out);
}

static struct status read_body(struct op *op, const wire_command *in, struct oracle_command *out)
{
    switch (in->body_case) {
    case HOLDFAST__ORACLE__V1__ORACLE_COMMAND__BODY_SET_TIMER:
        return read_set(op, in->set_timer, out);
    case HOLDFAST__ORACLE__V1__ORACLE_COMMAND__BODY_CANCEL_TIMER:
        out->kind = ORACLE_CANCEL_TIMER;
        return read_timer(op, in->cancel_timer->kind, in->cancel_timer->generation, out);
    case HOLDFAST__ORACLE__V1__ORACLE_COMMAND__BODY__NOT_SET:
    case _HOLDFAST__ORACLE__V1__ORACLE_COMMAND__BODY__CASE_IS_INT_SIZE: break;
    }
    return OK; /* of no kind: from a newer escrow, perhaps; skipped and counted */
}

STATUS oracle_in_commands_decode(struct op *op, const struct bus_record *record,
                                 struct engine_message *ret_message)
{
    ProtobufCMessage *message;
    TRY(wire_unpack(op, &holdfast__oracle__v1__oracle_command__descriptor, record->value,
                    WIRE_BUDGET_BYTES, &message));
    const wire_command *in = (const wire_command *)message;
    struct oracle_command *command = arena_new(op->arena, struct oracle_command, 1);
    if (!command) {
        return op_arena_full(op);
    }
    TRY(wire_meta_read(op, in->meta, ret_message));
    TRY(wire_id(op, "escrow_id", in->escrow_id, &ret_message->key));
    TRY(wire_check_key(op, record, ret_message->key));
    TRY(read_body(op, in, command));
    ret_message->skip = command->kind == ORACLE_COMMAND_NONE;
    ret_message->type = (int32_t)command->kind;
    ret_message->body = command;
    return OK;
}

STATUS oracle_in_commands_decide(struct engine_turn *turn, const struct engine_message *message)
{
    const struct oracle_command *command = message->body;
    switch (command->kind) {
    case ORACLE_SET_TIMER:
        return engine_timer_set(turn, (int)command->timer, command->generation, command->due_at_us);
    case ORACLE_CANCEL_TIMER:
        engine_timer_cancel(turn, (int)command->timer, command->generation);
        return OK;
    case ORACLE_COMMAND_NONE:
    case ORACLE_COMMAND_KIND_COUNT: break;
    }
    UNREACHABLE("oracle command");
}
