/* Which addresses a client of strangers' URLs connects to. */
#include "httpc/httpc_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/defer.h"

static void test_addresses(void **state)
{
    (void)state;

    static const struct {
        const char *text;
        bool public;
    } rows[] = {
        {"1.1.1.1", true},
        {"9.255.255.255", true},
        {"10.0.0.0", false},
        {"10.255.255.255", false},
        {"11.0.0.0", true},
        {"100.63.255.255", true},
        {"100.64.0.0", false},
        {"100.127.255.255", false},
        {"100.128.0.0", true},
        {"127.0.0.1", false},
        {"169.254.169.254", false},
        {"172.15.255.255", true},
        {"172.16.0.0", false},
        {"172.31.255.255", false},
        {"172.32.0.0", true},
        {"192.168.1.1", false},
        {"192.169.0.0", true},
        {"198.18.0.1", false},
        {"198.20.0.0", true},
        {"203.0.113.9", false},
        {"223.255.255.255", true},
        {"224.0.0.1", false},
        {"255.255.255.255", false},
        {"0.0.0.0", false},
        {"::1", false},
        {"::", false},
        {"::ffff:10.0.0.1", false},
        {"::ffff:1.1.1.1", false},
        {"fe80::1", false},
        {"fc00::1", false},
        {"fd00::1", false},
        {"ff02::1", false},
        {"2001:db8::1", false},
        {"2002:a00:1::", false},
        {"2001:0:1::", false},
        {"64:ff9b::a00:1", false},
        {"2606:4700::1111", true},
        {"2001:4860::8888", true},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct sockaddr_storage storage = {.ss_family = AF_UNSPEC};
        void *any = &storage;
        struct sockaddr_in *v4 = any;
        struct sockaddr_in6 *v6 = any;
        if (inet_pton(AF_INET, rows[i].text, &v4->sin_addr) == 1) {
            storage.ss_family = AF_INET;
        } else {
            assert_int_equal(inet_pton(AF_INET6, rows[i].text, &v6->sin6_addr), 1);
            storage.ss_family = AF_INET6;
        }
        if (httpc_address_is_public(any) != rows[i].public) {
            fail_msg("%s", rows[i].text);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
