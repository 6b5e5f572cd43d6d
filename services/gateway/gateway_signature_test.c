/*
 * Signed requests on a real PostgreSQL: a good one is let through once, and one row for each thing
 * that can be wrong with it. The signer here knows only what docs/api.md says.
 */
#include "gateway/gateway_signature.h"

#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/defer.h"
#include "base/request_key.h"
#include "gateway/testing/gateway_fixture.h"

#define MARKETPLACE "a0000000-0000-4000-8000-000000000001"
#define TOKEN "hf_test_0123456789012345678901234567890123456789"
#define BEARER "hf_test_bearer6789012345678901234567890123456789"
#define SECRET "0123456789abcdef0123456789abcdef"
#define NEW_SECRET "a new secret of thirty-two bytes"
#define NOW_S 1700000000
#define NOW_US (INT64_C(1000000) * NOW_S)
#define BODY "{\"hello\": \"world\"}"
#define DIGEST "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:"
#define NONCE_1 "0123456789abcdef"
#define NONCE_2 "0123456789abcdeg"
#define ALL "\"@method\" \"@path\" \"@query\" \"content-digest\" \"idempotency-key\""
#define TEXT_MAX 2048

static const char *const rows =
    "INSERT INTO api_token (hash, kind, account_id, label, is_signed) VALUES"
    " (sha256('" TOKEN "'), 2, '" MARKETPLACE "', 'signed', true),"
    " (sha256('" BEARER "'), 2, '" MARKETPLACE "', 'bearer', false);";

static struct secret secret;
static struct secret new_secret;
static struct http_pair headers[8];
static char texts[8][TEXT_MAX];

/* ---- A request, and who signs it ---- */

static void __attribute__((format(printf, 2, 3)))
fill(char ret_text[TEXT_MAX], const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(ret_text, TEXT_MAX, format, args);
    va_end(args);
    assert_in_range(len, 0, TEXT_MAX - 1);
}

static void add_header(const char *name, const char *value)
{
    uint32_t at = fixture.req.header_count++;
    assert_true(at < ARRAY_LEN(headers));
    fill(texts[at], "%s", value);
    headers[at] = (struct http_pair){.name = str_of(name), .value = str_of(texts[at])};
}

static void hex(const struct hash *hash, char ret_text[2 * HASH_BYTES + 1])
{
    (void)sodium_bin2hex(ret_text, (size_t)2 * HASH_BYTES + 1, hash->bytes, HASH_BYTES);
}

/* What the signer says, and with which secret's key. Zeros: as the profile wants it. */
struct ask {
    int64_t created_s;
    const char *covered;
    const char *nonce;
    const char *params; /* instead of all parameters */
    const char *keyid;
    const char *alg;
    const char *digest;
    const struct secret *secret;
};

static const char *or_else(const char *text, const char *otherwise)
{
    return text ? text : otherwise;
}

static void add_signature(const struct ask *ask, const char *params, const char *lines)
{
    char base[TEXT_MAX];
    char text[TEXT_MAX];
    char mac_text[sodium_base64_ENCODED_LEN(HASH_BYTES, sodium_base64_VARIANT_ORIGINAL)];
    fill(base, "%s\"@signature-params\": %s", lines, params);
    struct hash key = request_key(ask->secret ? ask->secret : &secret, STR(TOKEN));
    struct hash mac =
        hash_mac((struct str){.ptr = (const char *)key.bytes, .len = HASH_BYTES}, str_of(base));
    (void)sodium_bin2base64(mac_text, sizeof(mac_text), mac.bytes, HASH_BYTES,
                            sodium_base64_VARIANT_ORIGINAL);
    fill(text, "s=:%s:", mac_text);
    add_header("Signature", text);
    fill(text, "s=%s", params);
    add_header("Signature-Input", text);
}

