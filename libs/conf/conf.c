#include "conf/conf.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/defer.h"
#include "conf/conf_internal.h"

/*
 * Environment in, typed values out. Every key is looked at even when an earlier one is wrong, so
 * that a person sees all mistakes at once; none of them repeats a value.
 */

#define MISTAKES_MAX_BYTES ((size_t)16 * 1024)

char *const *conf_environment(void)
{
    return environ;
}

uint32_t conf_all_keys(const struct conf_tables *tables,
                       const struct conf_key *ret_keys[CONF_KEYS_MAX])
{
    const struct conf_key *parts[] = {conf_common_keys, conf_engine_keys, conf_kafka_keys,
                                      conf_http_keys, tables->keys};
    size_t counts[] = {tables->tool ? 0 : conf_common_key_count,
                       tables->engine ? conf_engine_key_count : 0,
                       tables->engine || tables->kafka ? conf_kafka_key_count : 0,
                       tables->http ? conf_http_key_count : 0, tables->key_count};
    uint32_t count = 0;
    for (size_t part = 0; part < ARRAY_LEN(parts); part++) {
        for (size_t i = 0; i < counts[part]; i++) {
            ASSERT(count < CONF_KEYS_MAX);
            ret_keys[count++] = &parts[part][i];
        }
    }
    return count;
}

bool conf_is_secret(enum conf_type type)
{
    return type == CONF_SECRET || type == CONF_SECRET_LIST || type == CONF_DATABASE;
}

void conf_mistake(struct conf *conf, const char *name, const char *what)
{
    strbuf_addf(&conf->mistakes, "%s: %s\n", name, what);
}

/* ---- Looking a key up ---- */

static bool look_up(char *const *environment, struct str name, struct str suffix,
                    struct str *ret_value)
{
    for (char *const *entry = environment; *entry; entry++) {
        struct str text = str_of(*entry);
        if (!str_has_prefix(text, name)) {
            continue;
        }
        text = str_after(text, name.len);
        if (str_has_prefix(text, suffix) && str_has_prefix(str_after(text, suffix.len), STR("="))) {
            *ret_value = str_after(text, suffix.len + 1);
            return true;
        }
    }
    return false;
}

static void close_fd(int *fd)
{
    if (*fd >= 0) {
        (void)close(*fd);
    }
}

static ssize_t read_all(int fd, char *memory, size_t size)
{
    size_t len = 0;
    while (len < size) {
        ssize_t got = read(fd, memory + len, size - len);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return got < 0 ? -1 : (ssize_t)len;
        }
        len += (size_t)got;
    }
    return (ssize_t)len;
}

