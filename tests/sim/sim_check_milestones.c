/*
 * Whether the pieces of a deal are delivered, rejected, released and given back as its people asked: each ends once, at the price that
 * was agreed to; released by the buyer's word, or without it only when its inspection is over; given back by the seller's
 * word, or staff's, or when nobody answered a rejection. In: a deal's transitions in their order, the requests that people made, their terms.
 */
#include <inttypes.h>

#include "escrow/escrow_repo.h"
#include "gateway/gateway_out_json.h"
#include "gateway/gateway_repo.h"
#include "sim_check_internal.h"

#define FAIL(...) sim_verdict_fail(verdict, SIM_RULE_TERMS, __VA_ARGS__)

static bool has_ended(const struct check_milestones *milestones, int64_t k)
{
    return milestones->released[k] || milestones->refunded[k];
}

/* The one whose clock ends first: the first of these; 0: none runs. */
static int64_t soonest(const struct check_milestones *milestones)
{
    int64_t found = 0;
    for (int64_t k = 1; k <= GATEWAY_MILESTONES_MAX; k++) {
        bool runs = milestones->ends_us[k] > 0 && !has_ended(milestones, k);
        if (runs && (found == 0 || milestones->ends_us[k] < milestones->ends_us[found])) {
            found = k;
        }
    }
    return found;
}

static bool is_release(enum escrow_event event)
{
    return event == ESCROW_EVENT_PARTIALLY_RELEASED || event == ESCROW_EVENT_RELEASE_STARTED;
}

static bool is_refund(enum escrow_event event)
{
    return event == ESCROW_EVENT_PARTIALLY_REFUNDED || event == ESCROW_EVENT_REFUND_STARTED;
}

static void start(struct check_milestones *milestones, int64_t k, int64_t at_us,
                  const struct escrow *escrow)
{
    enum escrow_timer timer =
        milestones->rejected[k] ? ESCROW_TIMER_ANSWER : ESCROW_TIMER_INSPECTION;
    milestones->ends_us[k] = at_us + escrow_period_us(escrow, timer);
}

static void take(struct check_milestones *milestones, const struct escrow_transition *transition,
                 const struct escrow *escrow)
{
    int64_t k = transition->milestone;
    bool rejected = transition->event == ESCROW_EVENT_REJECTED;
    if (rejected || transition->event == ESCROW_EVENT_DELIVERED) {
        milestones->rejected[k] = rejected;
        start(milestones, k, transition->at_us, escrow);
    } else if (is_release(transition->event)) {
        milestones->released[k] = true;
    } else if (is_refund(transition->event)) {
        milestones->refunded[k] = true;
    }
}

static void follow(struct check_milestones *milestones, const struct escrow_transition *transition,
                   const struct escrow *escrow)
{
    bool known = transition->milestone >= 1 && transition->milestone <= GATEWAY_MILESTONES_MAX;
    int64_t before_us = milestones->ends_us[soonest(milestones)];
    if (known) {
        take(milestones, transition, escrow);
    } else if (transition->event == ESCROW_EVENT_DISPUTE_WITHDRAWN) {
        for (int64_t i = 1; i <= GATEWAY_MILESTONES_MAX; i++) {
            if (milestones->ends_us[i] > 0) {
                start(milestones, i, transition->at_us, escrow);
            }
        }
    }
    bool inspects = transition->to_state == ESCROW_DELIVERED ||
                    transition->to_state == ESCROW_DELIVERY_REJECTED;
    bool stays = transition->from_state == transition->to_state && inspects && known;
    bool ends = is_release(transition->event) || is_refund(transition->event);
    bool fired = ends && transition->actor_kind == ENGINE_ACTOR_SYSTEM;
    milestones->moved = stays && (fired || milestones->ends_us[soonest(milestones)] != before_us);
}

static void check_delivered(struct sim_check *check, const struct check_deal *deal,
                            const struct escrow_transition *transition, const struct escrow *escrow,
                            struct sim_verdict *verdict)
{
    int64_t k = transition->milestone;
    int64_t asked = check_number_asked(check, transition->cause_id);
    const struct check_milestones *milestones = &deal->milestones;
    bool again = milestones->ends_us[k] > 0 && !milestones->rejected[k];
    if (again || has_ended(milestones, k) || !id_eq(transition->actor_id, escrow->seller_id) ||
        (asked >= 0 && asked != k)) {
        FAIL("escrow %s seq %" PRId64 ": milestone %" PRId64 " is delivered, asked was %" PRId64,
             check_text(deal->id), transition->seq, k, asked);
    }
}

/* What was delivered, once for each delivery. */
static void check_rejected(struct sim_check *check, const struct check_deal *deal,
                           const struct escrow_transition *transition, const struct escrow *escrow,
                           struct sim_verdict *verdict)
{
    const struct check_milestones *milestones = &deal->milestones;
    int64_t k = transition->milestone;
    int64_t asked = check_number_asked(check, transition->cause_id);
    if (milestones->ends_us[k] == 0 || milestones->rejected[k] || has_ended(milestones, k) ||
        !id_eq(transition->actor_id, escrow->buyer_id) || (asked >= 0 && asked != k)) {
        FAIL("escrow %s seq %" PRId64 ": milestone %" PRId64 " is rejected, asked was %" PRId64,
             check_text(deal->id), transition->seq, k, asked);
    }
}

