/* In: a price and the terms of its fees. Out: who pays and gets how much. Pure. */
#include "base/fee.h"

#include "base/money.h"

#define BASIS 10000

static bool is_within(const struct fee_rate *rate)
{
    return rate->basis_points >= 0 && rate->basis_points <= FEE_BASIS_POINTS_MAX &&
           rate->fixed_minor >= 0 && rate->fixed_minor <= FEE_FIXED_MAX_MINOR;
}

static bool try_fee(int64_t price_minor, const struct fee_rate *rate, int64_t *ret_minor)
{
    int64_t share;
    if (!is_within(rate) || __builtin_mul_overflow(price_minor, rate->basis_points, &share)) {
        return false;
    }
    return money_try_add(share / BASIS, rate->fixed_minor,
                         ret_minor); /* rounded down: nothing is below zero */
}

bool fee_try_split(int64_t price_minor, const struct fee_terms *terms, struct fee_split *ret_split)
{
    struct fee_split split = {0};
    if (price_minor <= 0 || !try_fee(price_minor, &terms->buyer, &split.buyer_fee_minor) ||
        !try_fee(price_minor, &terms->seller, &split.seller_fee_minor) ||
        !money_try_add(price_minor, split.buyer_fee_minor, &split.buyer_pays_minor) ||
        !money_try_sub(price_minor, split.seller_fee_minor, &split.seller_gets_minor) ||
        !money_try_add(split.buyer_fee_minor, split.seller_fee_minor, &split.platform_gets_minor) ||
        split.seller_gets_minor <= 0) {
        return false;
    }
    split.refund_minor = terms->buyer_refundable ? split.buyer_pays_minor : price_minor;
    *ret_split = split;
    return true;
}

bool fee_try_part(int64_t fee_minor, int64_t price_minor, int64_t part_minor, int64_t *ret_minor)
{
    int64_t product;
    if (price_minor <= 0 || part_minor < 0 || part_minor > price_minor || fee_minor < 0 ||
        __builtin_mul_overflow(fee_minor, part_minor, &product)) {
        return false;
    }
    *ret_minor = product / price_minor;
    return true;
}
