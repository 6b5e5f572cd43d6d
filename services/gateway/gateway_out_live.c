#include "gateway/gateway_out_live.h"

#include "json/json_write.h"

/* INV36: who the caller is to each deal is asked here once more, whatever the question was. */
static STATUS add_views(struct op *op, struct json_writer *out,
                        const struct gateway_live_start *start, const struct gateway_caller *caller)
{
    for (uint32_t i = 0; i < start->view_count; i++) {
        const struct gateway_view *view = &start->views[i];
        const struct gateway_parties parties = gateway_view_parties(view);
        enum gateway_role role = gateway_role_of(caller, &parties);
        struct str json;
        if (role != GATEWAY_ROLE_NONE) {
            TRY(gateway_out_view(op, view, role, &json));
            json_write_raw(out, NULL, json);
        }
    }
    return OK;
}

static STATUS add_pending(struct op *op, struct json_writer *out, const struct gateway_deal *deal,
                          const struct gateway_caller *caller)
{
    const struct gateway_parties parties = gateway_deal_parties(deal);
    enum gateway_role role = gateway_role_of(caller, &parties);
    struct str json;
    if (role != GATEWAY_ROLE_NONE) {
        TRY(gateway_out_pending(op, deal, role, &json));
        json_write_raw(out, NULL, json);
    }
    return OK;
}

static STATUS add_commands(struct op *op, struct json_writer *out,
                           const struct gateway_live_start *start, struct id escrow_id)
{
    for (uint32_t i = 0; i < start->command_count; i++) {
        const struct gateway_command_row *command = &start->commands[i];
        struct str json;
        if (id_is_none(escrow_id) || id_eq(escrow_id, command->key)) {
            TRY(gateway_out_command(op, command, &json));
            json_write_raw(out, NULL, json);
        }
    }
    return OK;
}

STATUS gateway_out_live_start(struct op *op, const struct gateway_live_start *start,
                              const struct gateway_caller *caller, struct id escrow_id,
                              struct str *ret_json)
{
    struct json_writer out;
    json_write_init(&out, op->arena, GATEWAY_JSON_MAX_BYTES);
    json_write_object(&out, NULL);
    json_write_object(&out, "caller");
    json_write_str(&out, "kind", engine_actor_name(caller->kind));
    json_write_id(&out, "id", caller->account_id);
    json_write_end(&out);
    json_write_array(&out, "escrows");
    TRY(add_views(op, &out, start, caller));
    if (start->pending) {
        TRY(add_pending(op, &out, start->pending, caller));
    }
    json_write_end(&out);
    json_write_array(&out, "commands");
    TRY(add_commands(op, &out, start, escrow_id));
    json_write_end(&out);
    json_write_bool(&out, "more", start->more);
    json_write_end(&out);
    return json_write_finish(op, &out, ret_json);
}
