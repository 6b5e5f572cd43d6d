#pragma once

#include "conf/conf.h"

/* What the parts of libs/conf share. */

struct conf_value {
    const struct conf_key *key;
    bool given;      /* by the environment, a file or the default */
    bool by_default; /* by the default */
    struct str text; /* as written; empty for secrets */
    int64_t i64;
    struct conf_address address;
    struct secret *secrets;
    struct str *items;
    uint32_t count; /* of secrets or items */
};

struct conf {
    struct arena *arena;
    struct conf_value values[CONF_KEYS_MAX];
    uint32_t count;
    struct strbuf mistakes;
    struct str mistakes_text;
};

/* The keys of all tables together, in order of printing. ASSERTs at most CONF_KEYS_MAX. */
uint32_t conf_all_keys(const struct conf_tables *tables,
                       const struct conf_key *ret_keys[CONF_KEYS_MAX]);

bool conf_is_secret(enum conf_type type);
/* Calls itself a mistake: "NAME: what\n". */
void conf_mistake(struct conf *conf, const char *name, const char *what);

/*
 * Checks text against its key and fills *value. Mistakes are noted. Fails only by op.arena_full.
 * text may be wiped by the caller afterwards.
 */
STATUS conf_parse(struct op *op, struct conf *conf, struct conf_value *value, struct str text);

/* What only production refuses: test keys, default passwords. */
void conf_check_production(struct conf *conf, const struct conf_value *value);
