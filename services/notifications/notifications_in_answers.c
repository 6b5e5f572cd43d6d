/* Answers in, settled deliveries and the next call out. */
#include "notifications/notifications_in_answers.h"

#include "base/assert.h"
#include "notifications/notifications_act.h"
#include "obs/log.h"

enum engine_verdict notifications_in_answers_judge(struct op *op, const struct effect_row *effect,
                                                   const struct caller_answer *answer,
                                                   struct str *ret_code)
{
    struct discord_fact fact;
    enum engine_verdict verdict = notifications_discord_judge(op, answer, &fact, ret_code);
    if (str_eq(*ret_code, STR(DISCORD_CODE_REFUSES_US)) && /* nobody is told anything any more */
        !str_eq(effect->last_answer, *ret_code)) {         /* said once of each call */
        log_error(op, "notifications.refused", LOG_ID("user_id", effect->key),
                  LOG_ID("effect_id", effect->id), LOG_I64("http_status", answer->http_status));
    }
    return verdict;
}

bool notifications_in_answers_still_wanted(const struct effect_row *effect, const void *aggregate,
                                           struct str *ret_code)
{
    *ret_code = STR(DISCORD_CODE_RELINKED);
    enum asking asking = effect->kind == DISCORD_CALL_CHANNEL ? ASKING_CHANNEL : ASKING_MESSAGE;
    return aggregate && notifications_decide_still_wanted(aggregate, asking, effect->subject);
}

/* The same answer, judged again, says the same; what was given up was not answered. */
static STATUS read_fact(struct op *op, const struct caller_answer *answer,
                        enum engine_verdict verdict, struct discord_fact *ret_fact)
{
    struct str code;
    if (answer->outcome == CALLER_GIVEN_UP) {
        bool relinked = str_eq(answer->body, STR(DISCORD_CODE_RELINKED));
        *ret_fact =
            (struct discord_fact){.kind = relinked ? DISCORD_FACT_RELINKED : DISCORD_FACT_EXPIRED,
                                  .ref = STR(""),
                                  .code = STR("")};
        return OK;
    }
    if (notifications_discord_judge(op, answer, ret_fact, &code) != verdict) {
        return op_fail(op, STATUS_BUG, "notifications.answer_uncertain",
                       "judged as certain before, now " STR_FMT, STR_ARG(code));
    }
    return OK;
}

STATUS notifications_in_answers_decide(struct engine_turn *turn, const struct effect_row *effect,
                                       enum engine_verdict verdict,
                                       const struct caller_answer *answer)
{
    ASSERT(verdict == ENGINE_VERDICT_DONE || verdict == ENGINE_VERDICT_FAILED);
    struct op *op = engine_op(turn);
    struct discord_fact fact;
    struct inbox *inbox;
    TRY(read_fact(op, answer, verdict, &fact));
    TRY(notifications_act_load(turn, &inbox));
    switch ((enum discord_call)effect->kind) {
    case DISCORD_CALL_CHANNEL:
        notifications_decide_opened(inbox, effect->subject, &fact, op->now_us);
        return notifications_act_keep(turn, inbox);
    case DISCORD_CALL_MESSAGE:
        notifications_decide_written(inbox, effect->subject, &fact, op->now_us);
        return notifications_act_keep(turn, inbox);
    case DISCORD_CALL_NONE:
    case DISCORD_CALL_COUNT: break;
    }
    UNREACHABLE("a call has a kind");
}
