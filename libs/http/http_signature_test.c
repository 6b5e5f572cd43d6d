/* What is read of a signature, what its base is, and what is refused: one row for each rule. */
#include "http/http_signature.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/defer.h"

#define ARENA_BYTES ((size_t)1024 * 1024)
#define BODY "{\"hello\": \"world\"}"
/* RFC 9421, appendix B.2.5. */
#define RFC_KEY                                                        \
    "bb3bc97c1e2edcdd09cb84fb359ef930355cafccd24c89de749b6481cbb8e985" \
    "b85c1cb33498f105db635247493c1b5b9878480e2ea9725f23b1ab2395332d0d"
#define RFC_MAC ":pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=:"
#define RFC_DIGEST "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:"

struct fixture {
    struct arena arena;
    struct op op;
    struct http_pair headers[8];
    struct http_request req;
};

static struct fixture fixture;

static void add_header(const char *name, const char *value)
{
    assert_true(fixture.req.header_count < ARRAY_LEN(fixture.headers));
    fixture.headers[fixture.req.header_count++] =
        (struct http_pair){.name = str_of(name), .value = str_of(value)};
}

/* The request of appendix B.2. */
static int setup(void **state)
{
    (void)state;
    fixture = (struct fixture){.req = {.method = HTTP_POST,
                                       .path = STR("/foo"),
                                       .query_text = STR("param=Value&Pet=dog"),
                                       .body = STR(BODY)}};
    arena_init(&fixture.arena, ARENA_BYTES);
    fixture.op.arena = &fixture.arena;
    fixture.req.headers = fixture.headers;
    add_header("Host", "Example.com");
    add_header("Date", "Tue, 20 Apr 2021 02:07:55 GMT");
    add_header("content-type", " application/json ");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_fini(&fixture.arena);
    return 0;
}

static void expect(struct status st, const char *code)
{
    const char *told = status_failed(st) ? fixture.op.err.code : "";
    if (strcmp(told, code) != 0) {
        fail_msg("\"%s\", not \"%s\"", told, code);
    }
}

static void read_signature(const char *input, const char *text, const char *code,
                           struct http_signature *ret_signature)
{
    uint32_t before = fixture.req.header_count;
    add_header("signature-input", input);
    add_header("Signature", text);
    expect(http_signature_read(&fixture.op, &fixture.req, ret_signature), code);
    fixture.req.header_count = before;
}

static void the_vector_of_the_rfc(void **state)
{
    (void)state;
    struct http_signature signature;
    struct str base;
    uint8_t key[64];
    read_signature("sig-b25=(\"date\" \"@authority\" \"content-type\");created=1618884473"
                   ";keyid=\"test-shared-secret\"",
                   "sig-b25=" RFC_MAC, "", &signature);
    assert_int_equal(signature.created_s, 1618884473);
    assert_true(str_eq(signature.keyid, STR("test-shared-secret")));
    assert_int_equal(signature.nonce.len, 0);
    assert_int_equal(signature.alg.len, 0);
    expect(http_signature_base(&fixture.op, &fixture.req, &signature, &base), "");
    assert_true(str_eq(base, STR("\"date\": Tue, 20 Apr 2021 02:07:55 GMT\n"
                                 "\"@authority\": example.com\n"
                                 "\"content-type\": application/json\n"
                                 "\"@signature-params\": (\"date\" \"@authority\" \"content-type\")"
                                 ";created=1618884473;keyid=\"test-shared-secret\"")));
    assert_true(str_from_hex(STR(RFC_KEY), key, sizeof(key)));
    struct hash mac = hash_mac((struct str){.ptr = (const char *)key, .len = sizeof(key)}, base);
    assert_true(hash_eq(&mac, &signature.mac));
}

