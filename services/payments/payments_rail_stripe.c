/*
 * Effects to frozen requests, answers to verdicts and facts. Always holds: a leg fails only by an
 * answer that says for certain that nothing happened; whatever is not certain is asked again with
 * the same key and the same bytes.
 */
#include "payments/payments_rail_stripe.h"

#include "base/assert.h"
#include "base/defer.h"
#include "effects/effects.h"
#include "json/json_read.h"
#include "payments/payments_stripe_event.h"
#include "payments/payments_stripe_look.h"

/* 1,000 bytes of description, each three when encoded, and some ids. */
#define BODY_MAX_BYTES ((size_t)8 * 1024)
#define CODE_MAX_BYTES 32
#define SECRET_TEXT_MAX_BYTES 512

/* ---- Kinds ---- */

struct stripe_operation {
    enum leg_kind leg;
    bool question;
};

/* What each request is about. */
static const struct stripe_operation operations[PAYMENTS_EFFECT_COUNT] = {
    [PAYMENTS_EFFECT_CREATE_INTENT] = {.leg = LEG_IN},
    [PAYMENTS_EFFECT_CANCEL_INTENT] = {.leg = LEG_IN},
    [PAYMENTS_EFFECT_CREATE_TRANSFER] = {.leg = LEG_TRANSFER},
    [PAYMENTS_EFFECT_CREATE_REFUND] = {.leg = LEG_REFUND},
    [PAYMENTS_EFFECT_LOOK_AT_INTENT] = {.leg = LEG_IN, .question = true},
    [PAYMENTS_EFFECT_LOOK_AT_TRANSFER] = {.leg = LEG_TRANSFER, .question = true},
    [PAYMENTS_EFFECT_LOOK_AT_REFUND] = {.leg = LEG_REFUND, .question = true},
};

static const char *const object_names[LEG_KIND_COUNT] = {
    [LEG_IN] = "payment_intent", [LEG_TRANSFER] = "transfer", [LEG_REFUND] = "refund"};

static const struct stripe_operation *operation_of(int effect_kind)
{
    ASSERT(effect_kind > PAYMENTS_EFFECT_NONE);
    ASSERT(effect_kind < PAYMENTS_EFFECT_COUNT);
    return &operations[effect_kind];
}

static const char *object_name(int effect_kind)
{
    return object_names[operation_of(effect_kind)->leg];
}

/* ---- Requests ---- */

static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

void payments_rail_stripe_param(struct strbuf *buf, const char *name, struct str value)
{
    static const char digits[] = "0123456789ABCDEF";
    if (buf->len > 0) {
        strbuf_add_char(buf, '&');
    }
    strbuf_add(buf, str_of(name));
    strbuf_add_char(buf, '=');
    for (size_t i = 0; i < value.len; i++) {
        unsigned char byte = (unsigned char)value.ptr[i];
        if (is_unreserved(value.ptr[i])) {
            strbuf_add_char(buf, value.ptr[i]);
        } else {
            strbuf_add_char(buf, '%');
            strbuf_add_char(buf, digits[byte >> 4]);
            strbuf_add_char(buf, digits[byte & 15]);
        }
    }
}

static void add_money(struct strbuf *body, const struct payments_effect *effect, bool with_currency)
{
    if (body->len > 0) {
        strbuf_add_char(body, '&');
    }
    strbuf_addf(body, "amount=%lld", (long long)effect->amount_minor);
    if (!with_currency) {
        return;
    }
    struct str name = currency_name(effect->currency);
    strbuf_add(body, STR("&currency="));
    for (size_t i = 0; i < name.len; i++) {
        strbuf_add_char(body, (char)(name.ptr[i] - 'A' + 'a'));
    }
}

/* By these an object says which leg it is, to every webhook and to people in the dashboard. */
static void add_metadata(struct strbuf *body, const struct payments_effect *effect)
{
    char text[ID_TEXT_BYTES];
    id_format(effect->escrow_id, text);
    payments_rail_stripe_param(body, "metadata[escrow_id]", str_of(text));
    id_format(effect->leg_id, text);
    payments_rail_stripe_param(body, "metadata[leg_id]", str_of(text));
}

