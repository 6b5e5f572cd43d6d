/*
 * Requests that ask for something in a deal. In: JSON of somebody we know. Out: a row of the intake, answered
 * with 202 after its commit. Refused here for identity and existence, never for a deal's state.
 */
#include <string.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/crash.h"
#include "gateway/gateway_command.h"
#include "gateway/gateway_http.h"
#include "gateway/gateway_out_json.h"
#include "json/json_read.h"

#define LOCATION_MAX_BYTES 64

/* ---- Bodies ---- */

static const struct json_field milestone_fields[] = {
    {"title", JSON_FIELD_TEXT, .required = true, .prose = true,
     .offset = offsetof(struct gateway_milestone, title)},
    {"amount_minor", JSON_FIELD_I64, .required = true,
     .offset = offsetof(struct gateway_milestone, amount_minor)},
};

static const struct json_field create_fields[] = {
    {"buyer_id", JSON_FIELD_ID, .required = true,
     .offset = offsetof(struct gateway_terms, buyer_id)},
    {"seller_id", JSON_FIELD_ID, .required = true,
     .offset = offsetof(struct gateway_terms, seller_id)},
    {"arbiter_id", JSON_FIELD_ID, .offset = offsetof(struct gateway_terms, arbiter_id)},
    {"arbiter_key", JSON_FIELD_TEXT, .offset = offsetof(struct gateway_terms, arbiter_key)},
    {"seller_account", JSON_FIELD_TEXT, .required = true, .prose = true,
     .offset = offsetof(struct gateway_terms, seller_account)},
    {"amount_minor", JSON_FIELD_I64, .required = true,
     .offset = offsetof(struct gateway_terms, amount_minor)},
    {"currency", JSON_FIELD_TEXT, .required = true,
     .offset = offsetof(struct gateway_terms, currency)},
    {"funding_seconds", JSON_FIELD_I64, .offset = offsetof(struct gateway_terms, funding_seconds)},
    {"delivery_seconds", JSON_FIELD_I64,
     .offset = offsetof(struct gateway_terms, delivery_seconds)},
    {"inspection_seconds", JSON_FIELD_I64,
     .offset = offsetof(struct gateway_terms, inspection_seconds)},
    {"buyer_fee_basis_points", JSON_FIELD_I64,
     .offset = offsetof(struct gateway_terms, fees.buyer.basis_points)},
    {"buyer_fee_fixed_minor", JSON_FIELD_I64,
     .offset = offsetof(struct gateway_terms, fees.buyer.fixed_minor)},
    {"seller_fee_basis_points", JSON_FIELD_I64,
     .offset = offsetof(struct gateway_terms, fees.seller.basis_points)},
    {"seller_fee_fixed_minor", JSON_FIELD_I64,
     .offset = offsetof(struct gateway_terms, fees.seller.fixed_minor)},
    {"buyer_fee_refundable", JSON_FIELD_BOOL,
     .offset = offsetof(struct gateway_terms, fees.buyer_refundable)},
    {"description", JSON_FIELD_TEXT, .prose = true,
     .offset = offsetof(struct gateway_terms, description)},
    {"milestones", JSON_FIELD_ITEMS, .offset = offsetof(struct gateway_terms, milestones),
     .item_fields = milestone_fields, .item_field_count = ARRAY_LEN(milestone_fields),
     .item_bytes = sizeof(struct gateway_milestone)},
};

struct reason_body {
    struct str reason;
};

static const struct json_field reason_fields[] = {
    {"reason", JSON_FIELD_TEXT, .prose = true, .offset = offsetof(struct reason_body, reason)},
};

/* No body and {} mean the same. */
static struct status read_reason(struct op *op, const struct http_request *req,
                                 struct gateway_order *order)
{
    struct reason_body body = {.reason = STR("")};
    bool has_none = gateway_action_reason(order->action) == GATEWAY_REASON_NONE;
    size_t field_count = has_none ? 0 : ARRAY_LEN(reason_fields);
    if (req->body.len > 0) {
        TRY(json_read_object(op, req->body, reason_fields, field_count, &body));
    }
    TRY(gateway_reason_check(op, order->action, body.reason));
    order->reason = body.reason;
    return OK;
}

