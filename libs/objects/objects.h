#pragma once

#include "base/defer.h"
#include "base/hash.h"
#include "base/op.h"
#include "base/str.h"

/*
 * Where large things lie that the database has only the hash of. An object's name is the SHA-256 of its bytes, so it never changes,
 * and whoever reads it knows whether it is the right one. Stores plug in behind the table of functions: a folder today
 * (objects_folder.c). All of it may be called from any thread.
 */

#define OBJECTS_MAX_BYTES ((size_t)4 * 1024 * 1024) /* of one object */

/* One object that is being read. */
struct objects_reader;

/* What a store is made of. A file is one object that is read, from its beginning, once. */
struct objects_backend {
    /* Durable, under this name, in place of what was there. */
    struct status (*put)(struct op *op, void *ctx, const struct hash *name, struct str bytes);
    /* STATUS_NOT_FOUND "objects.missing". */
    struct status (*open)(struct op *op, void *ctx, const struct hash *name, void **ret_file);
    struct status (*read)(struct op *op, void *file, char *ret_bytes, size_t max_bytes,
                          size_t *ret_len);
    void (*close)(void *file);
    struct status (*remove)(struct op *op, void *ctx, const struct hash *name);
    void (*free)(void *ctx);
};

struct objects;

/* ctx is the store's from a successful call on: backend->free gets it. */
STATUS objects_new(struct op *op, const struct objects_backend *backend, void *ctx,
                   struct objects **ret_objects);

/* A folder, which all processes that use the store see under this path: on several machines, a shared volume. It must be
 * there. STATUS_INVALID "objects.folder": it is none, or cannot be written. */
STATUS objects_open_folder(struct op *op, struct str path, struct objects **ret_objects);
void objects_free(struct objects *objects);
DEFINE_FREE_AT(struct objects, objects_free)

/*
 * Durable when it returns, under its hash, read back and compared. What is there already is left alone, unless it is broken:
 * then it is put again. STATUS_LIMIT "objects.too_large", also for none at all; STATUS_RETRY "objects.unwritable".
 */
STATUS objects_put(struct op *op, struct objects *objects, struct str bytes, struct hash *ret_name);

/* The bytes were all read and compared with their name before it returns; they are those that objects_read then gives.
 * STATUS_NOT_FOUND "objects.missing"; STATUS_BUG "objects.broken": what lies there has another hash; STATUS_RETRY
 * "objects.unreadable". */
STATUS objects_open(struct op *op, struct objects *objects, const struct hash *name,
                    struct objects_reader **ret_reader);
/* The next bytes; *ret_len 0: that was all. */
STATUS objects_read(struct op *op, struct objects_reader *reader, char *ret_bytes, size_t max_bytes,
                    size_t *ret_len);
void objects_close(struct objects_reader *reader);
DEFINE_FREE_AT(struct objects_reader, objects_close)

/* All of it, in op->arena. Fails as objects_open does. */
STATUS objects_read_all(struct op *op, struct objects *objects, const struct hash *name,
                        struct str *ret_bytes);

/* It is gone, or was not there. Whoever calls it knows that nobody needs it, nor will put it at the same time. */
STATUS objects_remove(struct op *op, struct objects *objects, const struct hash *name);
