/* Lines as a reader of the pipe sees them: whole, typed, bounded, never in anybody's way. */
#include "obs/log.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/defer.h"

#define READ_MAX ((size_t)1024 * 1024)

struct fixture {
    int read_fd;
    int write_fd;
    char *text;
    struct arena arena;
};

static int setup(void **state)
{
    static struct fixture fixture;
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    fixture.read_fd = ends[0];
    fixture.write_fd = ends[1];
    assert_int_equal(fcntl(fixture.read_fd, F_SETFL, O_NONBLOCK), 0);
    arena_init(&fixture.arena, 2 * READ_MAX);
    fixture.text = arena_new(&fixture.arena, char, READ_MAX);
    log_open(&(struct log_options){.service = STR("tester"),
                                   .version = STR("1.2.3"),
                                   .level = LOG_LEVEL_INFO,
                                   .fd = fixture.write_fd});
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    log_close();
    close(fixture->read_fd);
    close(fixture->write_fd);
    arena_fini(&fixture->arena);
    return 0;
}

/* All that is in the pipe now. */
static const char *written(struct fixture *fixture)
{
    size_t len = 0;
    ssize_t got;
    while ((got = read(fixture->read_fd, fixture->text + len, READ_MAX - 1 - len)) > 0) {
        len += (size_t)got;
    }
    fixture->text[len] = '\0';
    return fixture->text;
}

static uint32_t count_of(const char *text, const char *what)
{
    uint32_t count = 0;
    for (const char *at = strstr(text, what); at; at = strstr(at + 1, what)) {
        count++;
    }
    return count;
}

static void a_line_has_its_fields(void **state)
{
    struct fixture *fixture = *state;
    struct op op = {.correlation_id = STR("c-1")};
    struct id id;
    assert_true(id_parse(STR("6ba7b810-9dad-11d1-80b4-00c04fd430c8"), &id));
    log_info(&op, "escrow.released", LOG_ID("escrow_id", id), LOG_I64("amount_minor", INT64_MIN),
             LOG_U64("n", UINT64_MAX), LOG_BOOL("late", false), LOG_STR("state", STR("a\"\n\xFF")));
    const char *line = written(fixture);
    assert_int_equal(strncmp(line, "{\"at\":\"20", 9), 0);
    const char *rest = strstr(line, ",\"level\"");
    assert_non_null(rest);
    assert_int_equal(rest - line, 7 + CLOCK_ISO_BYTES - 1 + 1);
    assert_string_equal(rest, ",\"level\":\"info\",\"service\":\"tester\",\"version\":\"1.2.3\","
                              "\"event\":\"escrow.released\",\"correlation_id\":\"c-1\","
                              "\"escrow_id\":\"6ba7b810-9dad-11d1-80b4-00c04fd430c8\","
                              "\"amount_minor\":-9223372036854775808,\"n\":18446744073709551615,"
                              "\"late\":false,\"state\":\"a\\\"\\u000a\xEF\xBF\xBD\"}\n");
}

static void a_failure_has_code_and_text(void **state)
{
    struct fixture *fixture = *state;
    struct op op = {.arena = &fixture->arena};
    struct status st = op_arena_full(&op);
    log_error(&op, "tester.failed", LOG_STATUS(st), LOG_FAILURE(&op));
    const char *line = written(fixture);
    assert_non_null(
        strstr(line, "\"status\":\"limit\",\"code\":\"op.arena_full\",\"error\":\"over "));
    log_info(NULL, "tester.bare");
    assert_non_null(strstr(written(fixture), "\"event\":\"tester.bare\"}\n"));
}

static void levels_are_obeyed(void **state)
{
    struct fixture *fixture = *state;
    log_debug(NULL, "tester.quiet");
    assert_string_equal(written(fixture), "");
    enum log_level level = LOG_LEVEL_NONE;
    assert_true(log_level_parse(STR("warn"), &level));
    assert_int_equal(level, LOG_LEVEL_WARN);
    assert_false(log_level_parse(STR(""), &level));
    assert_false(log_level_parse(STR("WARN"), &level));
    assert_int_equal(level, LOG_LEVEL_WARN);
}

static void a_line_is_never_longer_than_a_pipe_keeps_whole(void **state)
{
    struct fixture *fixture = *state;
    char big[8000];
    memset(big, '\1', sizeof(big)); /* each becomes six characters */
    struct str text = {.ptr = big, .len = sizeof(big)};
    log_info(NULL, "tester.big", LOG_STR("a", text), LOG_I64("after", 7));
    const char *line = written(fixture);
    size_t len = strlen(line);
    assert_true(len <= LOG_LINE_MAX_BYTES);
    assert_null(strstr(line, "\"a\":"));
    assert_non_null(strstr(line, ",\"after\":7,\"truncated\":true}\n"));

    memset(big, 'x', sizeof(big));
    log_info(NULL, "tester.cut", LOG_STR("a", text), LOG_STR("b", text), LOG_STR("c", text),
             LOG_STR("d", text));
    line = written(fixture);
    len = strlen(line);
    assert_true(len <= LOG_LINE_MAX_BYTES);
    assert_true(len > 3 * 1024);
    assert_string_equal(line + len - 19, ",\"truncated\":true}\n");
    assert_int_equal(count_of(line, "\n"), 1);
}

