#pragma once

#include <stdint.h>

#include "base/op.h"
#include "base/str.h"

/*
 * application/x-www-form-urlencoded, decoded without mercy: what is not exactly right is refused,
 * so that a client that encodes badly is found here and not at the real provider.
 */

#define SANDBOX_FORM_PAIRS_MAX 96 /* 50 metadata entries and every parameter that we know */

struct sandbox_pair {
    struct str name;
    struct str value;
};

struct sandbox_form {
    struct sandbox_pair pairs[SANDBOX_FORM_PAIRS_MAX];
    uint32_t count;
};

/*
 * Decodes name=value pairs joined by '&' (a body or a query). Names and values live in op->arena.
 * STATUS_INVALID with "sandbox.bad_form": a pair without '=', an empty or repeated name, a '%'
 * without two hex digits, bytes that are not UTF-8 text. STATUS_LIMIT with "sandbox.form_too_large".
 */
STATUS sandbox_form_parse(struct op *op, struct str text, struct sandbox_form *ret_form);

/* The value of a name; ptr NULL when it was not given. */
struct str sandbox_form_get(const struct sandbox_form *form, struct str name);

/* A form in op->arena, which is too large for a stack. */
STATUS sandbox_form_read(struct op *op, struct str text, struct sandbox_form **ret_form);
/* A number from 0 to max; *ret_number stays as it is when the name was not given. Anything else is
 * STATUS_INVALID "sandbox.bad_form". */
STATUS sandbox_form_number(struct op *op, const struct sandbox_form *form, struct str name,
                           int64_t max, int64_t *ret_number);
