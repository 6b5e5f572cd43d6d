#include <inttypes.h>

#include "base/assert.h"
#include "conf/conf_internal.h"

/* Texts for people: what is set, what may be set, and the same as Markdown. */

#define PRINT_MAX_BYTES ((size_t)64 * 1024)

static struct status finish(struct op *op, struct strbuf *buf, struct str *ret_text)
{
    return strbuf_finish(buf, ret_text) ? OK : op_arena_full(op);
}

STATUS conf_print(struct op *op, const struct conf *conf, struct str *ret_text)
{
    struct strbuf buf;
    strbuf_init(&buf, op->arena, PRINT_MAX_BYTES);
    for (uint32_t i = 0; i < conf->count; i++) {
        const struct conf_value *value = &conf->values[i];
        if (!value->given) {
            strbuf_addf(&buf, "# %s is not set\n", value->key->name);
            continue;
        }
        strbuf_addf(&buf, "%s=", value->key->name);
        strbuf_add(&buf, conf_is_secret(value->key->type) ? STR("********") : value->text);
        strbuf_add(&buf, value->by_default ? STR(" # default\n") : STR("\n"));
    }
    return finish(op, &buf, ret_text);
}

static struct str type_name(enum conf_type type)
{
    switch (type) {
    case CONF_STR: return STR("text");
    case CONF_I64: return STR("integer");
    case CONF_SECRET: return STR("secret");
    case CONF_SECRET_LIST: return STR("secrets, comma separated");
    case CONF_DATABASE: return STR("database address, secret");
    case CONF_LISTEN: return STR("host:port");
    case CONF_URL: return STR("URL");
    case CONF_LIST: return STR("list, comma separated");
    case CONF_NONE:
    case CONF_TYPE_COUNT: break;
    }
    UNREACHABLE("conf type");
}

/* "a, b" of "a|b". */
static void add_choices(struct strbuf *buf, const char *choices)
{
    for (const char *at = choices; *at != '\0'; at++) {
        if (*at == '|') {
            strbuf_add(buf, STR(", "));
        } else {
            strbuf_add_char(buf, *at);
        }
    }
}

/* "integer, 1 to 8", "development, test, production". */
static void add_type(struct strbuf *buf, const struct conf_key *key)
{
    if (key->choices) {
        add_choices(buf, key->choices);
        return;
    }
    strbuf_add(buf, type_name(key->type));
    if (key->type == CONF_I64 && (key->min != 0 || key->max != 0)) {
        strbuf_addf(buf, ", %" PRId64 " to %" PRId64, key->min, key->max);
    }
    if (key->unit) {
        strbuf_addf(buf, " (%s)", key->unit);
    }
}

static void add_default(struct strbuf *buf, const struct conf_key *key, bool code)
{
    if (key->fallback && key->fallback[0] == '\0') {
        strbuf_add(buf, STR("empty"));
    } else if (key->fallback) {
        strbuf_addf(buf, code ? "`%s`" : "%s", key->fallback);
    } else if (key->required) {
        strbuf_add(buf, STR("required"));
    } else if (key->required_if) {
        strbuf_addf(buf, code ? "required with `%s…`" : "required with %s...", key->required_if);
    } else {
        strbuf_add(buf, STR("not set"));
    }
}

STATUS conf_help(struct op *op, const struct conf_tables *tables, struct str *ret_text)
{
    const struct conf_key *keys[CONF_KEYS_MAX];
    uint32_t count = conf_all_keys(tables, keys);
    struct strbuf buf;
    strbuf_init(&buf, op->arena, PRINT_MAX_BYTES);
    for (uint32_t i = 0; i < count; i++) {
        strbuf_addf(&buf, "  %s  (", keys[i]->name);
        add_type(&buf, keys[i]);
        strbuf_add(&buf, STR("; default: "));
        add_default(&buf, keys[i], /* code */ false);
        strbuf_addf(&buf, ")\n      %s\n", keys[i]->help);
    }
    return finish(op, &buf, ret_text);
}

STATUS conf_docs(struct op *op, const struct conf_tables *tables, struct str service,
                 struct str *ret_text)
{
    const struct conf_key *keys[CONF_KEYS_MAX];
    uint32_t count = conf_all_keys(tables, keys);
    struct strbuf buf;
    strbuf_init(&buf, op->arena, PRINT_MAX_BYTES);
    strbuf_addf(&buf,
                "## " STR_FMT "\n\n| variable | value | default | meaning |\n|---|---|---|---|\n",
                STR_ARG(service));
    for (uint32_t i = 0; i < count; i++) {
        strbuf_addf(&buf, "| `%s` | ", keys[i]->name);
        add_type(&buf, keys[i]);
        strbuf_add(&buf, STR(" | "));
        add_default(&buf, keys[i], /* code */ true);
        strbuf_addf(&buf, " | %s |\n", keys[i]->help);
    }
    return finish(op, &buf, ret_text);
}
