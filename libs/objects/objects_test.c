/* The folder as a store: what is put is there, whole, under its hash, and anything else is noticed. */
#include "objects/objects.h"

#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"

#define ARENA_BYTES ((size_t)16 * 1024 * 1024)
#define PATH_BYTES 256
#define FOLDER_BYTES 64
#define OPEN_MAX_FILES 8

static struct arena arena;
static struct op op;
static char folder[FOLDER_BYTES];
static struct objects *objects;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, ARENA_BYTES);
    op = (struct op){.arena = &arena};
    (void)snprintf(folder, sizeof(folder), "/tmp/objects_test.XXXXXX");
    assert_non_null(mkdtemp(folder));
    assert_false(status_failed(objects_open_folder(&op, str_of(folder), &objects)));
    return 0;
}

static uint32_t files;

static int count_one(const char *path, const struct stat *about, int kind, struct FTW *where)
{
    (void)path;
    (void)about;
    (void)where;
    files += kind == FTW_F ? 1 : 0;
    return 0;
}

static int remove_one(const char *path, const struct stat *about, int kind, struct FTW *where)
{
    (void)about;
    (void)kind;
    (void)where;
    return remove(path);
}

/* Of the folder and of those in it. */
static uint32_t count_files(void)
{
    files = 0;
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): one thread */
    assert_int_equal(nftw(folder, count_one, OPEN_MAX_FILES, FTW_PHYS), 0);
    return files;
}

static int tear_down(void **state)
{
    (void)state;
    objects_free(objects);
    (void)chmod(folder, 0700);
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): one thread */
    assert_int_equal(nftw(folder, remove_one, OPEN_MAX_FILES, FTW_DEPTH | FTW_PHYS), 0);
    arena_fini(&arena);
    return 0;
}

static struct hash put(struct str bytes)
{
    struct hash name;
    struct hash wanted = hash_of(bytes);
    assert_false(status_failed(objects_put(&op, objects, bytes, &name)));
    assert_true(hash_eq(&name, &wanted));
    return name;
}

static void path_of(const struct hash *name, char ret_path[PATH_BYTES])
{
    char hex[2 * HASH_BYTES + 1];
    struct strbuf buf;
    struct str digits;
    strbuf_init_fixed(&buf, hex, sizeof(hex));
    strbuf_add_hex(&buf, name->bytes, HASH_BYTES);
    assert_true(strbuf_finish(&buf, &digits));
    (void)snprintf(ret_path, PATH_BYTES, "%s/%.2s/%s", folder, digits.ptr, digits.ptr + 2);
}

/* All of it, in small pieces; the code of the failure where it cannot be opened. */
static const char *read_all(const struct hash *name, struct str wanted)
{
    DEFER(objects_close_at) struct objects_reader *reader = NULL;
    if (status_failed(objects_open(&op, objects, name, &reader))) {
        return op.err.code;
    }
    char piece[1000];
    size_t at = 0;
    for (size_t len = 1; len > 0; at += len) {
        assert_false(status_failed(objects_read(&op, reader, piece, sizeof(piece), &len)));
        assert_true(at + len <= wanted.len);
        assert_memory_equal(piece, wanted.ptr + at, len);
    }
    assert_int_equal(at, wanted.len);
    return "";
}

static struct str many(size_t len)
{
    char *bytes = arena_alloc(&arena, len, 1);
    assert_non_null(bytes);
    memset(bytes, 'x', len);
    return (struct str){.ptr = bytes, .len = len};
}

static void what_is_put_is_there(void **state)
{
    (void)state;
    struct str large = many(OBJECTS_MAX_BYTES);
    struct hash a = put(STR("a picture"));
    struct hash b = put(large);
    assert_string_equal(read_all(&a, STR("a picture")), "");
    assert_string_equal(read_all(&b, large), "");
    put(STR("a picture"));              /* again: the same one */
    assert_int_equal(count_files(), 2); /* and nothing temporary */
}