/* Nobody's word: its own clock is over, and no other one was over before. */
static bool is_over(const struct check_milestones *milestones,
                    const struct escrow_transition *transition, bool rejected)
{
    int64_t k = transition->milestone;
    return milestones->ends_us[k] > 0 && milestones->rejected[k] == rejected &&
           k == soonest(milestones) && transition->at_us >= milestones->ends_us[k];
}

static void check_released(struct sim_check *check, const struct check_deal *deal,
                           const struct escrow_transition *transition, const struct escrow *escrow,
                           struct sim_verdict *verdict)
{
    const struct check_milestones *milestones = &deal->milestones;
    const struct gateway_terms *terms = sim_traffic_terms(check->traffic, deal->id);
    const struct gateway_milestone *agreed = terms ? terms->milestones.rows : NULL;
    int64_t k = transition->milestone;
    int64_t released_minor = deal->released_minor - milestones->released_minor;
    if (has_ended(milestones, k) || (agreed && agreed[k - 1].amount_minor != released_minor)) {
        FAIL("escrow %s seq %" PRId64 ": %" PRId64 " is released for milestone %" PRId64,
             check_text(deal->id), transition->seq, released_minor, k);
    }
    if (transition->actor_kind == ENGINE_ACTOR_SYSTEM) {
        if (!is_over(milestones, transition, /* rejected */ false)) {
            FAIL("escrow %s seq %" PRId64 ": milestone %" PRId64 " is still inspected",
                 check_text(deal->id), transition->seq, k);
        }
        return;
    }
    int64_t asked = check_number_asked(check, transition->cause_id);
    if (!id_eq(transition->actor_id, escrow->buyer_id) || (asked >= 0 && asked != k)) {
        FAIL("escrow %s seq %" PRId64 ": milestone %" PRId64 " is released, asked was %" PRId64,
             check_text(deal->id), transition->seq, k, asked);
    }
}

/* The last one goes with the rest of the price: that is this one's. */
static void check_refunded(struct sim_check *check, const struct check_deal *deal,
                           const struct escrow_transition *transition, const struct escrow *escrow,
                           struct sim_verdict *verdict)
{
    const struct check_milestones *milestones = &deal->milestones;
    const struct gateway_terms *terms = sim_traffic_terms(check->traffic, deal->id);
    const struct gateway_milestone *agreed = terms ? terms->milestones.rows : NULL;
    int64_t k = transition->milestone;
    int64_t asked = check_number_asked(check, transition->cause_id);
    bool is_rest = transition->event == ESCROW_EVENT_REFUND_STARTED;
    int64_t back_minor = deal->back_minor - milestones->returned_minor;
    if (terms && is_rest) {
        back_minor = terms->amount_minor - deal->released_minor - deal->back_minor;
    }
    if (has_ended(milestones, k) || (agreed && agreed[k - 1].amount_minor != back_minor)) {
        FAIL("escrow %s seq %" PRId64 ": %" PRId64 " is given back for milestone %" PRId64,
             check_text(deal->id), transition->seq, back_minor, k);
    }
    bool theirs = transition->actor_kind == ENGINE_ACTOR_STAFF ||
                  id_eq(transition->actor_id, escrow->seller_id) ||
                  (transition->actor_kind == ENGINE_ACTOR_SYSTEM &&
                   is_over(milestones, transition, /* rejected */ true));
    if (!theirs || (asked >= 0 && asked != k)) {
        FAIL("escrow %s seq %" PRId64 ": milestone %" PRId64 " is given back, asked was %" PRId64,
             check_text(deal->id), transition->seq, k, asked);
    }
}

void check_milestone(struct sim_check *check, struct check_deal *deal,
                     const struct escrow_transition *transition, const struct escrow *escrow,
                     struct sim_verdict *verdict)
{
    int64_t k = transition->milestone;
    bool piece = transition->event == ESCROW_EVENT_DELIVERED ||
                 transition->event == ESCROW_EVENT_REJECTED ||
                 transition->event == ESCROW_EVENT_PARTIALLY_RELEASED ||
                 transition->event == ESCROW_EVENT_PARTIALLY_REFUNDED;
    if (k < 0 || k > escrow->milestone_count || (k == 0 && piece && escrow->milestone_count > 0)) {
        FAIL("escrow %s seq %" PRId64 ": there is no milestone %" PRId64, check_text(deal->id),
             transition->seq, k);
        return;
    }
    if (k > 0 && transition->event == ESCROW_EVENT_DELIVERED) {
        check_delivered(check, deal, transition, escrow, verdict);
    } else if (k > 0 && transition->event == ESCROW_EVENT_REJECTED) {
        check_rejected(check, deal, transition, escrow, verdict);
    } else if (k > 0 && is_release(transition->event) && check->traffic) {
        check_released(check, deal, transition, escrow, verdict);
    } else if (k > 0 && is_refund(transition->event) && check->traffic) {
        check_refunded(check, deal, transition, escrow, verdict);
    }
    follow(&deal->milestones, transition, escrow);
    deal->milestones.released_minor = deal->released_minor;
    deal->milestones.returned_minor = deal->back_minor;
}

