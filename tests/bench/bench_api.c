#include "bench_api.h"

#include <stdio.h>

#include "base/assert.h"
#include "bench_report.h"
#include "testing/testing_env.h"

#define BODY_BYTES 1024

static struct str need(const char *name)
{
    struct str value = testing_env(name);
    if (value.len == 0) {
        bench_end("%s is not set: run it by ./dev bench", name);
    }
    return value;
}

static int32_t port_of(const char *name)
{
    int64_t port;
    if (!str_to_i64(need(name), &port) || port < 1 || port > UINT16_MAX) {
        bench_end("%s is no port", name);
    }
    return (int32_t)port;
}

void bench_api_init(struct bench_api *api)
{
    *api = (struct bench_api){
        .gateway_port = port_of("HOLDFAST_BENCH_GATEWAY_PORT"),
        .sandbox_port = port_of("HOLDFAST_BENCH_SANDBOX_PORT"),
        .marketplace = need("HOLDFAST_BENCH_MARKETPLACE_TOKEN"),
        .buyer = need("HOLDFAST_BENCH_BUYER_TOKEN"),
        .seller = need("HOLDFAST_BENCH_SELLER_TOKEN"),
        .buyer_id = need("HOLDFAST_BENCH_BUYER_ID"),
        .seller_id = need("HOLDFAST_BENCH_SELLER_ID"),
    };
}

static struct str finish(struct strbuf *buf)
{
    struct str text;
    bool fits = strbuf_finish(buf, &text);
    ASSERT(fits);
    return text;
}

/* With an Idempotency-Key of its own. */
static struct str command(struct bench_api *api, struct str path, struct str token, struct str body)
{
    char key[ID_TEXT_BYTES];
    struct strbuf buf;
    id_format(id_random(), key);
    strbuf_init_fixed(&buf, api->text, sizeof(api->text));
    strbuf_addf(&buf,
                "POST " STR_FMT " HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer " STR_FMT
                "\r\nContent-Type: application/json\r\nIdempotency-Key: %s\r\n"
                "Content-Length: %zu\r\n\r\n" STR_FMT,
                STR_ARG(path), STR_ARG(token), key, body.len, STR_ARG(body));
    return finish(&buf);
}

struct str bench_api_create(struct bench_api *api)
{
    char body[BODY_BYTES];
    struct strbuf buf;
    strbuf_init_fixed(&buf, body, sizeof(body));
    strbuf_addf(&buf,
                "{\"buyer_id\":\"" STR_FMT "\",\"seller_id\":\"" STR_FMT
                "\",\"seller_account\":\"acct_1BenchSeller\",\"amount_minor\":2500,"
                "\"currency\":\"USD\",\"description\":\"One sword of the north\"}",
                STR_ARG(api->buyer_id), STR_ARG(api->seller_id));
    return command(api, STR("/v1/escrows"), api->marketplace, finish(&buf));
}

struct str bench_api_act(struct bench_api *api, struct str escrow_id, const char *verb,
                         struct str token)
{
    char path[BODY_BYTES];
    struct strbuf buf;
    strbuf_init_fixed(&buf, path, sizeof(path));
    strbuf_addf(&buf, "/v1/escrows/" STR_FMT "/%s", STR_ARG(escrow_id), verb);
    return command(api, finish(&buf), token, STR("{}"));
}

struct str bench_api_pay(struct bench_api *api, struct str client_secret)
{
    struct strbuf buf;
    strbuf_init_fixed(&buf, api->text, sizeof(api->text));
    strbuf_addf(&buf,
                "POST /sandbox/pay HTTP/1.1\r\nHost: bench\r\n"
                "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %zu\r\n\r\n"
                "client_secret=" STR_FMT,
                sizeof("client_secret=") - 1 + client_secret.len, STR_ARG(client_secret));
    return finish(&buf);
}
