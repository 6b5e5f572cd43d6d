/*
 * GET /v1/events. In: somebody we know, and perhaps one deal. Out: a stream of what happens to the
 * caller's deals, or to that one. A stranger's deal is 404 (INV36); staff name the deal.
 */
#include "gateway/gateway_http.h"
#include "gateway/gateway_live.h"
#include "gateway/gateway_repo.h"

static struct status unknown(struct op *op)
{
    return op_fail(op, STATUS_NOT_FOUND, "escrow.unknown", "not there for this caller");
}

static struct status check_deal(struct op *op, struct gateway *gateway,
                                const struct gateway_caller *caller, struct str text,
                                struct id *ret_id)
{
    struct gateway_deal deal;
    struct id id;
    if (!id_parse(text, &id) || id_is_none(id)) {
        return unknown(op);
    }
    TRY(gateway_repo_find_deal(op, gateway->pg, id, &deal));
    const struct gateway_parties parties = gateway_deal_parties(&deal);
    bool there = deal.in_view || deal.is_pending;
    if (!there || gateway_role_of(caller, &parties) == GATEWAY_ROLE_NONE) {
        return unknown(op);
    }
    *ret_id = id;
    return OK;
}

STATUS gateway_get_events(struct op *op, void *deps, const struct http_request *req,
                          struct http_response *ret)
{
    struct gateway *gateway = deps;
    const struct gateway_caller *caller = req->principal;
    struct id escrow_id = {.bytes = {0}};
    struct str text;
    if (http_request_query(req, STR("escrow_id"), &text)) {
        TRY(check_deal(op, gateway, caller, text, &escrow_id));
    } else if (caller->kind == ENGINE_ACTOR_STAFF) {
        return op_fail(op, STATUS_INVALID, "gateway.events_of_all", "no escrow_id");
    }
    struct status st = gateway_live_join(op, gateway->live, caller, escrow_id, ret);
    if (status_failed(st)) {
        ret->retry_after_s = GATEWAY_RETRY_AFTER_S;
    }
    return st;
}