static void add_transfer_group(struct strbuf *body, const struct payments_effect *effect)
{
    char text[ID_TEXT_BYTES];
    id_format(effect->escrow_id, text);
    payments_rail_stripe_param(body, "transfer_group", str_of(text));
}

static void write_body(struct strbuf *body, const struct payments_effect *effect)
{
    switch (effect->kind) {
    case PAYMENTS_EFFECT_CREATE_INTENT:
        add_money(body, effect, true /* with currency */);
        payments_rail_stripe_param(body, "automatic_payment_methods[enabled]", STR("true"));
        if (effect->description.len > 0) {
            payments_rail_stripe_param(body, "description", effect->description);
        }
        add_metadata(body, effect);
        add_transfer_group(body, effect);
        return;
    case PAYMENTS_EFFECT_CANCEL_INTENT:
        payments_rail_stripe_param(body, "cancellation_reason", STR("requested_by_customer"));
        return;
    case PAYMENTS_EFFECT_CREATE_TRANSFER:
        add_money(body, effect, true /* with currency */);
        payments_rail_stripe_param(body, "destination", effect->destination);
        add_metadata(body, effect);
        if (effect->charge_ref.len > 0) {
            payments_rail_stripe_param(body, "source_transaction", effect->charge_ref);
        }
        add_transfer_group(body, effect);
        return;
    case PAYMENTS_EFFECT_CREATE_REFUND:
        add_money(body, effect, false /* a refund is in the payment's currency */);
        add_metadata(body, effect);
        payments_rail_stripe_param(body, "payment_intent", effect->intent_ref);
        return;
    case PAYMENTS_EFFECT_LOOK_AT_INTENT:
    case PAYMENTS_EFFECT_LOOK_AT_TRANSFER:
    case PAYMENTS_EFFECT_LOOK_AT_REFUND:
    case PAYMENTS_EFFECT_NONE:
    case PAYMENTS_EFFECT_COUNT: break;
    }
    UNREACHABLE("a request that changes something has a body");
}

static void write_path(struct strbuf *path, const struct payments_effect *effect)
{
    switch (effect->kind) {
    case PAYMENTS_EFFECT_CREATE_INTENT: strbuf_add(path, STR("/v1/payment_intents")); return;
    case PAYMENTS_EFFECT_CANCEL_INTENT:
        /* Checked when the provider named it. */
        ASSERT(payments_stripe_event_is_id(effect->intent_ref));
        strbuf_addf(path, "/v1/payment_intents/" STR_FMT "/cancel", STR_ARG(effect->intent_ref));
        return;
    case PAYMENTS_EFFECT_CREATE_TRANSFER: strbuf_add(path, STR("/v1/transfers")); return;
    case PAYMENTS_EFFECT_CREATE_REFUND: strbuf_add(path, STR("/v1/refunds")); return;
    case PAYMENTS_EFFECT_LOOK_AT_INTENT:
    case PAYMENTS_EFFECT_LOOK_AT_TRANSFER:
    case PAYMENTS_EFFECT_LOOK_AT_REFUND:
    case PAYMENTS_EFFECT_NONE:
    case PAYMENTS_EFFECT_COUNT: break;
    }
    UNREACHABLE("a request that changes something has a path of its own");
}

static struct status stripe_request(struct op *op, const struct payments_effect *effect,
                                    struct str *ret_request)
{
    if (operation_of((int)effect->kind)->question) {
        const struct payments_stripe_question question = {
            .kind = operation_of((int)effect->kind)->leg,
            .escrow_id = effect->escrow_id,
            .leg_id = effect->leg_id,
            .object_ref = effect->object_ref,
            .intent_ref = effect->intent_ref,
        };
        return payments_stripe_look_ask(op, &question, ret_request);
    }
    struct effects_request request = {
        .method = EFFECTS_POST,
        .idempotency_key = true,
        .content_type = STR("application/x-www-form-urlencoded"),
    };
    struct strbuf path;
    strbuf_init(&path, op->arena, EFFECTS_PATH_MAX_BYTES);
    write_path(&path, effect);
    struct strbuf body;
    strbuf_init(&body, op->arena, BODY_MAX_BYTES);
    write_body(&body, effect);
    if (!strbuf_finish(&path, &request.path) || !strbuf_finish(&body, &request.body)) {
        return op_fail(op, STATUS_LIMIT, "payments.request_too_large", "over %zu bytes",
                       BODY_MAX_BYTES);
    }
    return effects_encode(op, &request, ret_request);
}

