/* In: bytes. Out: the same bytes, by their hash, or word that they are not there. What lies in a store is never trusted. */
#include "objects/objects.h"

#include "base/arena.h"

#define READER_ARENA_BYTES 1024
#define PIECE_BYTES ((size_t)64 * 1024)

struct objects {
    struct arena arena; /* this struct lies in it */
    const struct objects_backend *backend;
    void *ctx;
};

struct objects_reader {
    struct arena arena; /* this struct lies in it */
    const struct objects_backend *backend;
    void *file;
    size_t size_bytes;
};

STATUS objects_new(struct op *op, const struct objects_backend *backend, void *ctx,
                   struct objects **ret_objects)
{
    struct arena arena;
    arena_init(&arena, READER_ARENA_BYTES);
    struct objects *objects = arena_new(&arena, struct objects, 1);
    if (!objects) {
        arena_fini(&arena);
        return op_arena_full(op);
    }
    *objects = (struct objects){.arena = arena, .backend = backend, .ctx = ctx};
    *ret_objects = objects;
    return OK;
}

void objects_free(struct objects *objects)
{
    if (objects) {
        objects->backend->free(objects->ctx);
        struct arena arena = objects->arena;
        arena_fini(&arena);
    }
}

static void close_file(const struct objects_backend *backend, void *file)
{
    if (file) {
        backend->close(file);
    }
}

/* All of an open file: its hash and its size, which is at most one more than an object's. */
static struct status measure(struct op *op, const struct objects_backend *backend, void *file,
                             struct hash *ret_hash, size_t *ret_size)
{
    struct hash_state state;
    size_t size = 0;
    char *piece = arena_alloc(op->arena, PIECE_BYTES, 1);
    if (!piece) {
        return op_arena_full(op);
    }
    hash_init(&state);
    for (size_t len = 1; len > 0 && size <= OBJECTS_MAX_BYTES; size += len) {
        TRY(backend->read(op, file, piece, PIECE_BYTES, &len));
        hash_add(&state, piece, len);
    }
    *ret_hash = hash_done(&state);
    *ret_size = size;
    return OK;
}

/* Opened, read to the end, and closed again. */
static struct status check(struct op *op, const struct objects *objects, const struct hash *name,
                           size_t *ret_size)
{
    void *file = NULL;
    struct hash hash;
    TRY(objects->backend->open(op, objects->ctx, name, &file));
    struct status st = measure(op, objects->backend, file, &hash, ret_size);
    close_file(objects->backend, file);
    TRY(st);
    return hash_eq(&hash, name)
               ? OK
               : op_fail(op, STATUS_BUG, "objects.broken", "what lies there has another hash");
}

STATUS objects_put(struct op *op, struct objects *objects, struct str bytes, struct hash *ret_name)
{
    if (bytes.len == 0 || bytes.len > OBJECTS_MAX_BYTES) {
        return op_fail(op, STATUS_LIMIT, "objects.too_large", "%zu bytes", bytes.len);
    }
    /* What is there already is put there once more: it may be broken, and whoever put it may have died before it was
     * durable. */
    struct hash name = hash_of(bytes);
    size_t size = 0;
    TRY(objects->backend->put(op, objects->ctx, &name, bytes));
    TRY(check(op, objects, &name, &size));
    *ret_name = name;
    return OK;
}

STATUS objects_open(struct op *op, struct objects *objects, const struct hash *name,
                    struct objects_reader **ret_reader)
{
    struct arena arena;
    size_t size = 0;
    TRY(check(op, objects, name, &size));
    arena_init(&arena, READER_ARENA_BYTES);
    struct objects_reader *reader = arena_new(&arena, struct objects_reader, 1);
    if (!reader) {
        arena_fini(&arena);
        return op_arena_full(op);
    }
    *reader =
        (struct objects_reader){.arena = arena, .backend = objects->backend, .size_bytes = size};
    struct status st = objects->backend->open(op, objects->ctx, name, &reader->file);
    if (status_failed(st)) {
        objects_close(reader);
        return st;
    }
    *ret_reader = reader;
    return OK;
}

STATUS objects_read(struct op *op, struct objects_reader *reader, char *ret_bytes, size_t max_bytes,
                    size_t *ret_len)
{
    return reader->backend->read(op, reader->file, ret_bytes, max_bytes, ret_len);
}

void objects_close(struct objects_reader *reader)
{
    if (reader) {
        close_file(reader->backend, reader->file);
        struct arena arena = reader->arena;
        arena_fini(&arena);
    }
}

STATUS objects_read_all(struct op *op, struct objects *objects, const struct hash *name,
                        struct str *ret_bytes)
{
    DEFER(objects_close_at) struct objects_reader *reader = NULL;
    TRY(objects_open(op, objects, name, &reader));
    size_t size = reader->size_bytes;
    char *bytes = arena_alloc(op->arena, size, 1);
    if (!bytes) {
        return op_arena_full(op);
    }
    for (size_t at = 0, len = 1; at < size; at += len) {
        TRY(objects_read(op, reader, bytes + at, size - at, &len));
        if (len == 0) {
            return op_fail(op, STATUS_BUG, "objects.broken", "it is shorter than it was");
        }
    }
    *ret_bytes = (struct str){.ptr = bytes, .len = size};
    return OK;
}

STATUS objects_remove(struct op *op, struct objects *objects, const struct hash *name)
{
    return objects->backend->remove(op, objects->ctx, name);
}
