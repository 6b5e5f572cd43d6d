/* In: the provider's requests. Out: the provider's answers and events. */
#include "sandbox/sandbox_in_stripe.h"

#include "sandbox/sandbox_balance.h"
#include "sandbox/sandbox_call.h"
#include "sandbox/sandbox_render.h"

#define LIST_DEFAULT 10
#define LIST_MAX 100

static void begin_json(struct sandbox_call *call, struct json_writer *ret_json)
{
    json_write_init(ret_json, call->op->arena, SANDBOX_BODY_MAX_BYTES);
}

/* The object becomes the answer, and with a type the event too. */
static STATUS finish(struct sandbox_call *call, struct json_writer *json, const char *event_type)
{
    TRY(json_write_finish(call->op, json, &call->answer.body));
    return event_type
               ? sandbox_happened(call->op, call->sandbox, event_type, call->answer.body, call->key)
               : OK;
}

static STATUS in_books(struct op *op, bool kept)
{
    return kept ? OK : op_fail(op, STATUS_LIMIT, "sandbox.full", "the world is full");
}

static struct sandbox_refusal no_such_object(struct str id)
{
    return (struct sandbox_refusal){.error = SANDBOX_ERROR_NO_SUCH_OBJECT, .about = id};
}

/* ---- Payment intents and charges ---- */

static STATUS answer_intent(struct sandbox_call *call, const struct sandbox_intent *intent,
                            const char *event_type)
{
    struct json_writer json;
    begin_json(call, &json);
    sandbox_render_intent(&json, /* name */ NULL, intent);
    return finish(call, &json, event_type);
}

static STATUS create_intent(struct sandbox_call *call, struct sandbox_refusal *ret_refusal)
{
    struct sandbox_intent *intent;
    *ret_refusal =
        sandbox_world_create_intent(&call->sandbox->world, &call->form, call->now_s, &intent);
    return ret_refusal->error ? OK : answer_intent(call, intent, "payment_intent.created");
}

static struct sandbox_intent *intent_of_path(struct sandbox_call *call,
                                             struct sandbox_refusal *ret_refusal)
{
    struct str id = http_request_param(call->req, STR("id"));
    struct sandbox_intent *intent = sandbox_world_intent(&call->sandbox->world, id);
    if (!intent) {
        *ret_refusal = no_such_object(id);
    }
    return intent;
}

static STATUS search_intents(struct sandbox_call *call, struct sandbox_refusal *ret_refusal);

static STATUS get_intent(struct sandbox_call *call, struct sandbox_refusal *ret_refusal)
{
    if (str_eq(http_request_param(call->req, STR("id")), STR("search"))) {
        return search_intents(call, ret_refusal);
    }
    const struct sandbox_intent *intent = intent_of_path(call, ret_refusal);
    return intent ? answer_intent(call, intent, /* event_type */ NULL) : OK;
}

static STATUS cancel_intent(struct sandbox_call *call, struct sandbox_refusal *ret_refusal)
{
    struct sandbox_intent *intent = intent_of_path(call, ret_refusal);
    if (!intent) {
        return OK;
    }
    *ret_refusal = sandbox_world_cancel_intent(intent, &call->form);
    return ret_refusal->error ? OK : answer_intent(call, intent, "payment_intent.canceled");
}

static STATUS get_charge(struct sandbox_call *call, struct sandbox_refusal *ret_refusal)
{
    struct str id = http_request_param(call->req, STR("id"));
    const struct sandbox_intent *intent = sandbox_world_intent_of_charge(&call->sandbox->world, id);
    if (!intent) {
        *ret_refusal = no_such_object(id);
        return OK;
    }
    struct json_writer json;
    begin_json(call, &json);
    sandbox_render_charge(&json, /* name */ NULL, intent);
    return finish(call, &json, /* event_type */ NULL);
}

/* ---- Transfers and refunds ---- */

