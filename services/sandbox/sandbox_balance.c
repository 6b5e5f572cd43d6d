/* In: what happened. Out: lines, whose sum is the account's balance before fees. */
#include "sandbox/sandbox_balance.h"

/* What a card of the country costs at the real one: 2.9 % and 0.30. */
#define CARD_FEE_PER_MILLE 29
#define CARD_FEE_FIXED_MINOR 30

static bool add(struct sandbox_world *world, struct sandbox_line line)
{
    line.id = sandbox_world_new_id(&world->arena, "txn_", world->lines.count);
    struct sandbox_line *kept =
        line.id.ptr ? sandbox_shelf_add(&world->lines, &world->arena, sizeof(*kept)) : NULL;
    if (kept) {
        *kept = line;
    }
    return kept;
}

bool sandbox_balance_paid(struct sandbox_world *world, const struct sandbox_intent *intent,
                          int64_t now_s)
{
    int64_t fee_minor = intent->received_minor * CARD_FEE_PER_MILLE / 1000 + CARD_FEE_FIXED_MINOR;
    return add(world, (struct sandbox_line){.type = STR("charge"),
                                            .source = intent->charge_id,
                                            .amount_minor = intent->received_minor,
                                            .fee_minor = fee_minor,
                                            .currency = intent->received_currency,
                                            .created_s = now_s});
}

bool sandbox_balance_transferred(struct sandbox_world *world,
                                 const struct sandbox_transfer *transfer, int64_t now_s)
{
    return add(world, (struct sandbox_line){.type = STR("transfer"),
                                            .source = transfer->id,
                                            .amount_minor = -transfer->amount_minor,
                                            .currency = transfer->currency,
                                            .created_s = now_s});
}

bool sandbox_balance_refunded(struct sandbox_world *world, const struct sandbox_refund *refund,
                              int64_t now_s)
{
    return add(world, (struct sandbox_line){.type = STR("refund"),
                                            .source = refund->id,
                                            .amount_minor = -refund->amount_minor,
                                            .currency = refund->currency,
                                            .created_s = now_s});
}

bool sandbox_balance_came_back(struct sandbox_world *world, const struct sandbox_refund *refund,
                               int64_t now_s)
{
    return add(world, (struct sandbox_line){.type = STR("refund_failure"),
                                            .source = refund->id,
                                            .amount_minor = refund->amount_minor,
                                            .currency = refund->currency,
                                            .created_s = now_s});
}

bool sandbox_balance_invent(struct sandbox_world *world, struct str type, int64_t amount_minor,
                            int64_t now_s)
{
    return add(world, (struct sandbox_line){.type = type,
                                            .source = STR(""),
                                            .amount_minor = amount_minor,
                                            .currency = STR("usd"),
                                            .created_s = now_s});
}

static struct str escrow_of(const struct sandbox_world *world, struct str source)
{
    struct str name = STR("escrow_id");
    const struct sandbox_intent *intent = sandbox_world_intent_of_charge(world, source);
    const struct sandbox_transfer *transfer = sandbox_world_transfer(world, source);
    const struct sandbox_refund *refund = sandbox_world_refund(world, source);
    if (intent) {
        return sandbox_metadata_get(&intent->metadata, name);
    }
    if (transfer) {
        return sandbox_metadata_get(&transfer->metadata, name);
    }
    return refund ? sandbox_metadata_get(&refund->metadata, name) : STR("");
}

struct sandbox_line *sandbox_balance_find(const struct sandbox_world *world, struct str type,
                                          struct str escrow_id, bool lost)
{
    for (uint32_t i = world->lines.count; i > 0; i--) {
        struct sandbox_line *line = sandbox_shelf_at(&world->lines, sizeof(*line), i - 1);
        if (line->lost == lost && str_eq(line->type, type) &&
            str_eq(escrow_of(world, line->source), escrow_id)) {
            return line;
        }
    }
    return NULL;
}
