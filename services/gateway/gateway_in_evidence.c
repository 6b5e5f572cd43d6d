/*
 * Evidence. In: the bytes of a file from somebody who may show it. Out: the file in the object store, a row of the intake; and the
 * docket and the files back, for the two, their arbiter and staff. Bytes are never shown as anything but a download.
 */
#include <inttypes.h>
#include <string.h>

#include "base/arena.h"
#include "base/card.h"
#include "base/clock.h"
#include "gateway/gateway_command.h"
#include "gateway/gateway_evidence.h"
#include "gateway/gateway_http.h"

#define STREAM_ARENA_BYTES 4096
#define DOWNLOAD_MAX_MS 120000 /* 4 MiB at 35 kB a second */
#define NAME_MAX_BYTES 128
#define NAME_DIGITS 16 /* of the hash: enough to tell files apart in a folder of downloads */

/* What a browser may do with it: nothing at all. */
#define POLICY "default-src 'none'; frame-ancestors 'none'; sandbox"

/* ---- Submitting ---- */

/* The one part of Content-Type that counts; text is UTF-8, whatever else is said. */
static struct str declared_type(const struct http_request *req)
{
    struct str value = STR("");
    struct str rest = STR("");
    struct str type = STR("");
    if (!http_request_header(req, STR("Content-Type"), &value)) {
        return type;
    }
    type = value;
    (void)str_cut(value, ';', &type, &rest);
    return str_trim(type);
}

static struct status read_description(struct op *op, const struct http_request *req,
                                      struct str *ret_description)
{
    struct str text = STR("");
    if (!http_request_query(req, STR("description"), &text)) {
        *ret_description = STR("");
        return OK;
    }
    if (text.len > GATEWAY_EVIDENCE_TEXT_MAX_BYTES) {
        return op_fail(op, STATUS_INVALID, "escrow.bad_evidence", "a description of %zu bytes",
                       text.len);
    }
    if (card_number_in(text)) {
        return op_fail(op, STATUS_INVALID, "json.card_number", "description");
    }
    *ret_description = text;
    return OK;
}

/* What it is, is what its bytes are; what it is called must be the same, so that nobody is mistaken about it. */
static struct status read_file(struct op *op, const struct http_request *req,
                               struct gateway_order *order)
{
    order->media = media_of(req->body);
    order->size_bytes = (int64_t)req->body.len;
    order->content = hash_of(req->body);
    if (order->media == MEDIA_NONE || !str_eq(declared_type(req), media_type(order->media))) {
        return op_fail(op, STATUS_INVALID, "gateway.evidence_type", "declared " STR_FMT ", is %d",
                       STR_ARG(declared_type(req)), (int)order->media);
    }
    return read_description(op, req, &order->reason);
}

/* Else anybody who has a deal could fill the store: what is shown without a dispute comes to nothing anyway. */
static struct status check_disputed(struct op *op, const struct gateway_deal *deal,
                                    struct http_response *ret)
{
    if (deal->view.docket.len > 0) {
        return OK;
    }
    ret->retry_after_s = GATEWAY_RETRY_AFTER_S; /* it may have been raised this moment */
    return op_fail(op, STATUS_CONFLICT, "gateway.no_dispute", "no dispute is open");
}

/* Written down, then stored, then asked for: so what is asked for is there, and what is there is written down. */
static struct status store(struct op *op, struct gateway *gateway,
                           const struct gateway_order *order, struct id command_id,
                           struct str bytes, struct http_response *ret)
{
    const struct gateway_upload upload = {.command_id = command_id,
                                          .content = order->content,
                                          .account_id = order->caller.account_id,
                                          .escrow_id = order->escrow_id};
    bool has_room = false;
    struct hash name;
    TRY(gateway_evidence_begin(op, gateway->pg, &upload, &has_room));
    if (!has_room) {
        ret->retry_after_s = GATEWAY_UPLOAD_KEPT_S;
        return op_fail(op, STATUS_LIMIT, "gateway.too_many_uploads", "%d are not settled",
                       GATEWAY_UPLOADS_MAX);
    }
    return objects_put(op, gateway->objects, bytes, &name);
}

static struct status has_store(struct op *op, const struct gateway *gateway)
{
    return gateway->objects
               ? OK
               : op_fail(op, STATUS_RETRY, "gateway.no_evidence_dir", "EVIDENCE_DIR is not given");
}

STATUS gateway_post_evidence(struct op *op, void *deps, const struct http_request *req,
                             struct http_response *ret)
{
    struct gateway *gateway = deps;
    struct gateway_order order = gateway_begin_order(req, GATEWAY_SUBMIT_EVIDENCE);
    struct gateway_deal deal;
    struct gateway_command *command = arena_new(op->arena, struct gateway_command, 1);
    if (!command) {
        return op_arena_full(op);
    }
    if (!id_parse(http_request_param(req, STR("id")), &order.escrow_id) ||
        id_is_none(order.escrow_id)) {
        return op_fail(op, STATUS_NOT_FOUND, "escrow.unknown", "not an id");
    }
    TRY(has_store(op, gateway));
    TRY(read_file(op, req, &order));
    TRY(gateway_check_identity(op, gateway, &order, ret, &deal));
    TRY(check_disputed(op, &deal, ret));
    TRY(gateway_command_make(op, &order, command));
    /* Before anything is stored, so that a full store gets room. */
    status_ignore(gateway_evidence_sweep(op, gateway->pg, gateway->objects),
                  "whoever submits the next piece tries again");
    TRY(store(op, gateway, &order, command->request.id, req->body, ret));
    return gateway_take_in(op, gateway, &command->request, ret);
}

