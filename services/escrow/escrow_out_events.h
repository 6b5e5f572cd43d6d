#pragma once

#include "engine/engine.h"
#include "escrow/escrow_decide.h"

/* escrow.events.v1: what happened, as packed EscrowEvents. */

/* One step of a decision. */
struct escrow_told {
    const struct escrow_step *step;
    struct id id;                                     /* the transition's */
    const struct escrow_milestone *const *milestones; /* as they are after it */
    uint32_t milestone_count;
    const struct escrow_dispute *dispute; /* that is open; NULL: none is */
};

/* Publishes it; `cause` is what the decision was about. */
STATUS escrow_out_event(struct engine_turn *turn, const struct engine_message *cause,
                        const struct escrow_told *told);

/* Publishes CommandRejected for `cause`; state is that of the escrow now, ESCROW_NONE for none. */
STATUS escrow_out_rejection(struct engine_turn *turn, const struct engine_message *cause,
                            enum escrow_state state, enum escrow_reason reason);