/* A POST with a query, a body and a key. */
static void sign(const struct ask *ask)
{
    char keyid[2 * HASH_BYTES + 1];
    char params[TEXT_MAX];
    char all[TEXT_MAX];
    char lines[TEXT_MAX];
    struct hash hash = hash_of(STR(TOKEN));
    hex(&hash, keyid);
    fill(all, ";created=%lld;keyid=\"%s\";nonce=\"%s\";alg=\"%s\"",
         (long long)(ask->created_s ? ask->created_s : NOW_S), or_else(ask->keyid, keyid),
         or_else(ask->nonce, NONCE_1), or_else(ask->alg, "hmac-sha256"));
    fill(params, "(%s)%s", or_else(ask->covered, ALL), or_else(ask->params, all));
    fill(lines,
         "\"@method\": POST\n\"@path\": /v1/escrows\n\"@query\": ?a=b\n"
         "\"content-digest\": %s\n\"idempotency-key\": key-1\n",
         or_else(ask->digest, DIGEST));
    fixture.req = (struct http_request){.method = HTTP_POST,
                                        .path = STR("/v1/escrows"),
                                        .query_text = STR("a=b"),
                                        .headers = headers,
                                        .body = STR(BODY),
                                        .token = STR(TOKEN),
                                        .idempotency_key = STR("key-1")};
    add_header("Idempotency-Key", "key-1");
    add_header("Content-Digest", or_else(ask->digest, DIGEST));
    add_signature(ask, params, lines);
}

static void expect(struct status st, const char *code)
{
    const char *told = status_failed(st) ? fixture.op.err.code : "";
    if (strcmp(told, code) != 0) {
        fail_msg("\"%s\" (%s), not \"%s\"", told, fixture.op.err.msg, code);
    }
}

static struct gateway_token token_at(int64_t now_us)
{
    return (struct gateway_token){.hash = hash_of(STR(TOKEN)), .is_signed = true, .now_us = now_us};
}

static void check(const char *code)
{
    const struct gateway_token token = token_at(NOW_US);
    struct str nonce;
    expect(gateway_signature_check(&fixture.op, &fixture.gateway, &fixture.req, &token, &nonce),
           code);
}

static void accept(const char *code)
{
    const struct gateway_token token = token_at(NOW_US);
    expect(gateway_signature_accept(&fixture.op, &fixture.gateway, &fixture.req, &token), code);
}

static int setup(void **state)
{
    int failed = fixture_setup(state);
    assert_true(secret_set(&secret, STR(SECRET)));
    assert_true(secret_set(&new_secret, STR(NEW_SECRET)));
    fixture.gateway.signing_secrets[0] = &secret;
    fixture.gateway.signing_secret_count = 1;
    fixture_run("TRUNCATE request_nonce");
    return failed;
}

/* ---- What is signed, and what is refused ---- */

