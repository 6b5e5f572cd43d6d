#pragma once

#include "engine/engine.h"

/* TimerFired on oracle.events.v1: engine_service.fired. Its id follows from (escrow, kind,
 * generation), so that a firing which is repeated is the same record. */
STATUS oracle_out_timer_fired(struct engine_turn *turn, const struct timer_row *timer);
