/*
 * Who may ask how often. A good token pays for itself; everything else is paid by its address. The
 * address is asked before the token is looked for, so that guessing costs the database nothing, and
 * charged when it is known to be good or not. A token that was good here lately is looked for whatever
 * its address owes: many people may share one address, and one of them may be guessing.
 */
#include <arpa/inet.h>
#include <netinet/in.h>

#include "http/http_internal.h"

#define IPV6_NETWORK_BYTES 8 /* a /64: the least that one subscriber has */
#define RATE_HEADER_MAX_BYTES 96

/* The bytes that an address is counted by. What the proxy told is not always an address. */
static struct str address_key(struct op *op, struct str peer)
{
    struct in6_addr *address = arena_new(op->arena, struct in6_addr, 1);
    struct str text = str_dup(op->arena, peer);
    if (!address || !text.ptr || inet_pton(AF_INET6, text.ptr, address) != 1) {
        return peer;
    }
    bool is_v4 = IN6_IS_ADDR_V4MAPPED(address);
    return (struct str){.ptr = (const char *)address->s6_addr,
                        .len = is_v4 ? sizeof(address->s6_addr) : IPV6_NETWORK_BYTES};
}

static bool saves_money(const struct http_request *req)
{
    return req->route != NULL && (req->route->flags & HTTP_ROUTE_SAVES_MONEY) != 0;
}

static STATUS enforce(struct op *op, struct http_exchange *exchange, const char *code)
{
    if (exchange->rate.allowed) {
        return OK;
    }
    exchange->response.retry_after_s = exchange->rate.retry_after_s;
    return op_fail(op, STATUS_LIMIT, code, "%u in %d s", http_rate_quota(exchange->rated),
                   HTTP_RATE_WINDOW_S);
}

/* Only a token that was found good is ever taken from. */
static bool was_good(const struct http_exchange *exchange)
{
    struct http_rate *rate = exchange->options->token_rate;
    return rate && exchange->req.token.len > 0 && http_rate_knows(rate, exchange->req.token);
}

STATUS http_admit_address(struct op *op, struct http_exchange *exchange)
{
    if (was_good(exchange)) {
        return OK;
    }
    exchange->rated = exchange->options->address_rate;
    if (!exchange->rated) {
        return OK;
    }
    exchange->rate = http_rate_look(exchange->rated, address_key(op, exchange->req.peer),
                                    saves_money(&exchange->req), exchange->raw->arrived_us);
    return enforce(op, exchange, "http.address_rate");
}

STATUS http_admit_token(struct op *op, struct http_exchange *exchange)
{
    exchange->rated = exchange->options->token_rate;
    if (!exchange->rated) {
        return OK;
    }
    exchange->rate = http_rate_take(exchange->rated, exchange->req.token,
                                    saves_money(&exchange->req), exchange->raw->arrived_us);
    return enforce(op, exchange, "http.token_rate");
}

void http_admit_settle(struct op *op, struct http_exchange *exchange, struct status st)
{
    struct http_rate *rate = exchange->options->address_rate;
    if (st.kind == STATUS_DENIED && !exchange->req.principal && was_good(exchange)) {
        http_rate_disown(exchange->options->token_rate,
                         exchange->req.token); /* it ended, or is misused */
    }
    if (!rate || exchange->req.principal) {
        return;
    }
    exchange->rated = rate;
    exchange->rate = http_rate_take(rate, address_key(op, exchange->req.peer),
                                    saves_money(&exchange->req), exchange->raw->arrived_us);
}

static STATUS add_header(struct op *op, struct http_response *ret, struct str name,
                         struct strbuf *value)
{
    struct str text;
    return strbuf_finish(value, &text) ? http_response_header(op, ret, name, text)
                                       : op_arena_full(op);
}

STATUS http_admit_headers(struct op *op, struct http_exchange *exchange)
{
    const struct http_rate *rate = exchange->rated;
    if (!rate) {
        return OK;
    }
    struct strbuf now;
    struct strbuf policy;
    strbuf_init(&now, op->arena, RATE_HEADER_MAX_BYTES);
    strbuf_init(&policy, op->arena, RATE_HEADER_MAX_BYTES);
    strbuf_addf(&now, "\"%s\";r=%lld;t=%lld", http_rate_name(rate),
                (long long)exchange->rate.remaining, (long long)exchange->rate.reset_s);
    strbuf_addf(&policy, "\"%s\";q=%u;w=%d", http_rate_name(rate), http_rate_quota(rate),
                HTTP_RATE_WINDOW_S);
    TRY(add_header(op, &exchange->response, STR("RateLimit"), &now));
    return add_header(op, &exchange->response, STR("RateLimit-Policy"), &policy);
}
