/* For an arbiter, on a machine of his own: no database, no server. In: his private key and what he decides. Out: the body of
 * POST /v1/escrows/{id}/resolve-dispute. */
#include <string.h>

#include "base/defer.h"
#include "base/file.h"
#include "base/verdict.h"
#include "holdfastctl/ctl.h"
#include "json/json_write.h"

#define BODY_MAX_BYTES ((size_t)16 * 1024)

static STATUS read_key(struct op *op, const struct ctl *ctl, struct sign_secret *ret_key)
{
    struct str pem;
    TRY(file_read(op, ctl->args.text[CTL_OPTION_KEY], SIGN_FILE_MAX_BYTES, &pem));
    return sign_secret_read(pem, ret_key) ? OK
                                          : op_fail(op, STATUS_INVALID, "ctl.usage",
                                                    "--key has no Ed25519 private key in PEM form");
}

static STATUS hex_of(struct op *op, const uint8_t *bytes, size_t len, struct str *ret_text)
{
    struct strbuf buf;
    strbuf_init(&buf, op->arena, 2 * len + 1);
    strbuf_add_hex(&buf, bytes, len);
    return strbuf_finish(&buf, ret_text) ? OK : op_arena_full(op);
}

static STATUS read_verdict(struct op *op, const struct ctl_args *args, struct verdict *ret_verdict)
{
    struct verdict verdict = {
        .escrow_id = args->uuid[CTL_OPTION_ESCROW],
        .dispute = args->number[CTL_OPTION_DISPUTE],
        .currency = CURRENCY_USD,
        .seller_minor = args->number[CTL_OPTION_SELLER],
        .buyer_minor = args->number[CTL_OPTION_BUYER],
        .reason = args->text[CTL_OPTION_REASON],
    };
    if (!str_from_hex(args->text[CTL_OPTION_HEAD], verdict.head.bytes, HASH_BYTES)) {
        return op_fail(op, STATUS_INVALID, "ctl.usage", "--head must be 64 hex digits");
    }
    *ret_verdict = verdict;
    return OK;
}

/* Members of the request, in the order of its schema. */
static STATUS write_body(struct op *op, const struct verdict *verdict, struct str head,
                         struct str signature, struct str *ret_body)
{
    struct json_writer out;
    json_write_init(&out, op->arena, BODY_MAX_BYTES);
    json_write_object(&out, NULL);
    json_write_i64(&out, "dispute", verdict->dispute);
    json_write_i64(&out, "seller_minor", verdict->seller_minor);
    json_write_i64(&out, "buyer_minor", verdict->buyer_minor);
    json_write_str(&out, "reason", verdict->reason);
    json_write_str(&out, "head", head);
    json_write_str(&out, "signature", signature);
    json_write_end(&out);
    return json_write_finish(op, &out, ret_body);
}

struct status ctl_verdict_sign(struct op *op, struct ctl *ctl)
{
    static const struct ctl_column columns[] = {{"body", CTL_CELL_TEXT}};
    DEFER(sign_secret_fini) struct sign_secret key = {.bytes = {0}};
    struct verdict verdict;
    struct str head, signature_hex, body;
    char text[VERDICT_TEXT_BYTES];
    TRY(read_key(op, ctl, &key));
    TRY(read_verdict(op, &ctl->args, &verdict));
    struct sign_public public_key = sign_public_of(&key);
    struct signature signature = sign_text(&key, verdict_text(&verdict, &public_key, text));
    TRY(hex_of(op, verdict.head.bytes, HASH_BYTES, &head));
    TRY(hex_of(op, signature.bytes, SIGN_BYTES, &signature_hex));
    TRY(write_body(op, &verdict, head, signature_hex, &body));
    if (!ctl->out.json) {
        ctl_out_line(&ctl->out, body);
        return OK;
    }
    struct ctl_table table;
    struct ctl_cell *cells;
    TRY(ctl_table_init(op, &table, columns, ARRAY_LEN(columns), 1));
    TRY(ctl_table_add(op, &table, &cells));
    cells[0].text = body;
    ctl_out_object(&ctl->out, "verdict", &table);
    return OK;
}

struct status ctl_verdict_key(struct op *op, struct ctl *ctl)
{
    static const struct ctl_column columns[] = {{"arbiter_key", CTL_CELL_TEXT}};
    DEFER(sign_secret_fini) struct sign_secret key = {.bytes = {0}};
    struct str hex;
    TRY(read_key(op, ctl, &key));
    struct sign_public public_key = sign_public_of(&key);
    TRY(hex_of(op, public_key.bytes, SIGN_PUBLIC_BYTES, &hex));
    if (!ctl->out.json) {
        ctl_out_line(&ctl->out, hex);
        return OK;
    }
    struct ctl_table table;
    struct ctl_cell *cells;
    TRY(ctl_table_init(op, &table, columns, ARRAY_LEN(columns), 1));
    TRY(ctl_table_add(op, &table, &cells));
    cells[0].text = hex;
    ctl_out_object(&ctl->out, "verdict", &table);
    return OK;
}
