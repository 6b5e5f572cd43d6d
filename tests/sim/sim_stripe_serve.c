/*
 * Requests in, objects and answers out, once for each idempotency key that is remembered. It trusts
 * nobody: a request that our rail would not make is counted and refused.
 */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/defer.h"
#include "base/str.h"
#include "sim_stripe_internal.h"

struct served {
    int32_t http_status;
    struct str body;
};

/* ---- Reading ---- */

struct str sim_stripe_param(struct str form, const char *name)
{
    struct str rest = form;
    while (rest.len > 0) {
        struct str item = rest;
        struct str tail = {0};
        if (!str_cut(rest, '&', &item, &tail)) {
            tail = (struct str){0};
        }
        struct str key;
        struct str value;
        if (str_cut(item, '=', &key, &value) && str_eq(key, str_of(name))) {
            return value;
        }
        rest = tail;
    }
    return STR("");
}

/* "pi_<number>" of an intent that is there, or NULL. */
static struct sim_stripe_object *intent_named(struct sim_stripe *stripe, struct str ref)
{
    int64_t number;
    if (!str_has_prefix(ref, STR("pi_")) || !str_to_i64(str_after(ref, STR("pi_").len), &number) ||
        number < 0 || number >= stripe->object_count) {
        return NULL;
    }
    struct sim_stripe_object *object = &stripe->objects[number];
    return object->kind == SIM_STRIPE_INTENT ? object : NULL;
}

/* The intent that this charge ("ch_<number>") paid, or NULL. */
static struct sim_stripe_object *intent_charged(struct sim_stripe *stripe, struct str ref)
{
    int64_t charge;
    bool named = str_has_prefix(ref, STR("ch_")) &&
                 str_to_i64(str_after(ref, STR("ch_").len), &charge) && charge > 0;
    for (uint32_t i = 0; named && i < stripe->object_count; i++) {
        struct sim_stripe_object *object = &stripe->objects[i];
        if (object->kind == SIM_STRIPE_INTENT && object->charge == charge) {
            return object;
        }
    }
    return NULL;
}

/* ---- Saying ---- */

static struct str finish(struct strbuf *buf)
{
    struct str text;
    bool fits = strbuf_finish(buf, &text);
    ASSERT(fits);
    return text;
}

static const char *status_of(const struct sim_stripe_object *object)
{
    bool intent = object->kind == SIM_STRIPE_INTENT;
    switch (object->state) {
    case SIM_STRIPE_OPEN: return "requires_payment_method";
    case SIM_STRIPE_PROCESSING: return intent ? "processing" : "pending";
    case SIM_STRIPE_MOVED: return "succeeded";
    case SIM_STRIPE_CANCELED: return "canceled";
    case SIM_STRIPE_FAILED:
    case SIM_STRIPE_RETURNED: return "failed";
    case SIM_STRIPE_STATE_NONE:
    case SIM_STRIPE_STATE_COUNT: break;
    }
    UNREACHABLE("an object has a state");
}

static void add_intent(struct strbuf *buf, const struct sim_stripe_object *intent)
{
    strbuf_addf(buf,
                "\"id\":\"pi_%u\",\"object\":\"payment_intent\",\"status\":\"%s\",\"amount\":%lld,"
                "\"amount_received\":%lld,\"client_secret\":\"pi_%u_secret_x\",",
                intent->number, status_of(intent), (long long)intent->asked_minor,
                (long long)intent->moved_minor, intent->number);
    if (intent->charge > 0) {
        strbuf_addf(buf, "\"latest_charge\":\"ch_%u\",", intent->charge);
    }
    if (intent->charge > 0 && intent->state == SIM_STRIPE_OPEN) {
        strbuf_addf(buf,
                    "\"last_payment_error\":{\"code\":\"card_declined\",\"charge\":\"ch_%u\"},",
                    intent->charge);
    }
}

