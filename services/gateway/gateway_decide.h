#pragma once

#include "gateway/gateway.h"
#include "gateway/gateway_evidence.h"

/*
 * How the read model follows what was decided elsewhere. Pure: (view or none, news) to the next
 * view. Events of one escrow come in order; those of payments may come before the first of them.
 */

enum gateway_news_kind {
    GATEWAY_NEWS_NONE = 0,
    GATEWAY_NEWS_CREATED, /* the deal with its terms */
    GATEWAY_NEWS_CHANGED, /* any other event of an escrow */
    GATEWAY_NEWS_REFUSED, /* a command changed nothing */
    GATEWAY_NEWS_PAYMENT, /* the buyer can pay now: reference and client secret */
    GATEWAY_NEWS_KIND_COUNT,
};

struct gateway_news {
    enum gateway_news_kind kind;
    /* CREATED, CHANGED: seq, state, sums, attention, the number of a dispute that was raised; CREATED: parties and terms too; PAYMENT:
     * reference and secret. The rest is empty. */
    struct gateway_view told;
    struct str type; /* "EscrowFundsHeld" */
    int64_t amount_minor;
    int64_t milestone; /* that it is about; 0: the deal */
    struct str note;
    bool has_evidence;
    struct gateway_evidence evidence; /* its deal, seq, sender and time are the event's */
    struct str code;                  /* REFUSED */
    struct str sentence;              /* REFUSED */
};

enum gateway_verdict {
    GATEWAY_VERDICT_NONE = 0,
    GATEWAY_UNCHANGED,
    GATEWAY_STORE,   /* *ret_next is the row now, also when there was none */
    GATEWAY_MISSING, /* the deal's first event has not been seen */
    GATEWAY_GAP,     /* not the event that follows the last one seen */
    GATEWAY_VERDICT_COUNT,
};

/* now: NULL when there is no row. at_us: when it was decided, by escrow's or payments' clock. */
enum gateway_verdict gateway_decide(const struct gateway_view *now, const struct gateway_news *news,
                                    struct id escrow_id, int64_t at_us,
                                    struct gateway_view *ret_next);
