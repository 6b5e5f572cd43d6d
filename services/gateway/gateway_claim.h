#pragma once

#include "base/id.h"
#include "base/str.h"

/*
 * Who has a Discord id within a marketplace: an aggregate of its own, in the lane of an id that is made
 * of the two, so that two users of one marketplace never get the same, whatever lanes they are in.
 * A user's lane asks before it decides what needs the id, and gives back what it does not use (any
 * more). Grants are counted, because answers and returns have no order: the id is free again when the
 * user has given back as many as it got. Pure.
 */

/* A row of discord_claim. */
struct gateway_claim {
    struct id id;
    int64_t version;
    struct id user_id; /* none: it is free */
    int64_t grants;    /* to that user, and not given back */
};

/* marketplace_id: none for users that staff registered; they share one more name space. */
struct id gateway_claim_id(struct id marketplace_id, struct str discord_id);

/* False: another user has it, and nothing changes. */
bool gateway_claim_grant(struct gateway_claim *claim, struct id user_id);
/* False: the user has no grant. */
bool gateway_claim_give_back(struct gateway_claim *claim, struct id user_id);

/* What every stored row keeps. */
bool gateway_claim_is_sound(const struct gateway_claim *claim);