void sim_stripe_render(struct strbuf *buf, const struct sim_stripe_object *object)
{
    char escrow[ID_TEXT_BYTES];
    char leg[ID_TEXT_BYTES];
    id_format(object->escrow_id, escrow);
    id_format(object->leg_id, leg);
    strbuf_add_char(buf, '{');
    if (object->kind == SIM_STRIPE_INTENT) {
        add_intent(buf, object);
    } else {
        bool refund = object->kind == SIM_STRIPE_REFUND;
        strbuf_addf(buf, "\"id\":\"%s_%u\",\"object\":\"%s\",\"amount\":%lld,",
                    refund ? "re" : "tr", object->number, refund ? "refund" : "transfer",
                    (long long)object->asked_minor);
        if (refund) {
            strbuf_addf(buf, "\"status\":\"%s\",", status_of(object));
        }
    }
    strbuf_addf(buf, "\"currency\":\"%s\",\"metadata\":{\"escrow_id\":\"%s\",\"leg_id\":\"%s\"}}",
                object->currency, escrow, leg);
}

static struct served say(struct sim_stripe *stripe, const struct sim_stripe_object *object)
{
    struct strbuf buf;
    strbuf_init(&buf, &stripe->arena, STRIPE_TEXT_MAX_BYTES);
    sim_stripe_render(&buf, object);
    return (struct served){.http_status = 200, .body = finish(&buf)};
}

static struct served refuse(struct sim_stripe *stripe, const char *code)
{
    struct strbuf buf;
    strbuf_init(&buf, &stripe->arena, STRIPE_TEXT_MAX_BYTES);
    strbuf_addf(&buf, "{\"error\":{\"type\":\"invalid_request_error\",\"code\":\"%s\"}}", code);
    return (struct served){.http_status = 400, .body = finish(&buf)};
}

/* In one of its ways. */
static struct served refuse_somehow(struct sim_stripe *stripe)
{
    static const struct {
        int32_t http_status;
        const char *words;
    } ways[] = {
        {400, "\"type\":\"invalid_request_error\",\"code\":\"account_invalid\""},
        {400, "\"type\":\"invalid_request_error\",\"code\":\"balance_insufficient\""},
        {400, "\"type\":\"invalid_request_error\",\"param\":\"amount\""},
        {402, "\"type\":\"card_error\",\"code\":\"card_declined\""},
        {404, "\"type\":\"invalid_request_error\",\"code\":\"resource_missing\""},
    };

    uint64_t which = random_below(&stripe->random, ARRAY_LEN(ways));
    struct strbuf buf;
    strbuf_init(&buf, &stripe->arena, STRIPE_TEXT_MAX_BYTES);
    strbuf_addf(&buf, "{\"error\":{%s}}", ways[which].words);
    return (struct served){.http_status = ways[which].http_status, .body = finish(&buf)};
}

/* ---- Doing ---- */

/* heard: its answer is, sooner or later. */
static struct served cancel(struct sim_stripe *stripe, struct str path, bool heard)
{
    struct str ref;
    struct str rest;
    struct sim_stripe_object *intent =
        str_cut(str_after(path, STR("/v1/payment_intents/").len), '/', &ref, &rest)
            ? intent_named(stripe, ref)
            : NULL;
    if (!intent || !str_eq(rest, STR("cancel"))) {
        stripe->counts.bad++;
        return refuse(stripe, "resource_missing");
    }
    if (intent->state == SIM_STRIPE_OPEN) {
        intent->state = SIM_STRIPE_CANCELED;
        sim_stripe_tell(stripe, intent, "payment_intent.canceled");
        return say(stripe, intent);
    }
    /* The refusal says what the webhook would have: nothing depends on that one any more. */
    if (heard && intent->state == SIM_STRIPE_MOVED &&
        sim_stripe_lucky(stripe, stripe->rates.webhook_lost)) {
        sim_stripe_lose(stripe, intent);
    }
    struct strbuf buf;
    strbuf_init(&buf, &stripe->arena, STRIPE_TEXT_MAX_BYTES);
    strbuf_add(&buf, STR("{\"error\":{\"type\":\"invalid_request_error\",\"code\":"
                         "\"payment_intent_unexpected_state\",\"payment_intent\":"));
    sim_stripe_render(&buf, intent);
    strbuf_add(&buf, STR("}}"));
    return (struct served){.http_status = 400, .body = finish(&buf)};
}

