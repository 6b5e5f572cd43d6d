/*
 * Pages for people: the API's documentation, and one deal as it happens. They are the same for all and
 * hold no data; what they show they ask for with the token that somebody enters. The policy lets them
 * load and ask nothing but this origin, run no text that came from data, and be framed by nobody.
 */
#include "gateway/gateway_http.h"
#include "gateway/gateway_pages.h"

#define POLICY                                                                                \
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "           \
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for " \
    "'script'"

static struct status answer(struct op *op, struct str name, struct http_response *ret)
{
    for (uint32_t i = 0; i < gateway_page_count; i++) {
        const struct gateway_page *page = &gateway_pages[i];
        if (!str_eq(page->name, name)) {
            continue;
        }
        ret->body = page->body;
        ret->content_type = page->content_type;
        TRY(http_response_header(op, ret, STR("Content-Security-Policy"), STR(POLICY)));
        TRY(http_response_header(op, ret, STR("Referrer-Policy"), STR("no-referrer")));
        TRY(http_response_header(op, ret, STR("Cross-Origin-Opener-Policy"), STR("same-origin")));
        return http_response_header(op, ret, STR("Cache-Control"), STR("public, max-age=300"));
    }
    return op_fail(op, STATUS_NOT_FOUND, "http.not_found", "no such page");
}

STATUS gateway_get_docs(struct op *op, void *deps, const struct http_request *req,
                        struct http_response *ret)
{
    (void)deps;
    (void)req;
    return answer(op, STR("docs.html"), ret);
}

STATUS gateway_get_deal_page(struct op *op, void *deps, const struct http_request *req,
                             struct http_response *ret)
{
    (void)deps;
    (void)req; /* whether there is such a deal is not for everybody to know */
    return answer(op, STR("deal.html"), ret);
}

STATUS gateway_get_page_file(struct op *op, void *deps, const struct http_request *req,
                             struct http_response *ret)
{
    (void)deps;
    return answer(op, http_request_param(req, STR("name")), ret);
}
