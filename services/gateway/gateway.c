#include "gateway/gateway.h"

#include "base/assert.h"
#include "holdfast/escrow/v1/events.pb-c.h"

/* Names, roles, and how long a text is. Pure. */

_Static_assert((int)HOLDFAST__ESCROW__V1__ESCROW_STATE__ESCROW_STATE_PARTIALLY_SETTLED + 1 ==
                   GATEWAY_STATE_COUNT,
               "the last state");
_Static_assert((int)HOLDFAST__ESCROW__V1__ESCROW_STATE__ESCROW_STATE_AWAIT_FUNDS ==
                   GATEWAY_STATE_AWAIT_FUNDS,
               "the second state");

int64_t gateway_characters(struct str text)
{
    int64_t count = 0;
    for (size_t i = 0; i < text.len; i++) {
        count += ((unsigned char)text.ptr[i] & 0xC0) != 0x80; /* not a continuation byte */
    }
    return count;
}

struct str gateway_state_name(int state)
{
    ASSERT(state >= 0);
    ASSERT(state < GATEWAY_STATE_COUNT);
    if (state == GATEWAY_STATE_NONE) {
        return STR("PENDING");
    }
    const ProtobufCEnumValue *value = protobuf_c_enum_descriptor_get_value(
        &holdfast__escrow__v1__escrow_state__descriptor, state);
    ASSERT(value != NULL);
    struct str prefix = STR("ESCROW_STATE_");
    ASSERT(str_has_prefix(str_of(value->name), prefix));
    return str_after(str_of(value->name), prefix.len);
}

_Static_assert((int)HOLDFAST__ESCROW__V1__MILESTONE_STATE__MILESTONE_STATE_OPEN ==
                   GATEWAY_MILESTONE_OPEN,
               "the first state of a milestone");
_Static_assert((int)HOLDFAST__ESCROW__V1__MILESTONE_STATE__MILESTONE_STATE_REJECTED + 1 ==
                   GATEWAY_MILESTONE_STATE_COUNT,
               "the last state of a milestone");

struct str gateway_milestone_state_name(int state)
{
    ASSERT(state > 0);
    ASSERT(state < GATEWAY_MILESTONE_STATE_COUNT);
    const ProtobufCEnumValue *value = protobuf_c_enum_descriptor_get_value(
        &holdfast__escrow__v1__milestone_state__descriptor, state);
    ASSERT(value != NULL);
    struct str prefix = STR("MILESTONE_STATE_");
    ASSERT(str_has_prefix(str_of(value->name), prefix));
    return str_after(str_of(value->name), prefix.len);
}

struct gateway_parties gateway_view_parties(const struct gateway_view *view)
{
    return (struct gateway_parties){.marketplace_id = view->marketplace_id,
                                    .buyer_id = view->buyer_id,
                                    .seller_id = view->seller_id,
                                    .arbiter_id = view->arbiter_id};
}

static enum gateway_role role_of_user(struct id user_id, const struct gateway_parties *parties)
{
    if (id_eq(user_id, parties->buyer_id)) {
        return GATEWAY_ROLE_BUYER;
    }
    if (id_eq(user_id, parties->seller_id)) {
        return GATEWAY_ROLE_SELLER;
    }
    bool arbiter = !id_is_none(parties->arbiter_id) && id_eq(user_id, parties->arbiter_id);
    return arbiter ? GATEWAY_ROLE_ARBITER : GATEWAY_ROLE_NONE;
}

enum gateway_role gateway_role_of(const struct gateway_caller *caller,
                                  const struct gateway_parties *parties)
{
    struct id account = caller->account_id;
    switch (caller->kind) {
    case ENGINE_ACTOR_STAFF: return GATEWAY_ROLE_STAFF;
    case ENGINE_ACTOR_MARKETPLACE:
        return id_eq(account, parties->marketplace_id) ? GATEWAY_ROLE_MARKETPLACE
                                                       : GATEWAY_ROLE_NONE;
    case ENGINE_ACTOR_USER: return role_of_user(account, parties);
    case ENGINE_ACTOR_NONE:
    case ENGINE_ACTOR_SYSTEM:
    case ENGINE_ACTOR_COUNT: break;
    }
    return GATEWAY_ROLE_NONE;
}
