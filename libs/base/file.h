#pragma once

#include <stddef.h>

#include "base/op.h"

/* Small files that are read as a whole: keys, migrations, dossiers. */

/* The bytes, in op->arena. STATUS_RETRY "file.unreadable"; STATUS_LIMIT "file.too_large" over max_bytes. */
STATUS file_read(struct op *op, struct str path, size_t max_bytes, struct str *ret_content);
/* Writes all of it, in place of what was there. STATUS_RETRY "file.unwritable". */
STATUS file_write(struct op *op, struct str path, struct str content);
