#include "gateway/gateway_account_command.h"

#include "base/assert.h"
#include "gateway/gateway_command.h"
#include "gateway/gateway_repo.h"
#include "holdfast/gateway/v1/commands.pb-c.h"
#include "wire/wire.h"

#define PATH_MAX_BYTES 128

static struct status make_command_id(struct op *op, const struct gateway_account_order *order,
                                     struct id *ret_id)
{
    struct strbuf buf;
    strbuf_init(&buf, op->arena, PATH_MAX_BYTES);
    strbuf_add(&buf, STR("/v1/users"));
    if (order->verb == GATEWAY_ACCOUNT_LINK_DISCORD) {
        char user[ID_TEXT_BYTES];
        id_format(order->user_id, user);
        strbuf_addf(&buf, "/%s/link-discord", user);
    }
    struct str path;
    if (!strbuf_finish(&buf, &path)) {
        return op_arena_full(op);
    }
    return gateway_command_id(op, order->caller.account_id, path, order->key, ret_id);
}

/* One registration, one user: a repeated request registers the same. */
static struct id make_user_id(struct id command_id)
{
    return id_v5(
        id_namespace(STR("holdfast/user")),
        (struct str){.ptr = (const char *)command_id.bytes, .len = sizeof(command_id.bytes)});
}

static struct status fill_body(struct op *op, const struct gateway_account_order *order,
                               Holdfast__Gateway__V1__GatewayCommand *command,
                               const ProtobufCMessage **ret_body)
{
    if (order->verb == GATEWAY_ACCOUNT_REGISTER) {
        Holdfast__Gateway__V1__RegisterUser *body =
            arena_new(op->arena, Holdfast__Gateway__V1__RegisterUser, 1);
        if (!body) {
            return op_arena_full(op);
        }
        holdfast__gateway__v1__register_user__init(body);
        command->body_case = HOLDFAST__GATEWAY__V1__GATEWAY_COMMAND__BODY_REGISTER_USER;
        command->register_user = body;
        *ret_body = &body->base;
        TRY(wire_fill_text(op, order->display_name, &body->display_name));
        return wire_fill_text(op, order->discord_id, &body->discord_id);
    }
    Holdfast__Gateway__V1__LinkDiscord *body =
        arena_new(op->arena, Holdfast__Gateway__V1__LinkDiscord, 1);
    if (!body) {
        return op_arena_full(op);
    }
    holdfast__gateway__v1__link_discord__init(body);
    command->body_case = HOLDFAST__GATEWAY__V1__GATEWAY_COMMAND__BODY_LINK_DISCORD;
    command->link_discord = body;
    *ret_body = &body->base;
    return wire_fill_text(op, order->discord_id, &body->discord_id);
}

static struct status fill_request(struct op *op, const struct gateway_account_order *order,
                                  struct intake_request *request)
{
    const struct engine_actor actor = {.kind = order->caller.kind, .id = order->caller.account_id};
    Holdfast__Gateway__V1__GatewayCommand command;
    const ProtobufCMessage *body = NULL;
    holdfast__gateway__v1__gateway_command__init(&command);
    TRY(wire_meta_origin(op, request->id, gateway_command_correlation(op), actor, &command.meta));
    TRY(wire_fill_id(op, request->key, &command.user_id));
    TRY(fill_body(op, order, &command, &body));
    request->topic = TOPIC_GATEWAY_COMMANDS_V1;
    request->type = wire_type(body);
    request->account = order->caller.account_id;
    TRY(wire_content_of(op, request->key, actor, body, &request->content));
    return wire_pack(op, &command.base, &request->payload);
}

STATUS gateway_account_command_make(struct op *op, const struct gateway_account_order *order,
                                    struct gateway_account_command *ret_command)
{
    bool registers = order->verb == GATEWAY_ACCOUNT_REGISTER;
    struct intake_request *request = &ret_command->request;
    ASSERT(registers || order->verb == GATEWAY_ACCOUNT_LINK_DISCORD);
    ASSERT(id_is_none(order->user_id) == registers);
    *ret_command = (struct gateway_account_command){.request = {.key = order->user_id}};
    TRY(make_command_id(op, order, &request->id));
    if (registers) {
        const struct engine_actor actor = {.kind = order->caller.kind,
                                           .id = order->caller.account_id};
        request->key = make_user_id(request->id);
        ret_command->pending = (struct gateway_account_pending){
            .id = request->key,
            .command_id = request->id,
            .marketplace_id = gateway_account_marketplace(&actor),
            .display_name = order->display_name,
            .discord_id = order->discord_id,
            .created_at_us = order->now_us,
        };
        request->extra_table = &gateway_account_pending_table;
        request->extra_row = &ret_command->pending;
    }
    return fill_request(op, order, request);
}
