#pragma once

#include "engine/engine.h"

/* The provider's answers to our own requests: judged, then decided like messages. */

/* engine_service.judge: alarms where our key or account is refused. */
enum engine_verdict payments_in_answers_judge(struct op *op, const struct effect_row *effect,
                                              const struct caller_answer *answer,
                                              struct str *ret_code);
/* engine_service.look_up */
STATUS payments_in_answers_look_up(struct op *op, const struct effect_row *effect,
                                   struct str *ret_request);
/* engine_service.answered. STATUS_INVALID "payments.not_to_be_settled": what people said cannot be taken on their word. */
STATUS payments_in_answers_decide(struct engine_turn *turn, const struct effect_row *effect,
                                  enum engine_verdict verdict, const struct caller_answer *answer);