/* ---- Answers ---- */

struct stripe_answer {
    enum engine_verdict verdict;
    struct str code;
    bool of_look_up; /* only somebody who looks it up is answered so */
    bool told;       /* fact says something about the leg */
    struct payments_fact fact;
    bool found; /* of a question: event says what the object is */
    struct stripe_event event;
};

static struct stripe_answer unknown(struct str code)
{
    return (struct stripe_answer){.verdict = ENGINE_VERDICT_UNKNOWN, .code = code};
}

static struct stripe_answer done(struct payments_fact fact)
{
    return (struct stripe_answer){.verdict = ENGINE_VERDICT_DONE, .told = true, .fact = fact};
}

/* Amount and currency of what moved; the decision compares them with what was asked. */
static bool read_moved(struct op *op, const struct json_value *object, struct payments_fact *fact)
{
    return payments_stripe_event_money(op->arena, object, "/amount", &fact->amount_minor,
                                       &fact->currency);
}

static bool read_refund(struct op *op, const struct json_value *object, struct payments_fact *fact)
{
    struct str state;
    if (!json_text_at(object, "/status", &state)) {
        return false;
    }
    if (str_eq(state, STR("succeeded"))) {
        fact->kind = PAYMENTS_FACT_SUCCEEDED;
        return read_moved(op, object, fact);
    }
    if (str_eq(state, STR("pending")) || str_eq(state, STR("requires_action"))) {
        fact->kind = PAYMENTS_FACT_MADE;
        return true;
    }
    if (str_eq(state, STR("failed")) || str_eq(state, STR("canceled"))) {
        fact->kind = PAYMENTS_FACT_FAILED;
        struct str reason = state;
        bool found = json_text_at(object, "/failure_reason", &reason);
        fact->failure_code = payments_stripe_event_code(found ? reason : state);
        return true;
    }
    return false;
}

static bool is_canceled(const struct json_value *intent)
{
    struct str state;
    return json_text_at(intent, "/status", &state) && str_eq(state, STR("canceled"));
}

/* What the object of a 2xx answer says; false when it does not say it properly. */
static bool read_success(struct op *op, const struct json_value *object, int effect_kind,
                         struct payments_fact *fact)
{
    if (!json_text_at(object, "/id", &fact->provider_ref) ||
        !payments_stripe_event_is_id(fact->provider_ref)) {
        return false;
    }
    switch ((enum payments_effect_kind)effect_kind) {
    case PAYMENTS_EFFECT_CREATE_INTENT:
        fact->kind = PAYMENTS_FACT_MADE;
        return json_text_at(object, "/client_secret", &fact->client_secret) &&
               fact->client_secret.len > 0 && fact->client_secret.len <= SECRET_TEXT_MAX_BYTES;
    case PAYMENTS_EFFECT_CANCEL_INTENT:
        fact->kind = PAYMENTS_FACT_CANCELED;
        return is_canceled(object);
    case PAYMENTS_EFFECT_CREATE_TRANSFER:
        fact->kind = PAYMENTS_FACT_SUCCEEDED;
        return read_moved(op, object, fact);
    case PAYMENTS_EFFECT_CREATE_REFUND: return read_refund(op, object, fact);
    case PAYMENTS_EFFECT_LOOK_AT_INTENT:
    case PAYMENTS_EFFECT_LOOK_AT_TRANSFER:
    case PAYMENTS_EFFECT_LOOK_AT_REFUND:
    case PAYMENTS_EFFECT_NONE:
    case PAYMENTS_EFFECT_COUNT: break;
    }
    UNREACHABLE("a request has a kind");
}

/* What an intent says that was paid before it could be canceled. */
static bool read_paid(struct op *op, const struct json_value *intent, struct payments_fact *fact)
{
    fact->kind = PAYMENTS_FACT_SUCCEEDED;
    fact->charge_ref = payments_stripe_event_charge(intent);
    return json_text_at(intent, "/id", &fact->provider_ref) &&
           payments_stripe_event_is_id(fact->provider_ref) &&
           payments_stripe_event_money(op->arena, intent, STRIPE_RECEIVED, &fact->amount_minor,
                                       &fact->currency);
}

