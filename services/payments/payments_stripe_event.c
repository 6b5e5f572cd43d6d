/* A signed body in, an event in our words out. What it does not say properly is not guessed. */
#include "payments/payments_stripe_event.h"

#include "base/defer.h"
#include "json/json_read.h"
#include "payments/payments_signal.h"

/* The objects that our legs are at the provider, and where they say how much moved. */
struct stripe_object {
    const char *prefix; /* of the event types */
    const char *object;
    const char *amount;
    enum leg_kind leg;
};

static const struct stripe_object stripe_objects[] = {
    {"payment_intent.", "payment_intent", STRIPE_RECEIVED, LEG_IN},
    {"transfer.", "transfer", "/amount", LEG_TRANSFER},
    {"refund.", "refund", "/amount", LEG_REFUND},
    {"charge.refund.updated", "refund", "/amount", LEG_REFUND},
};

struct stripe_meaning {
    const char *type;
    const char *state; /* of the object; NULL: any */
    enum payments_fact_kind fact;
};

/* A type that is neither here nor among the alarming ones is ignored. */
static const struct stripe_meaning stripe_meanings[] = {
    {"payment_intent.created", NULL, PAYMENTS_FACT_EXISTS},
    {"payment_intent.processing", NULL, PAYMENTS_FACT_EXISTS},
    {"payment_intent.requires_action", NULL, PAYMENTS_FACT_EXISTS},
    {"payment_intent.payment_failed", NULL, PAYMENTS_FACT_DECLINED},
    {"payment_intent.succeeded", NULL, PAYMENTS_FACT_SUCCEEDED},
    {"payment_intent.canceled", NULL, PAYMENTS_FACT_CANCELED},
    {"transfer.created", NULL, PAYMENTS_FACT_SUCCEEDED},
    {"refund.created", "pending", PAYMENTS_FACT_EXISTS},
    {"refund.created", "requires_action", PAYMENTS_FACT_EXISTS},
    {"refund.created", "succeeded", PAYMENTS_FACT_SUCCEEDED},
    {"refund.created", "failed", PAYMENTS_FACT_FAILED},
    {"refund.created", "canceled", PAYMENTS_FACT_CANCELED},
    {"refund.updated", "pending", PAYMENTS_FACT_EXISTS},
    {"refund.updated", "requires_action", PAYMENTS_FACT_EXISTS},
    {"refund.updated", "succeeded", PAYMENTS_FACT_SUCCEEDED},
    {"refund.updated", "failed", PAYMENTS_FACT_FAILED},
    {"refund.updated", "canceled", PAYMENTS_FACT_CANCELED},
    {"refund.failed", NULL, PAYMENTS_FACT_FAILED},
    {"charge.refund.updated", "succeeded", PAYMENTS_FACT_SUCCEEDED},
    {"charge.refund.updated", "failed", PAYMENTS_FACT_FAILED},
    {"charge.refund.updated", "canceled", PAYMENTS_FACT_CANCELED},
};

/*
 * Money that moved without us: a transfer reversed in the provider's dashboard, a buyer who disputes
 * a charge at the bank. No leg can take it and no decision follows; it is kept and a person is told.
 */
static const char *const alarming_prefixes[] = {"transfer.reversed", "charge.dispute."};

static bool is_alarming(struct str type)
{
    for (size_t i = 0; i < ARRAY_LEN(alarming_prefixes); i++) {
        if (str_has_prefix(type, str_of(alarming_prefixes[i]))) {
            return true;
        }
    }
    return false;
}

enum payments_fact_kind payments_stripe_event_fact(struct str type, struct str object_state)
{
    for (size_t i = 0; i < ARRAY_LEN(stripe_meanings); i++) {
        const struct stripe_meaning *row = &stripe_meanings[i];
        if (str_eq(type, str_of(row->type)) &&
            (!row->state || str_eq(object_state, str_of(row->state)))) {
            return row->fact;
        }
    }
    return PAYMENTS_FACT_NONE;
}

static bool is_word(struct str s, size_t max_bytes, struct str signs)
{
    if (s.len == 0 || s.len > max_bytes) {
        return false;
    }
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        bool digit = c >= '0' && c <= '9';
        bool sign = false;
        for (size_t j = 0; j < signs.len; j++) {
            sign = sign || c == signs.ptr[j];
        }
        if (!letter && !digit && !sign) {
            return false;
        }
    }
    return true;
}

bool payments_stripe_event_is_id(struct str id)
{
    return is_word(id, STRIPE_ID_MAX_BYTES, STR("_-"));
}

