/* Pages of the provider's books: asked for, read, and refused where they are none. */
#include "payments/payments_balance.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/defer.h"

#define LEG "01920000-0000-7000-8000-000000000001"

/* Members of a charge's line, as Stripe documents them; "source" comes behind. */
#define LINE                                                                                       \
    "\"id\":\"txn_1\",\"object\":\"balance_transaction\",\"amount\":2500,\"available_on\":1,"      \
    "\"created\":1790000000,\"currency\":\"usd\",\"description\":null,\"exchange_rate\":null,"     \
    "\"fee\":102,\"fee_details\":[{\"amount\":102,\"currency\":\"usd\",\"type\":\"stripe_fee\"}]," \
    "\"net\":2398,\"reporting_category\":\"charge\",\"status\":\"pending\",\"type\":\"charge\","
#define SOURCE                                                                                   \
    "\"source\":{\"id\":\"ch_1\",\"object\":\"charge\",\"metadata\":{\"escrow_id\":\"x\",\"leg_" \
    "id\":"                                                                                      \
    "\"" LEG "\"}}"

static struct arena arena;
static struct op op;

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, (size_t)1024 * 1024);
    op = (struct op){.arena = &arena};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_fini(&arena);
    return 0;
}

static struct str list_of(const char *items, const char *has_more)
{
    struct strbuf buf;
    struct str body = {.ptr = NULL, .len = 0};
    strbuf_init(&buf, &arena, (size_t)16 * 1024);
    strbuf_addf(&buf, "{\"object\":\"list\",\"url\":\"/v1/balance_transactions\",\"has_more\":%s,",
                has_more);
    strbuf_addf(&buf, "\"data\":[%s]}", items);
    assert_true(strbuf_finish(&buf, &body));
    return body;
}

static void expect_text(struct str found, const char *expected)
{
    assert_true(str_eq(found, str_of(expected)));
}

static void a_line_is_read_whole(void **state)
{
    (void)state;
    struct balance_page page;
    struct id leg_id;
    assert_false(
        status_failed(payments_balance_read(&op, list_of("{" LINE SOURCE "}", "true"), &page)));
    assert_int_equal(page.count, 1);
    assert_true(page.has_more);
    const struct balance_line *line = &page.lines[0];
    expect_text(line->id, "txn_1");
    expect_text(line->type, "charge");
    expect_text(line->source, "ch_1");
    expect_text(line->currency, "USD");
    assert_int_equal(line->amount_minor, 2500);
    assert_int_equal(line->fee_minor, 102);
    assert_int_equal(line->net_minor, 2398);
    assert_int_equal(line->at_us, INT64_C(1790000000000000));
    assert_true(id_parse(STR(LEG), &leg_id));
    assert_true(id_eq(line->leg_id, leg_id));
}

static void what_is_nobodys_has_no_leg(void **state)
{
    (void)state;
    static const char *const sources[] = {
        "\"source\":null",
        "\"source\":\"po_1\"",
        "\"source\":{\"id\":\"ch_2\",\"metadata\":{}}",
        "\"source\":{\"id\":\"ch_2\",\"metadata\":{\"leg_id\":\"mine\"}}",
        "\"source\":{\"id\":\"ch_2\",\"metadata\":{\"leg_id\":7}}",
    };
    for (size_t i = 0; i < ARRAY_LEN(sources); i++) {
        struct balance_page page;
        struct strbuf buf;
        strbuf_init(&buf, &arena, 4096);
        strbuf_addf(&buf, "{%s%s}", LINE, sources[i]);
        strbuf_add_char(&buf, '\0');
        struct str item;
        assert_true(strbuf_finish(&buf, &item));
        assert_false(status_failed(payments_balance_read(&op, list_of(item.ptr, "false"), &page)));
        assert_int_equal(page.count, 1);
        assert_false(page.has_more);
        assert_true(id_is_none(page.lines[0].leg_id));
    }
}

/* Half a page read as a whole one would be money that nobody misses. */
static void what_is_no_page_is_refused(void **state)
{
    (void)state;
    const struct str bodies[] = {
        STR("{}"),
        STR("{\"object\":\"list\",\"data\":[]}"),
        STR("{\"object\":\"list\",\"data\":{},\"has_more\":false}"),
        STR("{\"object\":\"charge\",\"data\":[],\"has_more\":false}"),
        STR("{\"object\":\"list\",\"data\":[],\"has_more\":true}"),
        STR("no JSON"),
        list_of("{" SOURCE "}", "false"),
        list_of("{\"id\":\"txn_2\",\"object\":\"balance_transaction\",\"amount\":2500}", "false"),
        list_of("{" LINE SOURCE "},7", "false"),
        list_of("{},{},{},{},{},{},{},{},{}", "false"),
    };
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        struct balance_page page;
        assert_true(status_failed(payments_balance_read(&op, bodies[i], &page)));
    }
}

static void it_is_asked_for_by_time(void **state)
{
    (void)state;
    struct balance_question question = {.from_us = INT64_C(1790000000000000),
                                        .to_us = INT64_C(1790003600000000),
                                        .limit = 8,
                                        .after = STR("")};
    struct str path;
    assert_false(status_failed(payments_balance_path(&op, &question, &path)));
    expect_text(path, "/v1/balance_transactions?limit=8&created%5Bgte%5D=1790000000"
                      "&created%5Blt%5D=1790003600&expand%5B%5D=data.source");
    question.after = STR("txn_1");
    assert_false(status_failed(payments_balance_path(&op, &question, &path)));
    expect_text(path, "/v1/balance_transactions?limit=8&created%5Bgte%5D=1790000000"
                      "&created%5Blt%5D=1790003600&expand%5B%5D=data.source&starting_after=txn_1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_line_is_read_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_nobodys_has_no_leg, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_no_page_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(it_is_asked_for_by_time, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
