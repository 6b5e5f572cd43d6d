/*
 * Requests that look. Everything comes from the read models; a stranger's deal is 404, in lists it
 * is not there (INV36).
 */
#include <inttypes.h>

#include "base/assert.h"
#include "gateway/gateway_cursor.h"
#include "gateway/gateway_http.h"
#include "gateway/gateway_openapi.h"
#include "gateway/gateway_out_json.h"
#include "gateway/gateway_proof.h"

#define LINK_MAX_BYTES 256
#define TIMELINE_MAX 100

static struct status unknown(struct op *op)
{
    return op_fail(op, STATUS_NOT_FOUND, "escrow.unknown", "not there for this caller");
}

STATUS gateway_find_deal(struct op *op, struct gateway *gateway, const struct http_request *req,
                         struct gateway_deal *ret_deal, enum gateway_role *ret_role)
{
    struct id id;
    if (!id_parse(http_request_param(req, STR("id")), &id)) {
        return unknown(op);
    }
    TRY(gateway_repo_find_deal(op, gateway->pg, id, ret_deal));
    const struct gateway_parties parties = gateway_deal_parties(ret_deal);
    *ret_role = gateway_role_of(req->principal, &parties);
    bool there = ret_deal->in_view || ret_deal->is_pending;
    return there && *ret_role != GATEWAY_ROLE_NONE ? OK : unknown(op);
}

STATUS gateway_get_escrow(struct op *op, void *deps, const struct http_request *req,
                          struct http_response *ret)
{
    struct gateway_deal deal;
    enum gateway_role role = GATEWAY_ROLE_NONE;
    TRY(gateway_find_deal(op, deps, req, &deal, &role));
    if (deal.in_view) {
        return gateway_out_view(op, &deal.view, role, &ret->body);
    }
    return gateway_out_pending(op, &deal, role, &ret->body);
}

/* A number in the query, within bounds; the fallback when it is not sent. */
static struct status read_number(struct op *op, const struct http_request *req, struct str name,
                                 int64_t max, int64_t *ret_number)
{
    struct str text;
    int64_t number = 0;
    if (!http_request_query(req, name, &text)) {
        return OK;
    }
    if (!str_to_i64(text, &number) || number < 1 || number > max) {
        return op_fail(op, STATUS_INVALID, "gateway.list_limit", STR_FMT, STR_ARG(name));
    }
    *ret_number = number;
    return OK;
}

static struct status add_link(struct op *op, struct http_response *ret, int64_t limit,
                              struct str cursor)
{
    struct strbuf buf;
    strbuf_init(&buf, op->arena, LINK_MAX_BYTES);
    strbuf_addf(&buf, "</v1/escrows?limit=%" PRId64 "&cursor=" STR_FMT ">; rel=\"next\"", limit,
                STR_ARG(cursor));
    struct str link;
    if (!strbuf_finish(&buf, &link)) {
        return op_arena_full(op);
    }
    return http_response_header(op, ret, STR("Link"), link);
}

STATUS gateway_get_escrows(struct op *op, void *deps, const struct http_request *req,
                           struct http_response *ret)
{
    struct gateway *gateway = deps;
    struct gateway_cursor cursor = gateway_cursor_first();
    struct str text;
    int64_t limit = GATEWAY_PAGE_DEFAULT;
    TRY(read_number(op, req, STR("limit"), GATEWAY_PAGE_MAX, &limit));
    if (http_request_query(req, STR("cursor"), &text) && !gateway_cursor_parse(text, &cursor)) {
        return op_fail(op, STATUS_INVALID, "gateway.cursor", "not one of ours");
    }
    const struct gateway_view *views = NULL;
    uint32_t count = 0;
    TRY(gateway_repo_list(op, gateway->pg, req->principal, cursor, (uint32_t)limit + 1, &views,
                          &count));
    struct str next = STR("");
    if (count > (uint32_t)limit) { /* one more than asked for says that there are more */
        count = (uint32_t)limit;
        TRY(gateway_cursor_format(op, &views[count - 1], &next));
        TRY(add_link(op, ret, limit, next));
    }
    return gateway_out_list(op, views, count, req->principal, next, &ret->body);
}

STATUS gateway_get_timeline(struct op *op, void *deps, const struct http_request *req,
                            struct http_response *ret)
{
    struct gateway *gateway = deps;
    struct gateway_deal deal;
    enum gateway_role role = GATEWAY_ROLE_NONE;
    int64_t after = 0;
    TRY(read_number(op, req, STR("after"), INT64_MAX, &after));
    TRY(gateway_find_deal(op, deps, req, &deal, &role));
    const struct gateway_entry *entries = NULL;
    uint32_t count = 0;
    if (deal.in_view) {
        TRY(gateway_repo_timeline(op, gateway->pg, deal.view.id, after, TIMELINE_MAX + 1, &entries,
                                  &count));
    }
    int64_t next_after = 0;
    if (count > TIMELINE_MAX) {
        count = TIMELINE_MAX;
        next_after = entries[count - 1].seq;
    }
    return gateway_out_timeline(op, entries, count, role, next_after, &ret->body);
}

STATUS gateway_get_proof(struct op *op, void *deps, const struct http_request *req,
                         struct http_response *ret)
{
    struct gateway *gateway = deps;
    struct gateway_deal deal;
    struct gateway_proof proof;
    enum gateway_role role = GATEWAY_ROLE_NONE;
    bool found = false;
    TRY(gateway_find_deal(op, deps, req, &deal, &role));
    if (deal.in_view) {
        TRY(gateway_proof_find(op, gateway->pg, deal.view.id, &proof, &found));
    }
    if (!found) {
        return op_fail(op, STATUS_NOT_FOUND, "escrow.not_sealed", "no seal covers it yet");
    }
    return gateway_proof_json(op, &proof, deal.view.seq, &ret->body);
}

STATUS gateway_get_command(struct op *op, void *deps, const struct http_request *req,
                           struct http_response *ret)
{
    struct gateway *gateway = deps;
    const struct gateway_caller *caller = req->principal;
    struct gateway_command_row command;
    struct id id;
    bool found = false;
    if (id_parse(http_request_param(req, STR("id")), &id)) {
        TRY(gateway_repo_find_command(op, gateway->pg, id, &command, &found));
    }
    bool own = found && (caller->kind == ENGINE_ACTOR_STAFF ||
                         id_eq(command.account_id, caller->account_id));
    if (!own) {
        return op_fail(op, STATUS_NOT_FOUND, "command.unknown", "not there for this caller");
    }
    if (command.outcome == INTAKE_OPEN) {
        ret->retry_after_s = GATEWAY_RETRY_AFTER_S;
    }
    return gateway_out_command(op, &command, &ret->body);
}

STATUS gateway_get_openapi(struct op *op, void *deps, const struct http_request *req,
                           struct http_response *ret)
{
    (void)deps;
    (void)req;
    ret->body = gateway_openapi_json();
    return http_response_header(op, ret, STR("Cache-Control"), STR("public, max-age=300"));
}
