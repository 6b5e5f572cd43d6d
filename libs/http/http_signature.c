/* In: the headers of a signed request. Out: what was signed, byte for byte. Nothing that was sent goes
 * into a message. */
#include "http/http_signature.h"

#include <sodium.h>
#include <string.h>

#include "http/http_internal.h"

#define CREATED_MAX_DIGITS 12 /* fewer than RFC 8941 has: microseconds of it fit into an int64 */
/* Not more than the request itself had, and a name in quotes for each component. */
#define BASE_MAX_BYTES (HTTP_HEADERS_MAX_BYTES + HTTP_URL_MAX_BYTES + 4096)

/* ---- Reading: each takes from the front of *rest, and leaves it alone when it does not fit ---- */

static bool take_char(struct str *rest, char c)
{
    if (rest->len == 0 || rest->ptr[0] != c) {
        return false;
    }
    *rest = str_after(*rest, 1);
    return true;
}

static struct str take_while(struct str *rest, bool (*fits)(char c))
{
    struct str all = *rest;
    size_t len = 0;
    while (len < all.len && fits(all.ptr[len])) {
        len++;
    }
    *rest = str_after(all, len);
    return (struct str){.ptr = all.ptr, .len = len};
}

static bool is_key_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* What a string of RFC 8941 may have without escapes. */
static bool is_string_char(char c)
{
    return c >= ' ' && c < 0x7f && c != '"' && c != '\\';
}

static bool is_base64_char(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || is_digit(c) || c == '+' ||
           c == '/' || c == '=';
}

/* "text", which is not empty. */
static bool take_string(struct str *rest, struct str *ret_text)
{
    if (!take_char(rest, '"')) {
        return false;
    }
    *ret_text = take_while(rest, is_string_char);
    return ret_text->len > 0 && ret_text->len <= HTTP_SIGNATURE_TEXT_MAX_BYTES &&
           take_char(rest, '"');
}

/* "label=" */
static bool take_label(struct str *rest, struct str *ret_label)
{
    *ret_label = take_while(rest, is_key_char);
    return ret_label->len > 0 && ret_label->ptr[0] >= 'a' && take_char(rest, '=');
}

/* ":base64:" of 32 bytes, and nothing behind it. */
static bool take_hash(struct str *rest, struct hash *ret_hash)
{
    if (!take_char(rest, ':')) {
        return false;
    }
    struct str text = take_while(rest, is_base64_char);
    size_t len = 0;
    const char *end = NULL;
    return take_char(rest, ':') && rest->len == 0 &&
           sodium_base642bin(ret_hash->bytes, HASH_BYTES, text.ptr, text.len, /* ignore */ NULL,
                             &len, &end, sodium_base64_VARIANT_ORIGINAL) == 0 &&
           len == HASH_BYTES && end == text.ptr + text.len;
}

/* Header names are told in lower case. */
static bool is_component(struct str name)
{
    for (size_t i = name.ptr[0] == '@' ? 1 : 0; i < name.len; i++) {
        if (!is_key_char(name.ptr[i])) {
            return false;
        }
    }
    return true;
}

static bool take_covered(struct str *rest, struct http_signature *signature)
{
    if (!take_char(rest, '(')) {
        return false;
    }
    bool more = !take_char(rest, ')');
    while (more) {
        struct str name;
        if (signature->covered_count == HTTP_SIGNATURE_COVERED_MAX || !take_string(rest, &name) ||
            !is_component(name) || http_signature_covers(signature, name)) {
            return false;
        }
        signature->covered[signature->covered_count++] = name;
        more = !take_char(rest, ')');
        if (more && !take_char(rest, ' ')) {
            return false;
        }
    }
    return true;
}

static bool take_created(struct str *rest, struct http_signature *signature)
{
    struct str digits = take_while(rest, is_digit);
    return signature->created_s < 0 && digits.len > 0 && digits.len <= CREATED_MAX_DIGITS &&
           str_to_i64(digits, &signature->created_s);
}

/* Each at most once. One that is not known here (expires, tag) would promise what is not kept. */
static bool take_parameter(struct str *rest, struct http_signature *signature)
{
    struct str name;
    if (!take_char(rest, ';') || !take_label(rest, &name)) {
        return false;
    }
    if (str_eq(name, STR("created"))) {
        return take_created(rest, signature);
    }
    struct str *text = str_eq(name, STR("keyid"))   ? &signature->keyid
                       : str_eq(name, STR("nonce")) ? &signature->nonce
                       : str_eq(name, STR("alg"))   ? &signature->alg
                                                    : NULL;
    return text && text->len == 0 && take_string(rest, text);
}

