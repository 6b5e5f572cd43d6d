#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>

#include "base/assert.h"
#include "base/defer.h"
#include "conf/conf_internal.h"

/* One text against one key. A text that is wrong is a mistake and leaves the value not given. */

/* Takes the part before the next separator off *rest; *ret_more becomes false after the last. */
static struct str next_part(struct str *rest, char separator, bool *ret_more)
{
    struct str head;
    struct str tail;
    if (str_cut(*rest, separator, &head, &tail)) {
        *rest = tail;
        return head;
    }
    head = *rest;
    *rest = STR("");
    *ret_more = false;
    return head;
}

/* Whether one of the parts of "a|b|c" satisfies: the text itself, or its beginning. */
static bool matches(const char *alternatives, struct str text, bool as_prefix)
{
    struct str rest = str_of(alternatives);
    for (bool more = true; more;) {
        struct str part = next_part(&rest, '|', &more);
        if (as_prefix ? str_has_prefix(text, part) : str_eq(text, part)) {
            return true;
        }
    }
    return false;
}

static bool in_bounds(const struct conf_key *key, int64_t value)
{
    return (key->min == 0 && key->max == 0) || (value >= key->min && value <= key->max);
}

static void out_of_bounds(struct conf *conf, const struct conf_key *key, const char *what)
{
    strbuf_addf(&conf->mistakes, "%s: %s %" PRId64 " to %" PRId64 "%s%s\n", key->name, what,
                key->min, key->max, key->unit ? " " : "", key->unit ? key->unit : "");
}

static struct status keep_text(struct op *op, struct conf_value *value, struct str text)
{
    value->text = str_dup(op->arena, text);
    if (!value->text.ptr) {
        return op_arena_full(op);
    }
    value->given = true;
    return OK;
}

static struct status parse_str(struct op *op, struct conf *conf, struct conf_value *value,
                               struct str text)
{
    const struct conf_key *key = value->key;
    if (key->choices && !matches(key->choices, text, /* as_prefix */ false)) {
        strbuf_addf(&conf->mistakes, "%s: must be one of %s\n", key->name, key->choices);
        return OK;
    }
    if (!in_bounds(key, (int64_t)text.len)) {
        out_of_bounds(conf, key, "its length in bytes must be");
        return OK;
    }
    return keep_text(op, value, text);
}

static struct status parse_i64(struct op *op, struct conf *conf, struct conf_value *value,
                               struct str text)
{
    if (!str_to_i64(text, &value->i64)) {
        conf_mistake(conf, value->key->name, "must be an integer");
        return OK;
    }
    if (!in_bounds(value->key, value->i64)) {
        out_of_bounds(conf, value->key, "must be");
        return OK;
    }
    return keep_text(op, value, text);
}

/* ---- Secrets ---- */

static struct status add_secret(struct op *op, struct conf *conf, struct conf_value *value,
                                struct str text)
{
    if (!value->secrets) {
        uint32_t room = value->key->type == CONF_SECRET_LIST ? CONF_LIST_MAX : 1;
        value->secrets = arena_new(op->arena, struct secret, room);
        if (!value->secrets) {
            return op_arena_full(op);
        }
    }
    if (text.len == 0 || !secret_set(&value->secrets[value->count], text)) {
        strbuf_addf(&conf->mistakes, "%s: a secret must have 1 to %d bytes\n", value->key->name,
                    SECRET_MAX_BYTES);
        return OK;
    }
    value->count++;
    value->given = true;
    return OK;
}

static struct status parse_secret(struct op *op, struct conf *conf, struct conf_value *value,
                                  struct str text)
{
    if (!in_bounds(value->key, (int64_t)text.len)) {
        out_of_bounds(conf, value->key, "its length in bytes must be");
        return OK;
    }
    return add_secret(op, conf, value, text);
}

static bool is_database_uri(struct str text)
{
    return str_has_prefix(text, STR("postgresql://")) || str_has_prefix(text, STR("postgres://"));
}

static struct status parse_database(struct op *op, struct conf *conf, struct conf_value *value,
                                    struct str text)
{
    bool conninfo = text.len > 0 && memchr(text.ptr, '=', text.len) != NULL;
    if (!is_database_uri(text) && !conninfo) {
        conf_mistake(conf, value->key->name, "must be a postgresql:// URI or key=value pairs");
        return OK;
    }
    return add_secret(op, conf, value, text);
}