/*
 * An intent that was to be canceled, as it stands: with the refusal, or looked up. Money that came before is told of at
 * once: its webhook may be lost. What is still being paid is settled by its webhook, which is the only word of it
 * that will come: a person knows, should that be lost.
 */
static struct stripe_answer understand_intent(struct op *op, const struct effect_row *effect,
                                              const struct json_value *intent, struct str code)
{
    struct stripe_answer out = {.verdict = ENGINE_VERDICT_FAILED, .code = code};
    struct str state = STR("");
    bool ours = payments_stripe_look_is_ours(intent, effect, "payment_intent") &&
                json_text_at(intent, "/status", &state);
    if (ours && str_eq(state, STR("canceled"))) {
        return done((struct payments_fact){.kind = PAYMENTS_FACT_CANCELED});
    }
    if (ours && str_eq(state, STR("processing"))) {
        out.code = STR(RAIL_CODE_BEING_PAID);
        return out;
    }
    out.told = ours && str_eq(state, STR("succeeded")) && read_paid(op, intent, &out.fact);
    if (!out.told) {
        out.code = STR(RAIL_CODE_NOT_CANCELED);
    }
    return out;
}

/* What a question found. It says what there is, never what there is not: what was asked for may still be on its way. */
static struct stripe_answer understand_question(struct op *op, const struct effect_row *effect,
                                                const struct json_value *root)
{
    const char *name = object_name(effect->kind);
    const struct json_value *object = root;
    struct stripe_answer out = {.verdict = ENGINE_VERDICT_DONE};
    bool certain = true;
    if (payments_stripe_look_is_list(root)) {
        object = payments_stripe_look_find(root, effect, name, &certain);
    } else if (!payments_stripe_look_is_ours(root, effect, name)) {
        return unknown(STR(RAIL_CODE_NOT_OURS));
    }
    if (!object) {
        out.code = certain ? STR(RAIL_CODE_NOT_FOUND) : STR(RAIL_CODE_NOT_TOLD);
        return out;
    }
    out.found = payments_stripe_event_of_object(op->arena, object, operation_of(effect->kind)->leg,
                                                &out.event);
    return out.found ? out : unknown(STR(RAIL_CODE_UNREADABLE));
}

/* An intent that nobody has the secret of is given up; what may have moved money is not, on nobody's word but people's. */
static struct stripe_answer understand_list(struct op *op, const struct effect_row *effect,
                                            const struct json_value *list)
{
    bool certain;
    struct payments_fact fact = {.kind = PAYMENTS_FACT_NONE};
    const struct json_value *object =
        payments_stripe_look_find(list, effect, object_name(effect->kind), &certain);
    if (object) {
        return read_success(op, object, effect->kind, &fact) ? done(fact)
                                                             : unknown(STR(RAIL_CODE_UNREADABLE));
    }
    if (!certain) {
        return unknown(STR(RAIL_CODE_NOT_TOLD));
    }
    if (effect->kind != PAYMENTS_EFFECT_CREATE_INTENT) {
        return unknown(STR(RAIL_CODE_NOT_FOUND));
    }
    return (struct stripe_answer){
        .verdict = ENGINE_VERDICT_FAILED,
        .code = STR(RAIL_CODE_NOT_FOUND),
        .told = true,
        /* The word of one that was given up because its key broke: decided again after a restore, that may be it. */
        .fact = {.kind = PAYMENTS_FACT_FAILED, .failure_code = STR(RAIL_CODE_BROKE)},
    };
}

static struct stripe_answer understand_success(struct op *op, const struct effect_row *effect,
                                               const struct json_value *object)
{
    if (operation_of(effect->kind)->question) {
        return understand_question(op, effect, object);
    }
    if (payments_stripe_look_is_list(object)) {
        struct stripe_answer found = understand_list(op, effect, object);
        found.of_look_up = true;
        return found;
    }
    if (!payments_stripe_look_is_ours(object, effect, object_name(effect->kind))) {
        return unknown(STR(RAIL_CODE_NOT_OURS));
    }
    if (effect->kind == PAYMENTS_EFFECT_CANCEL_INTENT && !is_canceled(object)) {
        struct stripe_answer stands = understand_intent(op, effect, object, STR(""));
        stands.verdict = str_eq(stands.code, STR(RAIL_CODE_NOT_CANCELED)) ? ENGINE_VERDICT_UNKNOWN
                                                                          : stands.verdict;
        stands.of_look_up = true;
        return stands;
    }
    struct payments_fact fact = {.kind = PAYMENTS_FACT_NONE};
    if (!read_success(op, object, effect->kind, &fact)) {
        return unknown(STR(RAIL_CODE_UNREADABLE));
    }
    return done(fact);
}

