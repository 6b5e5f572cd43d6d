/*
 * Requests about users. In: JSON of somebody we know. Out: a row of the intake, answered with 202 after
 * its commit; or what is known of a user. Refused here for identity and existence, and for what could
 * never be accepted; the rest is decided in the user's lane.
 */
#include "base/clock.h"
#include "gateway/gateway_account_command.h"
#include "gateway/gateway_http.h"
#include "gateway/gateway_out_json.h"
#include "json/json_read.h"

static const struct json_field register_fields[] = {
    {"display_name", JSON_FIELD_TEXT, .prose = true, .required = true,
     .offset = offsetof(struct gateway_account_order, display_name)},
    {"discord_id", JSON_FIELD_TEXT, .offset = offsetof(struct gateway_account_order, discord_id)},
};

static const struct json_field link_fields[] = {
    {"discord_id", JSON_FIELD_TEXT, .required = true,
     .offset = offsetof(struct gateway_account_order, discord_id)},
};

static struct status unknown(struct op *op)
{
    return op_fail(op, STATUS_NOT_FOUND, "user.unknown", "not there for this caller");
}

static struct engine_actor actor_of(const struct http_request *req)
{
    const struct gateway_caller *caller = req->principal;
    return (struct engine_actor){.kind = caller->kind, .id = caller->account_id};
}

static struct gateway_account_order begin_order(const struct http_request *req,
                                                enum gateway_account_verb verb)
{
    const struct gateway_caller *caller = req->principal;
    return (struct gateway_account_order){
        .verb = verb, .caller = *caller, .key = req->idempotency_key, .now_us = clock_wall_us()};
}

static struct status check_discord(struct op *op, struct str discord_id)
{
    if (!gateway_account_discord_ok(discord_id)) {
        return op_blame(op, op_fail(op, STATUS_INVALID, "user.bad_discord_id", "not a snowflake"),
                        STR("/discord_id"));
    }
    return OK;
}

static struct status take_in(struct op *op, struct gateway *gateway,
                             const struct gateway_account_order *order, struct http_response *ret)
{
    struct gateway_account_command *command =
        arena_new(op->arena, struct gateway_account_command, 1);
    if (!command) {
        return op_arena_full(op);
    }
    TRY(gateway_account_command_make(op, order, command));
    return gateway_take_in(op, gateway, &command->request, ret);
}

STATUS gateway_post_user(struct op *op, void *deps, const struct http_request *req,
                         struct http_response *ret)
{
    struct gateway_account_order order = begin_order(req, GATEWAY_ACCOUNT_REGISTER);
    if (!gateway_account_may_register(order.caller.kind)) {
        return op_fail(op, STATUS_DENIED, "user.not_allowed", "another kind of token");
    }
    TRY(json_read_object(op, req->body, register_fields, ARRAY_LEN(register_fields), &order));
    if (!gateway_account_name_ok(order.display_name)) {
        return op_blame(op, op_fail(op, STATUS_INVALID, "user.bad_name", "length or characters"),
                        STR("/display_name"));
    }
    if (order.discord_id.ptr) { /* sent; what is sent is never "none" */
        TRY(check_discord(op, order.discord_id));
    } else {
        order.discord_id = STR("");
    }
    return take_in(op, deps, &order, ret);
}

/* The user that the path names, as this caller may see it. */
static struct status find_user(struct op *op, struct gateway *gateway,
                               const struct http_request *req, struct gateway_user *ret_user)
{
    struct id id;
    if (!id_parse(http_request_param(req, STR("id")), &id)) {
        return unknown(op);
    }
    const struct engine_actor actor = actor_of(req);
    TRY(gateway_repo_find_user(op, gateway->pg, id, ret_user));
    bool there = ret_user->is_registered || ret_user->is_pending;
    return there && gateway_account_may_see(&actor, &ret_user->account) ? OK : unknown(op);
}

STATUS gateway_post_link_discord(struct op *op, void *deps, const struct http_request *req,
                                 struct http_response *ret)
{
    struct gateway_account_order order = begin_order(req, GATEWAY_ACCOUNT_LINK_DISCORD);
    const struct engine_actor actor = actor_of(req);
    struct gateway_user user;
    TRY(json_read_object(op, req->body, link_fields, ARRAY_LEN(link_fields), &order));
    TRY(check_discord(op, order.discord_id));
    TRY(find_user(op, deps, req, &user));
    if (!gateway_account_may_link(&actor, &user.account)) {
        return op_fail(op, STATUS_DENIED, "user.not_allowed", "the user itself");
    }
    if (!user.is_registered && user.outcome == INTAKE_REJECTED) {
        return unknown(op);
    }
    if (!user.is_registered) {
        ret->retry_after_s = GATEWAY_RETRY_AFTER_S;
        return op_fail(op, STATUS_CONFLICT, "user.pending", "its registration is not decided yet");
    }
    order.user_id = user.account.id;
    return take_in(op, deps, &order, ret);
}

STATUS gateway_get_user(struct op *op, void *deps, const struct http_request *req,
                        struct http_response *ret)
{
    struct gateway_user user;
    TRY(find_user(op, deps, req, &user));
    return gateway_out_user(op, &user, &ret->body);
}