static void the_parts_of_the_request(void **state)
{
    (void)state;
    struct http_signature signature;
    struct str base;
    read_signature("a=(\"@query\" \"@path\" \"@method\");alg=\"x\";nonce=\"y\"", "a=" RFC_MAC, "",
                   &signature);
    assert_true(str_eq(signature.alg, STR("x")));
    assert_true(str_eq(signature.nonce, STR("y")));
    assert_int_equal(signature.created_s, -1);
    assert_true(http_signature_covers(&signature, STR("@path")));
    assert_false(http_signature_covers(&signature, STR("date")));
    expect(http_signature_base(&fixture.op, &fixture.req, &signature, &base), "");
    assert_true(str_eq(base, STR("\"@query\": ?param=Value&Pet=dog\n\"@path\": /foo\n"
                                 "\"@method\": POST\n\"@signature-params\": "
                                 "(\"@query\" \"@path\" \"@method\");alg=\"x\";nonce=\"y\"")));
    fixture.req.query_text = STR("");
    fixture.req.method = HTTP_HEAD;
    expect(http_signature_base(&fixture.op, &fixture.req, &signature, &base), "");
    assert_true(str_has_prefix(base, STR("\"@query\": ?\n\"@path\": /foo\n\"@method\": HEAD\n")));
}

static void what_is_not_well_formed(void **state)
{
    (void)state;

    static const struct {
        const char *input;
        const char *text;
        const char *code;
    } rows[] = {
        {"a=()", "a=" RFC_MAC, ""},
        {" a=()  ", "a=" RFC_MAC, ""},
        {"a=();keyid=\"k\";created=999999999999", "a=" RFC_MAC, ""},
        {"", "a=" RFC_MAC, "signature.malformed"},
        {"a=()", "", "signature.malformed"},
        {"=()", "=" RFC_MAC, "signature.malformed"},
        {"A=()", "A=" RFC_MAC, "signature.malformed"},
        {"1=()", "1=" RFC_MAC, "signature.malformed"},
        {"a=()", "b=" RFC_MAC, "signature.malformed"},
        {"a=(), b=()", "a=" RFC_MAC, "signature.malformed"},
        {"a=()", "a=" RFC_MAC ", b=" RFC_MAC, "signature.malformed"},
        {"a=(\"x\"", "a=" RFC_MAC, "signature.malformed"},
        {"a=(\"x)", "a=" RFC_MAC, "signature.malformed"},
        {"a=(\"\")", "a=" RFC_MAC, "signature.malformed"},
        {"a=(\"X\")", "a=" RFC_MAC, "signature.malformed"},
        {"a=(\"x\"  \"y\")", "a=" RFC_MAC, "signature.malformed"},
        {"a=(\"x\"\"y\")", "a=" RFC_MAC, "signature.malformed"},
        {"a=( \"x\")", "a=" RFC_MAC, "signature.malformed"},
        {"a=(\"x\" )", "a=" RFC_MAC, "signature.malformed"},
        {"a=(\"x\" \"x\")", "a=" RFC_MAC, "signature.malformed"},
        {"a=(\"@query-param\";name=\"x\")", "a=" RFC_MAC, "signature.malformed"},
        {"a=(\"x\";bs)", "a=" RFC_MAC, "signature.malformed"},
        {"a=(x)", "a=" RFC_MAC, "signature.malformed"},
        {"a=(\"a\" \"b\" \"c\" \"d\" \"e\" \"f\" \"g\" \"h\" \"i\" \"j\" \"k\" \"l\" \"m\" \"n\""
         " \"o\" \"p\" \"q\")",
         "a=" RFC_MAC, "signature.malformed"},
        {"a=();created=1000000000000", "a=" RFC_MAC, "signature.malformed"},
        {"a=();created=-1", "a=" RFC_MAC, "signature.malformed"},
        {"a=();created=1.5", "a=" RFC_MAC, "signature.malformed"},
        {"a=();created=\"1\"", "a=" RFC_MAC, "signature.malformed"},
        {"a=();created", "a=" RFC_MAC, "signature.malformed"},
        {"a=();created=1;created=2", "a=" RFC_MAC, "signature.malformed"},
        {"a=();keyid=\"k\";keyid=\"k\"", "a=" RFC_MAC, "signature.malformed"},
        {"a=();keyid=\"\"", "a=" RFC_MAC, "signature.malformed"},
        {"a=();keyid=k", "a=" RFC_MAC, "signature.malformed"},
        {"a=();keyid=\"\\\"\"", "a=" RFC_MAC, "signature.malformed"},
        {"a=();expires=1", "a=" RFC_MAC, "signature.malformed"},
        {"a=();tag=\"t\"", "a=" RFC_MAC, "signature.malformed"},
        {"a=(); keyid=\"k\"", "a=" RFC_MAC, "signature.malformed"},
        {"a=();", "a=" RFC_MAC, "signature.malformed"},
        {"a=()", "a=pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=", "signature.malformed"},
        {"a=()", "a=:pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8:", "signature.malformed"},
        {"a=()", "a=:pxcQw6G3AjtMBQjwo8XzkZf_bws5LelbaMk5rGIGtE8=:", "signature.malformed"},
        {"a=()", "a=:pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtA==:", "signature.malformed"},
        {"a=()", "a=:pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE9=:", "signature.malformed"},
        {"a=()", "a=::", "signature.malformed"},
        {"a=()", "a=:", "signature.malformed"},
    };
    struct http_signature signature;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        print_message("%s\n", rows[i].input);
        read_signature(rows[i].input, rows[i].text, rows[i].code, &signature);
    }
    expect(http_signature_read(&fixture.op, &fixture.req, &signature), "signature.missing");
    add_header("Signature", "a=" RFC_MAC);
    expect(http_signature_read(&fixture.op, &fixture.req, &signature), "signature.malformed");
}

