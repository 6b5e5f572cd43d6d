/*
 * What happened, told as Stripe tells it: signed, late, more than once, in any order, and again until
 * somebody says 200. What receives it is the product's own handler.
 */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "sim_stripe_internal.h"

#define SECRET_TEXT "whsec_sim"
#define SOON_US (INT64_C(1000) * 1000)
#define RETRY_FIRST_US (INT64_C(5) * 1000000)
#define RETRY_MAX_US (INT64_C(3600) * 1000000)
#define SIGNATURE_MAX_BYTES 128

void sim_stripe_webhook_init(struct sim_stripe *stripe)
{
    struct op op = {.arena = &stripe->boot};
    bool set = secret_set(&stripe->secret, STR(SECRET_TEXT));
    ASSERT(set);
    stripe->webhook.secrets = &stripe->secret;
    stripe->webhook.secret_count = 1;
    payments_in_webhook_init(&stripe->webhook, metrics_new(&op, STR("payments"), STR("sim")));
}

void sim_stripe_webhook_fini(struct sim_stripe *stripe)
{
    payments_in_webhook_fini(&stripe->webhook);
}

/* ---- Telling ---- */

static void plan_delivery(struct sim_stripe *stripe, uint32_t event, int64_t in_us)
{
    sim_stripe_plan(stripe, (struct stripe_task){.due_us = stripe->clock->mono_us + in_us,
                                                 .kind = STRIPE_TASK_WEBHOOK,
                                                 .at = event});
}

static int64_t lateness(struct sim_stripe *stripe)
{
    if (sim_stripe_lucky(stripe, stripe->rates.webhook_late)) {
        return sim_stripe_delay(stripe, stripe->rates.webhook_late_us);
    }
    return stripe->rates.latency_us > 0 ? sim_stripe_delay(stripe, SOON_US) : 0;
}

static uint32_t make_event(struct sim_stripe *stripe, const struct sim_stripe_object *object,
                           const char *type)
{
    stripe->events = sim_stripe_room(stripe->events, stripe->event_count, &stripe->event_capacity,
                                     sizeof(*stripe->events));
    char text[STRIPE_TEXT_MAX_BYTES];
    struct strbuf buf;
    strbuf_init_fixed(&buf, text, sizeof(text));
    strbuf_addf(&buf,
                "{\"id\":\"evt_%u\",\"object\":\"event\",\"livemode\":false,\"type\":\"%s\","
                "\"created\":%lld,\"data\":{\"object\":",
                stripe->event_count, type, (long long)(stripe->clock->wall_us / 1000000));
    sim_stripe_render(&buf, object);
    strbuf_add(&buf, STR("}}"));
    struct str body;
    bool fits = strbuf_finish(&buf, &body);
    ASSERT(fits);
    stripe->events[stripe->event_count] =
        (struct stripe_told){.body = sim_stripe_copy(body), .about = object->number};
    return stripe->event_count++;
}

/*
 * What can be found by looking at the object: nothing depends on its webhooks. Not so a refund that came back, for nobody
 * looks at one that has succeeded; nor an intent that was given up because its creation broke, though it was made.
 */
static bool may_be_lost(const struct sim_stripe *stripe, const struct sim_stripe_object *object)
{
    bool broke = sim_stripe_key(stripe, object->key) == SIM_STRIPE_KEY_BROKEN ||
                 sim_stripe_said_error(stripe, object->key);
    return object->state != SIM_STRIPE_RETURNED && (object->kind != SIM_STRIPE_INTENT || !broke);
}

void sim_stripe_tell(struct sim_stripe *stripe, const struct sim_stripe_object *object,
                     const char *type)
{
    if (may_be_lost(stripe, object) && sim_stripe_lucky(stripe, stripe->rates.webhook_lost)) {
        uint32_t event = make_event(stripe, object, type);
        stripe->events[event].lost = true;
        return;
    }
    plan_delivery(stripe, make_event(stripe, object, type), lateness(stripe));
    if (sim_stripe_lucky(stripe, stripe->rates.webhook_twin)) {
        plan_delivery(stripe, make_event(stripe, object, type), lateness(stripe));
    }
}

void sim_stripe_lose(struct sim_stripe *stripe, const struct sim_stripe_object *object)
{
    for (uint32_t i = 0; i < stripe->event_count; i++) {
        stripe->events[i].lost =
            stripe->events[i].lost || stripe->events[i].about == object->number;
    }
}

void sim_stripe_tell_again(struct sim_stripe *stripe)
{
    for (uint32_t i = 0; i < stripe->event_count; i++) {
        stripe->events[i].lost = false;
        plan_delivery(stripe, i, sim_stripe_delay(stripe, SOON_US));
    }
}

/* ---- Delivering ---- */

static struct str sign(struct sim_stripe *stripe, struct str body)
{
    char time_text[32];
    long long at_s = stripe->clock->wall_us / 1000000;
    int time_len = snprintf(time_text, sizeof(time_text), "%lld.", at_s);
    struct str key = secret_reveal(&stripe->secret);
    uint8_t mac[crypto_auth_hmacsha256_BYTES];
    crypto_auth_hmacsha256_state hmac;
    crypto_auth_hmacsha256_init(&hmac, (const unsigned char *)key.ptr, key.len);
    crypto_auth_hmacsha256_update(&hmac, (const unsigned char *)time_text,
                                  (unsigned long long)time_len);
    crypto_auth_hmacsha256_update(&hmac, (const unsigned char *)body.ptr, body.len);
    crypto_auth_hmacsha256_final(&hmac, mac);
    struct strbuf buf;
    strbuf_init(&buf, &stripe->arena, SIGNATURE_MAX_BYTES);
    strbuf_addf(&buf, "t=%lld,v1=", at_s);
    strbuf_add_hex(&buf, mac, sizeof(mac));
    struct str header;
    bool fits = strbuf_finish(&buf, &header);
    ASSERT(fits);
    return header;
}

static bool is_taken(struct sim_stripe *stripe, struct str body, struct intake *payments)
{
    arena_reset(&stripe->arena);
    struct op op = {.arena = &stripe->arena, .now_us = stripe->clock->wall_us};
    const struct http_pair header = {.name = STR("stripe-signature"), .value = sign(stripe, body)};
    const struct http_request request = {
        .method = HTTP_POST, .header_count = 1, .headers = &header, .body = body};
    struct http_response response = {.status = 200};
    stripe->webhook.intake = payments;
    struct status st = payments_in_webhook(&op, &stripe->webhook, &request, &response);
    return !status_failed(st);
}

void sim_stripe_deliver(struct sim_stripe *stripe, uint32_t at, struct intake *payments)
{
    struct stripe_told *event = &stripe->events[at];
    if (event->lost) {
        return;
    }
    stripe->counts.webhooks++;
    if (is_taken(stripe, str_of(event->body), payments)) {
        stripe->counts.webhooks_taken++;
        if (sim_stripe_lucky(stripe, stripe->rates.webhook_repeated)) {
            plan_delivery(stripe, at, lateness(stripe));
        }
        return;
    }
    stripe->counts.webhooks_refused++;
    int64_t wait_us = RETRY_FIRST_US << (event->tries < 10 ? event->tries : 10);
    event->tries++;
    plan_delivery(stripe, at, wait_us < RETRY_MAX_US ? wait_us : RETRY_MAX_US);
}