static bool parse(struct str input, struct str text, struct http_signature *signature)
{
    struct str label;
    struct str other_label;
    if (!take_label(&input, &label)) {
        return false;
    }
    signature->params = input;
    if (!take_covered(&input, signature)) {
        return false;
    }
    while (input.len > 0) {
        if (!take_parameter(&input, signature)) {
            return false;
        }
    }
    return take_label(&text, &other_label) && str_eq(label, other_label) &&
           take_hash(&text, &signature->mac);
}

STATUS http_signature_read(struct op *op, const struct http_request *req,
                           struct http_signature *ret_signature)
{
    struct str input = STR("");
    struct str text = STR("");
    bool has_input = http_request_header(req, STR("Signature-Input"), &input);
    bool has_text = http_request_header(req, STR("Signature"), &text);
    if (!has_input && !has_text) {
        return op_fail(op, STATUS_DENIED, "signature.missing", "not signed");
    }
    struct http_signature signature = {.created_s = -1};
    if (!parse(str_trim(input), str_trim(text), &signature)) {
        return op_fail(op, STATUS_DENIED, "signature.malformed", "%zu and %zu bytes", input.len,
                       text.len);
    }
    *ret_signature = signature;
    return OK;
}

bool http_signature_covers(const struct http_signature *signature, struct str name)
{
    for (uint32_t i = 0; i < signature->covered_count; i++) {
        if (str_eq(signature->covered[i], name)) {
            return true;
        }
    }
    return false;
}

/* ---- The base ---- */

/* A line of the base must not be two lines. */
static bool is_one_line(struct str value)
{
    for (size_t i = 0; i < value.len; i++) {
        if ((unsigned char)value.ptr[i] < ' ' || value.ptr[i] == 0x7f) {
            return false;
        }
    }
    return true;
}

static bool find_header(const struct http_request *req, struct str name, struct str *ret_value)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < req->header_count; i++) {
        if (http_str_eq_nocase(req->headers[i].name, name)) {
            *ret_value = str_trim(req->headers[i].value);
            count++;
        }
    }
    return count == 1 && is_one_line(*ret_value);
}

static void add_lower(struct strbuf *buf, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        strbuf_add_char(buf, (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c));
    }
}

/* False: it is not there, or not understood. */
static bool add_component(struct strbuf *buf, const struct http_request *req, struct str name)
{
    struct str value = STR("");
    strbuf_addf(buf, "\"" STR_FMT "\": ", STR_ARG(name));
    if (str_eq(name, STR("@method"))) {
        strbuf_add(buf, http_method_name(req->method));
    } else if (str_eq(name, STR("@path"))) {
        strbuf_add(buf, req->path);
    } else if (str_eq(name, STR("@query"))) {
        strbuf_add_char(buf, '?');
        strbuf_add(buf, req->query_text);
    } else if (str_eq(name, STR("@authority"))) {
        if (!find_header(req, STR("Host"), &value)) {
            return false;
        }
        add_lower(buf, value);
    } else {
        if (name.ptr[0] == '@' || !find_header(req, name, &value)) {
            return false;
        }
        strbuf_add(buf, value);
    }
    strbuf_add_char(buf, '\n');
    return true;
}

STATUS http_signature_base(struct op *op, const struct http_request *req,
                           const struct http_signature *signature, struct str *ret_base)
{
    struct strbuf buf;
    strbuf_init(&buf, op->arena, BASE_MAX_BYTES);
    for (uint32_t i = 0; i < signature->covered_count; i++) {
        if (!add_component(&buf, req, signature->covered[i])) {
            return op_fail(op, STATUS_DENIED, "signature.components", "component %u", i);
        }
    }
    strbuf_addf(&buf, "\"@signature-params\": " STR_FMT, STR_ARG(signature->params));
    return strbuf_finish(&buf, ret_base) ? OK : op_arena_full(op);
}

/* ---- The body ---- */

STATUS http_signature_check_digest(struct op *op, const struct http_request *req)
{
    struct str text = STR("");
    struct str algorithm;
    struct hash told;
    struct hash is = hash_of(req->body);
    bool sent = http_request_header(req, STR("Content-Digest"), &text);
    text = str_trim(text);
    if (!sent || !take_label(&text, &algorithm) || !str_eq(algorithm, STR("sha-256")) ||
        !take_hash(&text, &told) || !hash_eq(&is, &told)) {
        return op_fail(op, STATUS_DENIED, "signature.digest", sent ? "another one" : "not sent");
    }
    return OK;
}
