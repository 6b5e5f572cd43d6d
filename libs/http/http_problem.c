/* The one table from a status kind to HTTP, refined by code in error_codes.txt; RFC 9457 bodies.
 * Nothing from the request goes in: code, title and sentence are ours, trace_id is a UUID. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "http/http.h"
#include "http/http_errors.h"

#define PROBLEM_MAX_BYTES 1024

struct kind_row {
    int32_t http;
    const char *code; /* of a failure that named none */
    const char *sentence;
};

static const struct kind_row by_kind[STATUS_KIND_COUNT] = {
    [STATUS_OK] = {200, "", ""},
    [STATUS_INVALID] = {400, "http.invalid", "The request is not well-formed."},
    [STATUS_DENIED] = {403, "http.denied", "This is not allowed."},
    [STATUS_NOT_FOUND] = {404, "http.not_found", "There is no such thing."},
    [STATUS_CONFLICT] = {409, "http.conflict", "This cannot be done now."},
    [STATUS_LIMIT] = {413, "http.limit", "A limit was passed."},
    [STATUS_RETRY] = {503, "http.unavailable", "Something that is needed is away; try again."},
    [STATUS_CANCELED] = {503, "http.canceled", "The request was given up; try again."},
    [STATUS_BUG] = {500, "http.internal", "Something went wrong here."},
    [STATUS_STOP] = {503, "http.stopped", "This part of the service is stopped."},
};

static const struct {
    int32_t http;
    const char *title;
} titles[] = {
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {422, "Unprocessable Content"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {503, "Service Unavailable"},
};

static int compare_code(const void *code, const void *entry)
{
    return strcmp(code, ((const struct http_error *)entry)->code);
}

const struct http_error *http_error_find(const char *code)
{
    return bsearch(code, http_errors, http_error_count, sizeof(http_errors[0]), compare_code);
}

/* The entry that fits: a code may be raised with another kind than the listed one, and then only
 * the kind decides. */
static const struct http_error *find(const struct op *op, struct status st)
{
    if (op->err.code == NULL) {
        return NULL;
    }
    const struct http_error *entry = http_error_find(op->err.code);
    return entry != NULL && entry->kind == st.kind ? entry : NULL;
}

int32_t http_problem_status(const struct op *op, struct status st)
{
    ASSERT(st.kind < STATUS_KIND_COUNT);
    const struct http_error *entry = find(op, st);
    return entry != NULL ? entry->http : by_kind[st.kind].http;
}

static const char *title_of(int32_t http)
{
    for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++) {
        if (titles[i].http == http) {
            return titles[i].title;
        }
    }
    return "Error";
}

void http_problem(struct op *op, struct status st, struct http_response *ret)
{
    ASSERT(status_failed(st));
    const struct http_error *entry = find(op, st);
    ret->status = http_problem_status(op, st);
    const char *code = entry != NULL ? entry->code : by_kind[st.kind].code;
    const char *sentence = entry != NULL ? entry->sentence : by_kind[st.kind].sentence;
    /* One body for all reasons: which one it was helps only to guess. Who gets as far as a signature
     * had a good token, and must know what to mend. */
    if (ret->status == 401 && !str_has_prefix(str_of(code), STR("signature."))) {
        entry = http_error_find("http.unauthenticated");
        ASSERT(entry != NULL);
        code = entry->code;
        sentence = entry->sentence;
    }
    ret->content_type = STR("application/problem+json");
    struct strbuf buf;
    strbuf_init(&buf, op->arena, PROBLEM_MAX_BYTES);
    strbuf_addf(&buf,
                "{\"type\":\"urn:holdfast:problem:%s\",\"title\":\"%s\",\"status\":%d,"
                "\"code\":\"%s\",\"detail\":\"%s\",\"trace_id\":\"" STR_FMT "\"",
                code, title_of(ret->status), ret->status, code, sentence,
                STR_ARG(op->correlation_id));
    if (op->err.field[0] != '\0') { /* a pointer made of our own names */
        strbuf_addf(&buf, ",\"field\":\"%s\"", op->err.field);
    }
    strbuf_add_char(&buf, '}');
    if (!strbuf_finish(&buf, &ret->body)) { /* the arena is full: the status alone must do */
        ret->body = STR("{\"type\":\"about:blank\",\"title\":\"Error\"}");
    }
}