struct str payments_stripe_event_code(struct str code)
{
    return is_word(code, STRIPE_CODE_MAX_BYTES, STR("_")) ? code : STR("provider_error");
}

bool payments_stripe_event_currency(struct arena *arena, struct str lower, struct str *ret_upper)
{
    if (lower.len != 3) {
        return false;
    }
    char *upper = arena_alloc(arena, 4, 1);
    for (size_t i = 0; upper && i < lower.len; i++) {
        if (lower.ptr[i] < 'a' || lower.ptr[i] > 'z') {
            return false;
        }
        upper[i] = (char)(lower.ptr[i] - 'a' + 'A');
    }
    if (!upper) {
        return false;
    }
    *ret_upper = (struct str){.ptr = upper, .len = lower.len};
    return true;
}

static const struct stripe_object *object_of_type(struct str type)
{
    for (size_t i = 0; i < ARRAY_LEN(stripe_objects); i++) {
        if (str_has_prefix(type, str_of(stripe_objects[i].prefix))) {
            return &stripe_objects[i];
        }
    }
    return NULL;
}

enum leg_kind payments_stripe_event_leg(struct str type)
{
    const struct stripe_object *object = object_of_type(type);
    return object ? object->leg : LEG_KIND_NONE;
}

static bool id_at(const struct json_value *value, const char *pointer, struct id *ret_id)
{
    struct str text;
    return json_text_at(value, pointer, &text) && id_parse(text, ret_id) && !id_is_none(*ret_id);
}

/* An id, or an object that has one (the provider "expands" some); empty: neither. */
static struct str ref_at(const struct json_value *value, const char *plain, const char *expanded)
{
    struct str ref;
    bool found = json_text_at(value, plain, &ref) || json_text_at(value, expanded, &ref);
    return found && payments_stripe_event_is_id(ref) ? ref : STR("");
}

struct str payments_stripe_event_charge(const struct json_value *intent)
{
    return ref_at(intent, "/latest_charge", "/latest_charge/id");
}

struct str payments_stripe_event_declined_charge(const struct json_value *intent)
{
    struct str charge = ref_at(intent, "/last_payment_error/charge", "/latest_charge");
    return charge.len > 0 ? charge : payments_stripe_event_charge(intent);
}

bool payments_stripe_event_money(struct arena *arena, const struct json_value *object,
                                 const char *pointer, int64_t *ret_minor, struct str *ret_currency)
{
    int64_t minor;
    struct str lower;
    if (!json_i64_at(object, pointer, &minor) || minor <= 0 ||
        !json_text_at(object, "/currency", &lower) ||
        !payments_stripe_event_currency(arena, lower, ret_currency)) {
        return false;
    }
    *ret_minor = minor;
    return true;
}

/* Fills what a signal needs; false when the object does not say it. */
static bool read_object(struct arena *arena, const struct json_value *object,
                        const struct stripe_object *kind, struct stripe_event *event)
{
    struct str name;
    if (!json_text_at(object, "/object", &name) || !str_eq(name, str_of(kind->object)) ||
        !json_text_at(object, "/id", &event->object_id) ||
        !payments_stripe_event_is_id(event->object_id) ||
        !id_at(object, "/metadata/escrow_id", &event->escrow_id) ||
        !id_at(object, "/metadata/leg_id", &event->leg_id)) {
        return false;
    }
    event->charge_id = payments_stripe_event_charge(object);
    struct str code;
    if (json_text_at(object, "/last_payment_error/code", &code) ||
        json_text_at(object, "/failure_reason", &code)) {
        event->failure_code = payments_stripe_event_code(code);
    }
    enum payments_fact_kind fact = payments_stripe_event_fact(event->type, event->object_state);
    if (fact == PAYMENTS_FACT_DECLINED) {
        event->charge_id = payments_stripe_event_declined_charge(object);
    }
    bool failure = fact == PAYMENTS_FACT_DECLINED || fact == PAYMENTS_FACT_FAILED ||
                   (fact == PAYMENTS_FACT_CANCELED && event->failure_code.len == 0);
    if (failure && event->failure_code.len == 0) {
        event->failure_code = payments_stripe_event_code(event->object_state);
    }
    return fact != PAYMENTS_FACT_SUCCEEDED ||
           payments_stripe_event_money(arena, object, kind->amount, &event->amount_minor,
                                       &event->currency);
}

/* What a person can look up at the provider, of an object that no leg of ours takes. */
static void read_refs(const struct json_value *object, struct stripe_event *event)
{
    event->disposition = STRIPE_UNMATCHED;
    event->object_id = ref_at(object, "/id", "/id");
    if (!id_at(object, "/metadata/escrow_id", &event->escrow_id)) {
        event->escrow_id = (struct id){.bytes = {0}};
    }
    struct str intent = ref_at(object, "/payment_intent", "/payment_intent/id");
    event->payment_ref = intent.len > 0 ? intent : ref_at(object, "/charge", "/charge/id");
}

