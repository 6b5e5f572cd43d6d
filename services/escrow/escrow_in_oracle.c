/* oracle.events.v1: packed OracleEvents to decisions. */
#include "escrow/escrow_in.h"
#include "holdfast/oracle/v1/events.pb-c.h"
#include "wire/wire.h"

#define CASE(name) HOLDFAST__ORACLE__V1__ORACLE_EVENT__BODY_##name

static struct status read_body(struct op *op, const Holdfast__Oracle__V1__OracleEvent *event,
                               struct escrow_message *body)
{
    switch (event->body_case) {
    case CASE(TIMER_FIRED):
        body->kind = ESCROW_TIMER_FIRED;
        body->timer = (enum escrow_timer)event->timer_fired->kind;
        body->generation = event->timer_fired->generation;
        body->fired_at_us = event->timer_fired->fired_at_us;
        return OK;
    case CASE(_NOT_SET):
    case _HOLDFAST__ORACLE__V1__ORACLE_EVENT__BODY__CASE_IS_INT_SIZE: break;
    }
    return op_fail(op, STATUS_INVALID, "escrow.unknown_type", "no event that this version knows");
}

STATUS escrow_in_oracle_decode(struct op *op, const struct bus_record *record,
                               struct engine_message *ret_message)
{
    ProtobufCMessage *unpacked;
    TRY(wire_unpack(op, &holdfast__oracle__v1__oracle_event__descriptor, record->value,
                    WIRE_BUDGET_BYTES, &unpacked));
    const Holdfast__Oracle__V1__OracleEvent *event =
        (const Holdfast__Oracle__V1__OracleEvent *)unpacked;
    struct escrow_message *body;
    TRY(wire_id(op, "escrow_id", event->escrow_id, &ret_message->key));
    TRY(wire_check_key(op, record, ret_message->key));
    TRY(wire_meta_read(op, event->meta, ret_message));
    TRY(escrow_in_new_body(op, ret_message, &body));
    TRY(read_body(op, event, body));
    if (!escrow_message_is_sound(body)) { /* no kind, no generation, no time, or a person's deed */
        return op_fail(op, STATUS_INVALID, "escrow.bad_timer", "%s",
                       escrow_timer_name(body->timer));
    }
    ret_message->type = (int32_t)body->kind;
    return OK;
}
