#pragma once

#include "base/random.h"
#include "escrow/escrow_decide.h"
#include "escrow/testing/escrow_fake.h"
#include "escrow/testing/escrow_fixture.h"
#include "holdfast/escrow/v1/events.pb-c.h"

/*
 * A random life of an escrow, between a provider and an oracle of the mind: what the provider moved,
 * leg by leg, and which timers oracle was told of. The escrow's rows, transfers, events and commands
 * are held against both after every message. cmocka and its prerequisites are included before.
 */

#define WALK_LEGS_MAX 256
#define WALK_NEWS_MAX 256
#define WALK_TIMERS_MAX 256
#define WALK_STEPS_PER_DEAL 60

enum leg_kind { LEG_IN = 0, LEG_TRANSFER, LEG_REFUND };

enum leg_state { LEG_OPEN = 0, LEG_DONE, LEG_FAILED };

/* One operation at the provider. */
struct leg {
    struct id id;
    enum leg_kind kind;
    enum leg_state state;
    int64_t amount_minor; /* asked; of an in leg that is done: what came */
    bool foreign;         /* what came is not in USD */
    struct id paid_leg_id;
    bool replaced; /* it failed, and was asked for again */
};

/* A timer that oracle was told to set. */
struct walk_timer {
    enum escrow_timer kind;
    int64_t generation;
    int64_t due_at_us;
    bool open;
};

/* What one of the two offered last, by the event. */
struct walk_offer {
    int64_t number; /* 0: none is open */
    struct id by;
    int64_t seller_minor, buyer_minor;
};

#define WALK_MILESTONES_MAX 4 /* of a deal here */

/* What became of a milestone, by the events. */
struct walk_milestone {
    int64_t price_minor;
    int64_t
        until_us; /* its own clock: of its inspection, or of the seller's answer; 0: not delivered yet, or ended */
    bool rejected;
    bool released;
    bool refunded;
};

/* What an event says of a part that leaves while the rest stays held. */
struct walk_part {
    int64_t amount_minor, left_minor, gets_minor, held_minor;
    int64_t number;
};

/* What one of the two showed in the dispute, by the events. */
struct walk_docket {
    int64_t items, bytes, last_at_us;
};

struct walk {
    struct random random;
    struct engine_turn *fake;
    struct id escrow_id;
    int64_t price_minor;
    struct fee_terms fees;
    int64_t buyer_pays_minor, seller_gets_minor; /* by our own arithmetic */
    int64_t
        released_minor; /* of the price, by the events; what it comes to is our own arithmetic, too */
    int64_t returned_minor; /* the same of what went back while the rest stayed held */
    uint32_t part_count;
    struct escrow_milestone_terms milestone_terms[WALK_MILESTONES_MAX];
    struct walk_milestone milestones[WALK_MILESTONES_MAX + 1]; /* by their number */
    uint32_t milestone_count;                                  /* 0: the deal is one piece */
    int64_t number_asked;     /* of a milestone, by the command that was sent last */
    int64_t part_asked_minor; /* by the command that was sent last */
    struct walk_offer offer;
    int64_t offers;
    bool with_arbiter;
    bool agreed;          /* the event before this one says so: the two, or a verdict */
    bool by_verdict;      /* of `agreed` */
    int64_t payout_minor; /* must be asked for next; 0: nothing, or what failed */
    struct leg legs[WALK_LEGS_MAX];
    uint32_t leg_count;
    struct escrow_message news[WALK_NEWS_MAX]; /* all that was told, to be told again */
    uint32_t news_count;
    struct walk_timer timers[WALK_TIMERS_MAX]; /* all that were ever set */
    uint32_t timer_count;
    uint32_t records_seen;
    enum escrow_state final_state; /* ESCROW_NONE until one is reached */
    int64_t last_seq;
    int64_t escalated_at_us;                       /* the last time */
    struct walk_docket docket[ESCROW_PARTY_COUNT]; /* of the dispute that is open */
    uint32_t evidence_count;                       /* of the deal */
    struct fixture signer;                         /* has the arbiter's key */
    /* over all deals */
    uint64_t states_seen[ESCROW_STATE_COUNT];
    uint64_t events_seen[ESCROW_EVENT_COUNT];
    uint64_t rejections_seen;
    uint64_t replays_seen;
    uint64_t sent_back_seen;
    uint64_t firings_seen;
    uint64_t stale_firings_seen;
};

/* NULL: none. */
struct leg *walk_find_leg(struct walk *walk, struct id id);
/* Money that came in the deal's currency, or went out. */
int64_t walk_provider_sum(const struct walk *walk, enum leg_kind kind);
/* The timer that oracle has open; NULL: none. */
struct walk_timer *walk_open_timer(struct walk *walk);
/* The first of the milestones' clocks to end; 0: none runs. */
int64_t walk_first_end_us(const struct walk *walk);
/* Which one an event is about; 0: the deal. */
int64_t walk_milestone_of(const Holdfast__Escrow__V1__EscrowEvent *event);
/* Takes what an event says of it; and holds the rows against what was taken. */
void walk_take_milestone(struct walk *walk, const Holdfast__Escrow__V1__EscrowEvent *event,
                         const struct escrow_transition *transition);
void walk_check_milestones(const struct walk *walk);
/* Oracle was told to set or to cancel one. */
void walk_take_timer(struct walk *walk, const struct fake_record *record);
/* The one that is open is the one that the deal's row says. */
void walk_check_clock(struct walk *walk);

/* What of it is of a dispute: evidence, and until when there may be some. */
void walk_take_docket(struct walk *walk, const struct fake_record *record,
                      const struct escrow_transition *transition);

/* Takes what was published since, and holds everything against everything. */
void walk_check(struct walk *walk);
/* Anyone can recompute the chain from the rows. */
void walk_check_chain(const struct walk *walk);
