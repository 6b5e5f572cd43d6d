/*
 * Sends one request of the payment rail through the production caller, as payments would, and
 * prints what came of it: "STATUS VERDICT CODE", a line each for the fact, then the answer's body.
 * usage: judge_client BASE_URL KIND EFFECT_UUID AMOUNT [REF]
 * KIND: intent, cancel, transfer, refund, and look-at-intent, -transfer, -refund (by REF) or search-intent, -transfer, -refund
 * (by what we wrote; REF: a refund's payment); with a '+' behind it an unknown parameter is added. KIND books: a page of the
 * provider's books, "read" or "unreadable", and how many lines it has.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "base/secret.h"
#include "payments/payments_balance.h"
#include "payments/payments_out_calls.h"
#include "payments/payments_rail_stripe.h"

#define ESCROW_ID "5f0c2a8e-0000-4000-8000-0000000000e5"
#define LEG_ID "5f0c2a8e-0000-4000-8000-00000000001e"

struct woken {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool yes;
};

static void wake(void *ctx)
{
    struct woken *woken = ctx;
    DEFER(mutex_unlock_at) pthread_mutex_t *held = mutex_lock(&woken->lock);
    woken->yes = true;
    cond_signal(&woken->changed);
}

static enum payments_effect_kind kind_of(struct str name)
{
    static const char *const names[PAYMENTS_EFFECT_COUNT] = {
        [PAYMENTS_EFFECT_NONE] = "",
        [PAYMENTS_EFFECT_CREATE_INTENT] = "intent",
        [PAYMENTS_EFFECT_CANCEL_INTENT] = "cancel",
        [PAYMENTS_EFFECT_CREATE_TRANSFER] = "transfer",
        [PAYMENTS_EFFECT_CREATE_REFUND] = "refund",
        [PAYMENTS_EFFECT_LOOK_AT_INTENT] = "look-at-intent",
        [PAYMENTS_EFFECT_LOOK_AT_TRANSFER] = "look-at-transfer",
        [PAYMENTS_EFFECT_LOOK_AT_REFUND] = "look-at-refund",
    };
    for (int i = 1; i < PAYMENTS_EFFECT_COUNT; i++) {
        if (str_eq(name, str_of(names[i]))) {
            return (enum payments_effect_kind)i;
        }
    }
    return PAYMENTS_EFFECT_NONE;
}

/* "search-intent" is "look-at-intent" of an object whose name is not known. */
static enum payments_effect_kind kind_of_search(struct str name)
{
    struct str start = STR("search-");
    char text[64];
    struct strbuf buf;
    struct str look;
    if (!str_has_prefix(name, start)) {
        return PAYMENTS_EFFECT_NONE;
    }
    strbuf_init_fixed(&buf, text, sizeof(text));
    strbuf_addf(&buf, "look-at-" STR_FMT, STR_ARG(str_after(name, start.len)));
    return strbuf_finish(&buf, &look) ? kind_of(look) : PAYMENTS_EFFECT_NONE;
}

static struct status add_unknown(struct op *op, struct effects_request *request)
{
    bool get = request->method == EFFECTS_GET;
    struct str *text = get ? &request->path : &request->body;
    struct strbuf buf;
    strbuf_init(&buf, op->arena, EFFECTS_BODY_MAX_BYTES);
    strbuf_add(&buf, *text);
    if (get) {
        struct str path;
        struct str query;
        strbuf_add(&buf, str_cut(*text, '?', &path, &query) ? STR("&") : STR("?"));
        strbuf_add(&buf, STR("holdfast_never_heard_of=1"));
    } else {
        payments_rail_stripe_param(&buf, "holdfast_never_heard_of", STR("1"));
    }
    ASSERT(strbuf_finish(&buf, text));
    return OK;
}

static struct status build_request(struct op *op, const struct payments_effect *effect, bool extra,
                                   struct str *ret_request)
{
    TRY(payments_rail_stripe.request(op, effect, ret_request));
    if (!extra) {
        return OK;
    }
    struct effects_request request;
    TRY(effects_decode(op, *ret_request, &request));
    TRY(add_unknown(op, &request));
    return effects_encode(op, &request, ret_request);
}

