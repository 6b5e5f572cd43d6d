/*
 * Evidence, and offers that are taken back. In: deals as their people see them. Out: requests, most of them in a dispute; at times
 * without one, too late, or of too much. Drawn apart, so that nothing else of a seed's traffic depends on them.
 */
#include <string.h>

#include "escrow/escrow.h"
#include "sim_traffic_internal.h"

static void show(struct sim_traffic *traffic, struct deal *deal, enum who who)
{
    struct random *random = &traffic->evidence;
    bool large = random_below(random, 4) == 0;
    deal->last = (struct asked){.action = GATEWAY_SUBMIT_EVIDENCE,
                                .who = who,
                                .number = deal->asked_count++,
                                .size_bytes = large ? ESCROW_EVIDENCE_MAX_BYTES : 1000};
    traffic_send(traffic, deal);
}

/* At times the other one's. */
static void take_back(struct sim_traffic *traffic, struct deal *deal, enum who who, int64_t offer)
{
    deal->last = (struct asked){.action = GATEWAY_WITHDRAW_SPLIT,
                                .who = who,
                                .number = deal->asked_count++,
                                .offer = offer};
    traffic_send(traffic, deal);
}

bool traffic_shows(struct sim_traffic *traffic, struct deal *deal, const struct gateway_view *view)
{
    struct random *random = &traffic->evidence;
    bool disputed = view->state == (int)ESCROW_DISPUTED || view->state == (int)ESCROW_ESCALATED;
    if (!disputed && view->split_number == 0) {
        return false;
    }
    uint64_t mood = random_below(random, 8);
    enum who who = random_below(random, 2) == 0 ? WHO_BUYER : WHO_SELLER;
    if (mood < 2 && disputed) {
        show(traffic, deal, who);
        return true;
    }
    if (mood == 2 && view->split_number > 0) {
        take_back(traffic, deal, who, view->split_number);
        return true;
    }
    return false;
}

void traffic_show_late(struct sim_traffic *traffic, struct deal *deal)
{
    uint64_t mood = random_below(&traffic->evidence, 3);
    if (mood > 0) {
        show(traffic, deal, mood == 1 ? WHO_BUYER : WHO_SELLER);
    }
}

bool traffic_shows_anything(struct sim_traffic *traffic, struct deal *deal)
{
    uint64_t mood = random_below(&traffic->evidence, 16);
    enum who who = mood % 2 == 0 ? WHO_BUYER : WHO_SELLER;
    if (mood < 2) {
        show(traffic, deal, who);
    } else if (mood < 4) {
        take_back(traffic, deal, who, 1);
    }
    return mood < 4;
}
