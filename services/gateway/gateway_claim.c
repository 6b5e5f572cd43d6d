#include "gateway/gateway_claim.h"

#include <string.h>

#include "base/assert.h"
#include "gateway/gateway_account.h"

struct id gateway_claim_id(struct id marketplace_id, struct str discord_id)
{
    char name[sizeof(marketplace_id.bytes) + GATEWAY_DISCORD_ID_MAX_DIGITS];
    ASSERT(gateway_account_discord_ok(discord_id));
    memcpy(name, marketplace_id.bytes, sizeof(marketplace_id.bytes));
    memcpy(name + sizeof(marketplace_id.bytes), discord_id.ptr, discord_id.len);
    return id_v5(id_namespace(STR("holdfast/discord-claim")),
                 (struct str){.ptr = name, .len = sizeof(marketplace_id.bytes) + discord_id.len});
}

bool gateway_claim_grant(struct gateway_claim *claim, struct id user_id)
{
    ASSERT(!id_is_none(user_id));
    if (claim->grants > 0 && !id_eq(claim->user_id, user_id)) {
        return false;
    }
    claim->user_id = user_id;
    claim->grants++;
    claim->version++;
    return true;
}

bool gateway_claim_give_back(struct gateway_claim *claim, struct id user_id)
{
    if (claim->grants == 0 || !id_eq(claim->user_id, user_id)) {
        return false;
    }
    claim->grants--;
    claim->version++;
    if (claim->grants == 0) {
        claim->user_id = (struct id){.bytes = {0}};
    }
    return true;
}

bool gateway_claim_is_sound(const struct gateway_claim *claim)
{
    return !id_is_none(claim->id) && claim->version >= 1 && claim->grants >= 0 &&
           id_is_none(claim->user_id) == (claim->grants == 0);
}
