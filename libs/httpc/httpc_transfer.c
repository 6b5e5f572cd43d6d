/* A request onto a curl handle, and what came of it. The one question that matters: could a byte of
 * the request have gone out? Curl asks us when the connection stands and nothing is sent yet; until
 * we have said yes once, nothing has. */
#include "httpc/httpc_transfer.h"

#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/clock.h"
#include "httpc/httpc_address.h"

#define HEADER_LINE_MAX_BYTES (16 * 1024)

static pthread_once_t global_once = PTHREAD_ONCE_INIT;

static void global_init(void)
{
    CURLcode failed = curl_global_init(CURL_GLOBAL_DEFAULT);
    ASSERT(failed == CURLE_OK);
}

void httpc_global_init(void)
{
    int failed = pthread_once(&global_once, global_init);
    ASSERT(failed == 0);
}

static bool has_control(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c < 0x20 || c == 0x7f) {
            return true;
        }
    }
    return false;
}

STATUS httpc_request_header(struct op *op, struct httpc_request *request, struct str name,
                            struct str value)
{
    if (request->header_count == HTTPC_HEADERS_MAX || name.len == 0 || has_control(name) ||
        has_control(value)) {
        return op_fail(op, STATUS_INVALID, "httpc.header", STR_FMT ": %u headers before",
                       STR_ARG(name), request->header_count);
    }
    request->headers[request->header_count++] = (struct httpc_header){.name = name, .value = value};
    return OK;
}

/* ---- Curl's callbacks ---- */

static int on_prerequest(void *ctx, char *primary_ip, char *local_ip, int primary_port,
                         int local_port)
{
    (void)primary_ip;
    (void)local_ip;
    (void)primary_port;
    (void)local_port;
    struct httpc_transfer *transfer = ctx;
    if (transfer->not_after_ms > 0 && clock_mono_ms() > transfer->not_after_ms) {
        transfer->late = true;
        return CURL_PREREQFUNC_ABORT;
    }
    /* Stays true: curl repeats a request by itself when a kept connection turns out dead. */
    transfer->may_be_sent = true;
    return CURL_PREREQFUNC_OK;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *ctx)
{
    struct httpc_transfer *transfer = ctx;
    size_t len = size * count; /* size is 1 */
    if (len > transfer->body_max_bytes - transfer->body.len) {
        transfer->too_large = true;
        return CURL_WRITEFUNC_ERROR;
    }
    strbuf_add(&transfer->body, (struct str){.ptr = bytes, .len = len});
    return len;
}

/* Curl takes an answer that ends in the middle of its headers for a whole one with an empty body,
 * so the blank line behind them must have been seen. */
static size_t on_header(char *bytes, size_t size, size_t count, void *ctx)
{
    struct httpc_transfer *transfer = ctx;
    struct str line = {.ptr = bytes, .len = size * count};
    if (str_has_prefix(line, STR("HTTP/"))) { /* again after a 100 Continue */
        transfer->headers_whole = false;
    } else if (str_trim(line).len == 0) {
        transfer->headers_whole = true;
    }
    return line.len;
}

static curl_socket_t on_open_public(void *ctx, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)ctx;
    if (purpose != CURLSOCKTYPE_IPCXN || !httpc_address_is_public(&address->addr)) {
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* ---- Setting up ---- */

/* A NUL-terminated copy; NULL when it has control characters or the arena is full. */
static const char *text(struct op *op, struct str from)
{
    return has_control(from) ? NULL : str_dup(op->arena, from).ptr;
}

static bool add_line(struct httpc_transfer *transfer, const char *line)
{
    struct curl_slist *more = curl_slist_append(transfer->headers, line);
    if (more == NULL) {
        return false;
    }
    transfer->headers = more;
    return true;
}

static bool add_header(struct httpc_transfer *transfer, const struct httpc_header *header)
{
    struct strbuf buf;
    strbuf_init(&buf, transfer->op->arena, HEADER_LINE_MAX_BYTES);
    strbuf_add(&buf, header->name);
    /* Curl takes "Name:" as the wish to leave a header out, and "Name;" as an empty one. */
    strbuf_add(&buf, header->value.len > 0 ? STR(": ") : STR(";"));
    strbuf_add(&buf, header->value);
    struct str line;
    return strbuf_finish(&buf, &line) && !has_control(line) && add_line(transfer, line.ptr);
}

static bool set_headers(struct httpc_transfer *transfer, const struct httpc_request *request)
{
    /* No waiting for "100 Continue", and no content type that nobody asked for. */
    bool good = add_line(transfer, "Expect:");
    bool typed = false;
    for (uint32_t i = 0; i < request->header_count; i++) {
        struct str name = request->headers[i].name;
        typed = typed || (name.len == 12 && strncasecmp(name.ptr, "Content-Type", 12) == 0);
        good = good && add_header(transfer, &request->headers[i]);
    }
    good = good && (typed || add_line(transfer, "Content-Type:"));
    return good &&
           curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, transfer->headers) == CURLE_OK;
}