static void repeated_errors_are_counted(void **state)
{
    struct fixture *fixture = *state;
    int64_t begin_ms = clock_mono_ms();
    for (int i = 0; i < LOG_BURST_MAX + 5; i++) {
        log_error(NULL, "tester.repeats", LOG_TEXT("code", "x.a"));
        log_error(NULL, "tester.repeats", LOG_TEXT("code", "x.b"), LOG_I64("i", i));
        log_info(NULL, "tester.fine");
    }
    const char *lines = written(fixture);
    assert_true(clock_mono_ms() - begin_ms < 1000); /* else the window moved, and the numbers */
    assert_int_equal(count_of(lines, "\"code\":\"x.a\""), LOG_BURST_MAX);
    assert_int_equal(count_of(lines, "\"code\":\"x.b\""), LOG_BURST_MAX);
    assert_int_equal(count_of(lines, "tester.fine"), LOG_BURST_MAX + 5);
    log_close();
    /* log_close goes back to standard error after telling what was left. */
    lines = written(fixture);
    assert_int_equal(count_of(lines, "\"event\":\"tester.repeats\",\"suppressed\":5}"), 2);
}

static void nobody_waits_for_a_reader_who_does_not_read(void **state)
{
    struct fixture *fixture = *state;
    uint64_t dropped = atomic_load(&log_stats()->dropped);
    int64_t begin_ms = clock_mono_ms();
    for (int i = 0; i < 2000; i++) {
        log_info(NULL, "tester.flood", LOG_I64("i", i));
    }
    int64_t took_ms = clock_mono_ms() - begin_ms;
    assert_true(took_ms >= LOG_WAIT_MS);
    assert_true(took_ms < 20 * LOG_WAIT_MS); /* once, not for each line */
    uint64_t lost = atomic_load(&log_stats()->dropped) - dropped;
    assert_true(lost > 100);
    const char *lines = written(fixture);
    assert_int_equal(count_of(lines, "tester.flood"), 2000 - lost);
    assert_int_equal(count_of(lines, "\n"), 2000 - lost);
    log_info(NULL, "tester.again");
    lines = written(fixture);
    char told[64];
    int len = snprintf(told, sizeof(told), "\"event\":\"tester.again\",\"dropped\":%llu}",
                       (unsigned long long)lost);
    assert_true(len > 0);
    assert_non_null(strstr(lines, told));
    log_info(NULL, "tester.once");
    assert_null(strstr(written(fixture), "dropped"));
}

static void a_socket_is_not_waited_for_either(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    log_open(&(struct log_options){
        .service = STR("tester"), .version = STR(""), .level = LOG_LEVEL_INFO, .fd = ends[1]});
    uint64_t dropped = atomic_load(&log_stats()->dropped);
    for (int i = 0; i < 20000 && atomic_load(&log_stats()->dropped) == dropped; i++) {
        log_info(NULL, "tester.flood", LOG_I64("i", i));
    }
    assert_true(atomic_load(&log_stats()->dropped) > dropped);
    close(ends[0]);
    log_info(NULL, "tester.gone"); /* no SIGPIPE */
    log_close();
    close(ends[1]);
}

#define THREADS 4
#define LINES_EACH 50

static void *write_lines(void *arg)
{
    char filler[900];
    memset(filler, *(const char *)arg, sizeof(filler));
    for (int i = 0; i < LINES_EACH; i++) {
        log_info(NULL, "tester.thread", LOG_STR("a", ((struct str){filler, sizeof(filler)})),
                 LOG_STR("end", STR("END")));
    }
    return NULL;
}

static void lines_of_threads_do_not_mix(void **state)
{
    struct fixture *fixture = *state;
    assert_true(fcntl(fixture->write_fd, F_SETPIPE_SZ, 1024 * 1024) > 0);
    pthread_t threads[THREADS];
    static const char letters[THREADS] = {'p', 'q', 'x', 'y'};
    for (int i = 0; i < THREADS; i++) {
        void *arg = (void *)(uintptr_t)&letters[i];
        assert_int_equal(pthread_create(&threads[i], NULL, write_lines, arg), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    const char *lines = written(fixture);
    assert_int_equal(count_of(lines, "\n"), THREADS * LINES_EACH);
    assert_int_equal(count_of(lines, "\",\"end\":\"END\"}\n"), THREADS * LINES_EACH);
    assert_int_equal(count_of(lines, "{\"at\":"), THREADS * LINES_EACH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_line_has_its_fields, setup, teardown),
        cmocka_unit_test_setup_teardown(a_failure_has_code_and_text, setup, teardown),
        cmocka_unit_test_setup_teardown(levels_are_obeyed, setup, teardown),
        cmocka_unit_test_setup_teardown(a_line_is_never_longer_than_a_pipe_keeps_whole, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(repeated_errors_are_counted, setup, teardown),
        cmocka_unit_test_setup_teardown(nobody_waits_for_a_reader_who_does_not_read, setup,
                                        teardown),
        cmocka_unit_test(a_socket_is_not_waited_for_either),
        cmocka_unit_test_setup_teardown(lines_of_threads_do_not_mix, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
