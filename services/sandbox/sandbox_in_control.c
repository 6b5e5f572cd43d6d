/* In: wishes of tests. Out: a paid intent, a fault, counters. Never part of a real provider. */
#include "sandbox/sandbox_in_control.h"

#include "base/clock.h"
#include "base/mutex.h"
#include "sandbox/sandbox.h"
#include "sandbox/sandbox_balance.h"
#include "sandbox/sandbox_render.h"

#define US_PER_S 1000000

static STATUS respond(struct op *op, struct json_writer *json, struct http_response *ret)
{
    return json_write_finish(op, json, &ret->body);
}

static STATUS respond_refusal(struct op *op, struct sandbox_refusal refusal,
                              struct http_response *ret)
{
    struct json_writer json;
    json_write_init(&json, op->arena, SANDBOX_BODY_MAX_BYTES);
    sandbox_render_error(&json, refusal);
    ret->status = sandbox_errors[refusal.error].http_status;
    return respond(op, &json, ret);
}

static int64_t now_s(void)
{
    return clock_wall_us() / US_PER_S;
}

static STATUS in_books(struct op *op, bool kept)
{
    return kept ? OK : op_fail(op, STATUS_LIMIT, "sandbox.full", "the world is full");
}

/* ---- The buyer ---- */

/* By id or client secret; the secret begins with the id. */
static struct sandbox_intent *find_intent(const struct sandbox *sandbox,
                                          const struct sandbox_form *form)
{
    struct str id = sandbox_form_get(form, STR("payment_intent"));
    if (id.ptr) {
        return sandbox_world_intent(&sandbox->world, id);
    }
    struct str secret = sandbox_form_get(form, STR("client_secret"));
    struct str at = secret;
    while (at.len > 0 && !str_has_prefix(at, STR("_secret_"))) {
        at = str_after(at, 1);
    }
    id = (struct str){.ptr = secret.ptr, .len = secret.len - at.len};
    struct sandbox_intent *intent = sandbox_world_intent(&sandbox->world, id);
    return intent && str_eq(intent->client_secret, secret) ? intent : NULL;
}

static STATUS happened_to(struct op *op, struct sandbox *sandbox,
                          const struct sandbox_intent *intent, const char *type, bool charge)
{
    struct json_writer json;
    struct str object;
    json_write_init(&json, op->arena, SANDBOX_BODY_MAX_BYTES);
    if (charge) {
        sandbox_render_charge(&json, /* name */ NULL, intent);
    } else {
        sandbox_render_intent(&json, /* name */ NULL, intent);
    }
    TRY(json_write_finish(op, &json, &object));
    return sandbox_happened(op, sandbox, type, object, STR(""));
}

static STATUS respond_intent(struct op *op, const struct sandbox_intent *intent,
                             struct http_response *ret)
{
    struct json_writer json;
    json_write_init(&json, op->arena, SANDBOX_BODY_MAX_BYTES);
    sandbox_render_intent(&json, /* name */ NULL, intent);
    return respond(op, &json, ret);
}

static STATUS pay_locked(struct op *op, struct sandbox *sandbox, const struct sandbox_form *form,
                         struct http_response *ret)
{
    struct sandbox_intent *intent = find_intent(sandbox, form);
    if (!intent) {
        return respond_refusal(op, (struct sandbox_refusal){.error = SANDBOX_ERROR_NO_SUCH_OBJECT},
                               ret);
    }
    int64_t amount_minor = intent->amount_minor;
    TRY(sandbox_form_number(op, form, STR("amount"), INT64_MAX, &amount_minor));
    struct str currency = sandbox_form_get(form, STR("currency"));
    struct sandbox_refusal refusal = sandbox_world_pay(&sandbox->world, intent, amount_minor,
                                                       currency.ptr ? currency : intent->currency);
    if (refusal.error) {
        return respond_refusal(op, refusal, ret);
    }
    TRY(in_books(op, sandbox_balance_paid(&sandbox->world, intent, now_s())));
    TRY(happened_to(op, sandbox, intent, "charge.succeeded", /* charge */ true));
    TRY(happened_to(op, sandbox, intent, "payment_intent.succeeded", /* charge */ false));
    return respond_intent(op, intent, ret);
}

struct status sandbox_in_pay(struct op *op, void *deps, const struct http_request *req,
                             struct http_response *ret)
{
    struct sandbox *sandbox = deps;
    struct sandbox_form *form = NULL;
    TRY(sandbox_form_read(op, req->body, &form));
    mutex_lock(&sandbox->lock);
    struct status st = pay_locked(op, sandbox, form, ret);
    mutex_unlock(&sandbox->lock);
    return st;
}

