/* Bytes from the provider in; a durable row and a signal out. Always holds: 200 only after COMMIT,
 * no row without a right signature. */
#include "payments/payments_in_webhook.h"

#include "base/crash.h"
#include "base/mutex.h"
#include "obs/log.h"
#include "payments/payments_rail_stripe.h"
#include "payments/payments_signal.h"
#include "payments/payments_stripe_event.h"

static const char *const fate_names[WEBHOOK_FATE_COUNT] = {
    [WEBHOOK_FATE_NONE] = "",
    [WEBHOOK_TAKEN] = "signalled",
    [WEBHOOK_TAKEN_IGNORED] = "ignored",
    [WEBHOOK_TAKEN_UNMATCHED] = "unmatched",
    [WEBHOOK_TAKEN_UNREADABLE] = "unreadable",
    [WEBHOOK_REPEATED] = "repeated",
    [WEBHOOK_REFUSED_SIGNATURE] = "refused_signature",
    [WEBHOOK_REFUSED_LIVEMODE] = "refused_livemode",
    [WEBHOOK_REFUSED_ACCOUNT] = "refused_account",
    [WEBHOOK_FAILED] = "failed",
};

#define SECOND_US INT64_C(1000000)

static const int64_t age_bounds_us[] = {
    SECOND_US,         2 * SECOND_US,      5 * SECOND_US,    10 * SECOND_US,   30 * SECOND_US,
    60 * SECOND_US,    300 * SECOND_US,    1800 * SECOND_US, 3600 * SECOND_US, 21600 * SECOND_US,
    86400 * SECOND_US, 259200 * SECOND_US, /* after three days it gives up */
};
static const struct metrics_bounds age_bounds = {
    .us = age_bounds_us, .count = sizeof(age_bounds_us) / sizeof(age_bounds_us[0])};

void payments_in_webhook_init(struct payments_webhook_deps *deps, struct metrics *metrics)
{
    for (uint32_t i = 0; i < WEBHOOK_LOCKS; i++) {
        mutex_init(&deps->locks[i]);
    }
    for (uint32_t fate = WEBHOOK_TAKEN; fate < WEBHOOK_FATE_COUNT; fate++) {
        const struct metrics_label label = {.name = "fate", .value = fate_names[fate]};
        deps->counters[fate] =
            metrics_counter(metrics, "holdfast_payments_webhooks_total",
                            "Calls of the provider to us, by what became of them.", &label, 1);
    }
    deps->age = metrics_histogram_within(metrics, "holdfast_payments_webhook_age_seconds",
                                         "From what happened at the provider to the news of it "
                                         "being stored here, each event once.",
                                         &age_bounds);
    for (uint32_t verdict = SIGNATURE_MISSING; verdict < SIGNATURE_VERDICT_COUNT; verdict++) {
        const struct metrics_label label = {
            .name = "reason", .value = payments_signature_name((enum signature_verdict)verdict)};
        deps->bad_signatures[verdict] = metrics_counter(
            metrics, "holdfast_payments_webhook_signatures_refused_total",
            "Calls with a signature that is not good, by what is wrong with it.", &label, 1);
    }
}

void payments_in_webhook_fini(struct payments_webhook_deps *deps)
{
    for (uint32_t i = 0; i < WEBHOOK_LOCKS; i++) {
        mutex_fini(&deps->locks[i]);
    }
}

/* ---- What a call is worth ---- */

/* Rightly signed bytes that cannot be read are kept under their own hash: they may be money. */
static struct status keep_unreadable(struct op *op, struct str body, struct webhook_work *work)
{
    struct hash hash = hash_of(body);
    struct strbuf name;
    strbuf_init(&name, op->arena, STRIPE_ID_MAX_BYTES);
    strbuf_add(&name, STR("sha256:"));
    strbuf_add_hex(&name, hash.bytes, sizeof(hash.bytes));
    if (!strbuf_finish(&name, &work->row.event_id)) {
        return op_arena_full(op);
    }
    work->row.event_type = STR("unreadable");
    work->row.disposition = STRIPE_UNMATCHED;
    work->fate = WEBHOOK_TAKEN_UNREADABLE;
    return OK;
}

