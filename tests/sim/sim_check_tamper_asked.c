/* People who did not get what they asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/assert.h"
#include "base/lane.h"
#include "engine/engine_tables.h"
#include "escrow/escrow_repo.h"
#include "gateway/gateway_evidence.h"
#include "gateway/gateway_repo.h"
#include "notifications/notifications_repo.h"
#include "sim_check_tamper.h"
#include "sim_db_internal.h"

static void take_out(struct sim_run *run, enum sim_service service, const struct table *table,
                     const void *row)
{
    sim_row_drop(sim_rows_erase(sim_db_table(run->place.dbs[service], table), row));
}

/* ---- Terms ---- */

static struct sim_stripe_object *made(struct sim_run *run, enum sim_stripe_kind kind)
{
    uint32_t at = 0;
    const struct escrow *escrow = tamper_deal_in(run, ESCROW_RELEASED);
    assert_true(sim_stripe_made(run->stripe, kind, escrow->id, &at) >= 1);
    return sim_stripe_object(run->stripe, at);
}

void tamper_another_seller_is_paid(struct sim_run *run)
{
    struct sim_stripe_object *transfer = made(run, SIM_STRIPE_TRANSFER);
    transfer->destination[0]++;
}

void tamper_another_currency_is_asked_for(struct sim_run *run)
{
    memcpy(made(run, SIM_STRIPE_INTENT)->asked_currency, "eur", sizeof("eur"));
}

void tamper_a_deal_has_other_terms(struct sim_run *run)
{
    CHANGED(struct escrow, escrow, tamper_deal_in(run, ESCROW_RELEASED));
    escrow.delivery_seconds++;
    tamper_put(run, SIM_ESCROW, &escrow_table, &escrow);
}

void tamper_a_milestone_is_another_one(struct sim_run *run)
{
    CHANGED(struct escrow_milestone, row,
            tamper_first_row(run, SIM_ESCROW, &escrow_milestone_table));
    row.title = STR("something else");
    tamper_put(run, SIM_ESCROW, &escrow_milestone_table, &row);
}

void tamper_evidence_is_something_else(struct sim_run *run)
{
    CHANGED(struct escrow_evidence, row, tamper_first_row(run, SIM_ESCROW, &escrow_evidence_table));
    row.content.bytes[0] ^= 1;
    tamper_put(run, SIM_ESCROW, &escrow_evidence_table, &row);
}

void tamper_the_docket_shows_another(struct sim_run *run)
{
    CHANGED(struct gateway_evidence, row,
            tamper_first_row(run, SIM_GATEWAY, &gateway_evidence_table));
    row.submitted_by = tamper_fresh();
    tamper_put(run, SIM_GATEWAY, &gateway_evidence_table, &row);
}

/* ---- Requests ---- */

/* The request that opened a deal. */
static const struct intake_row *creation(struct sim_run *run)
{
    const struct intake_row like = {.id = sim_traffic_creation(run->traffic, 0)};
    const struct intake_row *row =
        sim_db_find(run->place.dbs[SIM_GATEWAY], &engine_intake_table, &like);
    assert_non_null(row);
    return row;
}

void tamper_a_request_is_forgotten(struct sim_run *run)
{
    take_out(run, SIM_GATEWAY, &engine_intake_table, creation(run));
}

void tamper_a_request_was_never_published(struct sim_run *run)
{
    CHANGED(struct intake_row, row, creation(run));
    row.id = tamper_fresh();
    tamper_put(run, SIM_GATEWAY, &engine_intake_table, &row);
}

void tamper_a_request_is_another_one(struct sim_run *run)
{
    CHANGED(struct intake_row, row, creation(run));
    row.content.bytes[0] ^= 1;
    tamper_put(run, SIM_GATEWAY, &engine_intake_table, &row);
}

void tamper_a_deal_was_refused(struct sim_run *run)
{
    CHANGED(struct intake_row, row, creation(run));
    row.outcome = INTAKE_REJECTED;
    tamper_put(run, SIM_GATEWAY, &engine_intake_table, &row);
}

/* As after a restore of the gateway: the one excuse. */
void tamper_a_request_was_lost_by_a_restore(struct sim_run *run)
{
    tamper_a_request_is_forgotten(run);
    sim_check_put_back(run->check, SIM_GATEWAY, 0);
}

/* ---- News ---- */

void tamper_somebody_is_not_told(struct sim_run *run)
{
    take_out(run, SIM_NOTIFICATIONS, &notifications_repo_delivery,
             tamper_first_row(run, SIM_NOTIFICATIONS, &notifications_repo_delivery));
}

/* Told to the other party: nobody read it, for whom it was has no Discord. */
void tamper_the_other_one_is_told(struct sim_run *run)
{
    struct sim_db *db = run->place.dbs[SIM_NOTIFICATIONS];
    uint32_t cursor = 0;
    const struct delivery *delivery;
    while ((delivery = sim_db_next(db, &notifications_repo_delivery, &cursor)) &&
           delivery->state != DELIVERY_NO_CHANNEL) {
    }
    ASSERT(delivery);
    CHANGED(struct delivery, row, delivery);
    row.user_id = tamper_fresh();
    tamper_put(run, SIM_NOTIFICATIONS, &notifications_repo_delivery, &row);
}

void tamper_another_event_is_shown(struct sim_run *run)
{
    CHANGED(struct gateway_entry, entry, tamper_first_row(run, SIM_GATEWAY, &gateway_entry_table));
    take_out(run, SIM_GATEWAY, &gateway_entry_table, &entry);
    const struct gateway_entry other = {
        .escrow_id = tamper_fresh(), .seq = 1, .type = STR(""), .note = STR("")};
    tamper_put(run, SIM_GATEWAY, &gateway_entry_table, &other);
}
