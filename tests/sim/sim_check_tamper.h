#pragma once

#include "escrow/escrow.h"
#include "sim_run_internal.h"

/* How the tests of the checker tamper with a world that is right: what is found and put back, and
 * everything about records. */

/* ASSERTs that there is one. */
const struct escrow *tamper_deal_in(struct sim_run *run, enum escrow_state state);
const void *tamper_first_row(struct sim_run *run, enum sim_service service,
                             const struct table *table);
/* A copy of the struct, to be changed and put back. */
#define CHANGED(type, name, from) type name = *(const type *)(from)

/* Replaces the row with the same key, or adds it. row may borrow from what is stored. */
void tamper_put(struct sim_run *run, enum sim_service service, const struct table *table,
                const void *row);
/* An id that nothing has. */
struct id tamper_fresh(void);

/* ---- Parts ---- */

void tamper_a_part_is_paid_by_nobody(struct sim_run *run);
void tamper_a_part_was_never_released(struct sim_run *run);
void tamper_a_part_brings_more(struct sim_run *run);
void tamper_more_was_released(struct sim_run *run);
void tamper_more_was_returned(struct sim_run *run);
void tamper_a_part_went_to_the_other_one(struct sim_run *run);

/* ---- Looks, and what waits ---- */

void tamper_a_leg_is_forgotten(struct sim_run *run);
void tamper_a_settled_leg_is_looked_at(struct sim_run *run);
void tamper_a_key_is_parked(struct sim_run *run);

/* ---- Records ---- */

void tamper_a_number_is_left_out(struct sim_run *run);
void tamper_a_number_has_two_records(struct sim_run *run);
void tamper_a_record_was_never_committed(struct sim_run *run);
void tamper_the_outbox_forgets_too_early(struct sim_run *run);
void tamper_a_commit_was_never_published(struct sim_run *run);
void tamper_a_leg_settles_twice(struct sim_run *run);
void tamper_an_event_skips_a_seq(struct sim_run *run);
void tamper_an_escrow_event_comes_twice(struct sim_run *run);
void tamper_a_timer_fires_too_early(struct sim_run *run);
void tamper_a_timer_fires_for_another_moment(struct sim_run *run);
void tamper_a_timer_fires_twice(struct sim_run *run);
void tamper_a_timer_fires_for_nothing(struct sim_run *run);
void tamper_a_stale_clock_counts(struct sim_run *run);
void tamper_somebody_is_ahead_of_the_log(struct sim_run *run);
void tamper_somebody_is_behind_the_log(struct sim_run *run);
void tamper_a_message_is_noted_for_another_key(struct sim_run *run);
void tamper_a_request_has_two_contents(struct sim_run *run);
void tamper_a_message_is_decided_twice(struct sim_run *run);

/* ---- What people asked for: sim_check_tamper_asked.c ---- */

void tamper_another_seller_is_paid(struct sim_run *run);
void tamper_another_currency_is_asked_for(struct sim_run *run);
void tamper_a_deal_has_other_terms(struct sim_run *run);
void tamper_a_milestone_is_another_one(struct sim_run *run);
void tamper_evidence_is_something_else(struct sim_run *run);
void tamper_the_docket_shows_another(struct sim_run *run);
void tamper_a_request_is_forgotten(struct sim_run *run);
void tamper_a_request_was_never_published(struct sim_run *run);
void tamper_a_request_is_another_one(struct sim_run *run);
void tamper_a_deal_was_refused(struct sim_run *run);
void tamper_a_request_was_lost_by_a_restore(struct sim_run *run);
void tamper_somebody_is_not_told(struct sim_run *run);
void tamper_the_other_one_is_told(struct sim_run *run);
void tamper_another_event_is_shown(struct sim_run *run);