int64_t check_milestone_end(const struct sim_check *check, const struct escrow *escrow, int64_t seq)
{
    struct check_milestones milestones = {.released_minor = 0};
    for (int64_t i = 1; i <= seq; i++) {
        const struct escrow_transition like = {.escrow_id = escrow->id, .seq = i};
        const struct escrow_transition *row =
            sim_db_find(check->place->dbs[SIM_ESCROW], &escrow_transition_table, &like);
        if (row) {
            follow(&milestones, row, escrow);
        }
    }
    return milestones.ends_us[soonest(&milestones)];
}

/* By its number it was agreed to, and what is released of the deal is what its rows say. */
static bool is_agreed(const struct escrow_milestone *row, const struct check_deal *deal,
                      const struct gateway_terms *terms)
{
    const struct gateway_milestone *agreed = terms ? terms->milestones.rows : NULL;
    uint32_t count = terms ? terms->milestones.count : 0;
    if (!agreed || row->number < 1 || row->number > (int64_t)count) {
        return false;
    }
    bool released = deal->milestones.released[row->number];
    bool refunded = deal->milestones.refunded[row->number];
    int64_t left_minor = terms->amount_minor - deal->released_minor - deal->back_minor;
    bool gives_rest = deal->state == ESCROW_REFUNDING || deal->state == ESCROW_REFUNDED;
    return row->price_minor == agreed[row->number - 1].amount_minor &&
           str_eq(row->title, agreed[row->number - 1].title) &&
           (!released || row->state == ESCROW_MILESTONE_RELEASED) &&
           (!refunded || row->state == ESCROW_MILESTONE_REFUNDED) &&
           (row->state != ESCROW_MILESTONE_RELEASED || released || left_minor == 0) &&
           (row->state != ESCROW_MILESTONE_REFUNDED || refunded || gives_rest);
}

/* The gateway shows each as it is. */
static void check_shown(struct sim_check *check, const struct escrow *escrow,
                        struct sim_verdict *verdict)
{
    const struct gateway_view view_like = {.id = escrow->id};
    const struct gateway_view *view =
        sim_db_find(check->place->dbs[SIM_GATEWAY], &gateway_view_table, &view_like);
    struct gateway_milestone shown[GATEWAY_MILESTONES_MAX] = {{.amount_minor = 0}};
    struct str wanted = STR("");
    for (int64_t k = 1; k <= escrow->milestone_count; k++) {
        const struct escrow_milestone like = {.escrow_id = escrow->id, .number = k};
        const struct escrow_milestone *row =
            sim_db_find(check->place->dbs[SIM_ESCROW], &escrow_milestone_table, &like);
        if (!row) {
            FAIL("escrow %s has no milestone %" PRId64, check_text(escrow->id), k);
            return;
        }
        bool answers = row->state == ESCROW_MILESTONE_REJECTED;
        bool runs = escrow->state == ESCROW_DELIVERED || escrow->state == ESCROW_DELIVERY_REJECTED;
        shown[k - 1] = (struct gateway_milestone){
            .title = row->title,
            .amount_minor = row->price_minor,
            .state = (int)row->state,
            .inspection_ends_us = runs && !answers ? row->deadline_at_us : 0,
            .answer_ends_us = runs && answers ? row->deadline_at_us : 0,
        };
    }
    arena_reset(&check->arena);
    struct op op = {.arena = &check->arena};
    struct status st =
        gateway_out_milestones(&op, shown, (uint32_t)escrow->milestone_count, &wanted);
    if (status_failed(st) || !view || !str_eq(view->milestones, wanted)) {
        sim_verdict_fail(verdict, SIM_RULE_VIEWS, "escrow %s: its milestones are shown otherwise",
                         check_text(escrow->id));
    }
}

void check_milestone_rows(struct sim_check *check, struct sim_verdict *verdict)
{
    uint32_t cursor = 0;
    const struct escrow_milestone *row;
    while ((row = sim_db_next(check->place->dbs[SIM_ESCROW], &escrow_milestone_table, &cursor))) {
        const struct check_deal *deal = check_deal(check, row->escrow_id);
        if (!is_agreed(row, deal, sim_traffic_terms(check->traffic, row->escrow_id))) {
            FAIL("escrow %s: milestone %" PRId64 " in state %d is not what was agreed",
                 check_text(row->escrow_id), row->number, (int)row->state);
        }
    }
    cursor = 0;
    const struct escrow *escrow;
    while ((escrow = sim_db_next(check->place->dbs[SIM_ESCROW], &escrow_table, &cursor))) {
        check_shown(check, escrow, verdict);
    }
}