struct milestone_body {
    int64_t milestone;
};

static const struct json_field which_fields[] = {
    {"milestone", JSON_FIELD_I64, .min = 1, .max = GATEWAY_MILESTONES_MAX,
     .offset = offsetof(struct milestone_body, milestone)},
};

/* No body and {} mean the same: the deal is one piece. Which milestones it has else is escrow's to say. */
static struct status read_milestone(struct op *op, const struct http_request *req,
                                    struct gateway_order *order)
{
    struct milestone_body body = {.milestone = 0};
    if (req->body.len > 0) {
        TRY(json_read_object(op, req->body, which_fields, ARRAY_LEN(which_fields), &body));
    }
    order->milestone = body.milestone;
    return OK;
}

struct about_body {
    struct str reason;
    int64_t milestone;
};

static const struct json_field about_fields[] = {
    {"reason", JSON_FIELD_TEXT, .prose = true, .offset = offsetof(struct about_body, reason)},
    {"milestone", JSON_FIELD_I64, .min = 1, .max = GATEWAY_MILESTONES_MAX,
     .offset = offsetof(struct about_body, milestone)},
};

/* What it is about, and why: a refund is of all that is held, where no milestone is named. */
static struct status read_about(struct op *op, const struct http_request *req,
                                struct gateway_order *order)
{
    struct about_body body = {.reason = STR("")};
    if (req->body.len > 0) {
        TRY(json_read_object(op, req->body, about_fields, ARRAY_LEN(about_fields), &body));
    }
    TRY(gateway_reason_check(op, order->action, body.reason));
    order->reason = body.reason;
    order->milestone = body.milestone;
    return OK;
}

struct part_body {
    int64_t amount_minor;
};

static const struct json_field part_fields[] = {
    {"amount_minor", JSON_FIELD_I64, .required = true,
     .offset = offsetof(struct part_body, amount_minor)},
};

static struct status read_part(struct op *op, const struct http_request *req,
                               struct gateway_order *order)
{
    struct part_body body = {.amount_minor = 0};
    TRY(json_read_object(op, req->body, part_fields, ARRAY_LEN(part_fields), &body));
    TRY(gateway_part_check(op, body.amount_minor));
    order->amount_minor = body.amount_minor;
    return OK;
}

struct split_body {
    int64_t seller_minor;
    int64_t buyer_minor;
};

static const struct json_field split_fields[] = {
    {"seller_minor", JSON_FIELD_I64, .required = true,
     .offset = offsetof(struct split_body, seller_minor)},
    {"buyer_minor", JSON_FIELD_I64, .required = true,
     .offset = offsetof(struct split_body, buyer_minor)},
};

static struct status read_split(struct op *op, const struct http_request *req,
                                struct gateway_order *order)
{
    struct split_body body = {.seller_minor = 0};
    TRY(json_read_object(op, req->body, split_fields, ARRAY_LEN(split_fields), &body));
    TRY(gateway_split_check(op, body.seller_minor, body.buyer_minor));
    order->seller_minor = body.seller_minor;
    order->buyer_minor = body.buyer_minor;
    return OK;
}

struct number_body {
    int64_t number;
};

static const struct json_field number_fields[] = {
    {"number", JSON_FIELD_I64, .required = true, .offset = offsetof(struct number_body, number)},
};

/* Which offers there were is escrow's to say. */
static struct status read_number(struct op *op, const struct http_request *req,
                                 struct gateway_order *order)
{
    struct number_body body = {.number = 0};
    TRY(json_read_object(op, req->body, number_fields, ARRAY_LEN(number_fields), &body));
    order->number = body.number;
    return OK;
}

static const struct json_field verdict_fields[] = {
    {"dispute", JSON_FIELD_I64, .required = true, .offset = offsetof(struct gateway_order, number)},
    {"seller_minor", JSON_FIELD_I64, .required = true,
     .offset = offsetof(struct gateway_order, seller_minor)},
    {"buyer_minor", JSON_FIELD_I64, .required = true,
     .offset = offsetof(struct gateway_order, buyer_minor)},
    {"reason", JSON_FIELD_TEXT, .required = true, .prose = true,
     .offset = offsetof(struct gateway_order, reason)},
    {"head", JSON_FIELD_TEXT, .offset = offsetof(struct gateway_order, head)},
    {"signature", JSON_FIELD_TEXT, .offset = offsetof(struct gateway_order, signature)},
};

