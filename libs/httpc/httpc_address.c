/* Which addresses a call to a stranger's URL may reach. */
#include "httpc/httpc_address.h"

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/defer.h"

#define V4(a, b, c, d) \
    (((uint32_t)(a) << 24) | ((uint32_t)(b) << 16) | ((uint32_t)(c) << 8) | (uint32_t)(d))

static const struct {
    uint32_t prefix;
    uint32_t bits;
} private_v4[] = {
    {V4(0, 0, 0, 0), 8},      {V4(10, 0, 0, 0), 8},     {V4(100, 64, 0, 0), 10},
    {V4(127, 0, 0, 0), 8},    {V4(169, 254, 0, 0), 16}, {V4(172, 16, 0, 0), 12},
    {V4(192, 0, 0, 0), 24},   {V4(192, 0, 2, 0), 24},   {V4(192, 88, 99, 0), 24},
    {V4(192, 168, 0, 0), 16}, {V4(198, 18, 0, 0), 15},  {V4(198, 51, 100, 0), 24},
    {V4(203, 0, 113, 0), 24}, {V4(224, 0, 0, 0), 4},    {V4(240, 0, 0, 0), 4},
};

static bool v4_is_public(uint32_t address)
{
    for (size_t i = 0; i < ARRAY_LEN(private_v4); i++) {
        if (address >> (32 - private_v4[i].bits) ==
            private_v4[i].prefix >> (32 - private_v4[i].bits)) {
            return false;
        }
    }
    return true;
}

/* Only global unicast 2000::/3, without the parts that carry IPv4 inside or are for examples. */
static bool v6_is_public(const uint8_t address[16])
{
    if ((address[0] & 0xe0) != 0x20) {
        return false;
    }
    static const uint8_t teredo[] = {0x20, 0x01, 0x00, 0x00};
    static const uint8_t documentation[] = {0x20, 0x01, 0x0d, 0xb8};
    static const uint8_t six_to_four[] = {0x20, 0x02};
    return memcmp(address, teredo, sizeof(teredo)) != 0 &&
           memcmp(address, documentation, sizeof(documentation)) != 0 &&
           memcmp(address, six_to_four, sizeof(six_to_four)) != 0;
}

bool httpc_address_is_public(const struct sockaddr *address)
{
    const void *any = address;
    if (address->sa_family == AF_INET) {
        return v4_is_public(ntohl(((const struct sockaddr_in *)any)->sin_addr.s_addr));
    }
    if (address->sa_family == AF_INET6) {
        return v6_is_public(((const struct sockaddr_in6 *)any)->sin6_addr.s6_addr);
    }
    return false;
}
