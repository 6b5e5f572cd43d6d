/*
 * A whole process, seen from outside: this program started again as a small service. Arguments,
 * configuration mistakes, health, metrics, the first and the second TERM.
 */
#include "svc/svc.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "obs/log.h"

#define WAIT_MS 60000
#define OUTPUT_MAX ((size_t)256 * 1024)

/* ---- The service under test: TEST_MODE says how it behaves ---- */

static _Atomic bool healthy = true;

static bool is_healthy(void *ctx)
{
    return atomic_load((_Atomic bool *)ctx);
}

static const struct conf_key test_keys[] = {
    {.name = "TEST_MODE",
     .type = CONF_STR,
     .required = true,
     .choices = "plain|stubborn|failing|sick",
     .help = "How to behave."},
    {.name = "TEST_SECRET", .type = CONF_SECRET, .max = 64, .help = "A secret."},
};

static struct status print_routes(struct op *op, struct str *ret_text)
{
    (void)op;
    *ret_text = STR("GET /v1/things\n");
    return OK;
}

static struct status run(struct op *op, struct svc *svc)
{
    struct str mode = conf_str(svc_conf(svc), "TEST_MODE");
    svc_add_check(svc, "healthy", is_healthy, &healthy);
    atomic_store(&healthy, !str_eq(mode, STR("sick")));
    if (str_eq(mode, STR("failing"))) {
        svc_stop(svc, /* failed */ true);
    }
    svc_serve(svc);
    if (str_eq(mode, STR("stubborn"))) {
        log_info(op, "tester.drains");
        (void)pause(); /* a drain that does not end by itself */
    }
    return OK;
}

static int child_main(int argc, char **argv)
{
    static const struct svc_info info = {
        .name = {"tester", 6},
        .conf = {.keys = test_keys, .key_count = ARRAY_LEN(test_keys)},
        .print_option = "--print-routes",
        .print = print_routes,
        .admin = true,
    };
    return svc_main(&info, argc, argv, run);
}

/* ---- Its parent ---- */

static char *self;

struct child {
    pid_t pid;
    int output; /* standard output and error, together */
    char text[OUTPUT_MAX];
    size_t len;
};

static struct child *start(const char *option, const char *mode)
{
    static struct child child;
    child.len = 0;
    memset(child.text, 0, sizeof(child.text));
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
    char name[] = "--child";
    char argument[64] = "";
    char mode_text[64] = "TEST_MODE=";
    char env[] = "HOLDFAST_ENV=test";
    char listen_text[] = "ADMIN_LISTEN=127.0.0.1:0";
    char secret[] = "TEST_SECRET=canary";
    memcpy(mode_text + strlen(mode_text), mode, strlen(mode) + 1);
    memcpy(argument, option ? option : "", option ? strlen(option) + 1 : 1);
    char *arguments[] = {self, name, option ? argument : NULL, NULL};
    char *environment[] = {env, listen_text, secret, mode_text, NULL};
    assert_int_equal(posix_spawn(&child.pid, self, &actions, NULL, arguments, environment), 0);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    child.output = ends[0];
    return &child;
}

/* Reads until the text is there, or to the end when it is NULL. */
static const char *await(struct child *child, const char *wanted)
{
    int64_t deadline_ms = clock_mono_ms() + WAIT_MS;
    while (!wanted || !strstr(child->text, wanted)) {
        struct pollfd fd = {.fd = child->output, .events = POLLIN};
        int64_t left = deadline_ms - clock_mono_ms();
        if (left <= 0 || poll(&fd, 1, (int)left) <= 0) {
            fail_msg("no '%s' in: %s", wanted ? wanted : "end", child->text);
        }
        ssize_t got = read(child->output, child->text + child->len, OUTPUT_MAX - 1 - child->len);
        if (got <= 0) {
            if (!wanted) {
                break;
            }
            fail_msg("ended without '%s': %s", wanted, child->text);
        }
        child->len += (size_t)got;
    }
    const char *at = wanted ? strstr(child->text, wanted) : child->text;
    return at;
}

static int finish(struct child *child)
{
    await(child, NULL);
    int status = 0;
    assert_int_equal(waitpid(child->pid, &status, 0), child->pid);
    close(child->output);
    return status;
}

static void assert_exit(int status, int code)
{
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), code);
}

static uint16_t admin_port(struct child *child)
{
    const char *at = await(child, "\"admin_port\":");
    await(child, "svc.ready");
    at += strlen("\"admin_port\":");
    int64_t port = 0;
    assert_true(str_to_i64((struct str){.ptr = at, .len = strspn(at, "0123456789")}, &port));
    assert_in_range(port, 1, UINT16_MAX);
    return (uint16_t)port;
}

static const char *get(uint16_t port, const char *path)
{
    static char answer[64 * 1024];
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    char request[256];
    int len = snprintf(request, sizeof(request),
                       "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", path);
    assert_int_equal(write(fd, request, (size_t)len), len);
    size_t used = 0;
    ssize_t got;
    while ((got = read(fd, answer + used, sizeof(answer) - 1 - used)) > 0) {
        used += (size_t)got;
    }
    answer[used] = '\0';
    close(fd);
    return answer;
}

