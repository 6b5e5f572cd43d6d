/* Whether somebody finds out what nothing was heard of: at the end, and before it is called the end. */
#include "engine/engine_tables.h"
#include "payments/payments_act.h"
#include "payments/payments_repo.h"
#include "sim_check_internal.h"

static bool is_settled(const struct leg *leg)
{
    return leg->state != LEG_ASKED && leg->state != LEG_OPEN;
}

/* The deal's news wait for a person, who is told so elsewhere. */
static bool waits_for_person(struct sim_check *check, struct id escrow_id)
{
    const struct parked_key_row like = {.key = escrow_id};
    return check_is_stuck(check, escrow_id) ||
           sim_db_find(check->place->dbs[SIM_PAYMENTS], &engine_parked_key_table, &like) != NULL;
}

static bool is_asked_about(struct sim_db *payments, const struct leg *leg)
{
    uint32_t cursor = 0;
    const struct effect_row *effect;
    while ((effect = sim_db_next(payments, &engine_effect_table, &cursor))) {
        if (effect->open && effect->kind >= PAYMENTS_EFFECT_LOOK_AT_INTENT &&
            id_eq(effect->subject, leg->id)) {
            return true;
        }
    }
    return false;
}

static bool will_be_asked_about(struct sim_db *payments, const struct leg *leg)
{
    const struct timer_row like = {.key = leg->escrow_id, .kind = PAYMENTS_TIMER_LOOK};
    const struct timer_row *timer = sim_db_find(payments, &engine_timer_table, &like);
    return leg->look_at_us > 0 && timer && timer->open && timer->due_at_us <= leg->look_at_us;
}

void check_looks(struct sim_check *check, struct sim_verdict *verdict)
{
    struct sim_db *payments = check->place->dbs[SIM_PAYMENTS];
    uint32_t cursor = 0;
    const struct leg *leg;
    while ((leg = sim_db_next(payments, &payments_repo_leg, &cursor))) {
        bool looked = is_asked_about(payments, leg) || will_be_asked_about(payments, leg);
        bool right = is_settled(leg) ? leg->look_at_us == 0
                                     : looked || waits_for_person(check, leg->escrow_id);
        if (!right) {
            sim_verdict_fail(verdict, SIM_RULE_LOOKS, "leg %s of kind %d in state %d: %s",
                             check_text(leg->id), (int)leg->kind, (int)leg->state,
                             is_settled(leg) ? "is still looked at" : "nobody looks at it");
        }
    }
}

/* The provider is through with what the leg asked for; or an intent can be paid that was to be canceled, for its charge
 * stood in the way and has failed. */
static bool is_over_there(const struct sim_check *check, const struct leg *leg)
{
    const struct payment like = {.escrow_id = leg->escrow_id};
    const struct payment *payment =
        sim_db_find(check->place->dbs[SIM_PAYMENTS], &payments_repo_payment, &like);
    bool canceled = payment && payment->cancel_wanted && leg->kind == LEG_IN;
    for (uint32_t i = 0; i < sim_stripe_count(check->stripe); i++) {
        const struct sim_stripe_object *object = sim_stripe_object(check->stripe, i);
        bool over = object->state != SIM_STRIPE_OPEN && object->state != SIM_STRIPE_PROCESSING;
        if (id_eq(object->leg_id, leg->id) && (over || canceled)) {
            return true;
        }
    }
    return false;
}

bool check_is_unheard(struct sim_check *check)
{
    uint32_t cursor = 0;
    const struct leg *leg;
    while ((leg = sim_db_next(check->place->dbs[SIM_PAYMENTS], &payments_repo_leg, &cursor))) {
        if (!is_settled(leg) && is_over_there(check, leg) &&
            !waits_for_person(check, leg->escrow_id)) {
            return true;
        }
    }
    return false;
}
