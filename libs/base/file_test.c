/* What is written is read again; what is not there, too long or no file is told. */
#include "base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static struct arena arena;

static struct op new_op(void)
{
    arena_reset(&arena);
    return (struct op){.arena = &arena};
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    char path[] = "/tmp/holdfast-file-XXXXXX";
    int made = mkstemp(path);
    assert_true(made >= 0);
    (void)close(made);
    struct op op = new_op();
    struct str content;
    assert_int_equal(file_write(&op, str_of(path), STR("three\nlines\n\n")).kind, STATUS_OK);
    assert_int_equal(file_read(&op, str_of(path), 13, &content).kind, STATUS_OK);
    assert_true(str_eq(content, STR("three\nlines\n\n")));
    assert_int_equal(file_read(&op, str_of(path), 12, &content).kind, STATUS_LIMIT);
    assert_int_equal(file_write(&op, str_of(path), STR("")).kind, STATUS_OK);
    assert_int_equal(file_read(&op, str_of(path), 12, &content).kind, STATUS_OK);
    assert_int_equal(content.len, 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(file_read(&op, str_of(path), 12, &content).kind, STATUS_RETRY);
}

static void what_is_no_file_is_told(void **state)
{
    (void)state;
    struct op op = new_op();
    struct str content;
    assert_int_equal(file_read(&op, STR("/"), 1000000, &content).kind, STATUS_RETRY);
    assert_string_equal(op.err.code, "file.unreadable");
    assert_int_equal(file_write(&op, STR("/"), STR("x")).kind, STATUS_RETRY);
    assert_string_equal(op.err.code, "file.unwritable");
}

int main(void)
{
    arena_init(&arena, (size_t)1024 * 1024);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(what_is_no_file_is_told),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_fini(&arena);
    return failed;
}