static void assert_answer(uint16_t port, const char *path, const char *status, const char *body)
{
    const char *answer = get(port, path);
    if (strncmp(answer, status, strlen(status)) != 0 || !strstr(answer, body)) {
        fail_msg("%s: %s", path, answer);
    }
}

/* ---- The tests ---- */

static void it_is_healthy_and_drains(void **state)
{
    (void)state;
    struct child *child = start(NULL, "plain");
    uint16_t port = admin_port(child);
    assert_answer(port, "/livez", "HTTP/1.1 200", "{\"live\":true}");
    assert_answer(port, "/readyz", "HTTP/1.1 200", "\r\n\r\n{\"ready\":true}");
    assert_answer(port, "/readyz?verbose", "HTTP/1.1 200",
                  "{\"checks\":{\"started\":true,\"not_stopping\":true,\"healthy\":true},"
                  "\"ready\":true}");
    assert_answer(port, "/metrics", "HTTP/1.1 200", "holdfast_build_info{service=\"tester\"");
    assert_answer(port, "/metrics", "HTTP/1.1 200", "text/plain; version=0.0.4");
    assert_answer(port, "/elsewhere", "HTTP/1.1 404", "");
    assert_int_equal(kill(child->pid, SIGTERM), 0);
    assert_exit(finish(child), SVC_EXIT_OK);
    assert_non_null(strstr(child->text, "\"event\":\"svc.stopping\""));
    assert_non_null(strstr(child->text, "\"event\":\"svc.stopped\""));
    assert_null(strstr(child->text, "canary"));
}

static void a_failed_check_is_not_ready_but_alive(void **state)
{
    (void)state;
    struct child *child = start(NULL, "sick");
    uint16_t port = admin_port(child);
    assert_answer(port, "/livez", "HTTP/1.1 200", "{\"live\":true}");
    assert_answer(port, "/readyz", "HTTP/1.1 503", "{\"ready\":false}");
    assert_answer(port, "/readyz?verbose", "HTTP/1.1 503", "\"healthy\":false");
    assert_int_equal(kill(child->pid, SIGINT), 0);
    assert_exit(finish(child), SVC_EXIT_OK);
}

static void the_second_signal_ends_it_at_once(void **state)
{
    (void)state;
    struct child *child = start(NULL, "stubborn");
    uint16_t port = admin_port(child);
    assert_int_equal(kill(child->pid, SIGTERM), 0);
    await(child, "tester.drains");
    assert_answer(port, "/livez", "HTTP/1.1 200", "{\"live\":true}");
    assert_answer(port, "/readyz", "HTTP/1.1 503", "{\"ready\":false}");
    assert_int_equal(kill(child->pid, SIGTERM), 0);
    int status = finish(child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGTERM);
}

static void stopping_itself_as_failed_shows_in_the_exit_code(void **state)
{
    (void)state;
    assert_exit(finish(start(NULL, "failing")), SVC_EXIT_FAILED);
}

static void options_print_and_end(void **state)
{
    (void)state;

    static const struct {
        const char *option;
        const char *printed;
    } cases[] = {
        {"--help", "usage: holdfast-tester [--check-config"},
        {"--help", "  TEST_MODE  (plain, stubborn, failing, sick; default: required)\n"},
        {"--version", "holdfast "},
        {"--check-config", "the configuration is sound\n"},
        {"--print-config", "TEST_MODE=plain\nTEST_SECRET=********\n"},
        {"--print-config-docs", "## tester\n"},
        {"--print-routes", "GET /v1/things\n"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct child *child = start(cases[i].option, "plain");
        assert_exit(finish(child), SVC_EXIT_OK);
        assert_non_null(strstr(child->text, cases[i].printed));
        assert_null(strstr(child->text, "canary"));
        assert_null(strstr(child->text, "svc.started"));
    }
}

static void mistakes_end_it_before_it_begins(void **state)
{
    (void)state;
    struct child *child = start("--check-config", "unheard-of");
    assert_exit(finish(child), SVC_EXIT_USAGE);
    assert_non_null(strstr(child->text, "TEST_MODE: must be one of plain|stubborn|failing|sick\n"));
    assert_null(strstr(child->text, "unheard-of"));
    child = start("--no-such-option", "plain");
    assert_exit(finish(child), SVC_EXIT_USAGE);
    assert_non_null(strstr(child->text, "svc.arguments"));
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--child") == 0) {
        return child_main(argc - 1, argv + 1);
    }
    self = argv[0];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_healthy_and_drains),
        cmocka_unit_test(a_failed_check_is_not_ready_but_alive),
        cmocka_unit_test(the_second_signal_ends_it_at_once),
        cmocka_unit_test(stopping_itself_as_failed_shows_in_the_exit_code),
        cmocka_unit_test(options_print_and_end),
        cmocka_unit_test(mistakes_end_it_before_it_begins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
