/* In: a request's work and the fault that it meets. Out: the work done or not, early or late. */
#include "sandbox/sandbox_meet.h"

#include "base/clock.h"

STATUS sandbox_meet_run(struct sandbox *sandbox, const struct sandbox_fault *fault,
                        const struct sandbox_meet *meet, void *call)
{
    bool answers_itself =
        fault->mode == SANDBOX_FAULT_STATUS || fault->mode == SANDBOX_FAULT_GARBAGE;
    bool undone = fault->when == SANDBOX_FAULT_BEFORE &&
                  (answers_itself || fault->mode == SANDBOX_FAULT_DROP_ANSWER);
    if (fault->mode == SANDBOX_FAULT_DELAY && fault->when == SANDBOX_FAULT_BEFORE) {
        sandbox_wait_until(sandbox, clock_mono_ms() + fault->delay_ms);
    }
    if (!undone) {
        TRY(meet->work(call));
    }
    return answers_itself ? meet->answer(call, fault) : OK;
}

void sandbox_meet_end(struct sandbox *sandbox, const struct sandbox_fault *fault)
{
    if (fault->mode == SANDBOX_FAULT_DELAY && fault->when == SANDBOX_FAULT_AFTER) {
        sandbox_wait_until(sandbox, clock_mono_ms() + fault->delay_ms);
    }
    sandbox->counts.dropped += fault->mode == SANDBOX_FAULT_DROP_ANSWER ? 1 : 0;
}

/* A response that ends before it is whole: the caller cannot know what was done. */
/* NOLINTNEXTLINE(readability-non-const-parameter): the form is http_stream.read's */
static int64_t break_off(void *ctx, char *ret_bytes, size_t max_bytes, bool stopping)
{
    (void)ctx;
    (void)ret_bytes;
    (void)max_bytes;
    (void)stopping;
    return HTTP_STREAM_BREAK;
}

static void nothing_to_close(void *ctx)
{
    (void)ctx;
}

bool sandbox_meet_drops(const struct sandbox_fault *fault, struct http_response *ret)
{
    if (fault->mode != SANDBOX_FAULT_DROP_ANSWER) {
        return false;
    }
    ret->stream = (struct http_stream){.read = break_off, .close = nothing_to_close};
    return true;
}
