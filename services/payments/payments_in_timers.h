#pragma once

#include "engine/engine.h"

/* engine_service.fired: it is time to look at a leg of which nothing was heard. */
STATUS payments_in_timers_fired(struct engine_turn *turn, const struct timer_row *timer);