/* False: it is not there, or too long to be ours. */
static bool read_text(struct str form, const char *name, char *ret_text, size_t text_bytes)
{
    struct str value = sim_stripe_param(form, name);
    bool fits = value.len > 0 && value.len < text_bytes;
    for (size_t i = 0; fits && i < value.len; i++) {
        ret_text[i] = value.ptr[i];
    }
    return fits;
}

/* What all creations say; false when it is not said properly. */
static bool read_creation(const struct effects_request *request, struct sim_stripe_object *object)
{
    return id_parse(sim_stripe_param(request->body, "metadata[escrow_id]"), &object->escrow_id) &&
           id_parse(sim_stripe_param(request->body, "metadata[leg_id]"), &object->leg_id) &&
           str_to_i64(sim_stripe_param(request->body, "amount"), &object->asked_minor) &&
           object->asked_minor > 0;
}

static struct served finish_refund(struct sim_stripe *stripe, struct sim_stripe_object *refund)
{
    bool pending = sim_stripe_lucky(stripe, stripe->rates.refund_pending);
    refund->state = pending ? SIM_STRIPE_PROCESSING : SIM_STRIPE_MOVED;
    refund->moved_minor = pending ? 0 : refund->asked_minor;
    sim_stripe_tell(stripe, refund, "refund.created");
    int64_t due_us = stripe->clock->mono_us + sim_stripe_delay(stripe, STRIPE_SETTLE_US);
    if (pending) {
        bool good = !sim_stripe_lucky(stripe, stripe->rates.refund_fails);
        sim_stripe_plan(stripe, (struct stripe_task){.due_us = due_us,
                                                     .kind = STRIPE_TASK_SETTLE,
                                                     .at = refund->number,
                                                     .good = good});
    } else if (sim_stripe_lucky(stripe, stripe->rates.refund_returned)) {
        sim_stripe_plan(stripe, (struct stripe_task){.due_us = due_us,
                                                     .kind = STRIPE_TASK_RETURN,
                                                     .at = refund->number});
    }
    return say(stripe, refund);
}

/* In which currency, which a refund does not say: it is in that of the payment. */
static bool read_currency(const struct effects_request *request, struct sim_stripe_object *object)
{
    bool said = read_text(request->body, "currency", object->asked_currency,
                          sizeof(object->asked_currency));
    memcpy(object->currency, object->asked_currency, sizeof(object->currency));
    return said;
}

/* The payment that money is to go out of. False: there is none like that. */
static bool take_from(const struct sim_stripe_object *paid, struct sim_stripe_object *wanted)
{
    wanted->intent = paid ? paid->number : SIM_STRIPE_NO_INTENT;
    return paid != NULL;
}

static bool read_transfer(struct sim_stripe *stripe, const struct effects_request *request,
                          struct sim_stripe_object *wanted)
{
    struct str charge = sim_stripe_param(request->body, "source_transaction");
    wanted->kind = SIM_STRIPE_TRANSFER;
    return (take_from(intent_charged(stripe, charge), wanted) || charge.len == 0) &&
           read_currency(request, wanted) &&
           read_text(request->body, "destination", wanted->destination,
                     sizeof(wanted->destination));
}

static bool read_refund(struct sim_stripe *stripe, const struct effects_request *request,
                        struct sim_stripe_object *wanted)
{
    const struct sim_stripe_object *paid =
        intent_named(stripe, sim_stripe_param(request->body, "payment_intent"));
    wanted->kind = SIM_STRIPE_REFUND;
    if (!take_from(paid, wanted)) {
        return false;
    }
    memcpy(wanted->currency, paid->currency, sizeof(wanted->currency));
    return true;
}

/* Reads what is to be made, and out of which payment; false when it is not said properly. */
static bool read_wanted(struct sim_stripe *stripe, const struct effects_request *request,
                        struct sim_stripe_object *wanted)
{
    if (!read_creation(request, wanted)) {
        return false;
    }
    if (str_eq(request->path, STR("/v1/transfers"))) {
        return read_transfer(stripe, request, wanted);
    }
    if (str_eq(request->path, STR("/v1/refunds"))) {
        return read_refund(stripe, request, wanted);
    }
    wanted->kind = SIM_STRIPE_INTENT;
    wanted->intent = SIM_STRIPE_NO_INTENT;
    return str_eq(request->path, STR("/v1/payment_intents")) && read_currency(request, wanted);
}

