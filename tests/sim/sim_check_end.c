/* Whether all has come to an end: requests, calls, and deals. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "engine/engine_tables.h"
#include "escrow/escrow_repo.h"
#include "gateway/gateway_repo.h"
#include "payments/payments_repo.h"
#include "sim_check_internal.h"

/* After this the product does not ask again: the provider may have forgotten the key. */
#define ASK_MAX_US (INT64_C(20) * 3600 * 1000000)
/* How late something that is due may still be decided. */
#define LATE_MAX_US (INT64_C(60) * 1000000)

static bool is_poisoned(const struct sim_check *check, struct id key)
{
    return check->traffic && sim_traffic_is_poisoned(check->traffic, key);
}

/* ---- What waits for a person ---- */

static bool is_old(const struct sim_check *check, const struct effect_row *effect)
{
    return sim_db_decision_us(check->place->dbs[SIM_PAYMENTS]) - effect->caused_at_us > ASK_MAX_US;
}

/* Why nobody will answer it: a person must look. */
static bool waits_for_person(const struct sim_check *check, const struct effect_row *effect)
{
    return sim_stripe_key(check->stripe, effect->id) == SIM_STRIPE_KEY_BROKEN ||
           is_old(check, effect);
}

/* Payments was put back, and has records of this deal still to decide again. */
static bool is_undecided(const struct sim_check *check, struct id escrow_id)
{
    uint32_t cursor = 0;
    const struct restored_row *row;
    while ((row = sim_db_next(check->place->dbs[SIM_PAYMENTS], &engine_restored_table, &cursor))) {
        if (row->open && id_eq(row->key, escrow_id)) {
            return true;
        }
    }
    return false;
}

/* Given up after errors that the provider had not meant for ever, or whose request it had carried out all the same, and
 * told so: asked again or looked up after a restore, it is what was told to have failed. Or refused so long ago that it is
 * only looked up, which does not say why. */
static bool is_contradicted(const struct sim_check *check, const struct effect_row *effect)
{
    enum sim_stripe_key key = sim_stripe_key(check->stripe, effect->id);
    bool gave_up = sim_stripe_said_error(check->stripe, effect->id) || key == SIM_STRIPE_KEY_BROKEN;
    bool unsaid = key == SIM_STRIPE_KEY_REFUSED && is_old(check, effect);
    return (gave_up || unsaid) && is_undecided(check, effect->key);
}

bool sim_check_is_out_of_order(const struct sim_check *check, enum sim_service service,
                               struct id key)
{
    const struct parked_key_row like = {.key = key};
    const struct parked_key_row *parked =
        sim_db_find(check->place->dbs[service], &engine_parked_key_table, &like);
    return service == SIM_PAYMENTS && check->reads_again_us > 0 && parked &&
           str_eq(parked->reason, STR("payments.no_leg"));
}

bool check_is_stuck(struct sim_check *check, struct id escrow_id)
{
    uint32_t cursor = 0;
    const struct effect_row *effect;
    while ((effect = sim_db_next(check->place->dbs[SIM_PAYMENTS], &engine_effect_table, &cursor))) {
        bool stuck =
            effect->open ? waits_for_person(check, effect) : is_contradicted(check, effect);
        if (id_eq(effect->key, escrow_id) && stuck) {
            return true;
        }
    }
    return false;
}

bool sim_check_is_frozen(struct sim_check *check, enum sim_service service, struct id key)
{
    return service == SIM_PAYMENTS && is_undecided(check, key) && check_is_stuck(check, key);
}

/* ---- Requests ---- */

void check_outcomes(struct sim_check *check, struct sim_verdict *verdict)
{
    for (int service = 0; service < SIM_SERVICE_COUNT; service++) {
        uint32_t cursor = 0;
        const struct intake_row *row;
        while ((row = sim_db_next(check->place->dbs[service], &engine_intake_table, &cursor))) {
            if (row->open && !is_poisoned(check, row->key) &&
                !sim_check_is_frozen(check, (enum sim_service)service, row->key)) {
                sim_verdict_fail(verdict, SIM_RULE_OUTCOME,
                                 "request %s about %s has no outcome after %d tries",
                                 check_text(row->id), check_text(row->key), row->attempts);
            }
        }
    }
}

/* ---- Calls ---- */

