/* Old effects in, look-ups and the objects found by them out. What is not said properly was not found. */
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

/* "/v1/payment_intents/pi_1/cancel" to "/v1/payment_intents/pi_1"; empty: it is none. */
static struct str path_of_canceled(struct str path)
{
    struct str end = STR("/cancel");
    if (path.len <= end.len || !str_eq(str_after(path, path.len - end.len), end)) {
        return STR("");
    }
    return (struct str){.ptr = path.ptr, .len = path.len - end.len};
}

/* False when the frozen request is not one of ours. */
static bool write_path(struct strbuf *path, const struct effect_row *effect,
                       const struct effects_request *frozen)
{
    char text[ID_TEXT_BYTES];
    struct str ref;
    switch ((enum payments_effect_kind)effect->kind) {
    case PAYMENTS_EFFECT_CREATE_INTENT:
        id_format(effect->subject, text);
        strbuf_addf(path,
                    "/v1/payment_intents/search?query=metadata%%5B%%27leg_id%%27%%5D%%3A%%27%s%%27",
                    text);
        return true;
    case PAYMENTS_EFFECT_CANCEL_INTENT:
        ref = path_of_canceled(frozen->path);
        strbuf_add(path, ref);
        return ref.len > 0;
    case PAYMENTS_EFFECT_CREATE_TRANSFER:
        id_format(effect->key, text);
        strbuf_addf(path, "/v1/transfers?limit=%d&transfer_group=%s", STRIPE_LOOK_MAX, text);
        return true;
    case PAYMENTS_EFFECT_CREATE_REFUND:
        ref = param(frozen->body, STR("payment_intent"));
        strbuf_addf(path, "/v1/refunds?limit=%d&payment_intent=" STR_FMT, STRIPE_LOOK_MAX,
                    STR_ARG(ref));
        return payments_stripe_event_is_id(ref);
    case PAYMENTS_EFFECT_NONE:
    case PAYMENTS_EFFECT_COUNT: break;
    }
    return false;
}

STATUS payments_stripe_look_request(struct op *op, const struct effect_row *effect,
                                    struct str *ret_request)
{
    struct effects_request frozen;
    struct effects_request request = {.method = EFFECTS_GET};
    struct strbuf path;
    TRY(effects_decode(op, effect->request, &frozen));
    strbuf_init(&path, op->arena, EFFECTS_PATH_MAX_BYTES);
    if (!write_path(&path, effect, &frozen) || !strbuf_finish(&path, &request.path)) {
        return op_fail(op, STATUS_BUG, "payments.look_up", "an effect of kind %d", effect->kind);
    }
    return effects_encode(op, &request, ret_request);
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