static struct served create(struct sim_stripe *stripe, const struct effects_request *request,
                            struct id key)
{
    struct sim_stripe_object wanted = {.key = key};
    if (!read_wanted(stripe, request, &wanted)) {
        stripe->counts.bad++;
        return refuse(stripe, "parameter_missing");
    }
    struct sim_stripe_object *object = sim_stripe_make(stripe);
    wanted.number = object->number;
    wanted.asked_us = object->asked_us;
    *object = wanted;
    if (object->kind == SIM_STRIPE_REFUND) {
        return finish_refund(stripe, object);
    }
    bool transfer = object->kind == SIM_STRIPE_TRANSFER;
    object->state = transfer ? SIM_STRIPE_MOVED : SIM_STRIPE_OPEN;
    object->moved_minor = transfer ? object->asked_minor : 0;
    sim_stripe_tell(stripe, object, transfer ? "transfer.created" : "payment_intent.created");
    return say(stripe, object);
}

static struct served work(struct sim_stripe *stripe, const struct effects_request *request,
                          struct id key, enum sim_stripe_fault fault)
{
    bool creates = !str_has_prefix(request->path, STR("/v1/payment_intents/"));
    if (stripe->refused_path && str_has_prefix(request->path, str_of(stripe->refused_path))) {
        return refuse(stripe, stripe->refused_code);
    }
    /* An intent is not refused its cancellation without a reason. */
    if (fault == SIM_STRIPE_REFUSED && creates) {
        return refuse_somehow(stripe);
    }
    struct served served = {.http_status = 200};
    if (fault != SIM_STRIPE_SAVED_500) {
        served = creates ? create(stripe, request, key)
                         : cancel(stripe, request->path, fault != SIM_STRIPE_SAVED_500_DONE);
    }
    if (fault == SIM_STRIPE_SAVED_500 || fault == SIM_STRIPE_SAVED_500_DONE) {
        served = (struct served){.http_status = 500,
                                 .body = STR("{\"error\":{\"type\":\"api_error\"}}")};
    }
    return served;
}

/* ---- Keys ---- */

static struct stripe_key *key_of(struct sim_stripe *stripe, struct id id)
{
    uint32_t at = sim_index_get(&stripe->key_index, id);
    return at == SIM_INDEX_NONE ? NULL : &stripe->keys[at];
}

static struct stripe_key *new_key(struct sim_stripe *stripe, struct id id)
{
    stripe->keys = sim_stripe_room(stripe->keys, stripe->key_count, &stripe->key_capacity,
                                   sizeof(*stripe->keys));
    struct stripe_key *key = &stripe->keys[stripe->key_count];
    *key = (struct stripe_key){.id = id};
    sim_index_set(&stripe->key_index, id, stripe->key_count++);
    return key;
}

const struct stripe_key *sim_stripe_serve(struct sim_stripe *stripe, const struct caller_call *call,
                                          enum sim_stripe_fault fault)
{
    struct op op = {.arena = &stripe->arena};
    struct effects_request request;
    struct hash content = hash_of(call->request);
    struct stripe_key *key = key_of(stripe, call->effect_id);
    stripe->counts.calls++;
    arena_reset(&stripe->arena);
    bool readable = !status_failed(effects_decode(&op, call->request, &request));
    if (readable && request.method == EFFECTS_GET) {
        stripe->counts.bad += request.idempotency_key ? 1 : 0;
        return sim_stripe_look(stripe, &request, fault);
    }
    if (key && key->at_us + STRIPE_KEY_KEPT_US > stripe->clock->wall_us) {
        stripe->counts.repeated++;
        stripe->counts.different += hash_eq(&key->request, &content) ? 0 : 1;
        return key;
    }
    if (!readable || !request.idempotency_key) {
        stripe->counts.bad++;
        request = (struct effects_request){.path = STR(""), .body = STR("")};
    }
    struct served served = work(stripe, &request, call->effect_id, fault);
    if (key) {
        stripe->counts.forgotten++;
        free(key->body);
    } else {
        key = new_key(stripe, call->effect_id);
    }
    key->request = content;
    key->http_status = served.http_status;
    key->body = sim_stripe_copy(served.body);
    key->at_us = stripe->clock->wall_us;
    return key;
}