static void what_cannot_be_covered(void **state)
{
    (void)state;
    static const char *const inputs[] = {
        "a=(\"not-there\")", "a=(\"twice\")",           "a=(\"folded\")",
        "a=(\"@status\")",   "a=(\"@request-target\")", "a=(\"@signature-params\")",
        "a=(\"@\")",
    };
    struct http_signature signature;
    struct str base;
    add_header("Twice", "1");
    add_header("twice", "1");
    add_header("Folded", "1\n\"@path\": /other");
    for (size_t i = 0; i < ARRAY_LEN(inputs); i++) {
        print_message("%s\n", inputs[i]);
        read_signature(inputs[i], "a=" RFC_MAC, "", &signature);
        expect(http_signature_base(&fixture.op, &fixture.req, &signature, &base),
               "signature.components");
    }
}

static void the_digest_is_that_of_the_body(void **state)
{
    (void)state;

    static const struct {
        const char *digest;
        const char *body;
        const char *code;
    } rows[] = {
        {RFC_DIGEST, BODY, ""},
        {" " RFC_DIGEST " ", BODY, ""},
        {"sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:", "", ""},
        {RFC_DIGEST, BODY "\n", "signature.digest"},
        {RFC_DIGEST, "", "signature.digest"},
        {"sha-512=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:", BODY, "signature.digest"},
        {"sha-256=X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=", BODY, "signature.digest"},
        {RFC_DIGEST ", " RFC_DIGEST, BODY, "signature.digest"},
        {"SHA-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:", BODY, "signature.digest"},
        {"", BODY, "signature.digest"},
    };

    expect(http_signature_check_digest(&fixture.op, &fixture.req), "signature.digest");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint32_t before = fixture.req.header_count;
        add_header("Content-Digest", rows[i].digest);
        fixture.req.body = str_of(rows[i].body);
        expect(http_signature_check_digest(&fixture.op, &fixture.req), rows[i].code);
        fixture.req.header_count = before;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_vector_of_the_rfc, setup, teardown),
        cmocka_unit_test_setup_teardown(the_parts_of_the_request, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_not_well_formed, setup, teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_covered, setup, teardown),
        cmocka_unit_test_setup_teardown(the_digest_is_that_of_the_body, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