/* Refusals that are about our account, key or version, and not about this leg. */
static const char *const codes_about_us[] = {
    "api_key_expired",          "livemode_mismatch",   "platform_account_required",
    "platform_api_key_expired", "secret_key_required", "testmode_charges_only",
    "tls_version_unsupported",
};

static bool is_about_us(struct str code)
{
    for (size_t i = 0; i < ARRAY_LEN(codes_about_us); i++) {
        if (str_eq(code, str_of(codes_about_us[i]))) {
            return true;
        }
    }
    return false;
}

/* 400, 402, 404: nothing happened and nothing will, if the body says so in the provider's words. */
static struct stripe_answer understand_refusal(struct op *op, const struct effect_row *effect,
                                               const struct json_value *root, int32_t http_status)
{
    struct str type;
    struct str code = STR("");
    if (!json_text_at(root, "/error/type", &type)) {
        return unknown(STR(RAIL_CODE_UNREADABLE));
    }
    bool coded = json_text_at(root, "/error/code", &code) && code.len > 0;
    if (str_eq(type, STR("idempotency_error"))) {
        return unknown(STR(RAIL_CODE_KEY_REUSED));
    }
    if (is_about_us(code)) {
        return unknown(STR(RAIL_CODE_REFUSES_US));
    }
    bool definite = str_eq(type, STR("card_error")) || str_eq(type, STR("invalid_request_error"));
    /* A 404 without an object's name is about the address: a wrong base URL, a proxy. */
    if (!definite || (http_status == 404 && !str_eq(code, STR("resource_missing")))) {
        return unknown(payments_stripe_event_code(type));
    }
    struct str reason = payments_stripe_event_code(coded ? code : type);
    if (effect->kind == PAYMENTS_EFFECT_CANCEL_INTENT) {
        return understand_intent(op, effect, json_at(root, "/error/payment_intent"), reason);
    }
    return (struct stripe_answer){
        .verdict = ENGINE_VERDICT_FAILED,
        .code = reason,
        .told = true,
        .fact = {.kind = PAYMENTS_FACT_FAILED, .failure_code = reason},
    };
}

static struct stripe_answer unknown_http(struct op *op, int32_t http_status)
{
    struct strbuf buf;
    strbuf_init(&buf, op->arena, CODE_MAX_BYTES);
    strbuf_addf(&buf, "http_%d", http_status);
    struct str code;
    return unknown(strbuf_finish(&buf, &code) ? code : STR("http"));
}

static struct stripe_answer understand_broken(struct op *op, const struct effect_row *effect,
                                              const struct caller_answer *answer)
{
    const struct json_value *root;
    struct str type;
    if (answer->http_status != 500 || effect->attempts < STRIPE_SAVED_ERROR_ATTEMPTS ||
        status_failed(json_read(op, answer->body, &root)) ||
        !json_text_at(root, "/error/type", &type) || !str_eq(type, STR("api_error"))) {
        return unknown_http(op, answer->http_status);
    }
    if (effect->kind != PAYMENTS_EFFECT_CREATE_INTENT) {
        return unknown(STR(RAIL_CODE_BROKE));
    }
    return (struct stripe_answer){
        .verdict = ENGINE_VERDICT_FAILED,
        .code = STR(RAIL_CODE_BROKE),
        .told = true,
        .fact = {.kind = PAYMENTS_FACT_FAILED, .failure_code = STR(RAIL_CODE_BROKE)},
    };
}