/* ---- Lists ---- */

static struct status add_item(struct op *op, struct conf *conf, struct conf_value *value,
                              struct str text)
{
    if (!value->items) {
        value->items = arena_new(op->arena, struct str, CONF_LIST_MAX);
        if (!value->items) {
            return op_arena_full(op);
        }
    }
    struct str trimmed = str_trim(text);
    if (trimmed.len == 0 || memchr(trimmed.ptr, ' ', trimmed.len)) {
        conf_mistake(conf, value->key->name, "an item of the list is empty or has a blank");
        return OK;
    }
    value->items[value->count] = str_dup(op->arena, trimmed);
    if (!value->items[value->count].ptr) {
        return op_arena_full(op);
    }
    value->count++;
    return OK;
}

static struct status parse_list(struct op *op, struct conf *conf, struct conf_value *value,
                                struct str text)
{
    struct str rest = text;
    uint32_t parts = 0;
    for (bool more = true; more; parts++) {
        struct str part = next_part(&rest, ',', &more);
        if (parts == CONF_LIST_MAX) {
            strbuf_addf(&conf->mistakes, "%s: more than %d items\n", value->key->name,
                        CONF_LIST_MAX);
            return OK;
        }
        TRY(value->key->type == CONF_LIST ? add_item(op, conf, value, part)
                                          : add_secret(op, conf, value, str_trim(part)));
    }
    if (!in_bounds(value->key, (int64_t)parts)) {
        out_of_bounds(conf, value->key, "the number of its items must be");
        return OK;
    }
    value->given = true;
    return value->key->type == CONF_LIST ? keep_text(op, value, text) : OK;
}

/* ---- Addresses ---- */

static bool is_numeric_host(struct str host, int family)
{
    char text[INET6_ADDRSTRLEN];
    unsigned char address[sizeof(struct in6_addr)];
    if (host.len == 0 || host.len >= sizeof(text)) {
        return false;
    }
    memcpy(text, host.ptr, host.len);
    text[host.len] = '\0';
    return inet_pton(family, text, address) == 1;
}

/* Cuts host:port at the last colon; a v6 host stands in brackets. */
static bool cut_address(struct str text, struct str *ret_host, struct str *ret_port)
{
    size_t colon = text.len;
    while (colon > 0 && text.ptr[colon - 1] != ':') {
        colon--;
    }
    if (colon == 0) {
        return false;
    }
    struct str host = {.ptr = text.ptr, .len = colon - 1};
    *ret_port = str_after(text, colon);
    if (str_has_prefix(host, STR("[")) && host.ptr[host.len - 1] == ']' && host.len > 2) {
        *ret_host = (struct str){.ptr = host.ptr + 1, .len = host.len - 2};
        return is_numeric_host(*ret_host, AF_INET6);
    }
    *ret_host = host;
    return is_numeric_host(host, AF_INET);
}

static struct status parse_listen(struct op *op, struct conf *conf, struct conf_value *value,
                                  struct str text)
{
    struct str host;
    struct str port_text;
    int64_t port = 0;
    bool sound = cut_address(text, &host, &port_text) && str_to_i64(port_text, &port) &&
                 port >= 0 && port <= UINT16_MAX;
    if (!sound) {
        conf_mistake(conf, value->key->name, "must be a numeric address and port, host:port");
        return OK;
    }
    TRY(keep_text(op, value, text));
    value->address.host = str_dup(op->arena, host);
    value->address.port = (uint16_t)port;
    return value->address.host.ptr ? OK : op_arena_full(op);
}

static bool is_url(struct str text)
{
    struct str rest;
    if (str_has_prefix(text, STR("https://"))) {
        rest = str_after(text, 8);
    } else if (str_has_prefix(text, STR("http://"))) {
        rest = str_after(text, 7);
    } else {
        return false;
    }
    if (rest.len == 0 || rest.ptr[0] == '/' || rest.ptr[0] == ':') {
        return false;
    }
    for (size_t i = 0; i < rest.len; i++) {
        unsigned char c = (unsigned char)rest.ptr[i];
        if (c <= ' ' || c >= 0x7F || c == '@' || c == '?' || c == '#' || c == '"' || c == '\\') {
            return false;
        }
    }
    return true;
}

