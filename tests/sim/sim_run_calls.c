/*
 * Calls to the provider that are too old to be repeated, and that it does not tell of: the operator does what
 * docs/operations.md says. He looks at the provider's books, two people agree, and the call is settled. Never while
 * anything is still on its way there.
 */
#include "payments/payments_decide.h"
#include "sim_run_internal.h"

#define SETTLE_AGE_US (INT64_C(21) * 3600 * 1000000)

static bool is_asked_for(const struct sim_db *db, struct id effect_id)
{
    uint32_t cursor = 0;
    const struct admin_request_row *request;
    while ((request = sim_db_next(db, &engine_admin_request_table, &cursor))) {
        if (request->kind == ADMIN_SETTLE && id_eq(request->key, effect_id)) {
            return true;
        }
    }
    return false;
}

/* By the provider's books: made for the leg of the call, or not. */
static bool was_made(struct sim_run *run, const struct effect_row *effect)
{
    uint32_t count = sim_stripe_count(run->stripe);
    for (uint32_t i = 0; i < count; i++) {
        const struct sim_stripe_object *object = sim_stripe_object(run->stripe, i);
        if (object->kind != SIM_STRIPE_INTENT && id_eq(object->leg_id, effect->subject)) {
            return true;
        }
    }
    return false;
}

static void settle(struct sim_run *run, struct sim_db *db, const struct effect_row *effect)
{
    struct hash content = hash_of(effect->request);
    sim_trace_line(&run->trace, run->world, NULL, "two people say that a call did not happen");
    sim_run_ask(run, db,
                &(struct admin_request_row){
                    .lane = effect->lane,
                    .kind = ADMIN_SETTLE,
                    .key = effect->id,
                    .verdict = ENGINE_VERDICT_FAILED,
                    .content = {.ptr = (const char *)content.bytes, .len = sizeof(content.bytes)},
                    .reason = STR("not in its books"),
                });
}

uint32_t sim_run_settle_calls(struct sim_run *run)
{
    struct sim_db *db = run->place.dbs[SIM_PAYMENTS];
    uint32_t asked = 0;
    uint32_t cursor = 0;
    const struct effect_row *effect;
    if (sim_stripe_counts(run->stripe).waiting > 0) {
        return 0;
    }
    while ((effect = sim_db_next(db, &engine_effect_table, &cursor))) {
        bool out = effect->kind == PAYMENTS_EFFECT_CREATE_TRANSFER ||
                   effect->kind == PAYMENTS_EFFECT_CREATE_REFUND;
        bool old = sim_db_decision_us(db) - effect->caused_at_us > SETTLE_AGE_US;
        if (effect->open && out && old &&
            str_eq(effect->last_answer, STR("not_found_at_provider")) && !was_made(run, effect) &&
            !is_asked_for(db, effect->id)) {
            settle(run, db, effect);
            asked++;
        }
    }
    return asked;
}