/* The file's contents without the line's end that editors add. */
static struct status parse_file(struct op *op, struct conf *conf, struct conf_value *value,
                                struct str path)
{
    char memory[CONF_VALUE_MAX_BYTES + 2]; /* one more than may be, beside a line's end */
    DEFER(close_fd) int fd = open(path.ptr, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd >= 0 ? read_all(fd, memory, sizeof(memory)) : -1;
    if (got < 0) {
        conf_mistake(conf, value->key->name, "the file that its _FILE names cannot be read");
        return OK;
    }
    struct str text = {.ptr = memory, .len = (size_t)got};
    if (text.len > 0 && text.ptr[text.len - 1] == '\n') {
        text.len--;
    }
    struct status st = conf_parse(op, conf, value, text);
    sodium_memzero(memory, sizeof(memory));
    return st;
}

static struct status read_key(struct op *op, struct conf *conf, struct conf_value *value,
                              char *const *environment)
{
    const struct conf_key *key = value->key;
    struct str text;
    struct str path;
    bool plain = look_up(environment, str_of(key->name), STR(""), &text);
    bool file = look_up(environment, str_of(key->name), STR("_FILE"), &path);
    if (plain && file) {
        conf_mistake(conf, key->name, "is given twice: as it is and as _FILE");
        return OK;
    }
    if (file) {
        return parse_file(op, conf, value, path);
    }
    if (plain) {
        return conf_parse(op, conf, value, text);
    }
    if (key->fallback) {
        value->by_default = true;
        return conf_parse(op, conf, value, str_of(key->fallback));
    }
    if (key->required) {
        conf_mistake(conf, key->name, "must be given");
    }
    return OK;
}

/* ---- Checks of several keys ---- */

static const struct conf_value *find(const struct conf *conf, struct str name)
{
    for (uint32_t i = 0; i < conf->count; i++) {
        if (str_eq(str_of(conf->values[i].key->name), name)) {
            return &conf->values[i];
        }
    }
    return NULL;
}

static void check_required_if(struct conf *conf, const struct conf_value *value)
{
    if (value->given || !value->key->required_if) {
        return;
    }
    struct str name;
    struct str prefix;
    ASSERT(str_cut(str_of(value->key->required_if), '=', &name, &prefix));
    const struct conf_value *other = find(conf, name);
    ASSERT(other != NULL);
    if (other->given && str_has_prefix(other->text, prefix)) {
        strbuf_addf(&conf->mistakes, "%s: must be given with this " STR_FMT "\n", value->key->name,
                    STR_ARG(name));
    }
}

/* HOLDFAST_ is ours: a variable of that name that nobody reads is a mistyped one. */
static void check_unknown(struct conf *conf, char *const *environment)
{
    for (char *const *entry = environment; *entry; entry++) {
        struct str name;
        struct str value;
        if (!str_has_prefix(str_of(*entry), STR("HOLDFAST_")) ||
            !str_cut(str_of(*entry), '=', &name, &value)) {
            continue;
        }
        struct str base = name;
        struct str suffix = STR("_FILE");
        if (name.len > suffix.len && str_eq(str_after(name, name.len - suffix.len), suffix)) {
            base.len -= suffix.len;
        }
        if (!find(conf, name) && !find(conf, base)) {
            strbuf_addf(&conf->mistakes, STR_FMT ": is not known\n", STR_ARG(name));
        }
    }
}

STATUS conf_load(struct op *op, const struct conf_tables *tables, char *const *environment,
                 struct conf **ret_conf)
{
    const struct conf_key *keys[CONF_KEYS_MAX] = {NULL};
    struct conf *conf = arena_new(op->arena, struct conf, 1);
    if (!conf) {
        return op_arena_full(op);
    }
    conf->arena = op->arena;
    conf->count = conf_all_keys(tables, keys);
    strbuf_init(&conf->mistakes, op->arena, MISTAKES_MAX_BYTES);
    for (uint32_t i = 0; i < conf->count; i++) {
        ASSERT(keys[i]);
        conf->values[i].key = keys[i];
        TRY(read_key(op, conf, &conf->values[i], environment));
    }
    const struct conf_value *env = find(conf, STR("HOLDFAST_ENV"));
    ASSERT(tables->tool || env);
    for (uint32_t i = 0; i < conf->count; i++) {
        check_required_if(conf, &conf->values[i]);
        bool asked = !tables->tool || !conf->values[i].by_default; /* few commands use all keys */
        if (asked && env && str_eq(env->text, STR("production"))) {
            conf_check_production(conf, &conf->values[i]);
        }
    }
    if (!tables->tool) {
        check_unknown(conf, environment);
    }
    if (!strbuf_finish(&conf->mistakes, &conf->mistakes_text)) {
        return op_arena_full(op);
    }
    *ret_conf = conf;
    return OK;
}

void conf_wipe(struct conf *conf)
{
    for (uint32_t i = 0; conf && i < conf->count; i++) {
        for (uint32_t s = 0; conf->values[i].secrets && s < conf->values[i].count; s++) {
            secret_fini(&conf->values[i].secrets[s]);
        }
    }
}

struct str conf_mistakes(const struct conf *conf)
{
    return conf->mistakes_text;
}

/* ---- Getters ---- */

static const struct conf_value *get(const struct conf *conf, const char *name)
{
    ASSERT(conf->mistakes_text.len == 0);
    const struct conf_value *value = find(conf, str_of(name));
    ASSERT(value != NULL);
    return value;
}

struct str conf_str(const struct conf *conf, const char *name)
{
    const struct conf_value *value = get(conf, name);
    ASSERT(value->key->type == CONF_STR || value->key->type == CONF_URL ||
           value->key->type == CONF_LIST);
    return value->text;
}

int64_t conf_i64(const struct conf *conf, const char *name)
{
    const struct conf_value *value = get(conf, name);
    ASSERT(value->key->type == CONF_I64);
    return value->i64;
}

const struct secret *conf_secret(const struct conf *conf, const char *name)
{
    static const struct secret none = {.len = 0};
    const struct conf_value *value = get(conf, name);
    ASSERT(value->key->type == CONF_SECRET || value->key->type == CONF_DATABASE);
    return value->given ? value->secrets : &none;
}

struct conf_address conf_address(const struct conf *conf, const char *name)
{
    const struct conf_value *value = get(conf, name);
    ASSERT(value->key->type == CONF_LISTEN);
    return value->address;
}

uint32_t conf_list(const struct conf *conf, const char *name, const struct str **ret_items)
{
    const struct conf_value *value = get(conf, name);
    ASSERT(value->key->type == CONF_LIST);
    *ret_items = value->items;
    return value->count;
}

uint32_t conf_secrets(const struct conf *conf, const char *name, const struct secret **ret_items)
{
    const struct conf_value *value = get(conf, name);
    ASSERT(value->key->type == CONF_SECRET_LIST);
    *ret_items = value->secrets;
    return value->count;
}

bool conf_given(const struct conf *conf, const char *name)
{
    return get(conf, name)->given;
}

enum conf_env conf_env(const struct conf *conf)
{
    static const char *const names[CONF_ENV_COUNT] = {
        [CONF_ENV_NONE] = "",
        [CONF_ENV_DEVELOPMENT] = "development",
        [CONF_ENV_TEST] = "test",
        [CONF_ENV_PRODUCTION] = "production",
    };
    struct str name = conf_str(conf, "HOLDFAST_ENV");
    for (int i = 0; i < CONF_ENV_COUNT; i++) {
        if (str_eq(name, str_of(names[i]))) {
            return (enum conf_env)i;
        }
    }
    UNREACHABLE("an environment that its choices let pass");
}
