/*
 * A folder as a store: FOLDER/ab/cdef…, by the hash in hex. A file is written under another name, made durable, then renamed, and
 * the folder made durable, too: under an object's name there is never a part of one, whatever dies when.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/assert.h"
#include "base/id.h"
#include "objects/objects.h"

#define FOLDER_ARENA_BYTES 8192
#define NAME_MAX_BYTES 80 /* two digits, a slash and the rest; or a temporary name */
#define FOLDER_DIGITS 2
#define NO_FILE (-1)

struct folder {
    struct arena arena; /* this struct lies in it */
    int dir_fd;
};

struct file {
    struct arena arena; /* this struct lies in it */
    int fd;
};

struct name {
    char text[NAME_MAX_BYTES];
    char folder[FOLDER_DIGITS + 1];
};

static struct status unwritable(struct op *op, const char *what)
{
    return op_fail(op, STATUS_RETRY, "objects.unwritable", "%s (errno %d)", what, errno);
}

static struct name name_of(const struct hash *hash)
{
    struct name name;
    char hex[2 * HASH_BYTES + 1];
    struct strbuf buf;
    struct str digits;
    strbuf_init_fixed(&buf, hex, sizeof(hex));
    strbuf_add_hex(&buf, hash->bytes, HASH_BYTES);
    bool fits = strbuf_finish(&buf, &digits);
    ASSERT(fits);
    int len = snprintf(name.folder, sizeof(name.folder), "%.2s", digits.ptr);
    ASSERT(len == FOLDER_DIGITS);
    len = snprintf(name.text, sizeof(name.text), "%.2s/%s", digits.ptr, digits.ptr + FOLDER_DIGITS);
    ASSERT(len == 2 * HASH_BYTES + 1);
    return name;
}

static void close_fd(const int *fd)
{
    if (*fd != NO_FILE) {
        (void)close(*fd); /* what was written is durable already */
    }
}

static bool sync_folder(int dir_fd, const char *path)
{
    __attribute__((cleanup(close_fd))) int fd =
        openat(dir_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd != NO_FILE && fsync(fd) == 0;
}

static bool write_all(int fd, struct str bytes)
{
    for (size_t at = 0; at < bytes.len;) {
        ssize_t len = write(fd, bytes.ptr + at, bytes.len - at);
        if (len < 0 && errno != EINTR) {
            return false;
        }
        at += len > 0 ? (size_t)len : 0;
    }
    return true;
}

static bool write_file(int dir_fd, const char *path, struct str bytes)
{
    __attribute__((cleanup(close_fd))) int fd =
        openat(dir_fd, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640);
    return fd != NO_FILE && write_all(fd, bytes) && fsync(fd) == 0;
}

static struct status put(struct op *op, void *ctx, const struct hash *hash, struct str bytes)
{
    const struct folder *folder = ctx;
    const struct name name = name_of(hash);
    char id[ID_TEXT_BYTES];
    char temporary[NAME_MAX_BYTES];
    id_format(id_random(), id);
    int len = snprintf(temporary, sizeof(temporary), "%s/%s.tmp", name.folder, id);
    ASSERT(len > 0 && (size_t)len < sizeof(temporary));
    if (mkdirat(folder->dir_fd, name.folder, 0750) != 0 && errno != EEXIST) {
        return unwritable(op, "no folder can be made");
    }
    if (fsync(folder->dir_fd) != 0) { /* whoever made it may not have come so far */
        return unwritable(op, "the store's folder");
    }
    bool whole = write_file(folder->dir_fd, temporary, bytes) &&
                 renameat(folder->dir_fd, temporary, folder->dir_fd, name.text) == 0 &&
                 sync_folder(folder->dir_fd, name.folder);
    if (!whole) {
        struct status st = unwritable(op, "an object");
        (void)unlinkat(folder->dir_fd, temporary, 0); /* it may be renamed already, or never made */
        return st;
    }
    return OK;
}

static struct status open_file(struct op *op, void *ctx, const struct hash *hash, void **ret_file)
{
    const struct folder *folder = ctx;
    const struct name name = name_of(hash);
    int fd = openat(folder->dir_fd, name.text, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd == NO_FILE) {
        bool gone = errno == ENOENT;
        return op_fail(op, gone ? STATUS_NOT_FOUND : STATUS_RETRY,
                       gone ? "objects.missing" : "objects.unreadable", "errno %d", errno);
    }
    struct arena arena;
    arena_init(&arena, FOLDER_ARENA_BYTES);
    struct file *file = arena_new(&arena, struct file, 1);
    if (!file) {
        arena_fini(&arena);
        close_fd(&fd);
        return op_arena_full(op);
    }
    *file = (struct file){.arena = arena, .fd = fd};
    *ret_file = file;
    return OK;
}

static struct status read_file(struct op *op, void *ctx, char *ret_bytes, size_t max_bytes,
                               size_t *ret_len)
{
    const struct file *file = ctx;
    ssize_t len = 0;
    do {
        len = read(file->fd, ret_bytes, max_bytes);
    } while (len < 0 && errno == EINTR);
    if (len < 0) {
        return op_fail(op, STATUS_RETRY, "objects.unreadable", "errno %d", errno);
    }
    *ret_len = (size_t)len;
    return OK;
}

static void close_file(void *ctx)
{
    struct file *file = ctx;
    close_fd(&file->fd);
    struct arena arena = file->arena;
    arena_fini(&arena);
}

static struct status remove_file(struct op *op, void *ctx, const struct hash *hash)
{
    const struct folder *folder = ctx;
    const struct name name = name_of(hash);
    if (unlinkat(folder->dir_fd, name.text, 0) == 0) {
        return sync_folder(folder->dir_fd, name.folder) ? OK : unwritable(op, "a folder");
    }
    return errno == ENOENT ? OK : unwritable(op, "an object to be removed");
}

static void free_folder(void *ctx)
{
    struct folder *folder = ctx;
    close_fd(&folder->dir_fd);
    struct arena arena = folder->arena;
    arena_fini(&arena);
}

static const struct objects_backend backend = {
    .put = put,
    .open = open_file,
    .read = read_file,
    .close = close_file,
    .remove = remove_file,
    .free = free_folder,
};

/* Open, and it can be written into. */
static struct status open_folder(struct op *op, struct str path, int *ret_fd)
{
    struct str text = str_dup(op->arena, path); /* with a NUL behind it */
    if (!text.ptr) {
        return op_arena_full(op);
    }
    int fd = open(text.ptr, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd == NO_FILE || faccessat(fd, ".", W_OK | X_OK, 0) != 0) {
        int reason = errno;
        close_fd(&fd);
        return op_fail(op, STATUS_INVALID, "objects.folder", "%s cannot be used (errno %d)",
                       text.ptr, reason);
    }
    *ret_fd = fd;
    return OK;
}

STATUS objects_open_folder(struct op *op, struct str path, struct objects **ret_objects)
{
    struct arena arena;
    int fd = NO_FILE;
    TRY(open_folder(op, path, &fd));
    arena_init(&arena, FOLDER_ARENA_BYTES);
    struct folder *folder = arena_new(&arena, struct folder, 1);
    if (!folder) {
        arena_fini(&arena);
        close_fd(&fd);
        return op_arena_full(op);
    }
    *folder = (struct folder){.arena = arena, .dir_fd = fd};
    struct status st = objects_new(op, &backend, folder, ret_objects);
    if (status_failed(st)) {
        free_folder(folder);
    }
    return st;
}
