/* The provider's rules about money: what comes in, what may go out, and never more. */
#include "sandbox/sandbox_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/defer.h"

struct fixture {
    struct arena arena;
    struct op op;
    struct sandbox_world world;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    arena_init(&fixture.arena, (size_t)1024 * 1024);
    fixture.op = (struct op){.arena = &fixture.arena};
    sandbox_world_init(&fixture.world);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    sandbox_world_fini(&fixture->world);
    arena_fini(&fixture->arena);
    return 0;
}

static struct sandbox_form *form_of(struct fixture *fixture, const char *text)
{
    struct sandbox_form *form = arena_new(&fixture->arena, struct sandbox_form, 1);
    assert_non_null(form);
    assert_int_equal(sandbox_form_parse(&fixture->op, str_of(text), form).kind, STATUS_OK);
    return form;
}

static struct sandbox_form *formf(struct fixture *fixture, const char *format, struct str value)
{
    struct strbuf buf;
    struct str text;
    strbuf_init(&buf, &fixture->arena, 1024);
    strbuf_add(&buf, str_of(format));
    strbuf_add(&buf, value);
    assert_true(strbuf_finish(&buf, &text));
    return form_of(fixture, text.ptr);
}

static enum sandbox_error intent_error(struct fixture *fixture, const char *text,
                                       struct sandbox_intent **ret_intent)
{
    return sandbox_world_create_intent(&fixture->world, form_of(fixture, text), 1, ret_intent)
        .error;
}

static struct sandbox_intent *paid_intent(struct fixture *fixture, int64_t amount_minor)
{
    struct sandbox_intent *intent = NULL;
    assert_int_equal(
        intent_error(fixture, "amount=1000&currency=usd&metadata[escrow_id]=e1", &intent),
        SANDBOX_ERROR_NONE);
    assert_int_equal(sandbox_world_pay(&fixture->world, intent, amount_minor, STR("usd")).error,
                     SANDBOX_ERROR_NONE);
    return intent;
}

static void intents(void **state)
{
    struct fixture *fixture = *state;
    struct sandbox_intent *intent = NULL;
    assert_int_equal(intent_error(fixture, "currency=usd", &intent),
                     SANDBOX_ERROR_PARAMETER_MISSING);
    assert_int_equal(intent_error(fixture, "amount=100", &intent), SANDBOX_ERROR_PARAMETER_MISSING);
    assert_int_equal(intent_error(fixture, "amount=1.5&currency=usd", &intent),
                     SANDBOX_ERROR_INVALID_INTEGER);
    assert_int_equal(intent_error(fixture, "amount=49&currency=usd", &intent),
                     SANDBOX_ERROR_AMOUNT_TOO_SMALL);
    assert_int_equal(intent_error(fixture, "amount=50&currency=usd", &intent), SANDBOX_ERROR_NONE);
    assert_int_equal(intent_error(fixture, "amount=99999999&currency=usd", &intent),
                     SANDBOX_ERROR_NONE);
    assert_int_equal(intent_error(fixture, "amount=100000000&currency=usd", &intent),
                     SANDBOX_ERROR_AMOUNT_TOO_LARGE);
    assert_int_equal(intent_error(fixture, "amount=100&currency=USD", &intent),
                     SANDBOX_ERROR_PARAMETER_INVALID);
    assert_int_equal(intent_error(fixture, "amount=100&currency=usd&colour=red", &intent),
                     SANDBOX_ERROR_PARAMETER_UNKNOWN);
    assert_int_equal(intent_error(fixture, "amount=100&currency=usd&metadata[]=x", &intent),
                     SANDBOX_ERROR_PARAMETER_UNKNOWN);
    assert_int_equal(fixture->world.intents.count, 2);
    assert_ptr_equal(sandbox_world_intent(&fixture->world, intent->id), intent);
    assert_null(sandbox_world_intent(&fixture->world, STR("pi_00000000")));
    assert_null(sandbox_world_intent(&fixture->world, STR("pi_ffffffff0123456789abcdef")));
    assert_null(sandbox_world_intent(&fixture->world, intent->charge_id));
    assert_null(sandbox_world_intent_of_charge(&fixture->world, intent->charge_id)); /* unpaid */
}