/* Whose word it is, and over what it is signed, needs the deal: gateway_verdict_check. */
static struct status read_verdict(struct op *op, const struct http_request *req,
                                  struct gateway_order *order)
{
    order->head = order->signature = STR("");
    TRY(json_read_object(op, req->body, verdict_fields, ARRAY_LEN(verdict_fields), order));
    TRY(gateway_split_check(op, order->seller_minor, order->buyer_minor));
    return gateway_reason_check(op, order->action, order->reason);
}

static struct status read_body(struct op *op, const struct http_request *req,
                               struct gateway_order *order)
{
    switch (order->action) {
    case GATEWAY_RELEASE_PART: return read_part(op, req, order);
    case GATEWAY_PROPOSE_SPLIT: return read_split(op, req, order);
    case GATEWAY_ACCEPT_SPLIT:
    case GATEWAY_WITHDRAW_SPLIT: return read_number(op, req, order);
    case GATEWAY_RESOLVE_DISPUTE: return read_verdict(op, req, order);
    case GATEWAY_MARK_DELIVERED:
    case GATEWAY_RELEASE: return read_milestone(op, req, order);
    case GATEWAY_REFUND:
    case GATEWAY_REJECT_DELIVERY: return read_about(op, req, order);
    case GATEWAY_CANCEL:
    case GATEWAY_RETRY:
    case GATEWAY_ACCEPT_RETURN:
    case GATEWAY_RAISE_DISPUTE:
    case GATEWAY_WITHDRAW_DISPUTE: return read_reason(op, req, order);
    case GATEWAY_ACTION_NONE:
    case GATEWAY_CREATE:          /* its body has the terms */
    case GATEWAY_SUBMIT_EVIDENCE: /* its body is the evidence: gateway_in_evidence.c */
    case GATEWAY_ACTION_COUNT: break;
    }
    UNREACHABLE("gateway action");
}

/* ---- Answers ---- */

static struct status answer_accepted(struct op *op, const struct intake_request *request,
                                     struct http_response *ret)
{
    char id[ID_TEXT_BYTES];
    id_format(request->id, id);
    struct strbuf buf;
    strbuf_init(&buf, op->arena, LOCATION_MAX_BYTES);
    strbuf_addf(&buf, "/v1/commands/%s", id);
    struct str location;
    if (!strbuf_finish(&buf, &location)) {
        return op_arena_full(op);
    }
    TRY(gateway_out_accepted(op, request, &ret->body));
    TRY(http_response_header(op, ret, STR("Location"), location));
    ret->status = 202;
    ret->retry_after_s = GATEWAY_RETRY_AFTER_S;
    return OK;
}

/* What the intake said, as HTTP. */
static struct status answer_result(struct op *op, const struct intake_request *request,
                                   enum intake_result result, struct http_response *ret)
{
    switch (result) {
    case INTAKE_STORED:
    case INTAKE_REPEATED: return answer_accepted(op, request, ret);
    case INTAKE_DIFFERENT:
        return op_fail(op, STATUS_INVALID, "idempotency.key_reused", "another content");
    case INTAKE_BUSY:
        ret->retry_after_s = GATEWAY_RETRY_AFTER_S;
        return op_fail(op, STATUS_CONFLICT, "idempotency.in_progress", "being committed");
    case INTAKE_RESULT_NONE:
    case INTAKE_RESULT_COUNT: break;
    }
    UNREACHABLE("intake result");
}

STATUS gateway_take_in(struct op *op, struct gateway *gateway, const struct intake_request *request,
                       struct http_response *ret)
{
    enum intake_result result = INTAKE_RESULT_NONE;
    struct status st = gateway->submit(op, gateway->submit_ctx, request, &result);
    if (status_failed(st)) {
        ret->retry_after_s = GATEWAY_RETRY_AFTER_S;
        return st;
    }
    CRASH_POINT("request-before-answer");
    return answer_result(op, request, result, ret);
}

