#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/op.h"
#include "base/str.h"

/*
 * Migration files in dbmate's format: NNNN_name.sql with a part after the line `-- migrate:up` and
 * one after `-- migrate:down`. The version is the number that the name begins with.
 */

#define CTL_MIGRATIONS_MAX 512
#define CTL_MIGRATION_MAX_BYTES ((size_t)1024 * 1024)

struct ctl_migration {
    struct str name;    /* "0001_engine.sql" */
    struct str version; /* "0001" */
    struct str up;      /* the SQL of the up part */
    struct hash hash;   /* of the whole file */
};

struct ctl_migrations {
    struct ctl_migration *rows;
    uint32_t count;
};

/*
 * Cuts a file's content. STATUS_INVALID with "ctl.migration_malformed": no number in the name, no
 * up or down part, two of one, options that dbmate knows and we do not (transaction:false), bytes
 * that are not text.
 */
STATUS ctl_migration_parse(struct op *op, struct str name, struct str content,
                           struct ctl_migration *ret_migration);

/*
 * The *.sql files of a folder, added to what is there, sorted by version within the folder. A folder
 * that is not there has none. STATUS_INVALID: a file is malformed or two have one version.
 * STATUS_RETRY with "ctl.file": a file cannot be read.
 */
STATUS ctl_migrations_read(struct op *op, struct str dir, struct ctl_migrations *migrations);
