#pragma once

#include "base/random.h"
#include "base/sign.h"
#include "gateway/gateway_command.h"
#include "sim_index.h"
#include "sim_time.h"
#include "sim_traffic.h"

/* What sim_traffic.c (deals, and who asks for what) and sim_traffic_*.c (who there is, what they agree on) share. */

#define KEY_BYTES 32
#define MILESTONES_MAX 4 /* of a deal here */

/* Whom a request is from. */
enum who {
    WHO_MARKETPLACE = 0,
    WHO_BUYER,
    WHO_SELLER,
    WHO_STAFF,
    WHO_ARBITER,
    WHO_COUNT,
};

struct asked {
    enum gateway_action action; /* NONE: nothing was asked yet */
    enum who who;
    int64_t amount_minor; /* RELEASE_PART */
    int64_t seller_minor; /* PROPOSE_SPLIT, RESOLVE_DISPUTE */
    int64_t buyer_minor;
    int64_t offer; /* ACCEPT_SPLIT, WITHDRAW_SPLIT: its number; RESOLVE_DISPUTE: the dispute's */
    int64_t size_bytes; /* SUBMIT_EVIDENCE */
    int64_t milestone;  /* MARK_DELIVERED, RELEASE, REFUND: its number; 0: none is named */
    uint32_t number;    /* of its Idempotency-Key */
    bool taken;
    char head[2 * HASH_BYTES + 1]; /* RESOLVE_DISPUTE, of an arbiter; else empty */
    char signature[2 * SIGN_BYTES + 1];
};

struct deal {
    bool opened; /* its creation was asked for */
    bool poison;
    struct id escrow_id;
    struct id creation;         /* the request that asked for it */
    struct gateway_terms terms; /* its milestones are these */
    struct gateway_milestone milestones[MILESTONES_MAX];
    struct asked last;
    uint32_t asked_count;
    uint32_t acts_left;
    int64_t next_us; /* INT64_MAX: nothing more */
    bool quarrels;   /* once the money is held, one raises a dispute, and neither gives in */
    int justice;     /* who decides an escalated dispute: of sim_traffic_verdicts.c */
};

struct sim_traffic {
    const struct sim_place *place;
    struct sim_stripe *stripe;
    struct sim_traffic_options options;
    struct random random;
    struct intake intake;
    struct arena arena;
    uint64_t requests; /* each has a correlation id of its own */
    struct id marketplace, staff;
    struct id *people;
    char (*accounts)[KEY_BYTES]; /* of each as a seller, at the provider */
    uint32_t registered;         /* of them */
    int64_t people_us;           /* when the next one registers; INT64_MAX: all have */
    struct random fees;          /* of its own, as the next four */
    struct random parts;
    struct random splits;
    struct random milestones;
    struct random arbiters;
    struct random evidence;
    struct sign_secret arbiter_secret; /* one key for all of them */
    struct sign_public arbiter_key;
    char arbiter_hex[2 * SIGN_PUBLIC_BYTES + 1];
    struct random links; /* of its own: worlds that have none are what they were */
    uint32_t linked;     /* times so far */
    int64_t link_us;     /* when the next one is linked anew; INT64_MAX: nobody is any more */
    struct deal *deals;
    struct sim_index asked; /* deals by their escrow, once their creation was asked for */
    struct sim_index poisoned;
    uint32_t soonest; /* the deal that acts next */
    bool settling;
    int64_t staff_us; /* settling: when staff look again */
};

/* ---- sim_traffic.c ---- */

int64_t traffic_between(struct sim_traffic *traffic, int64_t low, int64_t high);
struct id traffic_named(const char *what, uint64_t number);
/* The arena is empty again. Nothing in a request is random but what the seed drew. */
struct op traffic_begin_request(struct sim_traffic *traffic, char correlation[ID_TEXT_BYTES]);
/* False: the gateway cannot take it now. */
bool traffic_submit(struct sim_traffic *traffic, struct op *op,
                    const struct intake_request *request);

/* Sends what was asked last, for the first time or again. */
void traffic_send(struct sim_traffic *traffic, struct deal *deal);

/* What the gateway shows of it; NULL: nothing. */
const struct gateway_view *traffic_view(const struct sim_traffic *traffic, const struct deal *deal);

/* ---- sim_traffic_milestones.c ---- */

/* Which pieces they agree on, if any. */
void traffic_draw_milestones(struct sim_traffic *traffic, struct deal *deal);
/* Whoever asks for this names that one: mostly one at the point where it can be done, at times any; 0: none. */
int64_t traffic_choose_milestone(struct sim_traffic *traffic, const struct deal *deal,
                                 enum gateway_action action);

/* ---- sim_traffic_verdicts.c ---- */

void traffic_know_arbiters(struct sim_traffic *traffic);
/* Half of the deals have one, where there is a third person. */
void traffic_draw_arbiter(struct sim_traffic *traffic, struct deal *deal);
/* True: the deal's dispute is all that they do about it: it is raised, waited out, or decided by whom it is for. */
bool traffic_quarrels(struct sim_traffic *traffic, struct deal *deal,
                      const struct gateway_view *view);

/* ---- sim_traffic_evidence.c ---- */

/* True: one of the two shows something in the dispute, or takes an offer back. Drawn apart. */
bool traffic_shows(struct sim_traffic *traffic, struct deal *deal, const struct gateway_view *view);
/* At times, whatever the moment. True: it was asked for. */
bool traffic_shows_anything(struct sim_traffic *traffic, struct deal *deal);
/* At times one of them shows something more, in time or not. */
void traffic_show_late(struct sim_traffic *traffic, struct deal *deal);

/* ---- sim_traffic_people.c ---- */

/* Before anybody registers: their ids, and each one's account at the provider. */
void traffic_know_people(struct sim_traffic *traffic);
/* The next one, who comes again if the gateway cannot take it. */
void traffic_register_person(struct sim_traffic *traffic);
/* What the two agree to pay the platform. */
void traffic_draw_fees(struct sim_traffic *traffic, struct gateway_terms *terms);
/* A buyer whose money is held at times releases some of it. Drawn apart, as fees are. */
bool traffic_likes_a_part(struct sim_traffic *traffic, const struct gateway_view *view);
/* When somebody is linked anew; INT64_MAX: nobody is any more. */
int64_t traffic_next_link_us(struct sim_traffic *traffic);
/* Whoever is registered, to an account that nobody had. A request that is not taken is not made again. */
void traffic_link_person(struct sim_traffic *traffic);
