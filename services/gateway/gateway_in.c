/* Where the read model meets the engine. In: decoded news. Out: rows of escrow_view and timeline. */
#include "gateway/gateway_in.h"

#include <inttypes.h>

#include "base/assert.h"
#include "gateway/gateway_evidence.h"
#include "gateway/gateway_repo.h"

static struct status append_entry(struct engine_turn *turn, const struct engine_message *message,
                                  const struct gateway_news *news)
{
    struct gateway_entry entry = {
        .escrow_id = message->key,
        .seq = news->told.seq,
        .type = news->type,
        .state = news->told.state,
        .amount_minor = news->amount_minor,
        .milestone = news->milestone,
        .note = news->note,
        .actor_kind = (int)message->actor.kind,
        .actor_id = message->actor.id,
        .at_us = message->committed_at_us,
    };
    return engine_append(turn, &gateway_entry_table, &entry);
}

static struct status append_evidence(struct engine_turn *turn, const struct engine_message *message,
                                     const struct gateway_news *news)
{
    struct gateway_evidence evidence = news->evidence;
    evidence.escrow_id = message->key;
    evidence.seq = news->told.seq;
    evidence.submitted_by = message->actor.id;
    evidence.at_us = message->committed_at_us;
    return engine_append(turn, &gateway_evidence_table, &evidence);
}

static struct status store(struct engine_turn *turn, const struct engine_message *message,
                           const struct gateway_news *news, const struct gateway_view *next)
{
    struct gateway_view *now = engine_aggregate(turn);
    if (now) {
        *now = *next;
        engine_changed(turn);
    } else {
        void *row = NULL;
        TRY(engine_create(turn, next, &row));
    }
    if (news->has_evidence) {
        TRY(append_evidence(turn, message, news));
    }
    return news->kind == GATEWAY_NEWS_PAYMENT ? OK : append_entry(turn, message, news);
}

STATUS gateway_in_decide(struct engine_turn *turn, const struct engine_message *message)
{
    struct op *op = engine_op(turn);
    const struct gateway_news *news = message->body;
    struct gateway_view next;
    enum gateway_verdict verdict =
        gateway_decide(engine_aggregate(turn), news, message->key, message->committed_at_us, &next);
    switch (verdict) {
    case GATEWAY_UNCHANGED: return OK;
    case GATEWAY_STORE: return store(turn, message, news, &next);
    case GATEWAY_MISSING:
        return op_fail(op, STATUS_NOT_FOUND, "gateway.missing", "seq %" PRId64, news->told.seq);
    case GATEWAY_GAP: return op_fail(op, STATUS_BUG, "gateway.gap", "seq %" PRId64, news->told.seq);
    case GATEWAY_VERDICT_NONE:
    case GATEWAY_VERDICT_COUNT: break;
    }
    UNREACHABLE("gateway verdict");
}
