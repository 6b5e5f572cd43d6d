/* Migration files in dbmate's format: what is taken, what is not, in which order. */
#include "holdfastctl/ctl_migration.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/defer.h"

static enum status_kind parse(const char *name, struct str content, struct ctl_migration *ret)
{
    static struct arena arena;
    arena_init(&arena, 65536);
    struct op op = {.arena = &arena};
    enum status_kind kind = ctl_migration_parse(&op, str_of(name), content, ret).kind;
    arena_fini(&arena);
    return kind;
}

static void well_formed(void **state)
{
    (void)state;
    struct ctl_migration migration;
    assert_int_equal(parse("0007_x.sql",
                           STR("-- why\n-- migrate:up\nA;\n-- note\nB;\n-- migrate:down\nC;\n"),
                           &migration),
                     STATUS_OK);
    assert_true(str_eq(migration.version, STR("0007")));
    assert_true(str_eq(migration.up, STR("A;\n-- note\nB;\n")));
    assert_int_equal(parse("1.sql", STR("-- migrate:up\r\n-- migrate:down"), &migration),
                     STATUS_OK);
    assert_int_equal(migration.up.len, 0);
    struct hash before = migration.hash;
    assert_int_equal(parse("1.sql", STR("-- migrate:up\r\n-- migrate:down\n"), &migration),
                     STATUS_OK);
    assert_false(hash_eq(&before, &migration.hash)); /* any byte counts */
}

static void malformed(void **state)
{
    (void)state;
    struct ctl_migration migration;
    struct str good = STR("-- migrate:up\nA;\n-- migrate:down\n");
    assert_int_equal(parse("x.sql", good, &migration), STATUS_INVALID);
    assert_int_equal(parse("1.sql", STR(""), &migration), STATUS_INVALID);
    assert_int_equal(parse("1.sql", STR("-- migrate:up\nA;\n"), &migration), STATUS_INVALID);
    assert_int_equal(parse("1.sql", STR("-- migrate:down\n-- migrate:up\n"), &migration),
                     STATUS_INVALID);
    assert_int_equal(
        parse("1.sql", STR("-- migrate:up\n-- migrate:up\n-- migrate:down\n"), &migration),
        STATUS_INVALID);
    assert_int_equal(
        parse("1.sql", STR("-- migrate:up transaction:false\n-- migrate:down\n"), &migration),
        STATUS_INVALID);
    assert_int_equal(parse("1.sql", STR("-- migrate:up\n\xff\n-- migrate:down\n"), &migration),
                     STATUS_INVALID);
}

static void write_file(const char *dir, const char *name, const char *text)
{
    char path[512];
    assert_true(snprintf(path, sizeof(path), "%s/%s", dir, name) < (int)sizeof(path));
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void remove_file(const char *dir, const char *name)
{
    char path[512];
    assert_true(snprintf(path, sizeof(path), "%s/%s", dir, name) < (int)sizeof(path));
    assert_int_equal(unlink(path), 0);
}

static void a_folder(void **state)
{
    (void)state;
    static const char *const text = "-- migrate:up\n-- migrate:down\n";
    char dir[] = "/tmp/ctl_migration_test.XXXXXX";
    assert_non_null(mkdtemp(dir));
    write_file(dir, "10_c.sql", text);
    write_file(dir, "9_b.sql", text);
    write_file(dir, "0001_a.sql", text);
    write_file(dir, "notes.txt", "not one");
    DEFER(arena_fini) struct arena arena;
    arena_init(&arena, (size_t)32 * 1024 * 1024);
    struct op op = {.arena = &arena};
    struct ctl_migrations found = {.count = 0};
    assert_int_equal(ctl_migrations_read(&op, str_of(dir), &found).kind, STATUS_OK);
    assert_int_equal(found.count, 3);
    assert_true(str_eq(found.rows[0].name, STR("0001_a.sql")));
    assert_true(str_eq(found.rows[1].name, STR("9_b.sql")));
    assert_true(str_eq(found.rows[2].name, STR("10_c.sql")));

    write_file(dir, "009_again.sql", text);
    struct ctl_migrations twice = {.count = 0};
    assert_int_equal(ctl_migrations_read(&op, str_of(dir), &twice).kind, STATUS_INVALID);
    struct ctl_migrations none = {.count = 0};
    assert_int_equal(ctl_migrations_read(&op, STR("/nonexistent/folder"), &none).kind, STATUS_OK);
    assert_int_equal(none.count, 0);

    const char *const files[] = {"10_c.sql", "9_b.sql", "0001_a.sql", "notes.txt", "009_again.sql"};
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        remove_file(dir, files[i]);
    }
    assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(well_formed),
        cmocka_unit_test(malformed),
        cmocka_unit_test(a_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
