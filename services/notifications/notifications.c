/* Names of what notifications knows. */
#include "notifications/notifications.h"

#include "base/assert.h"

struct str notice_name(enum notice notice)
{
    switch (notice) {
    case NOTICE_PAYMENT_READY: return STR("payment_ready");
    case NOTICE_PAYMENT_DECLINED: return STR("payment_declined");
    case NOTICE_PAYMENT_SETUP_FAILED: return STR("payment_setup_failed");
    case NOTICE_FUNDS_HELD: return STR("funds_held");
    case NOTICE_DELIVERED: return STR("delivered");
    case NOTICE_RELEASE_STARTED: return STR("release_started");
    case NOTICE_RELEASED: return STR("released");
    case NOTICE_PAYOUT_FAILED: return STR("payout_failed");
    case NOTICE_REFUND_STARTED: return STR("refund_started");
    case NOTICE_REFUNDED: return STR("refunded");
    case NOTICE_REFUND_FAILED: return STR("refund_failed");
    case NOTICE_CANCELLED: return STR("cancelled");
    case NOTICE_EXPIRED: return STR("expired");
    case NOTICE_FUNDS_SUSPENDED: return STR("funds_suspended");
    case NOTICE_FOREIGN_MONEY: return STR("foreign_money");
    case NOTICE_SUSPENSE_REFUNDED: return STR("suspense_refunded");
    case NOTICE_REJECTED: return STR("rejected");
    case NOTICE_DISPUTED: return STR("disputed");
    case NOTICE_DISPUTE_WITHDRAWN: return STR("dispute_withdrawn");
    case NOTICE_DISPUTE_ESCALATED: return STR("dispute_escalated");
    case NOTICE_PARTIALLY_RELEASED: return STR("partially_released");
    case NOTICE_PART_PAID: return STR("part_paid");
    case NOTICE_SPLIT_PROPOSED: return STR("split_proposed");
    case NOTICE_SPLIT_AGREED: return STR("split_agreed");
    case NOTICE_DISPUTE_RESOLVED: return STR("dispute_resolved");
    case NOTICE_PARTIALLY_REFUNDED: return STR("partially_refunded");
    case NOTICE_PART_REFUNDED: return STR("part_refunded");
    case NOTICE_EVIDENCE_SUBMITTED: return STR("evidence_submitted");
    case NOTICE_SPLIT_WITHDRAWN: return STR("split_withdrawn");
    case NOTICE_NONE: return STR("none");
    case NOTICE_COUNT: break;
    }
    UNREACHABLE("notice");
}

struct str role_name(enum role role)
{
    switch (role) {
    case ROLE_NONE: return STR("none");
    case ROLE_BUYER: return STR("buyer");
    case ROLE_SELLER: return STR("seller");
    case ROLE_ARBITER: return STR("arbiter");
    case ROLE_COUNT: break;
    }
    UNREACHABLE("role");
}

struct str delivery_state_name(enum delivery_state state)
{
    switch (state) {
    case DELIVERY_NONE: return STR("none");
    case DELIVERY_WAITING: return STR("waiting");
    case DELIVERY_SENT: return STR("sent");
    case DELIVERY_NO_CHANNEL: return STR("no_channel");
    case DELIVERY_CLOSED: return STR("closed");
    case DELIVERY_FAILED: return STR("failed");
    case DELIVERY_EXPIRED: return STR("expired");
    case DELIVERY_DROPPED: return STR("dropped");
    case DELIVERY_STATE_COUNT: break;
    }
    UNREACHABLE("delivery state");
}
