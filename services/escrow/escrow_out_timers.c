/* In: clocks that a decision starts and stops. Out: records of oracle.commands.v1. */
#include "escrow/escrow_out_timers.h"

#include "holdfast/oracle/v1/commands.pb-c.h"
#include "wire/wire.h"

#define CASE(name) HOLDFAST__ORACLE__V1__ORACLE_COMMAND__BODY_##name

/* Their kinds are our numbers; tests/contract compares the names too. */
#define KIND(name)                                                               \
    _Static_assert((int)ESCROW_TIMER_##name ==                                   \
                       (int)HOLDFAST__ORACLE__V1__TIMER_KIND__TIMER_KIND_##name, \
                   "timer kind")
KIND(FUNDING);
KIND(DELIVERY);
KIND(INSPECTION);
KIND(ANSWER);
KIND(DISPUTE);
KIND(ESCALATION);
_Static_assert(ESCROW_TIMER_COUNT == 7, "a new timer needs its line above");

STATUS escrow_out_timer(struct engine_turn *turn, const struct engine_message *cause,
                        struct id escrow_id, const struct escrow_timer_order *order)
{
    struct op *op = engine_op(turn);
    struct id id = engine_next_id(turn);
    Holdfast__Oracle__V1__TimerKind kind = (Holdfast__Oracle__V1__TimerKind)order->timer;
    Holdfast__Oracle__V1__OracleCommand command;
    Holdfast__Oracle__V1__SetTimer set;
    Holdfast__Oracle__V1__CancelTimer cancel;
    const ProtobufCMessage *body = &set.base;
    struct str payload;
    holdfast__oracle__v1__oracle_command__init(&command);
    if (order->due_at_us > 0) {
        holdfast__oracle__v1__set_timer__init(&set);
        set.kind = kind;
        set.generation = order->generation;
        set.due_at_us = order->due_at_us;
        command.body_case = CASE(SET_TIMER);
        command.set_timer = &set;
    } else {
        holdfast__oracle__v1__cancel_timer__init(&cancel);
        cancel.kind = kind;
        cancel.generation = order->generation;
        command.body_case = CASE(CANCEL_TIMER);
        command.cancel_timer = &cancel;
        body = &cancel.base;
    }
    TRY(wire_meta_fill(op, cause, id, &command.meta));
    TRY(wire_fill_id(op, escrow_id, &command.escrow_id));
    TRY(wire_pack(op, &command.base, &payload));
    return engine_emit(turn, TOPIC_ORACLE_COMMANDS_V1, id, wire_type(body), payload);
}