static struct status fill_signal(struct op *op, const struct stripe_event *event, struct str body,
                                 struct intake_request *request)
{
    struct payments_signal signal = payments_stripe_event_signal(event, body);
    request->topic = TOPIC_PAYMENTS_SIGNALS_V1;
    request->key = event->escrow_id;
    request->type = payments_signal_type();
    return payments_signal_pack(op, payments_signal_id(signal.provider, signal.event_id), &signal,
                                &request->payload, &request->content);
}

static struct status judge_event(struct op *op, const struct payments_webhook_deps *deps,
                                 struct str body, struct webhook_work *work)
{
    struct stripe_event event;
    if (status_failed(payments_stripe_event_read(op, body, &event))) {
        return keep_unreadable(op, body, work);
    }
    if (event.live != deps->live) {
        work->fate = WEBHOOK_REFUSED_LIVEMODE;
        return OK;
    }
    if (event.of_other_account) {
        work->fate = WEBHOOK_REFUSED_ACCOUNT;
        return OK;
    }
    work->created_s = event.created_s;
    work->row.event_id = event.id;
    work->row.event_type = event.type;
    work->row.disposition = event.disposition;
    switch (event.disposition) {
    case STRIPE_SIGNALLED:
        work->fate = WEBHOOK_TAKEN;
        return fill_signal(op, &event, body, &work->request);
    case STRIPE_IGNORED: work->fate = WEBHOOK_TAKEN_IGNORED; return OK;
    case STRIPE_UNMATCHED:
        work->fate = WEBHOOK_TAKEN_UNMATCHED;
        work->object_id = event.object_id;
        work->payment_ref = event.payment_ref;
        work->escrow_id = event.escrow_id;
        return OK;
    case STRIPE_DISPOSITION_NONE:
    case STRIPE_DISPOSITION_COUNT: break;
    }
    UNREACHABLE("an event that was read has a disposition");
}

STATUS payments_in_webhook_judge(struct op *op, const struct payments_webhook_deps *deps,
                                 struct str signature, struct str body,
                                 struct webhook_work *ret_work)
{
    struct webhook_work work = {
        .signature = payments_signature_check(signature, body, op->now_us, deps->secrets,
                                              deps->secret_count),
        .row = {.provider = payments_rail_stripe.name, .body = body, .received_at_us = op->now_us},
    };
    if (work.signature != SIGNATURE_GOOD) {
        work.fate = WEBHOOK_REFUSED_SIGNATURE;
        *ret_work = work;
        return OK;
    }
    TRY(judge_event(op, deps, body, &work));
    work.row.id = payments_signal_id(work.row.provider, work.row.event_id);
    work.request.id = work.row.id;
    work.request.extra_table = &payments_repo_webhook;
    work.request.refused_last = true; /* R17: whoever is refused here is owed money */
    *ret_work = work;
    return OK;
}

/* ---- Storing and answering ---- */

static void add(struct metrics_counter *counter)
{
    if (counter) { /* none in tests of the handler alone */
        metrics_add(counter, 1);
    }
}

static void count_refusal(const struct payments_webhook_deps *deps, const struct webhook_work *work)
{
    add(deps->counters[work->fate]);
    if (work->fate == WEBHOOK_REFUSED_SIGNATURE) {
        add(deps->bad_signatures[work->signature]);
    }
}

static struct status refuse(struct op *op, const struct webhook_work *work)
{
    struct str reason = str_of(fate_names[work->fate]);
    if (work->fate == WEBHOOK_REFUSED_SIGNATURE) {
        log_warn(op, "payments.webhook_refused", LOG_STR("code", reason),
                 LOG_TEXT("signature", payments_signature_name(work->signature)));
    } else {
        log_error(op, "payments.alarm", LOG_STR("code", reason));
    }
    /* One answer for all, so that a stranger learns nothing from trying. */
    return op_fail(op, STATUS_INVALID, "payments.webhook_refused", STR_FMT, STR_ARG(reason));
}

