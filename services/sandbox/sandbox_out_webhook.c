/* In: the queue of events. Out: signed POSTs. A sender leaves an event only when an endpoint took it, so one
 * sender keeps the order even while the endpoint is away. */
#include "sandbox/sandbox_out_webhook.h"

#include <inttypes.h>
#include <sodium.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "httpc/httpc.h"
#include "sandbox/sandbox.h"

#define ARENA_BYTES ((size_t)2 * 1024 * 1024)
#define HEADER_MAX_BYTES 256

struct status sandbox_out_webhook_sign(struct op *op, const struct secret *secret, struct str body,
                                       int64_t now_s, struct str *ret_header)
{
    struct strbuf buf;
    struct str head;
    strbuf_init(&buf, op->arena, HEADER_MAX_BYTES);
    strbuf_addf(&buf, "%" PRId64 ".", now_s);
    if (!strbuf_finish(&buf, &head)) {
        return op_arena_full(op);
    }
    struct str key = secret_reveal(secret);
    uint8_t mac[crypto_auth_hmacsha256_BYTES];
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, (const unsigned char *)key.ptr, key.len);
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)head.ptr, head.len);
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)body.ptr, body.len);
    crypto_auth_hmacsha256_final(&state, mac);
    strbuf_init(&buf, op->arena, HEADER_MAX_BYTES);
    strbuf_addf(&buf, "t=%" PRId64 ",v1=", now_s);
    strbuf_add_hex(&buf, mac, sizeof(mac));
    return strbuf_finish(&buf, ret_header) ? OK : op_arena_full(op);
}

static STATUS post(struct op *op, const struct sandbox *sandbox, struct httpc_keep *keep,
                   struct str url, struct str body, bool *ret_taken)
{
    struct str signature = STR("");
    TRY(sandbox_out_webhook_sign(op, &sandbox->options.webhook_secret, body,
                                 clock_wall_us() / 1000000, &signature));
    struct httpc_request request = {
        .method = STR("POST"), .url = url, .body = body, .total_ms = SANDBOX_WEBHOOK_TOTAL_MS};
    TRY(httpc_request_header(op, &request, STR("Content-Type"), STR("application/json")));
    TRY(httpc_request_header(op, &request, STR("Stripe-Signature"), signature));
    const struct httpc_options options = {.slots = 1, .allow_http = true};
    struct httpc_answer answer;
    TRY(httpc_perform(op, &options, keep, &request, &answer));
    *ret_taken = answer.outcome == HTTPC_ANSWERED && answer.status >= 200 && answer.status < 300;
    return OK;
}

/* With the lock held: takes the next event, and a copy of its bytes, that no reset can take away. */
static bool take_next(struct sandbox *sandbox, struct arena *arena, struct str *ret_body)
{
    uint32_t index;
    if (!sandbox_outbox_take(&sandbox->outbox, &index)) {
        return false;
    }
    const struct sandbox_event *event =
        sandbox_shelf_at(&sandbox->world.events, sizeof(*event), index);
    *ret_body = str_dup(arena, event->body);
    ASSERT(ret_body->ptr); /* SANDBOX_BODY_MAX_BYTES are far less than the arena's */
    return true;
}

static int64_t backoff_ms(uint32_t failures)
{
    int64_t wait_ms = SANDBOX_WEBHOOK_BACKOFF_MIN_MS;
    for (uint32_t i = 1; i < failures && wait_ms < SANDBOX_WEBHOOK_BACKOFF_MAX_MS; i++) {
        wait_ms *= 2;
    }
    return wait_ms < SANDBOX_WEBHOOK_BACKOFF_MAX_MS ? wait_ms : SANDBOX_WEBHOOK_BACKOFF_MAX_MS;
}

/* One try with the event in hand. Called and left with the lock held. */
static bool deliver(struct sandbox *sandbox, struct httpc_keep *keep, struct str body, uint32_t url)
{
    sandbox->counts.webhook_attempts++;
    mutex_unlock(&sandbox->lock);
    DEFER(arena_fini) struct arena arena;
    arena_init(&arena, ARENA_BYTES);
    struct op op = {.arena = &arena, .correlation_id = STR("webhook")};
    bool taken = false;
    status_ignore(post(&op, sandbox, keep, sandbox->options.webhook_urls[url], body, &taken),
                  "whatever the reason, it is tried again");
    mutex_lock(&sandbox->lock);
    return taken;
}

/* The replicas of the endpoint, as a balancer sees them. */
struct targets {
    int64_t away_until_ms[SANDBOX_WEBHOOK_URLS_MAX];
    uint32_t count;
    uint32_t next;
    uint32_t failures; /* in a row, of whichever replica */
    struct httpc_keep keep;
};

/* In turn; one that failed lately only when all did. */
static uint32_t choose(struct targets *targets)
{
    uint32_t chosen = targets->next;
    for (uint32_t i = 0; i < targets->count; i++) {
        uint32_t url = (targets->next + i) % targets->count;
        if (targets->away_until_ms[url] <= clock_mono_ms()) {
            chosen = url;
            break;
        }
    }
    targets->next = (chosen + 1) % targets->count;
    return chosen;
}

/* Until the endpoint takes it, the sandbox stops, or a reset makes the event one that never was. Called and left with
 * the lock held. */
static void deliver_patiently(struct sandbox *sandbox, struct targets *targets, struct str body)
{
    uint64_t generation = sandbox->generation;
    while (!sandbox->stopping && sandbox->generation == generation) {
        uint32_t url = choose(targets);
        if (deliver(sandbox, &targets->keep, body, url)) {
            targets->failures = 0;
            targets->away_until_ms[url] = 0;
            if (sandbox->generation == generation) {
                sandbox_outbox_delivered(&sandbox->outbox);
                sandbox->counts.webhooks_delivered++;
            }
            return;
        }
        targets->failures++;
        targets->away_until_ms[url] = clock_mono_ms() + SANDBOX_WEBHOOK_AWAY_MS;
        if (targets->failures >= targets->count) {
            sandbox_wait_until(sandbox,
                               clock_mono_ms() + backoff_ms(targets->failures / targets->count));
        }
    }
}

void *sandbox_out_webhook_run(void *argument)
{
    struct sandbox *sandbox = argument;
    DEFER(arena_fini) struct arena arena;
    arena_init(&arena, ARENA_BYTES);
    struct targets targets = {.count = sandbox->options.webhook_url_count};
    mutex_lock(&sandbox->lock);
    while (!sandbox->stopping) {
        arena_reset(&arena);
        struct str body = STR("");
        if (targets.count == 0 || !take_next(sandbox, &arena, &body)) {
            cond_wait(&sandbox->changed, &sandbox->lock);
            continue;
        }
        deliver_patiently(sandbox, &targets, body);
    }
    mutex_unlock(&sandbox->lock);
    httpc_keep_fini(&targets.keep);
    return NULL;
}