static STATUS create_transfer(struct sandbox_call *call, struct sandbox_refusal *ret_refusal)
{
    struct sandbox_transfer *transfer;
    *ret_refusal =
        sandbox_world_create_transfer(&call->sandbox->world, &call->form, call->now_s, &transfer);
    if (ret_refusal->error) {
        return OK;
    }
    TRY(in_books(call->op,
                 sandbox_balance_transferred(&call->sandbox->world, transfer, call->now_s)));
    struct json_writer json;
    begin_json(call, &json);
    sandbox_render_transfer(&json, /* name */ NULL, transfer);
    return finish(call, &json, "transfer.created");
}

static STATUS get_transfer(struct sandbox_call *call, struct sandbox_refusal *ret_refusal)
{
    struct str id = http_request_param(call->req, STR("id"));
    const struct sandbox_transfer *transfer = sandbox_world_transfer(&call->sandbox->world, id);
    if (!transfer) {
        *ret_refusal = no_such_object(id);
        return OK;
    }
    struct json_writer json;
    begin_json(call, &json);
    sandbox_render_transfer(&json, /* name */ NULL, transfer);
    return finish(call, &json, /* event_type */ NULL);
}

static STATUS create_refund(struct sandbox_call *call, struct sandbox_refusal *ret_refusal)
{
    struct sandbox_refund *refund;
    *ret_refusal =
        sandbox_world_create_refund(&call->sandbox->world, &call->form, call->now_s, &refund);
    if (ret_refusal->error) {
        return OK;
    }
    TRY(in_books(call->op, sandbox_balance_refunded(&call->sandbox->world, refund, call->now_s)));
    struct json_writer json;
    begin_json(call, &json);
    sandbox_render_refund(&json, /* name */ NULL, refund);
    return finish(call, &json, "refund.created");
}

static STATUS get_refund(struct sandbox_call *call, struct sandbox_refusal *ret_refusal)
{
    struct str id = http_request_param(call->req, STR("id"));
    const struct sandbox_refund *refund = sandbox_world_refund(&call->sandbox->world, id);
    if (!refund) {
        *ret_refusal = no_such_object(id);
        return OK;
    }
    struct json_writer json;
    begin_json(call, &json);
    sandbox_render_refund(&json, /* name */ NULL, refund);
    return finish(call, &json, /* event_type */ NULL);
}

/* ---- Lists: newest first, a page at a time ---- */

struct list {
    const struct sandbox_shelf *shelf;
    size_t item_bytes;
    const char *filter; /* the one parameter that narrows the list */
    /* Writes the item when it fits the filter's value (empty: all do); false: it does not. */
    bool (*write)(struct json_writer *json, const void *item, struct str wanted);
    struct str (*id)(const void *item);
};

static struct sandbox_refusal read_page(const struct sandbox_form *form, const char *filter,
                                        int64_t *ret_limit)
{
    *ret_limit = LIST_DEFAULT;
    for (uint32_t i = 0; i < form->count; i++) {
        struct str name = form->pairs[i].name;
        if (!str_eq(name, STR("limit")) && !str_eq(name, STR("starting_after")) &&
            !str_eq(name, str_of(filter))) {
            return (struct sandbox_refusal){.error = SANDBOX_ERROR_PARAMETER_UNKNOWN,
                                            .about = name};
        }
    }
    struct str limit = sandbox_form_get(form, STR("limit"));
    if (limit.ptr && (!str_to_i64(limit, ret_limit) || *ret_limit < 1 || *ret_limit > LIST_MAX)) {
        return (struct sandbox_refusal){.error = SANDBOX_ERROR_INVALID_INTEGER,
                                        .about = STR("limit")};
    }
    return (struct sandbox_refusal){.error = SANDBOX_ERROR_NONE};
}

