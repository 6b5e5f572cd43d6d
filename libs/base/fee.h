#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/op.h"

/*
 * What a deal costs beside its price. Terms are fixed before anybody pays; every sum below follows from
 * them and from the price, so that whoever shows them and whoever books them say the same.
 */

#define FEE_BASIS_POINTS_MAX 10000  /* of 10,000: the whole price */
#define FEE_FIXED_MAX_MINOR 1000000 /* 10,000.00 USD */

struct fee_rate {
    int64_t basis_points; /* 0 to FEE_BASIS_POINTS_MAX */
    int64_t fixed_minor;  /* 0 to FEE_FIXED_MAX_MINOR */
};

struct fee_terms {
    struct fee_rate buyer;  /* on top of the price */
    struct fee_rate seller; /* out of the price */
    bool buyer_refundable;  /* whether a refund gives the buyer's fee back, too */
};

/* Exact to the minor unit: buyer_pays = price + buyer_fee = seller_gets + platform_gets, and
 * price = seller_gets + seller_fee. */
struct fee_split {
    int64_t buyer_fee_minor;
    int64_t seller_fee_minor;
    int64_t buyer_pays_minor;
    int64_t seller_gets_minor; /* > 0 */
    int64_t platform_gets_minor;
    int64_t refund_minor; /* what the buyer gets back when the deal is refunded */
};

/*
 * A fee is floor(price * basis_points / 10,000) + fixed. What the rounding cuts off stays with who
 * pays the fee: the buyer pays less, the seller gets more. False, *ret_split untouched: a term is out of
 * its bounds, the price is not above zero, nothing would be left for the seller, or a sum does not fit.
 */
MUST_CHECK bool fee_try_split(int64_t price_minor, const struct fee_terms *terms,
                              struct fee_split *ret_split);

/*
 * What of a fee falls on the first part_minor of the price: floor(fee * part / price). A part that comes later costs the
 * difference, so that parts cost together, to the minor unit, what the whole does: the last one takes what
 * the rounding left. False, *ret_minor untouched: the part is not within the price, or a product does not fit.
 */
MUST_CHECK bool fee_try_part(int64_t fee_minor, int64_t price_minor, int64_t part_minor,
                             int64_t *ret_minor);
