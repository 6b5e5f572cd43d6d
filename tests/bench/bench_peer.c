#include "bench_peer.h"

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/str.h"
#include "bench_report.h"
#include "testing/testing_env.h"

#define ANSWER_BYTES 64
#define DEALS_BYTES 24

/* What it prints: one number. Its complaints go where ours go. */
static struct str run_node(const char *script, const char *deals, char answer[ANSWER_BYTES])
{
    int ends[2];
    int failed = pipe(ends);
    ASSERT(failed == 0);
    pid_t pid = fork();
    ASSERT(pid >= 0);
    if (pid == 0) {
        if (dup2(ends[1], STDOUT_FILENO) >= 0 && close(ends[0]) == 0) {
            execlp("node", "node", script, "--deals", deals, (char *)NULL);
        }
        _exit(1);
    }
    failed = close(ends[1]);
    ASSERT(failed == 0);
    size_t len = 0;
    ssize_t got = 1;
    while (got > 0 && len < ANSWER_BYTES) {
        got = read(ends[0], answer + len, ANSWER_BYTES - len);
        len += got > 0 ? (size_t)got : 0;
    }
    failed = close(ends[0]);
    ASSERT(failed == 0);
    int status = 0;
    pid_t ended = waitpid(pid, &status, 0);
    if (ended != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        bench_end("the peer failed");
    }
    return (struct str){.ptr = answer, .len = len};
}

int64_t bench_peer_run(int64_t deals)
{
    struct str script = testing_env("HOLDFAST_BENCH_PEER");
    if (script.len == 0) {
        return -1;
    }
    char count[DEALS_BYTES];
    char answer[ANSWER_BYTES];
    int64_t rate = 0;
    (void)snprintf(count, sizeof(count), "%lld", (long long)deals);
    (void)fflush(stdout);
    if (!str_to_i64(str_trim(run_node(script.ptr, count, answer)), &rate)) {
        bench_end("the peer tells no number");
    }
    return rate;
}