static STATUS answer_list(struct sandbox_call *call, const struct list *list,
                          struct sandbox_refusal *ret_refusal)
{
    int64_t limit;
    *ret_refusal = read_page(&call->form, list->filter, &limit);
    if (ret_refusal->error) {
        return OK;
    }
    struct str wanted = sandbox_form_get(&call->form, str_of(list->filter));
    struct str after = sandbox_form_get(&call->form, STR("starting_after"));
    bool begun = after.len == 0;
    bool has_more = false;
    struct json_writer json;
    begin_json(call, &json);
    json_write_object(&json, /* name */ NULL);
    json_write_str(&json, "object", STR("list"));
    json_write_str(&json, "url", call->req->path);
    json_write_array(&json, "data");
    for (uint32_t i = list->shelf->count; i > 0 && !has_more; i--) {
        const void *item = sandbox_shelf_at(list->shelf, list->item_bytes, i - 1);
        if (!begun) {
            begun = str_eq(list->id(item), after);
        } else if (limit > 0) {
            limit -= list->write(&json, item, wanted) ? 1 : 0;
        } else {
            has_more = true;
        }
    }
    json_write_end(&json);
    json_write_bool(&json, "has_more", has_more);
    json_write_end(&json);
    return finish(call, &json, /* event_type */ NULL);
}

static bool fits(struct str wanted, struct str value)
{
    return wanted.len == 0 || str_eq(wanted, value);
}

static bool write_transfer(struct json_writer *json, const void *item, struct str wanted)
{
    const struct sandbox_transfer *transfer = item;
    if (!fits(wanted, transfer->transfer_group)) {
        return false;
    }
    sandbox_render_transfer(json, /* name */ NULL, transfer);
    return true;
}

static bool write_refund(struct json_writer *json, const void *item, struct str wanted)
{
    const struct sandbox_refund *refund = item;
    if (!fits(wanted, refund->intent_id)) {
        return false;
    }
    sandbox_render_refund(json, /* name */ NULL, refund);
    return true;
}

static bool write_event(struct json_writer *json, const void *item, struct str wanted)
{
    const struct sandbox_event *event = item;
    if (!fits(wanted, event->type)) {
        return false;
    }
    json_write_raw(json, /* name */ NULL, event->body);
    return true;
}

static struct str transfer_id(const void *item)
{
    return ((const struct sandbox_transfer *)item)->id;
}

static struct str refund_id(const void *item)
{
    return ((const struct sandbox_refund *)item)->id;
}

static struct str event_id(const void *item)
{
    return ((const struct sandbox_event *)item)->id;
}

/* The one query that it knows: metadata['NAME']:'VALUE'. */
static bool read_query(struct str query, struct str *ret_name, struct str *ret_value)
{
    struct str start = STR("metadata['");
    struct str middle = STR("']:'");
    if (!str_has_prefix(query, start)) {
        return false;
    }
    struct str name;
    struct str rest = str_after(query, start.len);
    if (!str_cut(rest, '\'', &name, &rest)) {
        return false;
    }
    rest = str_after(query, start.len + name.len);
    if (!str_has_prefix(rest, middle)) {
        return false;
    }
    rest = str_after(rest, middle.len);
    struct str end;
    *ret_name = name;
    return str_cut(rest, '\'', ret_value, &end) && end.len == 0;
}

static STATUS search_intents(struct sandbox_call *call, struct sandbox_refusal *ret_refusal)
{
    const struct sandbox_shelf *shelf = &call->sandbox->world.intents;
    struct str name;
    struct str value;
    struct json_writer json;
    if (!read_query(sandbox_form_get(&call->form, STR("query")), &name, &value)) {
        *ret_refusal = (struct sandbox_refusal){.error = SANDBOX_ERROR_PARAMETER_UNKNOWN,
                                                .about = STR("query")};
        return OK;
    }
    begin_json(call, &json);
    json_write_object(&json, /* name */ NULL);
    json_write_str(&json, "object", STR("search_result"));
    json_write_str(&json, "url", call->req->path);
    json_write_array(&json, "data");
    for (uint32_t i = 0, found = 0; i < shelf->count && found < LIST_DEFAULT; i++) {
        const struct sandbox_intent *intent =
            sandbox_shelf_at(shelf, sizeof(struct sandbox_intent), i);
        if (str_eq(sandbox_metadata_get(&intent->metadata, name), value)) {
            sandbox_render_intent(&json, /* name */ NULL, intent);
            found++;
        }
    }
    json_write_end(&json);
    json_write_bool(&json, "has_more", false);
    json_write_end(&json);
    return finish(call, &json, /* event_type */ NULL);
}