static void sizes_are_bounded(void **state)
{
    (void)state;
    struct hash name;
    struct status st = objects_put(&op, objects, many(OBJECTS_MAX_BYTES + 1), &name);
    assert_int_equal(st.kind, STATUS_LIMIT);
    assert_string_equal(op.err.code, "objects.too_large");
    assert_int_equal(objects_put(&op, objects, STR(""), &name).kind, STATUS_LIMIT);
    assert_int_equal(count_files(), 0);
}

static void what_is_not_there_is_said(void **state)
{
    (void)state;
    struct hash name = hash_of(STR("never put"));
    assert_string_equal(read_all(&name, STR("")), "objects.missing");
    assert_false(status_failed(objects_remove(&op, objects, &name)));
}

static void broken_bytes_are_never_given(void **state)
{
    (void)state;
    const struct str broken[] = {STR("a fixture"), STR("a pictur"), STR("a pictures"), STR("")};
    for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
        char path[PATH_BYTES];
        struct hash name = put(STR("a picture"));
        path_of(&name, path);
        assert_false(status_failed(file_write(&op, str_of(path), broken[i])));
        assert_string_equal(read_all(&name, STR("a picture")), "objects.broken");
        put(STR("a picture")); /* mends it */
        assert_string_equal(read_all(&name, STR("a picture")), "");
    }
}

/* Somebody who can write there puts a link to what is not ours. */
static void links_are_not_followed(void **state)
{
    (void)state;
    char path[PATH_BYTES];
    char target[2 * PATH_BYTES];
    struct hash name = put(STR("a picture"));
    path_of(&name, path);
    (void)snprintf(target, sizeof(target), "%s/target", folder);
    assert_int_equal(rename(path, target), 0);
    assert_int_equal(symlink(target, path), 0);
    assert_string_equal(read_all(&name, STR("a picture")), "objects.unreadable");
}

static void what_is_removed_is_gone(void **state)
{
    (void)state;
    struct hash name = put(STR("a picture"));
    DEFER(objects_close_at) struct objects_reader *reader = NULL;
    char piece[16];
    size_t len = 0;
    assert_false(status_failed(objects_open(&op, objects, &name, &reader)));
    assert_false(status_failed(objects_remove(&op, objects, &name)));
    assert_string_equal(read_all(&name, STR("a picture")), "objects.missing");
    assert_false(status_failed(objects_read(&op, reader, piece, sizeof(piece), &len)));
    assert_int_equal(len, 9); /* whoever has it open reads on */
    put(STR("a picture"));
    assert_string_equal(read_all(&name, STR("a picture")), "");
}

static void a_store_is_a_folder_that_can_be_written(void **state)
{
    (void)state;
    struct objects *other = NULL;
    struct status st = objects_open_folder(&op, STR("/nonexistent"), &other);
    assert_int_equal(st.kind, STATUS_INVALID);
    assert_string_equal(op.err.code, "objects.folder");
    assert_int_equal(objects_open_folder(&op, STR("/dev/null"), &other).kind, STATUS_INVALID);
    assert_null(other);
}

/* A file stands where a folder must be made: as on a full or broken disk nothing is left behind. */
static void what_cannot_be_written_is_said(void **state)
{
    (void)state;
    char path[PATH_BYTES];
    struct hash name = hash_of(STR("a picture"));
    path_of(&name, path);
    *strrchr(path, '/') = '\0';
    assert_false(status_failed(file_write(&op, str_of(path), STR("in the way"))));
    struct status st = objects_put(&op, objects, STR("a picture"), &name);
    assert_int_equal(st.kind, STATUS_RETRY);
    assert_string_equal(op.err.code, "objects.unwritable");
    assert_int_equal(count_files(), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_put_is_there),
        TEST(sizes_are_bounded),
        TEST(what_is_not_there_is_said),
        TEST(broken_bytes_are_never_given),
        TEST(links_are_not_followed),
        TEST(what_is_removed_is_gone),
        TEST(a_store_is_a_folder_that_can_be_written),
        TEST(what_cannot_be_written_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