static void an_intent_ends_once(void **state)
{
    struct fixture *fixture = *state;
    struct sandbox_intent *intent = paid_intent(fixture, 700);
    assert_int_equal(intent->received_minor, 700);
    assert_int_equal(sandbox_world_cancel_intent(intent, form_of(fixture, "")).error,
                     SANDBOX_ERROR_INTENT_STATE);
    assert_int_equal(sandbox_world_pay(&fixture->world, intent, 1000, STR("usd")).error,
                     SANDBOX_ERROR_INTENT_STATE);
    assert_int_equal(intent->received_minor, 700);
    assert_int_equal(intent_error(fixture, "amount=1000&currency=usd", &intent),
                     SANDBOX_ERROR_NONE);
    assert_int_equal(sandbox_world_decline(&fixture->world, intent, STR("expired_card")).error,
                     SANDBOX_ERROR_NONE);
    assert_int_equal(sandbox_world_cancel_intent(intent, form_of(fixture, "")).error,
                     SANDBOX_ERROR_NONE);
    assert_int_equal(sandbox_world_cancel_intent(intent, form_of(fixture, "")).error,
                     SANDBOX_ERROR_INTENT_STATE);
    assert_int_equal(sandbox_world_pay(&fixture->world, intent, 1000, STR("usd")).error,
                     SANDBOX_ERROR_INTENT_STATE);
    assert_int_equal(sandbox_world_decline(&fixture->world, intent, STR("x")).error,
                     SANDBOX_ERROR_INTENT_STATE);
}

static enum sandbox_error transfer_error(struct fixture *fixture, const char *text,
                                         struct str charge_id)
{
    struct sandbox_transfer *transfer = NULL;
    return sandbox_world_create_transfer(&fixture->world, formf(fixture, text, charge_id), 1,
                                         &transfer)
        .error;
}

static void transfers_take_no_more_than_was_paid(void **state)
{
    struct fixture *fixture = *state;
    struct str charge = paid_intent(fixture, 1000)->charge_id;
    assert_int_equal(
        transfer_error(fixture,
                       "amount=600&currency=usd&destination=acct_1&source_transaction=", charge),
        SANDBOX_ERROR_NONE);
    assert_int_equal(
        transfer_error(fixture,
                       "amount=401&currency=usd&destination=acct_1&source_transaction=", charge),
        SANDBOX_ERROR_BALANCE_INSUFFICIENT);
    assert_int_equal(
        transfer_error(fixture,
                       "amount=1&currency=eur&destination=acct_1&source_transaction=", charge),
        SANDBOX_ERROR_CURRENCY_MISMATCH);
    assert_int_equal(
        transfer_error(fixture,
                       "amount=1&currency=usd&destination=acct_fail1&source_transaction=", charge),
        SANDBOX_ERROR_ACCOUNT_INVALID);
    assert_int_equal(
        transfer_error(fixture,
                       "amount=1&currency=usd&destination=ba_1&source_transaction=", charge),
        SANDBOX_ERROR_NO_SUCH_PARAM);
    assert_int_equal(
        transfer_error(fixture, "amount=1&currency=usd&destination=acct_1&source_transaction=ch_",
                       charge),
        SANDBOX_ERROR_NO_SUCH_PARAM);
    assert_int_equal(
        transfer_error(fixture,
                       "amount=400&currency=usd&destination=acct_1&source_transaction=", charge),
        SANDBOX_ERROR_NONE);
    assert_int_equal(
        transfer_error(fixture, "amount=1&currency=usd&destination=acct_1&description=", STR("x")),
        SANDBOX_ERROR_BALANCE_INSUFFICIENT);
    assert_int_equal(fixture->world.transfers.count, 2);
}

static void transfers_from_the_balance(void **state)
{
    struct fixture *fixture = *state;
    paid_intent(fixture, 1000);
    paid_intent(fixture, 500);
    const char *text = "amount=1500&currency=usd&destination=acct_1&description=";
    assert_int_equal(
        transfer_error(fixture,
                       "amount=1501&currency=usd&destination=acct_1&description=", STR("x")),
        SANDBOX_ERROR_BALANCE_INSUFFICIENT);
    assert_int_equal(transfer_error(fixture, text, STR("x")), SANDBOX_ERROR_NONE);
    assert_int_equal(transfer_error(fixture, text, STR("x")), SANDBOX_ERROR_BALANCE_INSUFFICIENT);
}

