/* In: objects of the world. Out: JSON of the provider's form, text escaped, never cut. */
#include "sandbox/sandbox_render.h"

#include "base/assert.h"

#define MESSAGE_MAX_BYTES 1024

static void text_or_null(struct json_writer *json, const char *name, struct str value)
{
    if (value.len > 0) {
        json_write_str(json, name, value);
    } else {
        json_write_null(json, name);
    }
}

struct str sandbox_intent_state_name(enum sandbox_intent_state state)
{
    switch (state) {
    case SANDBOX_INTENT_NONE: return STR("");
    case SANDBOX_INTENT_REQUIRES_PAYMENT_METHOD: return STR("requires_payment_method");
    case SANDBOX_INTENT_SUCCEEDED: return STR("succeeded");
    case SANDBOX_INTENT_CANCELED: return STR("canceled");
    case SANDBOX_INTENT_STATE_COUNT: break;
    }
    UNREACHABLE("intent state");
}

static void add_metadata(struct json_writer *json, const struct sandbox_metadata *metadata)
{
    json_write_object(json, "metadata");
    for (uint32_t i = 0; i < metadata->count; i++) {
        /* Names were checked and are NUL-terminated copies. */
        json_write_str(json, metadata->pairs[i].name.ptr, metadata->pairs[i].value);
    }
    json_write_end(json);
}

static void add_head(struct json_writer *json, const char *name, struct str id, const char *object)
{
    json_write_object(json, name);
    json_write_str(json, "id", id);
    json_write_str(json, "object", str_of(object));
    json_write_bool(json, "livemode", false);
}

void sandbox_render_intent(struct json_writer *json, const char *name,
                           const struct sandbox_intent *intent)
{
    bool paid = intent->state == SANDBOX_INTENT_SUCCEEDED;
    add_head(json, name, intent->id, "payment_intent");
    json_write_i64(json, "amount", intent->amount_minor);
    json_write_i64(json, "amount_received", intent->received_minor);
    json_write_str(json, "client_secret", intent->client_secret);
    json_write_i64(json, "created", intent->created_s);
    json_write_str(json, "currency", paid ? intent->received_currency : intent->currency);
    text_or_null(json, "description", intent->description);
    if (intent->decline_code.len > 0) {
        json_write_object(json, "last_payment_error");
        json_write_str(json, "type", STR("card_error"));
        json_write_str(json, "code", STR("card_declined"));
        json_write_str(json, "decline_code", intent->decline_code);
        json_write_str(json, "message", STR("Your card was declined."));
        json_write_end(json);
    } else {
        json_write_null(json, "last_payment_error");
    }
    text_or_null(json, "latest_charge", paid ? intent->charge_id : STR(""));
    add_metadata(json, &intent->metadata);
    json_write_str(json, "status", sandbox_intent_state_name(intent->state));
    text_or_null(json, "transfer_group", intent->transfer_group);
    json_write_end(json);
}

void sandbox_render_charge(struct json_writer *json, const char *name,
                           const struct sandbox_intent *intent)
{
    add_head(json, name, intent->charge_id, "charge");
    json_write_i64(json, "amount", intent->received_minor);
    json_write_i64(json, "amount_captured", intent->received_minor);
    json_write_i64(json, "amount_refunded", intent->refunded_minor);
    json_write_i64(json, "created", intent->created_s);
    json_write_str(json, "currency", intent->received_currency);
    add_metadata(json, &intent->metadata);
    json_write_bool(json, "paid", true);
    json_write_str(json, "payment_intent", intent->id);
    json_write_bool(json, "refunded", intent->refunded_minor == intent->received_minor);
    json_write_str(json, "status", STR("succeeded"));
    text_or_null(json, "transfer_group", intent->transfer_group);
    json_write_end(json);
}

void sandbox_render_transfer(struct json_writer *json, const char *name,
                             const struct sandbox_transfer *transfer)
{
    add_head(json, name, transfer->id, "transfer");
    json_write_i64(json, "amount", transfer->amount_minor);
    json_write_i64(json, "amount_reversed", 0);
    json_write_i64(json, "created", transfer->created_s);
    json_write_str(json, "currency", transfer->currency);
    text_or_null(json, "description", transfer->description);
    json_write_str(json, "destination", transfer->destination);
    add_metadata(json, &transfer->metadata);
    json_write_bool(json, "reversed", false);
    text_or_null(json, "source_transaction", transfer->source_transaction);
    text_or_null(json, "transfer_group", transfer->transfer_group);
    json_write_end(json);
}

void sandbox_render_refund(struct json_writer *json, const char *name,
                           const struct sandbox_refund *refund)
{
    add_head(json, name, refund->id, "refund");
    json_write_i64(json, "amount", refund->amount_minor);
    json_write_str(json, "charge", refund->charge_id);
    json_write_i64(json, "created", refund->created_s);
    json_write_str(json, "currency", refund->currency);
    bool failed = refund->failure_reason.len > 0;
    if (failed) {
        json_write_str(json, "failure_reason", refund->failure_reason);
    }
    add_metadata(json, &refund->metadata);
    json_write_str(json, "payment_intent", refund->intent_id);
    text_or_null(json, "reason", refund->reason);
    json_write_str(json, "status", failed ? STR("failed") : STR("succeeded"));
    json_write_end(json);
}

void sandbox_render_error(struct json_writer *json, struct sandbox_refusal refusal)
{
    ASSERT(refusal.error > SANDBOX_ERROR_NONE);
    const struct sandbox_error_row *row = &sandbox_errors[refusal.error];
    json_write_object(json, NULL);
    json_write_object(json, "error");
    json_write_str(json, "type", str_of(row->type));
    if (row->code) {
        json_write_str(json, "code", str_of(row->code));
    }
    struct strbuf message;
    struct str text = STR("");
    strbuf_init(&message, json->buf.arena, MESSAGE_MAX_BYTES);
    strbuf_addf(&message, "%s%s" STR_FMT, row->sentence, refusal.about.len > 0 ? ": " : ".",
                STR_ARG(refusal.about));
    json_write_str(json, "message", strbuf_finish(&message, &text) ? text : str_of(row->sentence));
    if (refusal.intent) {
        sandbox_render_intent(json, "payment_intent", refusal.intent);
    }
    json_write_end(json);
    json_write_end(json);
}