void check_effects(struct sim_check *check, struct sim_verdict *verdict)
{
    for (int service = 0; service < SIM_SERVICE_COUNT; service++) {
        uint32_t cursor = 0;
        const struct effect_row *effect;
        while ((effect = sim_db_next(check->place->dbs[service], &engine_effect_table, &cursor))) {
            bool excused = service == SIM_NOTIFICATIONS
                               ? check->without_discord
                               : service == SIM_PAYMENTS && waits_for_person(check, effect);
            if (effect->open && !excused) {
                sim_verdict_fail(verdict, SIM_RULE_EFFECTS,
                                 "call %s about %s is still open after %d attempts",
                                 check_text(effect->id), check_text(effect->key), effect->attempts);
            }
        }
    }
}

/* ---- Parking ---- */

static void check_lanes(const struct sim_db *db, int service, struct sim_verdict *verdict)
{
    for (int32_t lane = 0; lane < LANES; lane++) {
        if (sim_db_lane(db, lane).stopped) {
            sim_verdict_fail(verdict, SIM_RULE_STOPPED, "lane %d of service %d: %s", lane, service,
                             sim_db_stop_reason(db, lane));
        }
    }
}

void check_parked(struct sim_check *check, struct sim_verdict *verdict)
{
    for (int service = 0; service < SIM_SERVICE_COUNT; service++) {
        struct sim_db *db = check->place->dbs[service];
        uint32_t cursor = 0;
        const struct parked_key_row *key;
        while ((key = sim_db_next(db, &engine_parked_key_table, &cursor))) {
            if (!is_poisoned(check, key->key) &&
                !sim_check_is_frozen(check, (enum sim_service)service, key->key)) {
                sim_verdict_fail(verdict, SIM_RULE_PARKED, "key %s of service %d: " STR_FMT,
                                 check_text(key->key), service, STR_ARG(key->reason));
            }
        }
        cursor = 0;
        const struct quarantine_row *row;
        while ((row = sim_db_next(db, &engine_quarantine_table, &cursor))) {
            sim_verdict_fail(verdict, SIM_RULE_PARKED, "quarantined from " STR_FMT ": " STR_FMT,
                             STR_ARG(row->topic), STR_ARG(row->reason));
        }
        check_lanes(db, service, verdict);
    }
}

/* What a restored database took back from the log was decided again, and its lanes are like any other. */
void check_restored(struct sim_check *check, struct sim_verdict *verdict)
{
    for (int service = 0; service < SIM_SERVICE_COUNT; service++) {
        struct sim_db *db = check->place->dbs[service];
        bool waits[LANES] = {false};
        uint32_t cursor = 0;
        const struct restored_row *row;
        while ((row = sim_db_next(db, &engine_restored_table, &cursor))) {
            bool frozen =
                row->open && sim_check_is_frozen(check, (enum sim_service)service, row->key);
            waits[row->lane] |= frozen;
            if (row->open && !frozen) {
                sim_verdict_fail(
                    verdict, SIM_RULE_RESTORED,
                    "service %d did not decide " STR_FMT "/%d n %" PRId64 " of %s again", service,
                    STR_ARG(row->topic), row->lane, row->n, check_text(row->key));
            }
        }
        cursor = 0;
        const struct lane_restore_row *lane;
        while ((lane = sim_db_next(db, &engine_lane_restore_table, &cursor))) {
            if (!waits[lane->lane]) {
                sim_verdict_fail(verdict, SIM_RULE_RESTORED,
                                 "lane %d of service %d is still restored", lane->lane, service);
            }
        }
    }
}

/* ---- Deals ---- */

/* Staff can have it tried again. */
static bool has_failed(const struct escrow *escrow)
{
    return escrow->payout_failed_minor > 0 || escrow->refund_failed_minor > 0 ||
           (escrow->payment_setup_failed && escrow->state == ESCROW_CREATED);
}

bool check_is_overdue(struct sim_check *check)
{
    struct sim_db *oracle = check->place->dbs[SIM_ORACLE];
    int64_t now_us = sim_db_decision_us(oracle);
    uint32_t cursor = 0;
    const struct timer_row *timer;
    while ((timer = sim_db_next(oracle, &engine_timer_table, &cursor))) {
        if (timer->open && timer->due_at_us <= now_us) {
            return true;
        }
    }
    cursor = 0;
    const struct escrow *escrow;
    while ((escrow = sim_db_next(check->place->dbs[SIM_ESCROW], &escrow_table, &cursor))) {
        if (has_failed(escrow) && !check_is_stuck(check, escrow->id)) {
            return true;
        }
    }
    return false;
}