static enum sandbox_error refund_error(struct fixture *fixture, const char *text, struct str id)
{
    struct sandbox_refund *refund = NULL;
    return sandbox_world_create_refund(&fixture->world, formf(fixture, text, id), 1, &refund).error;
}

static void refunds_give_back_no_more_than_came(void **state)
{
    struct fixture *fixture = *state;
    struct sandbox_intent *intent = paid_intent(fixture, 1000);
    assert_int_equal(refund_error(fixture, "amount=1001&payment_intent=", intent->id),
                     SANDBOX_ERROR_OVER_REFUND);
    assert_int_equal(refund_error(fixture, "amount=0&payment_intent=", intent->id),
                     SANDBOX_ERROR_AMOUNT_TOO_SMALL);
    assert_int_equal(refund_error(fixture, "amount=300&payment_intent=", intent->id),
                     SANDBOX_ERROR_NONE);
    assert_int_equal(refund_error(fixture, "amount=701&payment_intent=", intent->id),
                     SANDBOX_ERROR_OVER_REFUND);
    assert_int_equal(refund_error(fixture, "charge=", intent->charge_id), SANDBOX_ERROR_NONE);
    assert_int_equal(intent->refunded_minor, 1000);
    assert_int_equal(refund_error(fixture, "payment_intent=", intent->id),
                     SANDBOX_ERROR_OVER_REFUND);
    assert_int_equal(refund_error(fixture, "payment_intent=", STR("pi_1")),
                     SANDBOX_ERROR_NO_SUCH_PARAM);
    assert_int_equal(fixture->world.refunds.count, 2);
}

static void a_refund_that_is_sent_back_can_be_made_again(void **state)
{
    struct fixture *fixture = *state;
    struct sandbox_intent *intent = paid_intent(fixture, 1000);
    struct sandbox_refund *refund = NULL;
    const struct sandbox_form *form = formf(fixture, "payment_intent=", intent->id);
    assert_int_equal(sandbox_world_create_refund(&fixture->world, form, 1, &refund).error,
                     SANDBOX_ERROR_NONE);
    struct str reason = STR("declined");
    assert_int_equal(sandbox_world_fail_refund(&fixture->world, refund, reason).error,
                     SANDBOX_ERROR_NONE);
    assert_true(str_eq(refund->failure_reason, reason));
    assert_int_equal(intent->refunded_minor, 0);
    assert_int_equal(sandbox_world_fail_refund(&fixture->world, refund, reason).error,
                     SANDBOX_ERROR_NO_SUCH_PARAM);
    assert_int_equal(intent->refunded_minor, 0);
    assert_int_equal(refund_error(fixture, "payment_intent=", intent->id), SANDBOX_ERROR_NONE);
}

static void what_was_transferred_is_not_refunded(void **state)
{
    struct fixture *fixture = *state;
    struct sandbox_intent *intent = paid_intent(fixture, 1000);
    assert_int_equal(
        transfer_error(fixture, "amount=600&currency=usd&destination=acct_1&source_transaction=",
                       intent->charge_id),
        SANDBOX_ERROR_NONE);
    assert_int_equal(refund_error(fixture, "amount=401&payment_intent=", intent->id),
                     SANDBOX_ERROR_BALANCE_INSUFFICIENT);
    assert_int_equal(refund_error(fixture, "amount=400&payment_intent=", intent->id),
                     SANDBOX_ERROR_NONE);
}

static void every_error_has_its_row(void **state)
{
    (void)state;
    for (int i = SANDBOX_ERROR_NONE + 1; i < SANDBOX_ERROR_COUNT; i++) {
        assert_true(sandbox_errors[i].http_status >= 400);
        assert_non_null(sandbox_errors[i].type);
        assert_non_null(sandbox_errors[i].sentence);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(intents, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_intent_ends_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(transfers_take_no_more_than_was_paid, set_up, tear_down),
        cmocka_unit_test_setup_teardown(transfers_from_the_balance, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refunds_give_back_no_more_than_came, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_refund_that_is_sent_back_can_be_made_again, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_was_transferred_is_not_refunded, set_up, tear_down),
        cmocka_unit_test(every_error_has_its_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
