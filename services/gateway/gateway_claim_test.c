/* One Discord id, one user of a marketplace, for as long as it has a grant. */
#include "gateway/gateway_claim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define DISCORD STR("123456789012345678")

static struct id named(const char *name)
{
    return id_namespace(str_of(name));
}

static void ids_are_of_both(void **state)
{
    (void)state;
    struct id id = gateway_claim_id(named("one"), DISCORD);
    struct id none = {.bytes = {0}};
    assert_true(id_eq(id, gateway_claim_id(named("one"), DISCORD)));
    assert_false(id_eq(id, gateway_claim_id(named("two"), DISCORD)));
    assert_false(id_eq(id, gateway_claim_id(none, DISCORD)));
    assert_false(id_eq(id, gateway_claim_id(named("one"), STR("123456789012345679"))));
}

static void one_user_at_a_time(void **state)
{
    (void)state;
    struct gateway_claim claim = {.id = named("claim")};
    assert_true(gateway_claim_grant(&claim, named("ada")));
    assert_true(gateway_claim_is_sound(&claim));
    assert_false(gateway_claim_grant(&claim, named("bob")));
    assert_false(gateway_claim_give_back(&claim, named("bob")));
    assert_int_equal(claim.version, 1);
    assert_true(gateway_claim_give_back(&claim, named("ada")));
    assert_true(gateway_claim_is_sound(&claim));
    assert_false(gateway_claim_give_back(&claim, named("ada")));
    assert_true(gateway_claim_grant(&claim, named("bob")));
    assert_false(gateway_claim_grant(&claim, named("ada")));
}

/* The return of an earlier grant that comes late does not free what was granted again since. */
static void grants_are_counted(void **state)
{
    (void)state;
    struct gateway_claim claim = {.id = named("claim")};
    assert_true(gateway_claim_grant(&claim, named("ada")));
    assert_true(gateway_claim_grant(&claim, named("ada")));
    assert_true(gateway_claim_give_back(&claim, named("ada")));
    assert_false(gateway_claim_grant(&claim, named("bob")));
    assert_true(gateway_claim_give_back(&claim, named("ada")));
    assert_true(gateway_claim_grant(&claim, named("bob")));
}

static void unsound_rows_are_seen(void **state)
{
    (void)state;
    const struct gateway_claim sound = {
        .id = named("claim"), .version = 1, .user_id = named("ada"), .grants = 1};
    struct gateway_claim rows[] = {sound, sound, sound, sound, sound};
    assert_true(gateway_claim_is_sound(&sound));
    rows[0].id = (struct id){.bytes = {0}};
    rows[1].version = 0;
    rows[2].grants = 0;
    rows[3].user_id = (struct id){.bytes = {0}};
    rows[4].grants = -1;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_false(gateway_claim_is_sound(&rows[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_of_both),
        cmocka_unit_test(one_user_at_a_time),
        cmocka_unit_test(grants_are_counted),
        cmocka_unit_test(unsound_rows_are_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