static void what_the_signer_says(void **state)
{
    (void)state;

    const struct {
        struct ask ask;
        const char *code;
    } table[] = {
        {{0}, ""},
        {{.covered = "\"@method\" \"@path\" \"content-digest\" \"idempotency-key\""},
         "signature.components"},
        {{.covered = "\"@path\" \"@query\" \"content-digest\" \"idempotency-key\""},
         "signature.components"},
        {{.covered = "\"@method\" \"@query\" \"content-digest\" \"idempotency-key\""},
         "signature.components"},
        {{.covered = "\"@method\" \"@path\" \"@query\" \"idempotency-key\""},
         "signature.components"},
        {{.covered = "\"@method\" \"@path\" \"@query\" \"content-digest\""},
         "signature.components"},
        {{.covered = ALL " \"x-absent\""}, "signature.components"},
        {{.created_s = NOW_S - GATEWAY_SIGNATURE_WINDOW_S}, ""},
        {{.created_s = NOW_S - GATEWAY_SIGNATURE_WINDOW_S - 1}, "signature.too_old"},
        {{.created_s = NOW_S + GATEWAY_SIGNATURE_WINDOW_S}, ""},
        {{.created_s = NOW_S + GATEWAY_SIGNATURE_WINDOW_S + 1}, "signature.too_early"},
        {{.created_s = 999999999999}, "signature.too_early"},
        {{.keyid = "k"}, "signature.unknown_key"},
        {{.keyid = "0000000000000000000000000000000000000000000000000000000000000000"},
         "signature.unknown_key"},
        {{.alg = "hmac-sha512"}, "signature.malformed"},
        {{.nonce = "0123456789abcde"}, "signature.malformed"},
        {{.nonce = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"}, ""},
        {{.nonce = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0"},
         "signature.malformed"},
        {{.params = ";keyid=\"k\";nonce=\"" NONCE_1 "\";alg=\"hmac-sha256\""},
         "signature.malformed"},
        {{.params = ";created=1700000000;nonce=\"" NONCE_1 "\";alg=\"hmac-sha256\""},
         "signature.malformed"},
        {{.params = ";created=1700000000;keyid=\"k\";alg=\"hmac-sha256\""}, "signature.malformed"},
        {{.params = ";created=1700000000;keyid=\"k\";nonce=\"" NONCE_1 "\""},
         "signature.malformed"},
        {{.digest = "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:"}, "signature.digest"},
        {{.secret = &new_secret}, "signature.wrong"},
    };

    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        print_message("row %zu\n", i);
        sign(&table[i].ask);
        check(table[i].code);
    }
}

/* Each is what somebody on the way could do to it. */
static void what_was_changed_on_the_way(void **state)
{
    (void)state;
    sign(&(struct ask){0});
    fixture.req.method = HTTP_DELETE;
    check("signature.wrong");
    sign(&(struct ask){0});
    fixture.req.path = STR("/v1/escrows/");
    check("signature.wrong");
    sign(&(struct ask){0});
    fixture.req.query_text = STR("a=c");
    check("signature.wrong");
    sign(&(struct ask){0});
    headers[0].value = STR("key-2");
    check("signature.wrong");
    sign(&(struct ask){0});
    fixture.req.body = STR("{\"hello\": \"World\"}");
    check("signature.digest");
    sign(&(struct ask){0});
    fixture.req.header_count--; /* Signature-Input */
    check("signature.malformed");
    sign(&(struct ask){0});
    fixture.req.header_count -= 2;
    check("signature.missing");
    sign(&(struct ask){0});
    struct str mac = headers[2].value;
    texts[2][mac.len - 10] = texts[2][mac.len - 10] == 'A' ? 'B' : 'A';
    check("signature.wrong");
}

static void without_a_body_there_is_no_digest(void **state)
{
    (void)state;
    sign(&(struct ask){.covered = "\"@method\" \"@path\""});
    fixture.req.body = STR("");
    fixture.req.query_text = STR("");
    fixture.req.idempotency_key = STR("");
    check("signature.wrong"); /* the signer here made it over a POST with all of them */
    fixture.req.query_text = STR("a=b");
    check("signature.components");
    sign(&(struct ask){0});
    fixture.req.body = STR("");
    check("signature.digest"); /* not wanted, but said, and not true */
}

static void the_secret_can_be_replaced(void **state)
{
    (void)state;
    fixture.gateway.signing_secrets[0] = &new_secret;
    fixture.gateway.signing_secrets[1] = &secret;
    fixture.gateway.signing_secret_count = 2;
    sign(&(struct ask){0});
    check("");
    sign(&(struct ask){.secret = &new_secret});
    check("");
    fixture.gateway.signing_secret_count = 1;
    check("");
    sign(&(struct ask){0});
    check("signature.wrong");
    fixture.gateway.signing_secret_count = 0;
    check("signature.no_secret");
}

/* ---- Once ---- */

static void each_nonce_once(void **state)
{
    (void)state;
    sign(&(struct ask){0});
    accept("");
    accept("signature.replayed");
    sign(&(struct ask){.nonce = NONCE_2});
    accept("");
    sign(&(struct ask){.created_s = NOW_S + 1});
    accept("signature.replayed");
    /* A stranger without the key uses no nonce up. */
    sign(&(struct ask){.nonce = NONCE_2 "h", .secret = &new_secret});
    accept("signature.wrong");
    sign(&(struct ask){.nonce = NONCE_2 "h"});
    accept("");
}

static void another_token_has_nonces_of_its_own(void **state)
{
    (void)state;
    struct hash other = hash_of(STR(BEARER));
    bool is_new = false;
    expect(gateway_repo_use_nonce(&fixture.op, fixture.gateway.pg, &other, STR(NONCE_1),
                                  GATEWAY_SIGNATURE_MEMORY_S, &is_new),
           "");
    assert_true(is_new);
    sign(&(struct ask){0});
    accept("");
}

static int64_t nonces(void)
{
    return fixture_number("SELECT count(*) FROM request_nonce");
}

/* REQ-J7: the moment before it is forgotten, and the moment after. */
static void a_nonce_is_remembered_for_90_seconds(void **state)
{
    (void)state;
    sign(&(struct ask){0});
    accept("");
    fixture_run("UPDATE request_nonce SET used_at = now() - interval '89 seconds'");
    accept("signature.replayed");
    fixture_run("UPDATE request_nonce SET used_at = now() - interval '91 seconds'");
    accept("");
    accept("signature.replayed");
    assert_int_equal(nonces(), 1);
}

static void what_is_older_is_forgotten(void **state)
{
    (void)state;
    fixture_run("INSERT INTO request_nonce SELECT sha256('" TOKEN "'), 'old-nonce-number-' || i,"
                " now() - interval '91 seconds' FROM generate_series(1, 5) i");
    fixture_run("INSERT INTO request_nonce SELECT sha256('" TOKEN "'), 'young-nonce-number-' || i,"
                " now() - interval '80 seconds' FROM generate_series(1, 5) i");
    sign(&(struct ask){0});
    accept("");
    assert_int_equal(nonces(), 9); /* two of ten gone, one more */
    sign(&(struct ask){.nonce = NONCE_2});
    accept("");
    sign(&(struct ask){.nonce = NONCE_2 "h"});
    accept("");
    sign(&(struct ask){.nonce = NONCE_2 "i"});
    accept("");
    assert_int_equal(nonces(), 9); /* all five young ones, and these four */
}

static void what_cannot_be_remembered_is_refused(void **state)
{
    (void)state;
    sign(&(struct ask){0});
    fixture_run("ALTER TABLE request_nonce RENAME TO away");
    const struct gateway_token token = token_at(NOW_US);
    struct status st =
        gateway_signature_accept(&fixture.op, &fixture.gateway, &fixture.req, &token);
    fixture_run("ALTER TABLE away RENAME TO request_nonce");
    assert_true(status_failed(st));
    accept("");
}

/* ---- Who must ---- */

static struct status authenticate(const char *token)
{
    const void *principal = NULL;
    fixture.req.token = str_of(token);
    struct status st =
        gateway_authenticate(&fixture.op, &fixture.gateway, &fixture.req, &principal);
    if (!status_failed(st)) {
        const struct gateway_caller *caller = principal;
        assert_int_equal(caller->kind, ENGINE_ACTOR_MARKETPLACE);
        assert_true(id_eq(caller->account_id, fixture_id(MARKETPLACE)));
    }
    return st;
}

/* The window is held against the database's clock: a signature of 2023 is old now. */
static void only_tokens_made_for_it(void **state)
{
    (void)state;
    fixture.req = (struct http_request){.method = HTTP_GET, .path = STR("/v1/escrows")};
    expect(authenticate(BEARER), "");
    expect(authenticate(TOKEN), "signature.missing");
    expect(authenticate("hf_test_nobody6789012345678901234567890123456789"), "gateway.token");
    sign(&(struct ask){0});
    expect(authenticate(TOKEN), "signature.too_old");
    sign(&(struct ask){.created_s = clock_wall_us() / 1000000});
    expect(authenticate(TOKEN), "");
    expect(authenticate(TOKEN), "signature.replayed");
}

int main(void)
{
    DEFER(fixture_close) bool opened = fixture_open(rows);
    if (!opened) {
        return TESTING_SKIPPED;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_the_signer_says, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(what_was_changed_on_the_way, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(without_a_body_there_is_no_digest, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(the_secret_can_be_replaced, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(each_nonce_once, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(another_token_has_nonces_of_its_own, setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(a_nonce_is_remembered_for_90_seconds, setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(what_is_older_is_forgotten, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_remembered_is_refused, setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(only_tokens_made_for_it, setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
