/* Timers that came due to records of oracle.events.v1. */
#include "oracle/oracle_out_events.h"

#include "holdfast/oracle/v1/events.pb-c.h"
#include "oracle/oracle.h"
#include "wire/wire.h"

STATUS oracle_out_timer_fired(struct engine_turn *turn, const struct timer_row *timer)
{
    struct op *op = engine_op(turn);
    struct id id = engine_next_id(turn);
    Holdfast__Oracle__V1__OracleEvent out;
    Holdfast__Oracle__V1__TimerFired fired;
    struct str payload;
    holdfast__oracle__v1__oracle_event__init(&out);
    holdfast__oracle__v1__timer_fired__init(&fired);
    TRY(wire_meta_fill(op, engine_cause(turn), id, &out.meta));
    TRY(wire_fill_id(op, timer->key, &out.escrow_id));
    out.body_case = HOLDFAST__ORACLE__V1__ORACLE_EVENT__BODY_TIMER_FIRED;
    out.timer_fired = &fired;
    fired.kind = (Holdfast__Oracle__V1__TimerKind)timer->kind;
    fired.generation = timer->generation;
    fired.due_at_us = timer->due_at_us;
    fired.fired_at_us = op->now_us;
    TRY(wire_pack(op, &out.base, &payload));
    return engine_emit(turn, TOPIC_ORACLE_EVENTS_V1, id, wire_type(&fired.base), payload);
}
