#pragma once

#include "payments/payments_decide.h"

/* What the files of the decision share. */

/* DONE, FAILED or CANCELED: nobody waits for news of it. */
bool payments_decide_is_settled(const struct leg *leg);

/* A decision that changes the payment; it starts as a copy with the next version. */
struct payments_decision payments_decide_changed(const struct payment *payment, int64_t now_us);

/* One more request, about the decision's leg. */
struct payments_effect *payments_decide_ask(struct payments_decision *out,
                                            enum payments_effect_kind kind);

/*
 * ---- Looks ----
 * What nothing is heard of is asked about: two minutes after it was asked for, every half minute while it is new,
 * then every ten minutes, until it is settled (REQ-J1, REQ-J2).
 */
#define PAYMENTS_LOOK_UNKNOWN_US (INT64_C(120) * 1000000)
#define PAYMENTS_LOOK_HOT_US (INT64_C(30) * 1000000)
#define PAYMENTS_LOOK_HOT_AGE_US (INT64_C(15) * 60 * 1000000)
#define PAYMENTS_LOOK_COLD_US (INT64_C(10) * 60 * 1000000)
/* A look that is so late waits anew, for a moment of its own within the leg's interval: after an outage all of them are due
 * at once, and the provider takes so many calls in a second. */
#define PAYMENTS_LOOK_LATE_US (INT64_C(60) * 1000000)

/* When to look at a leg that is not settled, after now. */
int64_t payments_decide_next_look(const struct leg *leg, int64_t now_us);
