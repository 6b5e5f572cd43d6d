/* Old effects and legs in, look-ups and the objects found by them out. What is not said properly was not found. */
#include "payments/payments_stripe_look.h"

#include "base/assert.h"
#include "effects/effects.h"
#include "payments/payments_decide.h"
#include "payments/payments_stripe_event.h"

/* ---- Asking ---- */

/* The value of a parameter that needs no decoding; empty: it is not there. */
static struct str param(struct str form, struct str name)
{
    struct str rest = form;
    while (rest.len > 0) {
        struct str item = rest;
        struct str tail = {0};
        struct str key;
        struct str value;
        if (!str_cut(rest, '&', &item, &tail)) {
            item = rest;
            tail = (struct str){0};
        }
        if (str_cut(item, '=', &key, &value) && str_eq(key, name)) {
            return value;
        }
        rest = tail;
    }
    return STR("");
}

/* "/v1/payment_intents/pi_1/cancel" to "pi_1"; empty: it is none. */
static struct str ref_of_canceled(struct str path)
{
    struct str start = STR("/v1/payment_intents/");
    struct str end = STR("/cancel");
    if (!str_has_prefix(path, start) || path.len <= start.len + end.len ||
        !str_eq(str_after(path, path.len - end.len), end)) {
        return STR("");
    }
    return (struct str){.ptr = path.ptr + start.len, .len = path.len - start.len - end.len};
}

static void write_object(struct strbuf *path, const struct payments_stripe_question *question)
{
    static const char *const folders[LEG_KIND_COUNT] = {
        [LEG_IN] = "payment_intents", [LEG_TRANSFER] = "transfers", [LEG_REFUND] = "refunds"};
    strbuf_addf(path, "/v1/%s/" STR_FMT, folders[question->kind], STR_ARG(question->object_ref));
}

/* By what we wrote into it, for its name is not known. */
static bool write_search(struct strbuf *path, const struct payments_stripe_question *question)
{
    char text[ID_TEXT_BYTES];
    switch (question->kind) {
    case LEG_IN:
        id_format(question->leg_id, text);
        strbuf_addf(path,
                    "/v1/payment_intents/search?query=metadata%%5B%%27leg_id%%27%%5D%%3A%%27%s%%27",
                    text);
        return true;
    case LEG_TRANSFER:
        id_format(question->escrow_id, text);
        strbuf_addf(path, "/v1/transfers?limit=%d&transfer_group=%s", STRIPE_LOOK_MAX, text);
        return true;
    case LEG_REFUND:
        strbuf_addf(path, "/v1/refunds?limit=%d&payment_intent=" STR_FMT, STRIPE_LOOK_MAX,
                    STR_ARG(question->intent_ref));
        return payments_stripe_event_is_id(question->intent_ref);
    case LEG_KIND_NONE:
    case LEG_KIND_COUNT: break;
    }
    return false;
}

STATUS payments_stripe_look_ask(struct op *op, const struct payments_stripe_question *question,
                                struct str *ret_request)
{
    struct effects_request request = {.method = EFFECTS_GET};
    struct strbuf path;
    bool sound = true;
    strbuf_init(&path, op->arena, EFFECTS_PATH_MAX_BYTES);
    if (question->object_ref.len > 0) {
        sound = payments_stripe_event_is_id(question->object_ref);
        write_object(&path, question);
    } else {
        sound = write_search(&path, question);
    }
    if (!sound || !strbuf_finish(&path, &request.path)) {
        return op_fail(op, STATUS_BUG, "payments.look_up", "a question about a leg of kind %d",
                       (int)question->kind);
    }
    return effects_encode(op, &request, ret_request);
}

STATUS payments_stripe_look_request(struct op *op, const struct effect_row *effect,
                                    struct str *ret_request)
{
    struct effects_request frozen;
    TRY(effects_decode(op, effect->request, &frozen));
    struct payments_stripe_question question = {.escrow_id = effect->key,
                                                .leg_id = effect->subject};
    switch ((enum payments_effect_kind)effect->kind) {
    case PAYMENTS_EFFECT_CREATE_INTENT: question.kind = LEG_IN; break;
    case PAYMENTS_EFFECT_CANCEL_INTENT:
        question.object_ref = ref_of_canceled(frozen.path);
        question.kind = question.object_ref.len > 0 ? LEG_IN : LEG_KIND_NONE;
        break;
    case PAYMENTS_EFFECT_CREATE_TRANSFER: question.kind = LEG_TRANSFER; break;
    case PAYMENTS_EFFECT_CREATE_REFUND:
        question.kind = LEG_REFUND;
        question.intent_ref = param(frozen.body, STR("payment_intent"));
        break;
    case PAYMENTS_EFFECT_LOOK_AT_INTENT:
    case PAYMENTS_EFFECT_LOOK_AT_TRANSFER:
    case PAYMENTS_EFFECT_LOOK_AT_REFUND:
        *ret_request = effect->request; /* it asks already, and changes nothing however old it is */
        return OK;
    case PAYMENTS_EFFECT_NONE:
    case PAYMENTS_EFFECT_COUNT: break;
    }
    return payments_stripe_look_ask(op, &question, ret_request);
}

/* ---- Reading ---- */

bool payments_stripe_look_is_list(const struct json_value *root)
{
    struct str kind;
    return json_text_at(root, "/object", &kind) &&
           (str_eq(kind, STR("list")) || str_eq(kind, STR("search_result")));
}

bool payments_stripe_look_is_ours(const struct json_value *object, const struct effect_row *effect,
                                  const char *object_name)
{
    struct str kind;
    struct str escrow;
    struct str leg;
    struct id escrow_id;
    struct id leg_id;
    return json_text_at(object, "/object", &kind) && str_eq(kind, str_of(object_name)) &&
           json_text_at(object, "/metadata/escrow_id", &escrow) && id_parse(escrow, &escrow_id) &&
           id_eq(escrow_id, effect->key) && json_text_at(object, "/metadata/leg_id", &leg) &&
           id_parse(leg, &leg_id) && id_eq(leg_id, effect->subject);
}

const struct json_value *payments_stripe_look_find(const struct json_value *list,
                                                   const struct effect_row *effect,
                                                   const char *object_name, bool *ret_certain)
{
    const struct json_value *data = json_at(list, "/data");
    const struct json_value *found = NULL;
    uint32_t count = 0;
    bool more = true;
    for (uint32_t i = 0; data->kind == JSON_KIND_ARRAY && i < data->count; i++) {
        if (payments_stripe_look_is_ours(&data->items[i], effect, object_name)) {
            found = &data->items[i];
            count++;
        }
    }
    bool whole = data->kind == JSON_KIND_ARRAY && json_bool_at(list, "/has_more", &more) && !more;
    *ret_certain = whole && count <= 1;
    return count == 1 ? found : NULL;
}