static STATUS list_transfers(struct sandbox_call *call, struct sandbox_refusal *ret_refusal)
{
    const struct list list = {.shelf = &call->sandbox->world.transfers,
                              .item_bytes = sizeof(struct sandbox_transfer),
                              .filter = "transfer_group",
                              .write = write_transfer,
                              .id = transfer_id};
    return answer_list(call, &list, ret_refusal);
}

static STATUS list_refunds(struct sandbox_call *call, struct sandbox_refusal *ret_refusal)
{
    const struct list list = {.shelf = &call->sandbox->world.refunds,
                              .item_bytes = sizeof(struct sandbox_refund),
                              .filter = "payment_intent",
                              .write = write_refund,
                              .id = refund_id};
    return answer_list(call, &list, ret_refusal);
}

static STATUS list_events(struct sandbox_call *call, struct sandbox_refusal *ret_refusal)
{
    const struct list list = {.shelf = &call->sandbox->world.events,
                              .item_bytes = sizeof(struct sandbox_event),
                              .filter = "type",
                              .write = write_event,
                              .id = event_id};
    return answer_list(call, &list, ret_refusal);
}

/* ---- The routes' handlers ---- */

struct status sandbox_in_create_intent(struct op *op, void *deps, const struct http_request *req,
                                       struct http_response *ret)
{
    return sandbox_call_run(op, deps, req, create_intent, ret);
}

struct status sandbox_in_get_intent(struct op *op, void *deps, const struct http_request *req,
                                    struct http_response *ret)
{
    return sandbox_call_run(op, deps, req, get_intent, ret);
}

struct status sandbox_in_cancel_intent(struct op *op, void *deps, const struct http_request *req,
                                       struct http_response *ret)
{
    return sandbox_call_run(op, deps, req, cancel_intent, ret);
}

struct status sandbox_in_get_charge(struct op *op, void *deps, const struct http_request *req,
                                    struct http_response *ret)
{
    return sandbox_call_run(op, deps, req, get_charge, ret);
}

struct status sandbox_in_create_transfer(struct op *op, void *deps, const struct http_request *req,
                                         struct http_response *ret)
{
    return sandbox_call_run(op, deps, req, create_transfer, ret);
}

struct status sandbox_in_get_transfer(struct op *op, void *deps, const struct http_request *req,
                                      struct http_response *ret)
{
    return sandbox_call_run(op, deps, req, get_transfer, ret);
}

struct status sandbox_in_list_transfers(struct op *op, void *deps, const struct http_request *req,
                                        struct http_response *ret)
{
    return sandbox_call_run(op, deps, req, list_transfers, ret);
}

struct status sandbox_in_create_refund(struct op *op, void *deps, const struct http_request *req,
                                       struct http_response *ret)
{
    return sandbox_call_run(op, deps, req, create_refund, ret);
}

struct status sandbox_in_get_refund(struct op *op, void *deps, const struct http_request *req,
                                    struct http_response *ret)
{
    return sandbox_call_run(op, deps, req, get_refund, ret);
}

struct status sandbox_in_list_refunds(struct op *op, void *deps, const struct http_request *req,
                                      struct http_response *ret)
{
    return sandbox_call_run(op, deps, req, list_refunds, ret);
}

struct status sandbox_in_list_events(struct op *op, void *deps, const struct http_request *req,
                                     struct http_response *ret)
{
    return sandbox_call_run(op, deps, req, list_events, ret);
}
