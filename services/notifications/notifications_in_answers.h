#pragma once

#include "engine/engine.h"

/* Discord's answers: what each means, and what follows. */

enum engine_verdict notifications_in_answers_judge(struct op *op, const struct effect_row *effect,
                                                   const struct caller_answer *answer,
                                                   struct str *ret_code);
/* Is it about the account that the person is linked to? As engine_service.still_wanted. */
bool notifications_in_answers_still_wanted(const struct effect_row *effect, const void *aggregate,
                                           struct str *ret_code);
STATUS notifications_in_answers_decide(struct engine_turn *turn, const struct effect_row *effect,
                                       enum engine_verdict verdict,
                                       const struct caller_answer *answer);