STATUS payments_stripe_event_read(struct op *op, struct str body, struct stripe_event *ret_event)
{
    const struct json_value *root;
    TRY(json_read(op, body, &root));
    struct stripe_event event = {.disposition = STRIPE_IGNORED};
    if (!json_text_at(root, "/id", &event.id) || !payments_stripe_event_is_id(event.id) ||
        !json_text_at(root, "/type", &event.type) ||
        !is_word(event.type, STRIPE_TYPE_MAX_BYTES, STR("_.-")) ||
        !json_bool_at(root, "/livemode", &event.live)) {
        return op_fail(op, STATUS_INVALID, "payments.event_unreadable",
                       "no proper id, type or livemode");
    }
    if (!json_i64_at(root, "/created", &event.created_s)) {
        event.created_s = 0;
    }
    event.of_other_account = json_at(root, "/account")->kind != JSON_KIND_NONE &&
                             json_at(root, "/account")->kind != JSON_KIND_NULL;
    const struct json_value *object = json_at(root, "/data/object");
    struct str state;
    if (json_text_at(object, "/status", &state) &&
        is_word(state, STRIPE_CODE_MAX_BYTES, STR("_"))) {
        event.object_state = state;
    }
    const struct stripe_object *kind = object_of_type(event.type);
    if (kind && payments_stripe_event_fact(event.type, event.object_state) != PAYMENTS_FACT_NONE) {
        struct stripe_event filled = event;
        bool ours = read_object(op->arena, object, kind, &filled);
        if (ours) {
            event = filled;
            event.disposition = STRIPE_SIGNALLED;
        } else {
            read_refs(object, &event);
        }
    } else if (is_alarming(event.type)) {
        read_refs(object, &event);
    }
    *ret_event = event;
    return OK;
}

struct payments_signal payments_stripe_event_signal(const struct stripe_event *event,
                                                    struct str body)
{
    return (struct payments_signal){
        .escrow_id = event->escrow_id,
        .leg_id = event->leg_id,
        .provider = STR("stripe"),
        .event_id = event->id,
        .event_type = event->type,
        .object_id = event->object_id,
        .object_state = event->object_state,
        .amount_minor = event->amount_minor,
        .currency = event->currency,
        .charge_id = event->charge_id,
        .failure_code = event->failure_code,
        .raw = body,
    };
}

/* ---- Objects that somebody looked at ---- */

/* The event that would have told of the object as it is; NULL: it does not say what it is. */
static const char *type_of_object(const struct json_value *object, enum leg_kind kind,
                                  struct str object_state)
{
    struct str code;
    switch (kind) {
    case LEG_IN:
        if (str_eq(object_state, STR("succeeded"))) {
            return "payment_intent.succeeded";
        }
        if (str_eq(object_state, STR("canceled"))) {
            return "payment_intent.canceled";
        }
        return str_eq(object_state, STR("requires_payment_method")) &&
                       json_text_at(object, "/last_payment_error/code", &code)
                   ? "payment_intent.payment_failed"
                   : "payment_intent.created";
    case LEG_TRANSFER: return "transfer.created";
    case LEG_REFUND: return "refund.updated";
    case LEG_KIND_NONE:
    case LEG_KIND_COUNT: break;
    }
    return NULL;
}

bool payments_stripe_event_of_object(struct arena *arena, const struct json_value *object,
                                     enum leg_kind kind, struct stripe_event *ret_event)
{
    struct stripe_event event = {.disposition = STRIPE_SIGNALLED};
    struct strbuf name;
    struct str state;
    if (json_text_at(object, "/status", &state) &&
        is_word(state, STRIPE_CODE_MAX_BYTES, STR("_"))) {
        event.object_state = state;
    }
    event.type = str_of(type_of_object(object, kind, event.object_state));
    const struct stripe_object *row = object_of_type(event.type);
    if (payments_stripe_event_fact(event.type, event.object_state) == PAYMENTS_FACT_NONE || !row ||
        !read_object(arena, object, row, &event)) {
        return false;
    }
    strbuf_init(&name, arena, STRIPE_ID_MAX_BYTES);
    strbuf_addf(&name, "look_" STR_FMT "_" STR_FMT, STR_ARG(event.object_id),
                STR_ARG(event.object_state));
    *ret_event = event;
    return strbuf_finish(&name, &ret_event->id);
}
