/* In: questions about the account's balance. Out: its lines, the newest first, a page at a time; or, where a test wants it,
 * other lines than there were. */
#include "sandbox/sandbox_in_balance.h"

#include "base/clock.h"
#include "base/mutex.h"
#include "sandbox/sandbox_balance.h"
#include "sandbox/sandbox_call.h"
#include "sandbox/sandbox_render.h"

#define LIST_DEFAULT 10
#define LIST_MAX 100
#define US_PER_S 1000000

struct question {
    int64_t limit;
    int64_t from_s;
    int64_t before_s;
    struct str after;
    bool expand; /* the source as an object, not as its id */
};

static struct sandbox_refusal refuse(enum sandbox_error error, struct str about)
{
    return (struct sandbox_refusal){.error = error, .about = about};
}

static struct sandbox_refusal read_question(const struct sandbox_form *form,
                                            struct question *ret_question)
{
    struct question question = {
        .limit = LIST_DEFAULT, .before_s = INT64_MAX, .after = {.ptr = "", .len = 0}};
    for (uint32_t i = 0; i < form->count; i++) {
        struct str name = form->pairs[i].name;
        struct str value = form->pairs[i].value;
        bool good = true;
        if (str_eq(name, STR("limit"))) {
            good = str_to_i64(value, &question.limit) && question.limit >= 1 &&
                   question.limit <= LIST_MAX;
        } else if (str_eq(name, STR("created[gte]"))) {
            good = str_to_i64(value, &question.from_s);
        } else if (str_eq(name, STR("created[lt]"))) {
            good = str_to_i64(value, &question.before_s);
        } else if (str_eq(name, STR("starting_after"))) {
            question.after = value;
        } else if (str_eq(name, STR("expand[]")) && str_eq(value, STR("data.source"))) {
            question.expand = true;
        } else {
            return refuse(SANDBOX_ERROR_PARAMETER_UNKNOWN, name);
        }
        if (!good) {
            return refuse(SANDBOX_ERROR_INVALID_INTEGER, name);
        }
    }
    *ret_question = question;
    return refuse(SANDBOX_ERROR_NONE, STR(""));
}

static void render_source(struct json_writer *json, const struct sandbox_world *world,
                          struct str source, bool expand)
{
    const struct sandbox_intent *intent = sandbox_world_intent_of_charge(world, source);
    const struct sandbox_transfer *transfer = sandbox_world_transfer(world, source);
    const struct sandbox_refund *refund = sandbox_world_refund(world, source);
    if (source.len == 0) {
        json_write_null(json, "source");
    } else if (expand && intent) {
        sandbox_render_charge(json, "source", intent);
    } else if (expand && transfer) {
        sandbox_render_transfer(json, "source", transfer);
    } else if (expand && refund) {
        sandbox_render_refund(json, "source", refund);
    } else {
        json_write_str(json, "source", source);
    }
}

static void render_line(struct json_writer *json, const struct sandbox_world *world,
                        const struct sandbox_line *line, bool expand)
{
    json_write_object(json, /* name */ NULL);
    json_write_str(json, "id", line->id);
    json_write_str(json, "object", STR("balance_transaction"));
    json_write_i64(json, "amount", line->amount_minor);
    json_write_i64(json, "available_on", line->created_s);
    json_write_i64(json, "created", line->created_s);
    json_write_str(json, "currency", line->currency);
    json_write_null(json, "description");
    json_write_null(json, "exchange_rate");
    json_write_i64(json, "fee", line->fee_minor);
    json_write_array(json, "fee_details");
    if (line->fee_minor != 0) {
        json_write_object(json, /* name */ NULL);
        json_write_i64(json, "amount", line->fee_minor);
        json_write_null(json, "application");
        json_write_str(json, "currency", line->currency);
        json_write_str(json, "description", STR("Stripe processing fees"));
        json_write_str(json, "type", STR("stripe_fee"));
        json_write_end(json);
    }
    json_write_end(json);
    json_write_i64(json, "net", line->amount_minor - line->fee_minor);
    json_write_str(json, "reporting_category", line->type);
    render_source(json, world, line->source, expand);
    json_write_str(json, "status", STR("available"));
    json_write_str(json, "type", line->type);
    json_write_end(json);
}