/* INV32: the one clock that runs is the one that the deal's state has. */
static void check_clock(struct sim_check *check, const struct escrow *escrow,
                        struct sim_verdict *verdict)
{
    struct sim_db *oracle = check->place->dbs[SIM_ORACLE];
    enum escrow_timer kind = escrow_timer_of(escrow->state);
    for (int i = ESCROW_TIMER_NONE + 1; i < ESCROW_TIMER_COUNT; i++) {
        const struct timer_row like = {.key = escrow->id, .kind = i};
        const struct timer_row *timer = sim_db_find(oracle, &engine_timer_table, &like);
        bool runs = timer && timer->open;
        bool right = i == (int)kind ? runs && timer->generation == escrow->deadline_seq &&
                                          timer->due_at_us == escrow->deadline_at_us
                                    : !runs;
        if (!right) {
            sim_verdict_fail(verdict, SIM_RULE_TIMERS, "escrow %s in state %s: timer %s %s",
                             check_text(escrow->id), escrow_state_name(escrow->state),
                             escrow_timer_name((enum escrow_timer)i),
                             runs ? "runs otherwise" : "does not run");
        }
        if (runs && timer->due_at_us + LATE_MAX_US < sim_db_decision_us(oracle)) {
            sim_verdict_fail(verdict, SIM_RULE_TIMERS, "escrow %s: timer %s is overdue",
                             check_text(escrow->id), escrow_timer_name((enum escrow_timer)i));
        }
    }
}

void check_firings(struct sim_check *check, struct sim_verdict *verdict)
{
    for (uint32_t i = 0; i < check->cause_count; i++) {
        const struct check_cause *cause = &check->causes[i];
        bool ran = cause->ran.kind == cause->fired.kind && cause->ran.seq == cause->fired.seq;
        if (cause->fired.seq > 0 && cause->events != 0 && !ran) {
            sim_verdict_fail(verdict, SIM_RULE_TIMERS,
                             "escrow %s obeyed timer %d of seq %" PRId64
                             " while timer %d of seq %" PRId64 " ran",
                             check_text(cause->escrow_id), cause->fired.kind, cause->fired.seq,
                             cause->ran.kind, cause->ran.seq);
        }
    }
}

/* A deal that nobody has to look at: it has ended, or a clock will end it. */
static bool is_at_rest(const struct escrow *escrow)
{
    bool owes = escrow->due_seller_minor > 0 || escrow->due_buyer_minor > 0;
    bool clocked = escrow_timer_of(escrow->state) != ESCROW_TIMER_NONE;
    return (escrow_state_is_final(escrow->state) || clocked) && !owes;
}

/* Nobody waits for this money: the deal has ended, and payments knows the leg as one that is open, or was
 * canceled. (A creation that broke for good has failed: nobody was told how to pay that one.) */
static void check_payable(struct sim_check *check, const struct sim_stripe_object *intent,
                          struct sim_verdict *verdict)
{
    const struct leg leg_like = {.id = intent->leg_id};
    const struct escrow escrow_like = {.id = intent->escrow_id};
    const struct leg *leg =
        sim_db_find(check->place->dbs[SIM_PAYMENTS], &payments_repo_leg, &leg_like);
    const struct escrow *escrow =
        sim_db_find(check->place->dbs[SIM_ESCROW], &escrow_table, &escrow_like);
    bool ended = escrow && escrow_state_is_final(escrow->state);
    bool given_up = !leg || leg->state == LEG_FAILED;
    if (ended && !given_up && !check_is_stuck(check, escrow->id)) {
        sim_verdict_fail(verdict, SIM_RULE_PAYABLE, "escrow %s in state %s: leg %s can be paid",
                         check_text(escrow->id), escrow_state_name(escrow->state),
                         check_text(leg->id));
    }
}

void check_intents(struct sim_check *check, struct sim_verdict *verdict)
{
    for (uint32_t i = 0; i < sim_stripe_count(check->stripe); i++) {
        const struct sim_stripe_object *object = sim_stripe_object(check->stripe, i);
        if (object->kind == SIM_STRIPE_INTENT && object->state == SIM_STRIPE_OPEN) {
            check_payable(check, object, verdict);
        }
    }
}

void check_ends(struct sim_check *check, struct sim_verdict *verdict)
{
    uint32_t cursor = 0;
    const struct escrow *escrow;
    while ((escrow = sim_db_next(check->place->dbs[SIM_ESCROW], &escrow_table, &cursor))) {
        check_clock(check, escrow, verdict);
        if (!is_at_rest(escrow) && !check_is_stuck(check, escrow->id)) {
            sim_verdict_fail(verdict, SIM_RULE_ENDED,
                             "escrow %s hangs in state %s, due %" PRId64 "+%" PRId64
                             ", failed %" PRId64 "+%" PRId64,
                             check_text(escrow->id), escrow_state_name(escrow->state),
                             escrow->due_seller_minor, escrow->due_buyer_minor,
                             escrow->payout_failed_minor, escrow->refund_failed_minor);
        }
    }
}

