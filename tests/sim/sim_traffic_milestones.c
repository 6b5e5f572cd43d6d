/* Which milestones people agree on, and which one they mean. In: what the gateway shows of their deal, and chance. */
#include "base/assert.h"
#include "escrow/escrow.h"
#include "gateway/gateway_repo.h"
#include "json/json_read.h"
#include "sim_traffic_internal.h"

/* A third of the deals that are worth it are agreed to in two to four pieces, which leave something after any fee that
 * is drawn here. Drawn apart, too. */
void traffic_draw_milestones(struct sim_traffic *traffic, struct deal *deal)
{
    static const struct str titles[MILESTONES_MAX] = {
        {.ptr = "first draft", .len = 11},
        {.ptr = "second draft", .len = 12},
        {.ptr = "the thing", .len = 9},
        {.ptr = "what goes with it", .len = 17},
    };
    int64_t left_minor = deal->terms.amount_minor;
    uint32_t count = 2 + (uint32_t)random_below(&traffic->milestones, MILESTONES_MAX - 1);
    bool some = random_below(&traffic->milestones, 3) == 0 && left_minor >= 500;
    for (uint32_t i = 0; some && i < count; i++) {
        int64_t rest_minor = left_minor / (count - i);
        int64_t off_minor = (int64_t)random_below(&traffic->milestones, (uint64_t)rest_minor / 4);
        int64_t amount_minor = i + 1 == count ? left_minor : rest_minor - off_minor;
        deal->milestones[i] =
            (struct gateway_milestone){.title = titles[i], .amount_minor = amount_minor};
        left_minor -= amount_minor;
    }
    if (some) {
        deal->terms.milestones = (struct json_items){.rows = deal->milestones, .count = count};
    }
}

/* Mostly one that is shown at the point where this can be done; at times any, or none. */
static int64_t choose(struct sim_traffic *traffic, const struct deal *deal, struct str point)
{
    uint32_t count = deal->terms.milestones.count;
    const struct gateway_view *view = traffic_view(traffic, deal);
    const struct json_value *shown = NULL;
    uint64_t skip = random_below(&traffic->milestones, count);
    bool any = random_below(&traffic->milestones, 10) == 0;
    arena_reset(&traffic->arena);
    struct op op = {.arena = &traffic->arena};
    if (count == 0) {
        return 0;
    }
    if (any || !view || view->milestones.len == 0) {
        return (int64_t)random_below(&traffic->milestones, count + 1);
    }
    ASSERT(!status_failed(json_read(&op, view->milestones, &shown)));
    for (uint32_t i = 0; i < 2 * count; i++) { /* from anywhere on */
        uint32_t at = (uint32_t)(skip + i) % count;
        struct str state = STR("");
        if (json_text_at(&shown->items[at], "/state", &state) && str_eq(state, point)) {
            return (int64_t)at + 1;
        }
    }
    return 0;
}

/* A seller gives back what is not delivered yet, what the buyer looks at or does not take; or all that is held, as in a
 * dispute. */
static int64_t choose_refunded(struct sim_traffic *traffic, const struct deal *deal)
{
    const struct gateway_view *view = traffic_view(traffic, deal);
    uint64_t mood = random_below(&traffic->milestones, 8);
    if (mood < 2 || (mood < 7 && view && view->disputed_minor > 0)) {
        return 0;
    }
    return choose(traffic, deal,
                  mood < 5   ? STR("OPEN")
                  : mood < 7 ? STR("DELIVERED")
                             : STR("REJECTED"));
}

int64_t traffic_choose_milestone(struct sim_traffic *traffic, const struct deal *deal,
                                 enum gateway_action action)
{
    if (deal->terms.milestones.count == 0) {
        return 0;
    }
    if (action == GATEWAY_MARK_DELIVERED) { /* or once more */
        bool again = random_below(&traffic->milestones, 2) == 0;
        int64_t rejected = again ? choose(traffic, deal, STR("REJECTED")) : 0;
        return rejected > 0 ? rejected : choose(traffic, deal, STR("OPEN"));
    }
    if (action == GATEWAY_REJECT_DELIVERY) {
        return choose(traffic, deal, STR("DELIVERED"));
    }
    if (action == GATEWAY_REFUND) {
        return choose_refunded(traffic, deal);
    }
    if (action != GATEWAY_RELEASE) {
        return 0;
    }
    const struct gateway_view *view = traffic_view(traffic, deal);
    bool inspects = view && view->state == (int)ESCROW_DELIVERED;
    bool rejected = view && view->state == (int)ESCROW_DELIVERY_REJECTED;
    return choose(traffic, deal,
                  inspects   ? STR("DELIVERED")
                  : rejected ? STR("REJECTED")
                             : STR("OPEN"));
}