static STATUS list_balance(struct sandbox_call *call, struct sandbox_refusal *ret_refusal)
{
    const struct sandbox_world *world = &call->sandbox->world;
    struct question question;
    struct json_writer json;
    *ret_refusal = read_question(&call->form, &question);
    if (ret_refusal->error) {
        return OK;
    }
    bool begun = question.after.len == 0;
    bool has_more = false;
    json_write_init(&json, call->op->arena, SANDBOX_BODY_MAX_BYTES);
    json_write_object(&json, /* name */ NULL);
    json_write_str(&json, "object", STR("list"));
    json_write_str(&json, "url", call->req->path);
    json_write_array(&json, "data");
    for (uint32_t i = world->lines.count; i > 0 && !has_more; i--) {
        const struct sandbox_line *line = sandbox_shelf_at(&world->lines, sizeof(*line), i - 1);
        if (!begun) {
            begun = str_eq(line->id, question.after);
        } else if (!line->lost && line->created_s >= question.from_s &&
                   line->created_s < question.before_s) {
            has_more = question.limit == 0;
            if (question.limit > 0) {
                render_line(&json, world, line, question.expand);
                question.limit--;
            }
        }
    }
    json_write_end(&json);
    json_write_bool(&json, "has_more", has_more);
    json_write_end(&json);
    return json_write_finish(call->op, &json, &call->answer.body);
}

struct status sandbox_in_list_balance(struct op *op, void *deps, const struct http_request *req,
                                      struct http_response *ret)
{
    return sandbox_call_run(op, deps, req, list_balance, ret);
}

/* ---- What tests do to it ---- */

static STATUS change_line(struct op *op, struct str wish, struct sandbox_line *line, int64_t by)
{
    if (str_eq(wish, STR("lose"))) {
        line->lost = true;
    } else if (str_eq(wish, STR("restore"))) {
        line->lost = false;
    } else if (str_eq(wish, STR("amount"))) {
        line->amount_minor += by;
    } else if (str_eq(wish, STR("fee"))) {
        line->fee_minor += by;
    } else if (str_eq(wish, STR("currency"))) {
        line->currency = STR("eur");
    } else {
        return op_fail(op, STATUS_INVALID, "sandbox.bad_form", "wish is not right");
    }
    return OK;
}

static STATUS change_locked(struct op *op, struct sandbox *sandbox, const struct sandbox_form *form)
{
    struct sandbox_world *world = &sandbox->world;
    struct str wish = sandbox_form_get(form, STR("wish"));
    struct str type = sandbox_form_get(form, STR("type"));
    int64_t by = 1;
    TRY(sandbox_form_number(op, form, STR("by"), INT32_MAX, &by));
    if (str_eq(wish, STR("invent"))) {
        type = str_dup(&world->arena, type);
        return type.ptr && sandbox_balance_invent(world, type, by, clock_wall_us() / US_PER_S)
                   ? OK
                   : op_fail(op, STATUS_LIMIT, "sandbox.full", "the world is full");
    }
    struct sandbox_line *line = sandbox_balance_find(
        world, type, sandbox_form_get(form, STR("escrow_id")), str_eq(wish, STR("restore")));
    return line ? change_line(op, wish, line, by)
                : op_fail(op, STATUS_INVALID, "sandbox.bad_form", "there is no such line");
}

struct status sandbox_in_change_balance(struct op *op, void *deps, const struct http_request *req,
                                        struct http_response *ret)
{
    struct sandbox *sandbox = deps;
    struct sandbox_form *form = NULL;
    TRY(sandbox_form_read(op, req->body, &form));
    DEFER(mutex_unlock_at) pthread_mutex_t *held = mutex_lock(&sandbox->lock);
    ret->body = STR("{}");
    return change_locked(op, sandbox, form);
}