static bool set_body(struct httpc_transfer *transfer, const struct httpc_request *request)
{
    CURL *easy = transfer->easy;
    const char *method = text(transfer->op, request->method);
    if (method == NULL || request->method.len == 0) {
        return false;
    }
    if (request->body.len > 0 || str_eq(request->method, STR("POST"))) {
        struct str body = str_dup(transfer->op->arena, request->body); /* curl does not copy it */
        if (body.ptr == NULL ||
            curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len) != CURLE_OK ||
            curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body.ptr) != CURLE_OK) {
            return false;
        }
    }
    return curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method) == CURLE_OK;
}

static int64_t or_default(int64_t value, int64_t fallback)
{
    return value > 0 ? value : fallback;
}

static int64_t total_ms_of(const struct op *op, const struct httpc_request *request)
{
    int64_t total_ms = or_default(request->total_ms, HTTPC_TOTAL_MS);
    if (op->deadline_ms > 0) {
        int64_t left_ms = op->deadline_ms - clock_mono_ms();
        total_ms = left_ms < total_ms ? left_ms : total_ms;
    }
    return total_ms > 1 ? total_ms : 1; /* 0 would mean: for ever */
}

/* What is the same for all calls. */
static CURLcode set_rules(CURL *easy, const struct httpc_options *options)
{
    CURLcode failed = CURLE_OK;
    failed |= curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    failed |=
        curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, options->allow_http ? "http,https" : "https");
    failed |= curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    failed |= curl_easy_setopt(easy, CURLOPT_PROXY, ""); /* nor one from the environment */
    failed |= curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    failed |= curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    failed |= curl_easy_setopt(easy, CURLOPT_USERAGENT, "holdfast");
    failed |= curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    failed |= curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    failed |= curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    failed |= curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    if (options->ca_file != NULL) {
        failed |= curl_easy_setopt(easy, CURLOPT_CAINFO, options->ca_file);
    }
    if (options->public_only) {
        failed |= curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open_public);
    }
    return failed;
}

static CURLcode set_callbacks(struct httpc_transfer *transfer)
{
    CURL *easy = transfer->easy;
    CURLcode failed = CURLE_OK;
    failed |= curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_prerequest);
    failed |= curl_easy_setopt(easy, CURLOPT_PREREQDATA, transfer);
    failed |= curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    failed |= curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
    failed |= curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    failed |= curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    return failed;
}

STATUS httpc_transfer_begin(struct op *op, struct httpc_transfer *transfer,
                            const struct httpc_options *options,
                            const struct httpc_request *request)
{
    CURL *easy = transfer->easy;
    *transfer = (struct httpc_transfer){
        .easy = easy, .op = op, .began_us = clock_mono_us(), .not_after_ms = request->not_after_ms};
    transfer->body_max_bytes =
        request->answer_max_bytes > 0 ? request->answer_max_bytes : HTTPC_ANSWER_MAX_BYTES;
    ASSERT(transfer->body_max_bytes <= HTTPC_ANSWER_MAX_BYTES);
    strbuf_init(&transfer->body, op->arena, transfer->body_max_bytes);
    curl_easy_reset(easy); /* keeps the connections */
    const char *url = text(op, request->url);
    if (url == NULL || curl_easy_setopt(easy, CURLOPT_URL, url) != CURLE_OK ||
        !set_body(transfer, request) || !set_headers(transfer, request)) {
        return op_fail(op, STATUS_INVALID, "httpc.request", "url of %zu, body of %zu bytes",
                       request->url.len, request->body.len);
    }
    CURLcode failed = set_rules(easy, options);
    failed |= set_callbacks(transfer);
    long connect_ms = (long)or_default(request->connect_ms, HTTPC_CONNECT_MS);
    failed |= curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, connect_ms);
    failed |= curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)total_ms_of(op, request));
    ASSERT(failed == CURLE_OK); /* nothing of it comes from outside */
    return OK;
}

/* ---- What came of it ---- */

static const char *reason_of(const struct httpc_transfer *transfer, CURLcode result)
{
    if (transfer->late) {
        return "late";
    }
    if (transfer->too_large) {
        return "too_large";
    }
    /* Curl's enum, not ours: what is not named here is a connection that broke. */
    if (result == CURLE_COULDNT_RESOLVE_HOST) {
        return "dns";
    }
    if (result == CURLE_COULDNT_CONNECT) {
        return "connect";
    }
    if (result == CURLE_OPERATION_TIMEDOUT) {
        return "timeout";
    }
    if (result == CURLE_SSL_CONNECT_ERROR || result == CURLE_PEER_FAILED_VERIFICATION ||
        result == CURLE_SSL_CACERT_BADFILE || result == CURLE_SSL_CERTPROBLEM) {
        return "tls";
    }
    if (result == CURLE_URL_MALFORMAT || result == CURLE_UNSUPPORTED_PROTOCOL) {
        return "request";
    }
    return "cut";
}