static STATUS decline_locked(struct op *op, struct sandbox *sandbox,
                             const struct sandbox_form *form, struct http_response *ret)
{
    struct sandbox_intent *intent = find_intent(sandbox, form);
    if (!intent) {
        return respond_refusal(op, (struct sandbox_refusal){.error = SANDBOX_ERROR_NO_SUCH_OBJECT},
                               ret);
    }
    struct str code = sandbox_form_get(form, STR("code"));
    struct sandbox_refusal refusal = sandbox_world_decline(
        &sandbox->world, intent, code.len > 0 ? code : STR("generic_decline"));
    if (refusal.error) {
        return respond_refusal(op, refusal, ret);
    }
    TRY(happened_to(op, sandbox, intent, "payment_intent.payment_failed", /* charge */ false));
    return respond_intent(op, intent, ret);
}

struct status sandbox_in_decline(struct op *op, void *deps, const struct http_request *req,
                                 struct http_response *ret)
{
    struct sandbox *sandbox = deps;
    struct sandbox_form *form = NULL;
    TRY(sandbox_form_read(op, req->body, &form));
    mutex_lock(&sandbox->lock);
    struct status st = decline_locked(op, sandbox, form, ret);
    mutex_unlock(&sandbox->lock);
    return st;
}

/* The last one that has not failed; NULL: none. */
static struct sandbox_refund *find_refund(const struct sandbox_world *world, struct str escrow_id)
{
    for (uint32_t i = world->refunds.count; i > 0; i--) {
        struct sandbox_refund *refund = sandbox_shelf_at(&world->refunds, sizeof(*refund), i - 1);
        if (refund->failure_reason.len == 0 &&
            str_eq(sandbox_metadata_get(&refund->metadata, STR("escrow_id")), escrow_id)) {
            return refund;
        }
    }
    return NULL;
}

/* The real provider tells it by both events, and in no order. */
static STATUS refund_fails_locked(struct op *op, struct sandbox *sandbox,
                                  const struct sandbox_form *form, struct http_response *ret)
{
    struct sandbox_refund *refund =
        find_refund(&sandbox->world, sandbox_form_get(form, STR("escrow_id")));
    if (!refund) {
        return respond_refusal(op, (struct sandbox_refusal){.error = SANDBOX_ERROR_NO_SUCH_OBJECT},
                               ret);
    }
    struct str reason = sandbox_form_get(form, STR("failure_reason"));
    struct sandbox_refusal refusal = sandbox_world_fail_refund(
        &sandbox->world, refund, reason.len > 0 ? reason : STR("lost_or_stolen_card"));
    if (refusal.error) {
        return respond_refusal(op, refusal, ret);
    }
    TRY(in_books(op, sandbox_balance_came_back(&sandbox->world, refund, now_s())));
    struct json_writer json;
    json_write_init(&json, op->arena, SANDBOX_BODY_MAX_BYTES);
    sandbox_render_refund(&json, /* name */ NULL, refund);
    TRY(json_write_finish(op, &json, &ret->body));
    TRY(sandbox_happened(op, sandbox, "refund.updated", ret->body, STR("")));
    return sandbox_happened(op, sandbox, "refund.failed", ret->body, STR(""));
}

struct status sandbox_in_refund_fails(struct op *op, void *deps, const struct http_request *req,
                                      struct http_response *ret)
{
    struct sandbox *sandbox = deps;
    struct sandbox_form *form = NULL;
    TRY(sandbox_form_read(op, req->body, &form));
    mutex_lock(&sandbox->lock);
    struct status st = refund_fails_locked(op, sandbox, form, ret);
    mutex_unlock(&sandbox->lock);
    return st;
}

/* ---- Faults ---- */

static STATUS read_fault(struct op *op, const struct sandbox_form *form,
                         struct sandbox_fault *fault)
{
    struct str when = sandbox_form_get(form, STR("when"));
    fault->mode = sandbox_fault_mode_parse(sandbox_form_get(form, STR("mode")));
    fault->when = when.ptr ? sandbox_fault_when_parse(when) : SANDBOX_FAULT_AFTER;
    fault->method = sandbox_form_get(form, STR("method"));
    fault->path = sandbox_form_get(form, STR("match"));
    fault->code = sandbox_form_get(form, STR("code"));
    int64_t count = 1;
    int64_t http_status = 500;
    TRY(sandbox_form_number(op, form, STR("count"), SANDBOX_FAULT_COUNT_MAX, &count));
    TRY(sandbox_form_number(op, form, STR("delay_ms"), SANDBOX_FAULT_DELAY_MAX_MS,
                            &fault->delay_ms));
    TRY(sandbox_form_number(op, form, STR("status"), 599, &http_status));
    fault->count = (uint32_t)count;
    fault->http_status = (int32_t)http_status;
    if (!fault->mode || !fault->when || fault->path.len == 0 ||
        fault->path.len > SANDBOX_FAULT_PATH_MAX_BYTES ||
        fault->code.len > SANDBOX_FAULT_CODE_MAX_BYTES || fault->http_status < 400) {
        return op_fail(op, STATUS_INVALID, "sandbox.bad_form",
                       "match, mode, when, status or code is not right");
    }
    return OK;
}

