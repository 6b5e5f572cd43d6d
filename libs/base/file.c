/* In: a path. Out: what is in the file, bounded; or the other way round. */
#include "base/file.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/defer.h"

static void close_file(FILE **file)
{
    if (*file) {
        (void)fclose(*file); /* it was only read, or its failure is told already */
    }
}

static STATUS open_file(struct op *op, struct str path, const char *mode, const char *code,
                        FILE **ret_file)
{
    struct str name = str_dup(op->arena, path); /* with a NUL behind it */
    if (!name.ptr) {
        return op_arena_full(op);
    }
    *ret_file = fopen(name.ptr, mode);
    return *ret_file
               ? OK
               : op_fail(op, STATUS_RETRY, code, "%s cannot be opened (errno %d)", name.ptr, errno);
}

STATUS file_read(struct op *op, struct str path, size_t max_bytes, struct str *ret_content)
{
    DEFER(close_file) FILE *file = NULL;
    TRY(open_file(op, path, "re", "file.unreadable", &file));
    struct stat about;
    if (fstat(fileno(file), &about) != 0 || !S_ISREG(about.st_mode)) {
        return op_fail(op, STATUS_RETRY, "file.unreadable", STR_FMT " is no file", STR_ARG(path));
    }
    if (about.st_size < 0 || (size_t)about.st_size > max_bytes) {
        return op_fail(op, STATUS_LIMIT, "file.too_large", STR_FMT " is over %zu bytes",
                       STR_ARG(path), max_bytes);
    }
    size_t room = (size_t)about.st_size + 1; /* one more tells that it grew meanwhile */
    char *content = arena_alloc(op->arena, room, 1);
    if (!content) {
        return op_arena_full(op);
    }
    size_t len = fread(content, 1, room, file);
    if (ferror(file) || len == room) {
        return op_fail(op, STATUS_RETRY, "file.unreadable", STR_FMT " cannot be read, or changes",
                       STR_ARG(path));
    }
    *ret_content = (struct str){.ptr = content, .len = len};
    return OK;
}

STATUS file_write(struct op *op, struct str path, struct str content)
{
    DEFER(close_file) FILE *file = NULL;
    TRY(open_file(op, path, "we", "file.unwritable", &file));
    bool whole = fwrite(content.ptr, 1, content.len, file) == content.len;
    return whole && fflush(file) == 0 ? OK
                                      : op_fail(op, STATUS_RETRY, "file.unwritable",
                                                STR_FMT " takes no more", STR_ARG(path));
}