/* ---- What the gateway shows ---- */

static bool shows(const struct gateway_view *view, const struct escrow *escrow)
{
    return view->seq == escrow->seq && view->state == (int)escrow->state &&
           view->received_minor == escrow->received_minor &&
           view->held_minor == escrow->held_minor &&
           view->disputed_minor == escrow->disputed_minor &&
           view->suspense_minor == escrow->suspense_minor &&
           view->due_seller_minor == escrow->due_seller_minor &&
           view->due_buyer_minor == escrow->due_buyer_minor &&
           view->paid_out_minor == escrow->paid_out_minor &&
           view->refunded_minor == escrow->refunded_minor &&
           view->fee_deferred_minor == escrow->fee_deferred_minor &&
           view->fee_minor == escrow->fee_minor && view->released_minor == escrow->released_minor &&
           view->returned_minor == escrow->returned_minor &&
           view->split_number == (id_is_none(escrow->split_by) ? 0 : escrow->split_count) &&
           id_eq(view->split_by, escrow->split_by) &&
           view->split_seller_minor == escrow->split_seller_minor &&
           view->payout_failed_minor == escrow->payout_failed_minor &&
           view->refund_failed_minor == escrow->refund_failed_minor &&
           view->price_minor == escrow->price_minor &&
           view->deadline_at_us == escrow->deadline_at_us &&
           id_eq(view->buyer_id, escrow->buyer_id) && id_eq(view->seller_id, escrow->seller_id);
}

/* Decided again at the time that another record of the same decision has in the log. One that had not reached the log is
 * published after all that is there, and has the time of that. */
static bool is_told_later(struct sim_check *check, const struct gateway_entry *entry,
                          const struct escrow_transition *row)
{
    uint32_t cursor = 0;
    const struct restored_row *witness;
    while (
        (witness = sim_db_next(check->place->dbs[SIM_ESCROW], &engine_restored_table, &cursor))) {
        if (id_eq(witness->key, row->escrow_id) && witness->at_us == row->at_us &&
            entry->at_us > row->at_us) {
            return true;
        }
    }
    return false;
}

/* Each event of a deal is shown once, as what it was. */
static void check_entries(struct sim_check *check, struct sim_verdict *verdict)
{
    struct sim_db *gateway = check->place->dbs[SIM_GATEWAY];
    uint32_t entries = sim_db_count(gateway, &gateway_entry_table);
    uint32_t transitions = 0;
    uint32_t cursor = 0;
    const struct escrow_transition *row;
    while ((row = sim_db_next(check->place->dbs[SIM_ESCROW], &escrow_transition_table, &cursor))) {
        const struct gateway_entry like = {.escrow_id = row->escrow_id, .seq = row->seq};
        const struct gateway_entry *entry = sim_db_find(gateway, &gateway_entry_table, &like);
        transitions++;
        if (!entry || entry->state != (int)row->to_state ||
            (entry->at_us != row->at_us && !is_told_later(check, entry, row)) ||
            entry->actor_kind != row->actor_kind || !id_eq(entry->actor_id, row->actor_id)) {
            sim_verdict_fail(verdict, SIM_RULE_VIEWS, "escrow %s seq %" PRId64 " is not shown",
                             check_text(row->escrow_id), row->seq);
        }
    }
    if (entries != transitions) {
        sim_verdict_fail(verdict, SIM_RULE_VIEWS, "%u entries are shown of %u events", entries,
                         transitions);
    }
}

void check_views(struct sim_check *check, struct sim_verdict *verdict)
{
    struct sim_db *gateway = check->place->dbs[SIM_GATEWAY];
    uint32_t cursor = 0;
    const struct escrow *escrow;
    while ((escrow = sim_db_next(check->place->dbs[SIM_ESCROW], &escrow_table, &cursor))) {
        const struct gateway_view like = {.id = escrow->id};
        const struct gateway_view *view = sim_db_find(gateway, &gateway_view_table, &like);
        if (!view || !shows(view, escrow)) {
            sim_verdict_fail(verdict, SIM_RULE_VIEWS,
                             "escrow %s at seq %" PRId64 " is shown as of %" PRId64,
                             check_text(escrow->id), escrow->seq, view ? view->seq : 0);
        }
    }
    check_entries(check, verdict);
}