static STATUS add_fault_locked(struct op *op, struct sandbox *sandbox, struct sandbox_fault *fault)
{
    struct arena *arena = &sandbox->world.arena;
    fault->method = str_dup(arena, fault->method);
    fault->path = str_dup(arena, fault->path);
    fault->code = str_dup(arena, fault->code);
    if (!fault->method.ptr || !fault->path.ptr || !fault->code.ptr ||
        !sandbox_faults_add(&sandbox->faults, fault)) {
        return op_fail(op, STATUS_LIMIT, "sandbox.full", "over %d faults", SANDBOX_FAULTS_MAX);
    }
    return OK;
}

struct status sandbox_in_add_fault(struct op *op, void *deps, const struct http_request *req,
                                   struct http_response *ret)
{
    struct sandbox *sandbox = deps;
    struct sandbox_form *form = NULL;
    struct sandbox_fault fault = {.mode = SANDBOX_FAULT_NONE};
    TRY(sandbox_form_read(op, req->body, &form));
    TRY(read_fault(op, form, &fault));
    mutex_lock(&sandbox->lock);
    struct status st = add_fault_locked(op, sandbox, &fault);
    mutex_unlock(&sandbox->lock);
    ret->body = STR("{}");
    return st;
}

struct status sandbox_in_end_faults(struct op *op, void *deps, const struct http_request *req,
                                    struct http_response *ret)
{
    struct sandbox *sandbox = deps;
    struct sandbox_form *form = NULL;
    TRY(sandbox_form_read(op, req->body, &form));
    mutex_lock(&sandbox->lock);
    sandbox_faults_end(&sandbox->faults, sandbox_form_get(form, STR("match")));
    mutex_unlock(&sandbox->lock);
    ret->body = STR("{}");
    return OK;
}

static STATUS webhooks_locked(struct op *op, struct sandbox *sandbox,
                              const struct sandbox_form *form)
{
    struct sandbox_outbox *outbox = &sandbox->outbox;
    struct str mode = sandbox_form_get(form, STR("mode"));
    bool reorder = str_eq(mode, STR("reorder"));
    int64_t count = reorder ? 2 : 1;
    TRY(sandbox_form_number(op, form, STR("count"), SANDBOX_REORDER_MAX, &count));
    if (str_eq(mode, STR("withhold"))) {
        outbox->withhold = true;
    } else if (str_eq(mode, STR("release"))) {
        if (!sandbox_outbox_release(outbox, &sandbox->world.arena)) {
            return op_fail(op, STATUS_LIMIT, "sandbox.full", "the queue of webhooks is full");
        }
        cond_broadcast(&sandbox->changed);
    } else if (str_eq(mode, STR("duplicate"))) {
        outbox->duplicate_count = (uint32_t)count;
    } else if (reorder && count > 1 && outbox->gathered_count == 0) {
        outbox->reorder_count = (uint32_t)count;
    } else {
        return op_fail(op, STATUS_INVALID, "sandbox.bad_form", "mode or count is not right");
    }
    return OK;
}

struct status sandbox_in_webhooks(struct op *op, void *deps, const struct http_request *req,
                                  struct http_response *ret)
{
    struct sandbox *sandbox = deps;
    struct sandbox_form *form = NULL;
    TRY(sandbox_form_read(op, req->body, &form));
    mutex_lock(&sandbox->lock);
    struct status st = webhooks_locked(op, sandbox, form);
    mutex_unlock(&sandbox->lock);
    ret->body = STR("{}");
    return st;
}

/* ---- Counters ---- */

struct filter {
    struct str escrow_id;
    struct str leg_id;
};

static bool matches(const struct filter *filter, const struct sandbox_metadata *metadata)
{
    return (filter->escrow_id.len == 0 ||
            str_eq(sandbox_metadata_get(metadata, STR("escrow_id")), filter->escrow_id)) &&
           (filter->leg_id.len == 0 ||
            str_eq(sandbox_metadata_get(metadata, STR("leg_id")), filter->leg_id));
}