static struct status parse_url(struct op *op, struct conf *conf, struct conf_value *value,
                               struct str text)
{
    if (!is_url(text)) {
        conf_mistake(conf, value->key->name,
                     "must be an http:// or https:// URL without user, query or fragment");
        return OK;
    }
    return keep_text(op, value, text);
}

STATUS conf_parse(struct op *op, struct conf *conf, struct conf_value *value, struct str text)
{
    if (text.len > CONF_VALUE_MAX_BYTES) {
        strbuf_addf(&conf->mistakes, "%s: is longer than %d bytes\n", value->key->name,
                    CONF_VALUE_MAX_BYTES);
        return OK;
    }
    if (!str_is_text(text)) {
        conf_mistake(conf, value->key->name, "is not UTF-8 text");
        return OK;
    }
    switch (value->key->type) {
    case CONF_STR: return parse_str(op, conf, value, text);
    case CONF_I64: return parse_i64(op, conf, value, text);
    case CONF_SECRET: return parse_secret(op, conf, value, text);
    case CONF_DATABASE: return parse_database(op, conf, value, text);
    case CONF_LISTEN: return parse_listen(op, conf, value, text);
    case CONF_URL: return parse_url(op, conf, value, text);
    case CONF_SECRET_LIST:
    case CONF_LIST: return parse_list(op, conf, value, text);
    case CONF_NONE:
    case CONF_TYPE_COUNT: break;
    }
    UNREACHABLE("conf type");
}

/* ---- Production ---- */

static bool is_default_password(struct str text)
{
    static const char *const known[] = {"password", "passw0rd",  "postgres", "holdfast", "secret",
                                        "changeme", "change-me", "admin",    "test",     "root",
                                        "guest",    "example",   "123456",   "12345678"};
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (strlen(known[i]) == text.len && strncasecmp(known[i], text.ptr, text.len) == 0) {
            return true;
        }
    }
    return false;
}

/* The word after "password=": in conninfo, or in a URI's query. */
static struct str password_pair(struct str text)
{
    struct str mark = STR("password=");
    while (text.len >= mark.len && !str_has_prefix(text, mark)) {
        text = str_after(text, 1);
    }
    if (!str_has_prefix(text, mark)) {
        return STR("");
    }
    text = str_after(text, mark.len);
    if (str_has_prefix(text, STR("'"))) {
        text = str_after(text, 1);
    }
    size_t len = 0;
    while (len < text.len && !memchr(" '&\t", text.ptr[len], 4)) {
        len++;
    }
    return (struct str){.ptr = text.ptr, .len = len};
}

/* postgresql://user:password@host: what stands between. */
static struct str uri_password(struct str text)
{
    struct str scheme;
    struct str rest;
    if (!is_database_uri(text) || !str_cut(text, ':', &scheme, &rest) || rest.len < 2) {
        return STR("");
    }
    struct str user_info;
    struct str user;
    struct str password;
    if (!str_cut(str_after(rest, 2), '@', &user_info, &rest) ||
        !str_cut(user_info, ':', &user, &password)) {
        return STR("");
    }
    return password;
}

static bool has_default_password(const struct conf_value *value)
{
    for (uint32_t i = 0; i < value->count; i++) {
        struct str text = secret_reveal(&value->secrets[i]);
        if (is_default_password(text) ||
            (value->key->type == CONF_DATABASE && (is_default_password(password_pair(text)) ||
                                                   is_default_password(uri_password(text))))) {
            return true;
        }
    }
    return false;
}

void conf_check_production(struct conf *conf, const struct conf_value *value)
{
    const struct conf_key *key = value->key;
    bool secret = conf_is_secret(key->type);
    if (!value->given) {
        return;
    }
    if (secret && has_default_password(value)) {
        conf_mistake(conf, key->name, "is a default password, which production refuses");
    }
    bool refused = false;
    for (uint32_t i = 0; key->not_in_production && secret && i < value->count; i++) {
        refused =
            refused || matches(key->not_in_production, secret_reveal(&value->secrets[i]), true);
    }
    if (key->not_in_production && !secret) {
        refused = matches(key->not_in_production, value->text, /* as_prefix */ true);
    }
    if (refused) {
        strbuf_addf(&conf->mistakes, "%s: production refuses values that begin with %s\n",
                    key->name, key->not_in_production);
    }
}
