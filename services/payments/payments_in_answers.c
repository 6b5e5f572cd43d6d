/* Answers in, decisions out. */
#include "payments/payments_in_answers.h"

#include "base/assert.h"
#include "base/defer.h"
#include "obs/log.h"
#include "payments/payments_act.h"
#include "payments/payments_rail.h"
#include "payments/payments_stripe_event.h"

static bool calls_a_person(struct str code)
{
    static const char *const codes[] = {
        RAIL_CODE_REFUSES_US,   RAIL_CODE_KEY_REUSED, RAIL_CODE_NOT_OURS, RAIL_CODE_BROKE,
        RAIL_CODE_NOT_CANCELED, RAIL_CODE_BEING_PAID, RAIL_CODE_NOT_TOLD};
    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        if (str_eq(code, str_of(codes[i]))) {
            return true;
        }
    }
    return false;
}

enum engine_verdict payments_in_answers_judge(struct op *op, const struct effect_row *effect,
                                              const struct caller_answer *answer,
                                              struct str *ret_code)
{
    enum engine_verdict verdict =
        payments_rail_of_effect(effect->kind)->judge(op, effect, answer, ret_code);
    /* A certain answer is told of when its decision is committed; this one when it is another than the attempt before
     * had, for the call is repeated until somebody has mended what it tells. */
    if (verdict == ENGINE_VERDICT_UNKNOWN && calls_a_person(*ret_code) &&
        !str_eq(effect->last_answer, *ret_code)) {
        log_error(op, "payments.alarm", LOG_STR("code", *ret_code),
                  LOG_ID("escrow_id", effect->key), LOG_ID("effect_id", effect->id),
                  LOG_I64("http_status", answer->http_status));
    }
    return verdict;
}

STATUS payments_in_answers_look_up(struct op *op, const struct effect_row *effect,
                                   struct str *ret_request)
{
    return payments_rail_of_effect(effect->kind)->look_up(op, effect, ret_request);
}

static bool is_question(const struct effect_row *effect)
{
    enum payments_effect_kind kind = payments_rail_operation(effect->kind);
    return kind == PAYMENTS_EFFECT_LOOK_AT_INTENT || kind == PAYMENTS_EFFECT_LOOK_AT_TRANSFER ||
           kind == PAYMENTS_EFFECT_LOOK_AT_REFUND;
}

/*
 * What a question found goes the way of what a webhook tells: a record of our own, so that after a restore it is among
 * what is read again, and decided like one. Only what would change something; what cannot be true is told to a person.
 */
static struct status post_found(struct engine_turn *turn, const struct effect_row *effect,
                                const struct payments_view *view,
                                const struct payments_signal *signal)
{
    struct op *op = engine_op(turn);
    struct payments_fact fact = payments_rail_of_effect(effect->kind)->fact(signal);
    struct payments_decision would = payments_decide_fact(view, effect->subject, &fact, op->now_us);
    if (would.verdict == PAYMENTS_BROKEN) {
        return payments_act_alarm(turn, engine_cause(turn), str_of(would.code));
    }
    if (would.verdict == PAYMENTS_NOTHING) {
        return OK;
    }
    struct str payload;
    struct hash content;
    struct id id = engine_next_id(turn);
    TRY(payments_signal_pack(op, id, signal, &payload, &content));
    /* After a restore the same question may be answered otherwise, and the first answer be in the log: another record. */
    id = id_v5(id, (struct str){.ptr = (const char *)content.bytes, .len = sizeof(content.bytes)});
    TRY(payments_signal_pack(op, id, signal, &payload, &content));
    return engine_post(turn, TOPIC_PAYMENTS_SIGNALS_V1, id, payments_signal_type(), effect->key,
                       payload);
}

static struct status decide_looked(struct engine_turn *turn, const struct effect_row *effect,
                                   const struct caller_answer *answer)
{
    struct payments_view view;
    struct payments_signal signal;
    bool told = false;
    TRY(payments_act_view(turn, &view));
    if (answer->outcome != CALLER_GIVEN_UP) {
        TRY(payments_rail_of_effect(effect->kind)
                ->hear(engine_op(turn), effect, answer, &signal, &told));
    }
    TRY(told && view.payment ? post_found(turn, effect, &view, &signal) : OK);
    if (calls_a_person(effect->last_answer)) {
        TRY(payments_act_alarm(turn, engine_cause(turn), effect->last_answer));
    }
    struct payments_decision decision =
        payments_decide_looked(&view, effect->subject, engine_op(turn)->now_us);
    return payments_act(turn, engine_cause(turn), &decision);
}

static struct status decide_fact(struct engine_turn *turn, const struct effect_row *effect,
                                 const struct payments_fact *fact)
{
    struct payments_view view;
    TRY(payments_act_view(turn, &view));
    if (!view.payment) {
        return op_fail(engine_op(turn), STATUS_BUG, "payments.no_payment",
                       "an answer about a payment that is not there");
    }
    struct payments_decision decision =
        payments_decide_fact(&view, effect->subject, fact, engine_op(turn)->now_us);
    return payments_act(turn, engine_cause(turn), &decision);
}

/*
 * What two people said of a request that is too old to be repeated: `body` is the code, or what the provider calls what it
 * made. An intent is never said to be made: its secret, which the buyer needs, is in the provider's answer alone.
 */
static struct status decide_settled(struct engine_turn *turn, const struct effect_row *effect,
                                    enum engine_verdict verdict, struct str body)
{
    bool done = verdict == ENGINE_VERDICT_DONE;
    struct payments_view view;
    TRY(payments_act_view(turn, &view));
    const struct leg *leg = payments_decide_leg(&view, effect->subject);
    enum payments_effect_kind kind = payments_rail_operation(effect->kind);
    bool out = kind == PAYMENTS_EFFECT_CREATE_TRANSFER || kind == PAYMENTS_EFFECT_CREATE_REFUND;
    if (!leg || (done && (!out || !payments_stripe_event_is_id(body)))) {
        return op_fail(engine_op(turn), STATUS_INVALID, "payments.not_to_be_settled",
                       "only transfers and refunds are said to be done, by the provider's id");
    }
    if (kind == PAYMENTS_EFFECT_CANCEL_INTENT) {
        return OK; /* nobody waits for it */
    }
    const struct payments_fact fact = {
        .kind = done ? PAYMENTS_FACT_SUCCEEDED : PAYMENTS_FACT_FAILED,
        .about = leg->kind,
        .provider_ref = done ? body : STR(""),
        .failure_code = done ? STR("") : body,
        .amount_minor = done ? leg->amount_minor : 0,
        .currency = done ? currency_name(leg->currency) : STR(""),
    };
    return decide_fact(turn, effect, &fact);
}

STATUS payments_in_answers_decide(struct engine_turn *turn, const struct effect_row *effect,
                                  enum engine_verdict verdict, const struct caller_answer *answer)
{
    ASSERT(verdict == ENGINE_VERDICT_DONE || verdict == ENGINE_VERDICT_FAILED);
    struct payments_fact fact;
    bool told = false;
    if (is_question(effect)) {
        return decide_looked(turn, effect, answer);
    }
    if (answer->outcome == CALLER_GIVEN_UP) {
        return decide_settled(turn, effect, verdict, answer->body);
    }
    TRY(payments_rail_of_effect(effect->kind)->read(engine_op(turn), effect, answer, &fact, &told));
    if (calls_a_person(effect->last_answer)) {
        TRY(payments_act_alarm(turn, engine_cause(turn), effect->last_answer));
    }
    return told ? decide_fact(turn, effect, &fact) : OK;
}