static struct stripe_answer understand(struct op *op, const struct effect_row *effect,
                                       const struct caller_answer *answer)
{
    if (answer->outcome != CALLER_ANSWERED) {
        return unknown(answer->outcome == CALLER_NOT_SENT ? STR("not_sent") : STR("no_answer"));
    }
    int32_t http = answer->http_status;
    if (http == 401 || http == 403) {
        return unknown(STR(RAIL_CODE_REFUSES_US)); /* our key is wrong, not the leg */
    }
    bool success = http >= 200 && http <= 299;
    if ((answer->looked_up || operation_of(effect->kind)->question) && !success) {
        return unknown_http(op, http); /* the refusal of a look-up says nothing about the call */
    }
    if (!success && http != 400 && http != 402 && http != 404) {
        return understand_broken(op, effect, answer); /* 409, 429, 5xx: as good as no answer */
    }
    const struct json_value *root;
    if (status_failed(json_read(op, answer->body, &root))) {
        return unknown(STR(RAIL_CODE_UNREADABLE));
    }
    return success ? understand_success(op, effect, root)
                   : understand_refusal(op, effect, root, http);
}

static enum engine_verdict stripe_judge(struct op *op, const struct effect_row *effect,
                                        const struct caller_answer *answer, struct str *ret_code)
{
    struct stripe_answer understood = understand(op, effect, answer);
    *ret_code = understood.code;
    if (understood.of_look_up && !answer->looked_up) {
        *ret_code = STR(RAIL_CODE_UNREADABLE);
        return ENGINE_VERDICT_UNKNOWN;
    }
    return understood.verdict;
}

static struct status stripe_read(struct op *op, const struct effect_row *effect,
                                 const struct caller_answer *answer, struct payments_fact *ret_fact,
                                 bool *ret_told)
{
    struct stripe_answer understood = understand(op, effect, answer);
    if (understood.verdict == ENGINE_VERDICT_UNKNOWN) {
        return op_fail(op, STATUS_BUG, "payments.answer_uncertain",
                       "judged as certain before, now " STR_FMT, STR_ARG(understood.code));
    }
    *ret_fact = understood.fact;
    ret_fact->about = operation_of(effect->kind)->leg;
    *ret_told = understood.told;
    return OK;
}

static struct status stripe_hear(struct op *op, const struct effect_row *effect,
                                 const struct caller_answer *answer,
                                 struct payments_signal *ret_signal, bool *ret_told)
{
    struct stripe_answer understood = understand(op, effect, answer);
    if (understood.verdict == ENGINE_VERDICT_UNKNOWN) {
        return op_fail(op, STATUS_BUG, "payments.answer_uncertain",
                       "judged as certain before, now " STR_FMT, STR_ARG(understood.code));
    }
    *ret_told = understood.found;
    if (understood.found) {
        *ret_signal = payments_stripe_event_signal(&understood.event, STR(""));
    }
    return OK;
}

static struct payments_fact stripe_fact(const struct payments_signal *signal)
{
    return (struct payments_fact){
        .kind = payments_stripe_event_fact(signal->event_type, signal->object_state),
        .about = payments_stripe_event_leg(signal->event_type),
        .provider_ref = signal->object_id,
        .charge_ref = signal->charge_id,
        .failure_code = signal->failure_code,
        .amount_minor = signal->amount_minor,
        .currency = signal->currency,
    };
}

static struct status stripe_told(struct op *op, struct str body, struct payments_signal *ret_signal)
{
    struct stripe_event event;
    TRY(payments_stripe_event_read(op, body, &event));
    if (event.disposition != STRIPE_SIGNALLED) {
        return op_fail(op, STATUS_CONFLICT, "payments.no_signal",
                       "an event of type " STR_FMT " that is about no leg of ours",
                       STR_ARG(event.type));
    }
    *ret_signal = payments_stripe_event_signal(&event, body);
    return OK;
}

static bool stripe_pays_out(const struct effects_request *request)
{
    return request->method != EFFECTS_GET && (str_has_prefix(request->path, STR("/v1/transfers")) ||
                                              str_has_prefix(request->path, STR("/v1/refunds")));
}

const struct payments_rail payments_rail_stripe = {
    .kind = LEG_RAIL_STRIPE,
    .name = STR("stripe"),
    .currency = CURRENCY_USD,
    .amount_max_minor = STRIPE_AMOUNT_MAX_MINOR,
    .request = stripe_request,
    .look_up = payments_stripe_look_request,
    .judge = stripe_judge,
    .read = stripe_read,
    .hear = stripe_hear,
    .fact = stripe_fact,
    .pays_out = stripe_pays_out,
    .told = stripe_told,
};
