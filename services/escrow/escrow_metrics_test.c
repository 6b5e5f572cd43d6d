/* What counts as a creation, as a failed one, and how long one took. */
#include "escrow/escrow_metrics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/defer.h"

#define ARENA_BYTES ((size_t)8 * 1024 * 1024)
#define US_PER_S INT64_C(1000000)

static const struct escrow_message create = {.kind = ESCROW_CREATE};
static const struct escrow_message intent = {.kind = ESCROW_INTENT_CREATED};
static const struct escrow_message failed = {.kind = ESCROW_PAYMENT_FAILED};
static const struct escrow_message cancel = {.kind = ESCROW_CANCEL};

/* Decisions, too large to be made in a test's frame. */
#define ACCEPTED(of_event, setup_failed)                                                   \
    {                                                                                      \
        .verdict = ESCROW_ACCEPT,                                                          \
        .next = {.created_at_us = 100 * US_PER_S, .payment_setup_failed = (setup_failed)}, \
        .step_count = 1, .steps = {{.event = (of_event)}},                                 \
    }
static const struct escrow_decision refusal = {.verdict = ESCROW_REJECT};
static const struct escrow_decision created = ACCEPTED(ESCROW_EVENT_CREATED, false);
static const struct escrow_decision awaits = ACCEPTED(ESCROW_EVENT_AWAIT_FUNDS, false);
static const struct escrow_decision no_setup = ACCEPTED(ESCROW_EVENT_PAYMENT_FAILED, true);

static void decided(const struct escrow *now, const struct escrow_message *message,
                    const struct escrow_decision *decision, int64_t now_us)
{
    struct escrow_tally tally;
    if (escrow_metrics_tally(now, message, decision, now_us, &tally)) {
        escrow_metrics_count(&tally);
    }
}

static void has(struct str page, const char *text)
{
    if (!strstr(page.ptr, text)) {
        fail_msg("missing: %s\nin: " STR_FMT, text, STR_ARG(page));
    }
}

static void counts_creations(void **state)
{
    (void)state;
    DEFER(arena_fini) struct arena arena;
    arena_init(&arena, ARENA_BYTES);
    struct op op = {.arena = &arena};
    struct metrics *metrics = metrics_new(&op, STR("escrow"), STR("1"));
    const struct escrow waiting = {.state = ESCROW_CREATED};
    const struct escrow broken = {.state = ESCROW_CREATED, .payment_setup_failed = true};
    const struct escrow held = {.state = ESCROW_AWAIT_FUNDS};
    struct str page;

    decided(NULL, &create, &created, 0); /* nobody asks: nothing to count in */
    escrow_metrics_init(metrics);
    decided(NULL, &create, &created, 100 * US_PER_S);
    decided(NULL, &create, &created, 100 * US_PER_S);
    decided(NULL, &create, &refusal, 100 * US_PER_S);
    decided(&waiting, &cancel, &refusal, 100 * US_PER_S); /* refuses no creation */
    decided(&waiting, &intent, &awaits, 105 * US_PER_S);  /* on a bound */
    decided(&waiting, &intent, &awaits, 106 * US_PER_S);
    decided(&waiting, &failed, &no_setup, 106 * US_PER_S);
    decided(&broken, &failed, &no_setup, 107 * US_PER_S); /* it had failed before */
    decided(&held, &failed, &no_setup, 107 * US_PER_S);   /* a charge, later */
    assert_false(status_failed(metrics_render(&op, metrics, &page)));
    has(page, "\nescrow_created_total 2\n");
    has(page, "\nescrow_failures_total 2\n");
    has(page, "\nescrow_creation_duration_seconds_bucket{le=\"5\"} 1\n");
    has(page, "\nescrow_creation_duration_seconds_bucket{le=\"10\"} 2\n");
    has(page, "\nescrow_creation_duration_seconds_bucket{le=\"60\"} 2\n"
              "escrow_creation_duration_seconds_bucket{le=\"+Inf\"} 2\n"
              "escrow_creation_duration_seconds_sum 11\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(counts_creations)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
