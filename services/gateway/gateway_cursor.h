#pragma once

#include "gateway/gateway_repo.h"

/* A place in a list as clients carry it: opaque to them, 48 hex digits to us. */

struct gateway_cursor gateway_cursor_first(void);
bool gateway_cursor_parse(struct str text, struct gateway_cursor *ret_cursor);
/* The place behind this deal, in op->arena. */
STATUS gateway_cursor_format(struct op *op, const struct gateway_view *last, struct str *ret_text);