/* ---- Looking ---- */

/* The marketplace has no part in it: what the two show may be private. */
static struct status find_disputed(struct op *op, struct gateway *gateway,
                                   const struct http_request *req, struct gateway_deal *deal)
{
    enum gateway_role role = GATEWAY_ROLE_NONE;
    TRY(gateway_find_deal(op, gateway, req, deal, &role));
    return role != GATEWAY_ROLE_MARKETPLACE
               ? OK
               : op_fail(op, STATUS_DENIED, "escrow.not_allowed", "a marketplace");
}

STATUS gateway_get_evidence_list(struct op *op, void *deps, const struct http_request *req,
                                 struct http_response *ret)
{
    struct gateway *gateway = deps;
    struct gateway_deal deal;
    const struct gateway_evidence *rows = NULL;
    uint32_t count = 0;
    TRY(find_disputed(op, gateway, req, &deal));
    if (deal.in_view) {
        TRY(gateway_evidence_list(op, gateway->pg, deal.view.id, &rows, &count));
    }
    return gateway_evidence_json(op, rows, count, &ret->body);
}

/* A file on its way out: lives as long as the response does. */
struct download {
    struct arena arena; /* this struct lies in it */
    struct objects_reader *reader;
    int64_t until_ms; /* clock_mono_ms: who takes longer begins again */
};

static int64_t read_download(void *ctx, char *ret_bytes, size_t max_bytes, bool stopping)
{
    struct download *download = ctx;
    if (stopping || clock_mono_ms() > download->until_ms) {
        return HTTP_STREAM_BREAK;
    }
    DEFER(arena_fini) struct arena arena;
    arena_init(&arena, STREAM_ARENA_BYTES);
    struct op op = {.arena = &arena};
    size_t len = 0;
    if (status_failed(objects_read(&op, download->reader, ret_bytes, max_bytes, &len))) {
        return HTTP_STREAM_BREAK;
    }
    return len > 0 ? (int64_t)len : HTTP_STREAM_END;
}

static void close_download(void *ctx)
{
    struct download *download = ctx;
    objects_close(download->reader);
    struct arena arena = download->arena;
    arena_fini(&arena);
}

static struct status open_download(struct op *op, struct gateway *gateway,
                                   const struct hash *content, struct download **ret_download)
{
    struct arena arena;
    arena_init(&arena, STREAM_ARENA_BYTES);
    struct download *download = arena_new(&arena, struct download, 1);
    if (!download) {
        arena_fini(&arena);
        return op_arena_full(op);
    }
    *download = (struct download){.arena = arena, .until_ms = clock_mono_ms() + DOWNLOAD_MAX_MS};
    struct status st = objects_open(op, gateway->objects, content, &download->reader);
    if (status_failed(st)) {
        close_download(download);
        return st;
    }
    *ret_download = download;
    return OK;
}

static struct status add_headers(struct op *op, enum media media, struct str hash,
                                 struct http_response *ret)
{
    struct strbuf buf;
    struct str name;
    strbuf_init(&buf, op->arena, NAME_MAX_BYTES);
    strbuf_addf(&buf, "attachment; filename=\"%.*s." STR_FMT "\"", NAME_DIGITS, hash.ptr,
                STR_ARG(media_ending(media)));
    if (!strbuf_finish(&buf, &name)) {
        return op_arena_full(op);
    }
    ret->content_type = media == MEDIA_TEXT ? STR("text/plain; charset=utf-8") : media_type(media);
    TRY(http_response_header(op, ret, STR("Content-Disposition"), name));
    TRY(http_response_header(op, ret, STR("Content-Security-Policy"), STR(POLICY)));
    TRY(http_response_header(op, ret, STR("Cross-Origin-Resource-Policy"), STR("same-origin")));
    return http_response_header(op, ret, STR("Referrer-Policy"), STR("no-referrer"));
}

STATUS gateway_get_evidence(struct op *op, void *deps, const struct http_request *req,
                            struct http_response *ret)
{
    struct gateway *gateway = deps;
    struct str hash = http_request_param(req, STR("hash"));
    struct gateway_deal deal;
    struct gateway_evidence row = {.seq = 0};
    struct download *download = NULL;
    struct hash content;
    bool found = false;
    TRY(find_disputed(op, gateway, req, &deal));
    if (deal.in_view && str_from_hex(hash, content.bytes, HASH_BYTES)) {
        TRY(gateway_evidence_find(op, gateway->pg, deal.view.id, &content, &row, &found));
    }
    if (!found) {
        return op_fail(op, STATUS_NOT_FOUND, "gateway.no_evidence", "not of this deal");
    }
    TRY(has_store(op, gateway));
    TRY(open_download(op, gateway, &content, &download));
    ret->stream =
        (struct http_stream){.read = read_download, .close = close_download, .ctx = download};
    return add_headers(op, (enum media)row.type, hash, ret);
}
