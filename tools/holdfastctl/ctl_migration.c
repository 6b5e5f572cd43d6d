/* In: a folder of .sql files. Out: migrations in the order in which they are applied. */
#include "holdfastctl/ctl_migration.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/defer.h"
#include "base/file.h"

#define PATH_BYTES 4096
#define VERSION_MAX_BYTES 32

static struct status malformed(struct op *op, struct str name, const char *what)
{
    return op_fail(op, STATUS_INVALID, "ctl.migration_malformed", STR_FMT ": %s", STR_ARG(name),
                   what);
}

/* The next line without its end; false when there is none. */
static bool next_line(struct str *rest, struct str *ret_line)
{
    if (rest->len == 0) {
        return false;
    }
    if (!str_cut(*rest, '\n', ret_line, rest)) {
        *ret_line = *rest;
        *rest = str_after(*rest, rest->len);
    }
    return true;
}

static struct str version_of(struct str name)
{
    size_t len = 0;
    while (len < name.len && name.ptr[len] >= '0' && name.ptr[len] <= '9') {
        len++;
    }
    return (struct str){.ptr = name.ptr, .len = len};
}

struct status ctl_migration_parse(struct op *op, struct str name, struct str content,
                                  struct ctl_migration *ret_migration)
{
    struct ctl_migration found = {
        .name = name, .version = version_of(name), .hash = hash_of(content)};
    if (found.version.len == 0 || found.version.len > VERSION_MAX_BYTES) {
        return malformed(op, name, "its name must begin with a number");
    }
    if (!str_is_text(content)) {
        return malformed(op, name, "it is not UTF-8 text");
    }
    const char *up = NULL;
    const char *down = NULL;
    struct str rest = content;
    struct str line = STR("");
    while (next_line(&rest, &line)) {
        struct str trimmed = str_trim(line);
        if (!str_has_prefix(trimmed, STR("-- migrate:"))) {
            continue;
        }
        const char **part = str_eq(trimmed, STR("-- migrate:up"))     ? &up
                            : str_eq(trimmed, STR("-- migrate:down")) ? &down
                                                                      : NULL;
        if (!part) {
            return malformed(op, name, "only '-- migrate:up' and '-- migrate:down' are known");
        }
        if (*part || (part == &down && !up)) {
            return malformed(op, name, "one up part, then one down part");
        }
        *part = part == &up ? rest.ptr : line.ptr;
    }
    if (!up || !down) {
        return malformed(op, name, "it needs an up and a down part");
    }
    found.up = (struct str){.ptr = up, .len = (size_t)(down - up)};
    *ret_migration = found;
    return OK;
}

static void close_dir(DIR **dir)
{
    if (*dir) {
        closedir(*dir);
    }
}

static STATUS read_file(struct op *op, struct str dir, struct str name, struct str *ret_content)
{
    struct strbuf path_buf;
    struct str path;
    strbuf_init(&path_buf, op->arena, PATH_BYTES);
    strbuf_addf(&path_buf, STR_FMT "/" STR_FMT, STR_ARG(dir), STR_ARG(name));
    if (!strbuf_finish(&path_buf, &path)) {
        return op_fail(op, STATUS_INVALID, "ctl.usage", "the path is too long");
    }
    return file_read(op, path, CTL_MIGRATION_MAX_BYTES, ret_content);
}

static bool is_sql_file(struct str name)
{
    struct str suffix = STR(".sql");
    return name.len > suffix.len && str_eq(str_after(name, name.len - suffix.len), suffix) &&
           name.ptr[0] != '.';
}

/* By number, so that 10 comes after 9; leading zeros do not count. */
static int compare_versions(struct str a, struct str b)
{
    while (a.len > 1 && a.ptr[0] == '0') {
        a = str_after(a, 1);
    }
    ASSERT(a.len > 0);
    ASSERT(b.len > 0);
    while (b.len > 1 && b.ptr[0] == '0') {
        b = str_after(b, 1);
    }
    if (a.len != b.len) {
        return a.len < b.len ? -1 : 1;
    }
    return memcmp(a.ptr, b.ptr, a.len);
}

/* Puts it into its place among those from `first` on: the folders are small. */
static STATUS insert_sorted(struct op *op, struct ctl_migrations *migrations, uint32_t first,
                            const struct ctl_migration *migration)
{
    if (migrations->count == CTL_MIGRATIONS_MAX) {
        return op_fail(op, STATUS_LIMIT, "ctl.migrations_too_many", "over %d", CTL_MIGRATIONS_MAX);
    }
    uint32_t at = migrations->count++;
    while (at > first &&
           compare_versions(migrations->rows[at - 1].version, migration->version) > 0) {
        migrations->rows[at] = migrations->rows[at - 1];
        at--;
    }
    migrations->rows[at] = *migration;
    for (uint32_t i = 0; i < migrations->count; i++) {
        if (i != at && compare_versions(migrations->rows[i].version, migration->version) == 0) {
            return malformed(op, migration->name, "another file has its number");
        }
    }
    return OK;
}

struct status ctl_migrations_read(struct op *op, struct str dir, struct ctl_migrations *migrations)
{
    if (!migrations->rows) {
        migrations->rows = arena_new(op->arena, struct ctl_migration, CTL_MIGRATIONS_MAX);
        if (!migrations->rows) {
            return op_arena_full(op);
        }
    }
    struct str path = str_dup(op->arena, dir);
    if (!path.ptr) {
        return op_arena_full(op);
    }
    DEFER(close_dir) DIR *handle = opendir(path.ptr);
    if (!handle) {
        return errno == ENOENT ? OK
                               : op_fail(op, STATUS_RETRY, "ctl.file",
                                         "%s cannot be opened (errno %d)", path.ptr, errno);
    }
    uint32_t first = migrations->count;
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): the handle is this thread's own */
    for (struct dirent *entry = readdir(handle); entry; entry = readdir(handle)) {
        if (!is_sql_file(str_of(entry->d_name))) {
            continue;
        }
        struct str name = str_dup(op->arena, str_of(entry->d_name));
        if (!name.ptr) {
            return op_arena_full(op);
        }
        struct str content = STR("");
        struct ctl_migration migration = {.up = STR("")};
        TRY(read_file(op, dir, name, &content));
        TRY(ctl_migration_parse(op, name, content, &migration));
        TRY(insert_sorted(op, migrations, first, &migration));
    }
    return OK;
}
