#pragma once

#include "engine/engine.h"
#include "notifications/notifications_decide.h"

/* Between the engine's rows and the pure decisions: loading, keeping, asking Discord. */

extern const struct engine_aggregate_kind notifications_act_kind; /* recipients */

/* The recipient of the message's key, made when there is none, and what waits for it. In op->arena. */
STATUS notifications_act_load(struct engine_turn *turn, struct inbox **ret_inbox);
/* A new delivery (copied); one that is open joins the inbox. */
STATUS notifications_act_add(struct engine_turn *turn, struct inbox *inbox,
                             const struct delivery *delivery);
/* Whatever was decided becomes rows; asks Discord for what comes next when nothing is under way. */
STATUS notifications_act_keep(struct engine_turn *turn, struct inbox *inbox);

/* Deliveries by the state they ended in (what was kept with no channel and sent after all is counted twice), since the process began; repeated attempts of a batch are
 * counted again. For the metrics page. */
uint64_t notifications_act_count(enum delivery_state state);