/* False when there is no such header. */
static bool header_of(const struct httpc_transfer *transfer, const char *name,
                      struct str *ret_value)
{
    struct curl_header *header = NULL;
    if (curl_easy_header(transfer->easy, name, 0, CURLH_HEADER, -1, &header) != CURLHE_OK) {
        return false;
    }
    *ret_value = str_of(header->value);
    return true;
}

/* "1.2345" is 1235 ms: waiting too long is better than too short. False for anything else. */
static bool seconds_to_ms(struct str text, int64_t *ret_ms)
{
    struct str whole = text;
    struct str fraction = STR("");
    int64_t seconds;
    int64_t ms = 0;
    if (!str_cut(text, '.', &whole, &fraction)) {
        fraction = STR("");
    }
    if (!str_to_i64(whole, &seconds) || seconds < 0) {
        return false;
    }
    for (size_t i = 0; i < 3; i++) {
        char digit = i < fraction.len ? fraction.ptr[i] : '0';
        if (digit < '0' || digit > '9') {
            return false;
        }
        ms = ms * 10 + (digit - '0');
    }
    ms += fraction.len > 3 ? 1 : 0;
    *ret_ms =
        seconds >= HTTPC_RETRY_AFTER_MAX_MS / 1000 ? HTTPC_RETRY_AFTER_MAX_MS : seconds * 1000 + ms;
    return true;
}

static struct httpc_limit read_limit(const struct httpc_transfer *transfer)
{
    struct httpc_limit limit = {.remaining = -1};
    struct str text;
    bool remaining = header_of(transfer, "X-RateLimit-Remaining", &text) &&
                     str_to_i64(text, &limit.remaining) && limit.remaining >= 0;
    limit.remaining = remaining ? limit.remaining : -1;
    bool reset = header_of(transfer, "X-RateLimit-Reset-After", &text) &&
                 seconds_to_ms(text, &limit.reset_after_ms);
    bool scope = header_of(transfer, "X-RateLimit-Scope", &text);
    limit.everything = scope && str_eq(text, STR("global"));
    limit.everything =
        (header_of(transfer, "X-RateLimit-Global", &text) && str_eq(text, STR("true"))) ||
        limit.everything;
    limit.told = remaining || reset || scope || limit.everything;
    return limit;
}

static void read_answer(struct httpc_transfer *transfer, struct httpc_answer *answer)
{
    long status = 0;
    curl_off_t retry_after_s = 0;
    CURLcode failed = curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    failed |= curl_easy_getinfo(transfer->easy, CURLINFO_RETRY_AFTER, &retry_after_s);
    ASSERT(failed == CURLE_OK);
    answer->status = (int32_t)status;
    if (retry_after_s > HTTPC_RETRY_AFTER_MAX_MS / 1000) {
        retry_after_s = HTTPC_RETRY_AFTER_MAX_MS / 1000;
    }
    answer->retry_after_ms = retry_after_s > 0 ? (int64_t)retry_after_s * 1000 : 0;
    answer->limit = read_limit(transfer);
    struct str request_id;
    if (header_of(transfer, "Request-Id", &request_id)) {
        struct str copy = str_dup(transfer->op->arena, request_id);
        answer->request_id = copy.ptr != NULL ? copy : STR("");
    }
}

static void end(struct httpc_transfer *transfer)
{
    (void)curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, NULL);
    (void)curl_easy_setopt(transfer->easy, CURLOPT_POSTFIELDS, NULL);
    curl_slist_free_all(transfer->headers);
    transfer->headers = NULL;
}

void httpc_transfer_finish(struct httpc_transfer *transfer, CURLcode result,
                           struct httpc_answer *ret_answer)
{
    struct httpc_answer answer = {.body = STR(""), .request_id = STR("")};
    bool whole = result == CURLE_OK && transfer->headers_whole &&
                 strbuf_finish(&transfer->body, &answer.body);
    if (whole) {
        ASSERT(transfer->may_be_sent);
        answer.outcome = HTTPC_ANSWERED;
        read_answer(transfer, &answer);
    } else {
        answer.outcome = transfer->may_be_sent ? HTTPC_UNKNOWN : HTTPC_NOT_SENT;
        answer.reason = reason_of(transfer, result);
    }
    answer.took_us = clock_mono_us() - transfer->began_us;
    end(transfer);
    *ret_answer = answer;
}

void httpc_transfer_refused(struct httpc_transfer *transfer, struct httpc_answer *ret_answer)
{
    end(transfer);
    *ret_answer = (struct httpc_answer){
        .outcome = HTTPC_NOT_SENT, .reason = "request", .body = STR(""), .request_id = STR("")};
}
