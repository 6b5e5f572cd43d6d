/* Armed in a child process, which then kills or stops itself at the right pass and at no other. */
#include "base/crash.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/defer.h"

static void refuses_what_it_cannot_read(void **state)
{
    (void)state;
    const char *const specs[] = {"",        "here",        "here:1",     "here:0:kill",
                                 ":1:kill", "here:1:burn", "here:x:kill"};
    for (size_t i = 0; i < ARRAY_LEN(specs); i++) {
        assert_false(crash_arm(str_of(specs[i])));
    }
}

/* The wait status of a child that is armed and passes "there" once and "here" `passes` times. */
static int pass(const char *spec, int passes)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        bool armed = crash_arm(str_of(spec));
        crash_pass("there");
        for (int i = 0; i < passes; i++) {
            crash_pass("here");
        }
        _exit(armed ? 7 : 8);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, WUNTRACED), child);
    if (WIFSTOPPED(status)) {
        int stopped = status;
        assert_int_equal(kill(child, SIGCONT), 0);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(WEXITSTATUS(status), 7); /* it went on, and was not stopped again */
        return stopped;
    }
    return status;
}

static void kills_at_the_nth_pass(void **state)
{
    (void)state;
    int status = pass("here:3:kill", 3);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGKILL);
    status = pass("here:3:kill", 2);
    assert_int_equal(WEXITSTATUS(status), 7);
}

static void stops_at_the_nth_pass_and_goes_on(void **state)
{
    (void)state;
    int status = pass("here:2:stop", 5);
    assert_true(WIFSTOPPED(status));
    assert_int_equal(WSTOPSIG(status), SIGSTOP);
}

static void another_name_is_another_place(void **state)
{
    (void)state;
    int status = pass("her:1:kill", 1);
    assert_int_equal(WEXITSTATUS(status), 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_it_cannot_read),
        cmocka_unit_test(kills_at_the_nth_pass),
        cmocka_unit_test(stops_at_the_nth_pass_and_goes_on),
        cmocka_unit_test(another_name_is_another_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