static struct status call(struct op *op, const char *base, const struct caller_call *what,
                          struct effect_row *effect)
{
    struct secret key = {0};
    ASSERT(secret_set(&key, STR("sk_test_4eC39HqLyjWDarjtT1zdp7dc")));
    struct effects_options options = {
        .slots = 1,
        .base_url = str_of(base),
        .allow_http = true,
        .build = payments_out_calls_build,
        .deps = &key,
    };
    struct woken woken = {.yes = false};
    mutex_init(&woken.lock);
    cond_init(&woken.changed);
    DEFER(effects_free_at) struct caller *caller = NULL;
    TRY(effects_open(op, &options, &caller));
    effects_set_wake(caller, 0, wake, &woken);
    ASSERT(caller->ops->send(caller, what));
    struct caller_answer answer;
    mutex_lock(&woken.lock);
    while (!woken.yes) {
        cond_wait(&woken.changed, &woken.lock);
    }
    mutex_unlock(&woken.lock);
    ASSERT(caller->ops->take(caller, 0, &answer));
    static const char *const verdicts[ENGINE_VERDICT_COUNT] = {"none", "done", "failed", "unknown",
                                                               "later"};
    struct str code;
    enum engine_verdict verdict = payments_rail_stripe.judge(op, effect, &answer, &code);
    printf("%d %s " STR_FMT "\n", answer.http_status, verdicts[verdict], STR_ARG(code));
    struct payments_fact fact = {0};
    bool told = false;
    bool question = effect->kind >= (int)PAYMENTS_EFFECT_LOOK_AT_INTENT;
    if (!question && (verdict == ENGINE_VERDICT_DONE || verdict == ENGINE_VERDICT_FAILED)) {
        TRY(payments_rail_stripe.read(op, effect, &answer, &fact, &told));
    }
    printf("%d " STR_FMT "\n" STR_FMT "\n", told ? (int)fact.kind : 0, STR_ARG(fact.provider_ref),
           STR_ARG(answer.body));
    caller->ops->release(caller, &answer);
    return OK;
}

/* As the clerk asks: of an hour, behind a line. */
static struct status books(struct op *op, const char *base, bool extra)
{
    const struct balance_question question = {.from_us = INT64_C(1790000000000000),
                                              .to_us = INT64_C(1790003600000000),
                                              .limit = BALANCE_PAGE_LINES,
                                              .after = STR("txn_123")};
    const struct httpc_options options = {.allow_http = true};
    struct httpc_request request = {.method = STR("GET")};
    struct httpc_answer answer;
    struct balance_page page = {.count = 0};
    struct secret key = {0};
    struct str path;
    struct strbuf url;
    ASSERT(secret_set(&key, STR("sk_test_4eC39HqLyjWDarjtT1zdp7dc")));
    TRY(payments_balance_path(op, &question, &path));
    strbuf_init(&url, op->arena, (size_t)2 * EFFECTS_PATH_MAX_BYTES);
    strbuf_add(&url, str_of(base));
    strbuf_add(&url, path);
    strbuf_add(&url, extra ? STR("&holdfast_never_heard_of=1") : STR(""));
    ASSERT(strbuf_finish(&url, &request.url));
    TRY(payments_out_calls_build(op, &key, /* request */ NULL, (struct id){.bytes = {0}},
                                 &request));
    TRY(httpc_perform(op, &options, /* keep */ NULL, &request, &answer));
    bool read = answer.outcome == HTTPC_ANSWERED && answer.status == 200 &&
                !status_failed(payments_balance_read(op, answer.body, &page));
    printf("%d %s \n%u " STR_FMT "\n" STR_FMT "\n", answer.status, read ? "read" : "unreadable",
           page.count, STR_ARG(page.count > 0 ? page.lines[0].id : STR("")), STR_ARG(answer.body));
    return OK;
}

int main(int argc, char **argv)
{
    if (argc < 5) {
        return 2;
    }
    DEFER(arena_fini) struct arena arena;
    arena_init(&arena, (size_t)16 * 1024 * 1024);
    struct op op = {.arena = &arena};
    struct str kind = str_of(argv[2]);
    bool extra = kind.len > 0 && kind.ptr[kind.len - 1] == '+';
    kind.len -= extra ? 1 : 0;
    if (str_eq(kind, STR("books"))) {
        return status_failed(books(&op, argv[1], extra)) ? 1 : 0;
    }
    struct str ref = str_of(argc > 5 ? argv[5] : "");
    enum payments_effect_kind search = kind_of_search(kind);
    struct payments_effect effect = {
        .kind = search != PAYMENTS_EFFECT_NONE ? search : kind_of(kind),
        .currency = CURRENCY_USD,
        .description = STR("A lamp & more, 100 % \xC3\xA9t\xC3\xA9"),
        .destination = STR("acct_1032D82eZvKYlo2C"),
        .intent_ref = ref,
        .charge_ref = ref,
        .object_ref = search != PAYMENTS_EFFECT_NONE ? STR("") : ref,
    };
    struct id effect_id;
    if (effect.kind == PAYMENTS_EFFECT_NONE || !id_parse(str_of(argv[3]), &effect_id) ||
        !str_to_i64(str_of(argv[4]), &effect.amount_minor) ||
        !id_parse(STR(ESCROW_ID), &effect.escrow_id) || !id_parse(STR(LEG_ID), &effect.leg_id)) {
        return 2;
    }
    struct caller_call what = {.effect_id = effect_id, .not_after_ms = clock_mono_ms() + 10000};
    struct effect_row row = {
        .id = effect_id,
        .key = effect.escrow_id,
        .subject = effect.leg_id,
        .kind = (int)effect.kind,
    };
    struct status st = build_request(&op, &effect, extra, &what.request);
    if (!status_failed(st)) {
        st = call(&op, argv[1], &what, &row);
    }
    if (status_failed(st)) {
        (void)fprintf(stderr, "%s: %s\n", op.err.code, op.err.msg);
        return 1;
    }
    return 0;
}