struct effects {
    int64_t count;
    int64_t amount_minor;
};

static void write_effects(struct json_writer *json, const char *name, struct effects effects)
{
    json_write_object(json, name);
    json_write_i64(json, "count", effects.count);
    json_write_i64(json, "amount_minor", effects.amount_minor);
    json_write_end(json);
}

static void write_intents(struct json_writer *json, const struct sandbox_world *world,
                          const struct filter *filter)
{
    struct effects states[SANDBOX_INTENT_STATE_COUNT] = {{.count = 0}};
    for (uint32_t i = 0; i < world->intents.count; i++) {
        const struct sandbox_intent *intent = sandbox_shelf_at(&world->intents, sizeof(*intent), i);
        if (matches(filter, &intent->metadata)) {
            states[SANDBOX_INTENT_NONE].count++;
            states[SANDBOX_INTENT_NONE].amount_minor += intent->amount_minor;
            states[intent->state].count++;
            states[intent->state].amount_minor += intent->received_minor;
        }
    }
    write_effects(json, "payment_intents", states[SANDBOX_INTENT_NONE]);
    write_effects(json, "paid", states[SANDBOX_INTENT_SUCCEEDED]);
    write_effects(json, "canceled", states[SANDBOX_INTENT_CANCELED]);
}

static void write_outgoing(struct json_writer *json, const struct sandbox_world *world,
                           const struct filter *filter)
{
    struct effects transfers = {.count = 0};
    struct effects refunds = {.count = 0};
    for (uint32_t i = 0; i < world->transfers.count; i++) {
        const struct sandbox_transfer *transfer =
            sandbox_shelf_at(&world->transfers, sizeof(*transfer), i);
        if (matches(filter, &transfer->metadata)) {
            transfers.count++;
            transfers.amount_minor += transfer->amount_minor;
        }
    }
    for (uint32_t i = 0; i < world->refunds.count; i++) {
        const struct sandbox_refund *refund = sandbox_shelf_at(&world->refunds, sizeof(*refund), i);
        if (refund->failure_reason.len == 0 && matches(filter, &refund->metadata)) {
            refunds.count++;
            refunds.amount_minor += refund->amount_minor;
        }
    }
    write_effects(json, "transfers", transfers);
    write_effects(json, "refunds", refunds);
}

static void write_traffic(struct json_writer *json, const struct sandbox *sandbox)
{
    json_write_i64(json, "requests", (int64_t)sandbox->counts.requests);
    json_write_i64(json, "replayed", (int64_t)sandbox->counts.replayed);
    json_write_i64(json, "dropped", (int64_t)sandbox->counts.dropped);
    json_write_i64(json, "faulted", (int64_t)sandbox->faults.used);
    json_write_object(json, "webhooks");
    json_write_i64(json, "events", sandbox->world.events.count);
    json_write_i64(json, "queued", sandbox_outbox_queued(&sandbox->outbox));
    json_write_i64(json, "held", sandbox_outbox_held(&sandbox->outbox));
    json_write_i64(json, "attempts", (int64_t)sandbox->counts.webhook_attempts);
    json_write_i64(json, "delivered", (int64_t)sandbox->counts.webhooks_delivered);
    json_write_end(json);
}

struct status sandbox_in_counters(struct op *op, void *deps, const struct http_request *req,
                                  struct http_response *ret)
{
    struct sandbox *sandbox = deps;
    struct filter filter = {.escrow_id = STR(""), .leg_id = STR("")};
    (void)http_request_query(req, STR("escrow_id"), &filter.escrow_id);
    (void)http_request_query(req, STR("leg_id"), &filter.leg_id);
    struct json_writer json;
    json_write_init(&json, op->arena, SANDBOX_BODY_MAX_BYTES);
    json_write_object(&json, /* name */ NULL);
    mutex_lock(&sandbox->lock);
    write_intents(&json, &sandbox->world, &filter);
    write_outgoing(&json, &sandbox->world, &filter);
    write_traffic(&json, sandbox);
    mutex_unlock(&sandbox->lock);
    json_write_end(&json);
    return respond(op, &json, ret);
}

struct status sandbox_in_reset(struct op *op, void *deps, const struct http_request *req,
                               struct http_response *ret)
{
    (void)req;
    struct sandbox *sandbox = deps;
    mutex_lock(&sandbox->lock);
    struct status st = sandbox_reset(op, sandbox);
    mutex_unlock(&sandbox->lock);
    ret->body = STR("{}");
    return st;
}