static struct status store(struct op *op, struct payments_webhook_deps *deps,
                           const struct webhook_work *work, enum intake_result *ret_result)
{
    struct intake_request request = work->request;
    request.extra_row = &work->row;
    pthread_mutex_t *lock = &deps->locks[request.id.bytes[sizeof(request.id.bytes) - 1]];
    mutex_lock(lock);
    struct status st = op_check_deadline(op);
    if (!status_failed(st)) {
        st = intake_submit(op, deps->intake, &request, ret_result);
    }
    mutex_unlock(lock);
    return st;
}

static void alarm(const struct op *op, const char *code, const struct webhook_work *work)
{
    log_error(op, "payments.alarm", LOG_TEXT("code", code),
              LOG_STR("event_type", work->row.event_type), LOG_STR("event_id", work->row.event_id),
              LOG_STR("object_id", work->object_id), LOG_STR("payment_ref", work->payment_ref),
              LOG_ID("escrow_id", work->escrow_id));
}

static void note_stored(const struct op *op, const struct webhook_work *work)
{
    if (work->fate == WEBHOOK_TAKEN_UNMATCHED || work->fate == WEBHOOK_TAKEN_UNREADABLE) {
        alarm(op, fate_names[work->fate], work);
    }
}

static void note_age(const struct op *op, const struct payments_webhook_deps *deps,
                     const struct webhook_work *work)
{
    int64_t age_us;
    if (deps->age && work->created_s > 0 &&
        !__builtin_mul_overflow(work->created_s, SECOND_US, &age_us) &&
        !__builtin_sub_overflow(op->now_us, age_us, &age_us)) {
        metrics_observe_us(deps->age, age_us > 0 ? age_us : 0);
    }
}

static struct status answer(struct op *op, const struct payments_webhook_deps *deps,
                            const struct webhook_work *work, enum intake_result result,
                            struct http_response *ret)
{
    switch (result) {
    case INTAKE_STORED:
        note_age(op, deps, work);
        note_stored(op, work);
        break;
    case INTAKE_REPEATED: /* our first answer was lost, and with it perhaps the alarm */
        note_stored(op, work);
        break;
    case INTAKE_DIFFERENT:
        alarm(op, "payments.webhook_conflict", work);
        return op_fail(op, STATUS_BUG, "payments.webhook_conflict",
                       "an event that is stored came with other contents");
    case INTAKE_BUSY:
        return op_fail(op, STATUS_RETRY, "payments.webhook_busy", "another call stores this event");
    case INTAKE_RESULT_NONE:
    case INTAKE_RESULT_COUNT: UNREACHABLE("a stored request has a result");
    }
    ret->body = STR("{\"received\":true}");
    return OK;
}

struct status payments_in_webhook(struct op *op, void *deps_ptr, const struct http_request *req,
                                  struct http_response *ret)
{
    struct payments_webhook_deps *deps = deps_ptr;
    struct str signature = {0};
    (void)http_request_header(req, STR("Stripe-Signature"), &signature); /* none: it stays empty */
    struct webhook_work work;
    TRY(payments_in_webhook_judge(op, deps, signature, req->body, &work));
    if (work.fate >= WEBHOOK_REFUSED_SIGNATURE) {
        count_refusal(deps, &work);
        return refuse(op, &work);
    }
    enum intake_result result = INTAKE_RESULT_NONE;
    CRASH_POINT("webhook-before-store");
    struct status st = store(op, deps, &work, &result);
    CRASH_POINT("webhook-before-answer");
    if (!status_failed(st)) {
        st = answer(op, deps, &work, result, ret);
    }
    enum webhook_fate stored = result == INTAKE_REPEATED ? WEBHOOK_REPEATED : work.fate;
    add(deps->counters[status_failed(st) ? WEBHOOK_FAILED : stored]);
    return st;
}

const struct http_route payments_routes[] = {
    {.method = HTTP_POST,
     .path = "/webhooks/stripe",
     .auth = HTTP_AUTH_NONE, /* the signature is the credential */
     .body = HTTP_BODY_ANY,
     .body_max_bytes = HTTP_BODY_WEBHOOK_BYTES,
     .deadline_ms = WEBHOOK_DEADLINE_MS,
     .handler = payments_in_webhook,
     .arena_bytes = (uint32_t)WEBHOOK_ARENA_BYTES},
};
const uint32_t payments_route_count = sizeof(payments_routes) / sizeof(payments_routes[0]);
