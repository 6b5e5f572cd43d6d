/*
 * What on-call sees of messages that are put aside. In: the items of a batch that is committed. Out: a line for the first
 * message that holds up its key, a count by reason for each. A reason is one of our own words, never input.
 */
#include "base/assert.h"
#include "engine/engine_internal.h"
#include "obs/log.h"

#define BEHIND STR("engine.behind")

/* Shown from the first scrape on, so that the first message is seen as an increase. */
static const char *const own_reasons[] = {"engine.behind",
                                          "engine.input_too_large",
                                          "engine.key_differs",
                                          "engine.kills_process",
                                          "engine.no_key",
                                          "engine.restoring",
                                          "engine.same_id_other_content"};
_Static_assert(ARRAY_LEN(own_reasons) < ENGINE_ASIDE_MAX,
               "there is room for codes, and the last place");

void engine_aside_init(struct engine_stats *stats)
{
    for (size_t i = 0; i < ARRAY_LEN(own_reasons); i++) {
        atomic_store(&stats->aside[i].reason, own_reasons[i]);
    }
    atomic_store(&stats->aside[ENGINE_ASIDE_MAX - 1].reason, "other");
}

static void count(struct engine_stats *stats, struct str reason)
{
    uint32_t at = 0;
    for (; at < ENGINE_ASIDE_MAX - 1; at++) {
        const char *there = atomic_load(&stats->aside[at].reason);
        if (!there) {
            atomic_store(&stats->aside[at].reason, reason.ptr);
            break;
        }
        if (str_eq(str_of(there), reason)) {
            break;
        }
    }
    atomic_fetch_add(&stats->aside[at].count, 1);
}

/* What only came before its creation, or is decided again after a restore, goes on by itself. */
static bool needs_a_person(const struct engine_item *item)
{
    bool early = item->missing && !(item->handler && item->handler->never_early);
    return item->fate != ENGINE_FATE_BEHIND && !early && !str_eq(item->reason, ENGINE_RESTORING);
}

static void tell(const struct engine *engine, const struct engine_item *item)
{
    /* Not of the record, which is released already. */
    const char *topic = item->kind == ENGINE_ITEM_RECORD
                            ? topology_topics[item->handler->topic].name
                            : ""; /* an answer or a timer */
    log_error(&engine->op, "engine.put_aside", LOG_STR("engine_service", engine->service->name),
              LOG_I64("lane", item->lane), LOG_TEXT("topic", topic), LOG_ID("key", item->key),
              LOG_ID("message_id", item->message.id), LOG_STR("code", item->reason));
}

void engine_aside_note(struct engine *engine, const struct engine_item *item)
{
    switch (item->fate) {
    case ENGINE_FATE_DECIDE:
    case ENGINE_FATE_IGNORE:
    case ENGINE_FATE_NOT_YET: return;
    case ENGINE_FATE_BEHIND:
    case ENGINE_FATE_PARK:
    case ENGINE_FATE_QUARANTINE: break;
    }
    count(&engine->stats, item->reason.len > 0 ? item->reason : BEHIND);
    if (needs_a_person(item)) {
        tell(engine, item);
    }
}