static struct status take_in(struct op *op, struct gateway *gateway, const struct http_request *req,
                             const struct gateway_order *order, struct http_response *ret)
{
    struct gateway_command *command = arena_new(op->arena, struct gateway_command, 1);
    if (!command) {
        return op_arena_full(op);
    }
    TRY(gateway_command_make(op, order, command));
    command->request.refused_last = (req->route->flags & HTTP_ROUTE_SAVES_MONEY) != 0;
    return gateway_take_in(op, gateway, &command->request, ret);
}

struct gateway_order gateway_begin_order(const struct http_request *req, enum gateway_action action)
{
    const struct gateway_caller *caller = req->principal;
    return (struct gateway_order){.action = action,
                                  .caller = *caller,
                                  .key = req->idempotency_key,
                                  .now_us = clock_wall_us()};
}

/* ---- The handlers ---- */

STATUS gateway_post_escrow(struct op *op, void *deps, const struct http_request *req,
                           struct http_response *ret)
{
    struct gateway_order order = gateway_begin_order(req, GATEWAY_CREATE);
    if (order.caller.kind != ENGINE_ACTOR_MARKETPLACE) {
        return op_fail(op, STATUS_DENIED, "gateway.marketplace_only", "another kind of token");
    }
    order.terms.funding_seconds = GATEWAY_FUNDING_DEFAULT_SECONDS;
    order.terms.delivery_seconds = GATEWAY_DELIVERY_DEFAULT_SECONDS;
    order.terms.inspection_seconds = GATEWAY_INSPECTION_DEFAULT_SECONDS;
    order.terms.fees.buyer_refundable = true;
    order.terms.description = STR("");
    order.terms.arbiter_key = STR("");
    TRY(json_read_object(op, req->body, create_fields, ARRAY_LEN(create_fields), &order.terms));
    TRY(gateway_terms_check(op, &order.terms));
    return take_in(op, deps, req, &order, ret);
}

STATUS gateway_check_identity(struct op *op, struct gateway *gateway,
                              const struct gateway_order *order, struct http_response *ret,
                              struct gateway_deal *ret_deal)
{
    TRY(gateway_repo_find_deal(op, gateway->pg, order->escrow_id, ret_deal));
    const struct gateway_parties parties = gateway_deal_parties(ret_deal);
    enum gateway_role role = gateway_role_of(&order->caller, &parties);
    bool there = ret_deal->in_view || (ret_deal->is_pending && ret_deal->outcome == INTAKE_OPEN);
    if (!there || role == GATEWAY_ROLE_NONE) {
        return op_fail(op, STATUS_NOT_FOUND, "escrow.unknown", "not there for this caller");
    }
    if (!gateway_action_allowed(order->action, role)) {
        return op_fail(op, STATUS_DENIED, "escrow.not_allowed", "another role");
    }
    if (!ret_deal->in_view) {
        ret->retry_after_s = GATEWAY_RETRY_AFTER_S;
        return op_fail(op, STATUS_CONFLICT, "escrow.pending", "its creation is not decided yet");
    }
    return order->action == GATEWAY_RESOLVE_DISPUTE
               ? gateway_verdict_check(op, order, &ret_deal->view)
               : OK;
}

/* The verb is the last segment of the route's path, under each of its names. */
static enum gateway_action route_action(const struct http_route *route)
{
    const char *slash = strrchr(route->path, '/');
    ASSERT(slash);
    enum gateway_action action = gateway_action_of_verb(str_of(slash + 1));
    ASSERT(action != GATEWAY_ACTION_NONE);
    return action;
}

/* REQ-D9, REQ-D10 */
STATUS gateway_post_action(struct op *op, void *deps, const struct http_request *req,
                           struct http_response *ret)
{
    struct gateway_deal deal;
    struct gateway_order order = gateway_begin_order(req, route_action(req->route));
    if (!id_parse(http_request_param(req, STR("id")), &order.escrow_id) ||
        id_is_none(order.escrow_id)) {
        return op_fail(op, STATUS_NOT_FOUND, "escrow.unknown", "not an id");
    }
    TRY(read_body(op, req, &order));
    TRY(gateway_check_identity(op, deps, &order, ret, &deal));
    return take_in(op, deps, req, &order, ret);
}
