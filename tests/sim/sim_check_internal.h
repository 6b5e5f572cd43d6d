#pragma once

#include "base/arena.h"
#include "base/hash.h"
#include "base/lane.h"
#include "escrow/escrow.h"
#include "payments/payments_decide.h"
#include "sim_check.h"
#include "sim_index.h"

/* The checker's own books, and what its parts share: sim_check.c keeps them, _money.c holds the ledger
 * against the provider, _records.c reads the topics, _told.c what people could read, _end.c asks whether all has come to an end. */

/* All about one escrow: what the provider did, what the ledger says, what was told. */
/* What people did with the milestones of a deal, by its history. Numbers count from 1. */
struct check_milestones {
    int64_t ends_us[GATEWAY_MILESTONES_MAX +
                    1]; /* its inspection, or the time to answer; 0: none runs, or it has ended */
    bool rejected[GATEWAY_MILESTONES_MAX + 1];
    bool released[GATEWAY_MILESTONES_MAX + 1]; /* by itself */
    bool refunded[GATEWAY_MILESTONES_MAX + 1]; /* by itself, too */
    int64_t released_minor;                    /* of the deal, when we looked last */
    int64_t returned_minor;                    /* and this */
    bool moved; /* the deal's inspection ends at another moment, by the last transition */
};

struct check_deal {
    struct id id;
    struct check_milestones milestones;
    /* The provider, counted anew each time. */
    int64_t came_minor, came_foreign_minor;
    int64_t went_minor, went_foreign_minor; /* moved or under way, and not come back */
    int64_t paid_minor;                     /* transfers that moved */
    int64_t returned_minor;                 /* refunds that moved and came back */
    uint32_t transfers;
    /* The ledger, line by line. */
    int64_t sums[ESCROW_ACCOUNT_COUNT]; /* credits minus debits, in the escrow's currency */
    int64_t foreign_minor;
    int64_t received_minor, paid_out_minor, refunded_minor; /* by the lines that touch PSP_CLEAR */
    int64_t
        released_minor; /* by the lines from where the price is held to the seller and the platform */
    uint32_t parts;     /* of that, before the rest */
    int64_t back_minor;        /* of the price, by the lines of refunds while the rest stays held */
    uint32_t returns;          /* and so many refunds */
    int64_t returns_net_minor; /* and what the buyer gets by them */
    uint32_t splits;           /* the rest was divided, and not all of it one's */
    int64_t offers;            /* to divide it, so far */
    struct id offered_by;      /* the last of them */
    int64_t escalated_at_us;   /* its dispute, the last time */
    int64_t parts_net_minor;   /* and what the seller gets of them */
    int64_t withdrawn;         /* the last of them that was taken back */
    int64_t disputes;          /* that were raised so far */
    int64_t shown[2];          /* pieces of evidence in the last of them, of buyer and seller, */
    int64_t shown_bytes[2];
    int64_t shown_at_us[2]; /* and when the last of them was shown */
    int64_t disputed_at_us; /* the last time */
    /* The rows of parts, counted anew each time. */
    uint32_t part_rows, return_rows;
    int64_t part_rows_minor, return_rows_minor;
    int64_t seq;
    int64_t transfer_count;
    struct hash head;
    enum escrow_state state;
    int64_t clock_seq; /* the transition that started the clock of this state */
    /* The topics. */
    int64_t escrow_seq, payments_seq;
};

/* One operation at the provider. */
struct check_leg {
    struct id id;
    struct id escrow_id;
    enum sim_stripe_kind kind;
    uint32_t moved, returned, pending; /* objects */
    int64_t moved_minor;               /* of all objects */
    char currency[4];
    bool is_asked_still;      /* payments has an open effect about it */
    uint32_t debits, credits; /* ledger lines from and to PSP_CLEAR */
    int64_t debit_minor, credit_minor;
    uint32_t told[PAYMENTS_EVENT_COUNT];
};

/* Which clock of a deal: what oracle calls its generation is the transition that started it. */
struct check_clock {
    int kind; /* enum escrow_timer */
    int64_t seq;
};

/* What caused transitions: it is decided once. */
struct check_cause {
    int64_t at_us;
    struct id escrow_id;
    uint64_t events;          /* a bit for each kind */
    struct check_clock ran;   /* before the first of these transitions */
    struct check_clock fired; /* what this message is the firing of; seq 0: it is none */
};

/* A record of an intake topic: the same id has the same bytes, always. */
struct check_record {
    struct id key;
    uint64_t content;
    enum topic topic;
    int32_t lane;
    uint32_t at;
};

/* A partition of a lane-written topic: what each n is. */
struct check_line {
    uint32_t cursor; /* records of the log that were looked at */
    uint32_t lost;   /* of it, when they were looked at */
    int64_t n;       /* the highest up to which none is missing */
    int64_t max_n;
    int64_t *at_us;     /* by n - 1; 0: not seen yet */
    uint64_t *contents; /* by n - 1 */
    uint32_t capacity;
};

/* What a restore took back: since the backup, until it was put back (mono). */
struct check_lost {
    int64_t from_us, to_us;
};

#define CHECK_READER_BYTES 24

/* Where somebody was, by the rows of notifications, when we looked last and the time before. */
struct check_person {
    struct id user_id;
    char now[CHECK_READER_BYTES], before[CHECK_READER_BYTES];
};

struct sim_check {
    const struct sim_place *place;
    struct sim_stripe *stripe;
    struct sim_discord *discord;
    const struct sim_traffic *traffic;
    struct arena arena;     /* of one record */
    int64_t reads_again_us; /* since when payments does, after a restore; 0: it does not */

    struct check_deal *deals;
    uint32_t deal_count, deal_capacity;
    struct sim_index deal_index;
    struct check_leg *legs;
    uint32_t leg_count, leg_capacity;
    struct sim_index leg_index;
    struct check_cause *causes;
    uint32_t cause_count, cause_capacity;
    struct sim_index cause_index;
    struct check_record *records;
    uint32_t record_count, record_capacity;
    struct sim_index record_index;
    struct check_line lines[TOPIC_COUNT][LANES];
    uint32_t object_cursor; /* of the provider's: sim_check_calls has looked at those before */
    uint32_t transition_cursor;
    int64_t transfer_count; /* that belong to transitions */
    struct sim_index fired; /* firings by (key, kind, generation), as an id */
    struct check_person *people;
    uint32_t person_count, person_capacity;
    bool without_discord;     /* nobody can reach it now */
    struct sim_index awaited; /* deliveries that must be sent, now that it is back */
    uint32_t awaited_refused; /* of those, so many that are not */
    struct sim_index unheard; /* events that notifications need not tell of */
    struct sim_index linked;  /* (user, Discord account), as an id: they belonged together once */
    uint32_t said;            /* messages that sim_check_said has looked at */
    uint32_t said_before; /* of them, those until a database was no longer behind; 0: none was */
    const struct intake *doors[SIM_SERVICE_COUNT]; /* NULL: it has none */
    struct check_lost lost[SIM_SERVICE_COUNT];
};

/* Text of an id for a failure; four may be in use at one time. */
const char *check_text(struct id id);
/* Made when there is none; valid until the next one is made. */
struct check_deal *check_deal(struct sim_check *check, struct id escrow_id);
struct check_leg *check_leg(struct sim_check *check, struct id leg_id);
struct check_cause *check_cause(struct sim_check *check, struct id cause_id);
struct check_record *check_record(struct sim_check *check, struct id message_id);

/* ---- sim_check_money.c ---- */

/* Reads what is new: the ledger's lines, with the rules that one line can break. */
void check_ledger(struct sim_check *check, struct sim_verdict *verdict);
/* Counts the provider anew, with the rules that the provider's count alone can show. */
void check_provider(struct sim_check *check, struct sim_verdict *verdict);
/* The rows of escrow and payments, held against both. */
void check_rows(struct sim_check *check, struct sim_verdict *verdict);
/* Once drained: nothing moved at the provider that the ledger does not have, and the reverse. */
void check_statement(struct sim_check *check, struct sim_verdict *verdict);

/* ---- sim_check_records.c ---- */

void check_topics(struct sim_check *check, struct sim_verdict *verdict);
void check_positions(struct sim_check *check, struct sim_verdict *verdict);
/* Once drained. */
void check_published(struct sim_check *check, struct sim_verdict *verdict);
void check_inboxes(struct sim_check *check, struct sim_verdict *verdict);
void check_caught_up(struct sim_check *check, struct sim_verdict *verdict);
/* TOPIC_NONE: no topic of ours. */
enum topic check_topic_named(struct str name);

/* ---- sim_check_asked.c: once drained ---- */

/* What a deal of these terms moves, when so much of the price is released, and so much goes back. */
struct check_sums {
    int64_t asked_minor;  /* of the buyer */
    int64_t seller_minor; /* to the seller */
    int64_t fee_minor;    /* the platform's */
    int64_t
        kept_fee_minor; /* the platform's besides, of what went back; of all that was not released, when that did */
};

struct check_sums check_sums_of(const struct gateway_terms *terms, int64_t released_minor,
                                int64_t back_minor);
void check_terms(struct sim_check *check, struct sim_verdict *verdict);
void check_taken(struct sim_check *check, struct sim_verdict *verdict);

/* ---- sim_check_consent.c ---- */

/* The deal's next transition, before its lines are booked, whose escrow this is. */
void check_consent(struct sim_check *check, struct check_deal *deal,
                   const struct escrow_transition *transition, const struct escrow *escrow,
                   struct sim_verdict *verdict);

/* The number that the request named, of an offer or a milestone; -1: it is not there any more, or cannot be read, or names
 * nothing of the kind. */
int64_t check_number_asked(struct sim_check *check, struct id request_id);

/* ---- sim_check_milestones.c ---- */

/* The deal's next transition, whose lines are counted. */
void check_milestone(struct sim_check *check, struct check_deal *deal,
                     const struct escrow_transition *transition, const struct escrow *escrow,
                     struct sim_verdict *verdict);
/* When the clock that ran after this transition of the deal ends: that of the milestone whose ends first. */
int64_t check_milestone_end(const struct sim_check *check, const struct escrow *escrow,
                            int64_t seq);
/* Once drained: the rows are what was agreed to, and what became of it. */
void check_milestone_rows(struct sim_check *check, struct sim_verdict *verdict);
/* The row of the verdict that this transition is; NULL: it is none, or the row is missing. */
const struct escrow_dispute_verdict *check_said_verdict(struct sim_check *check,
                                                        const struct escrow_transition *transition);

/* ---- sim_check_evidence.c ---- */

/* The row of the evidence that this transition is; NULL: it is none, or the row is missing. */
const struct escrow_evidence *check_said_evidence(struct sim_check *check,
                                                  const struct escrow_transition *transition);
/* The deal's next transition: by whom, in time, no more than may be, and what was asked for. */
void check_evidence(struct sim_check *check, struct check_deal *deal,
                    const struct escrow_transition *transition, const struct escrow *escrow,
                    struct sim_verdict *verdict);

/* ---- sim_check_told.c ---- */

void check_notices(struct sim_check *check, struct sim_verdict *verdict);

/* ---- sim_check_looks.c ---- */

void check_looks(struct sim_check *check, struct sim_verdict *verdict);
/* Something is over at the provider, and payments will find that out by itself. */
bool check_is_unheard(struct sim_check *check);

/* ---- sim_check_end.c ---- */

void check_outcomes(struct sim_check *check, struct sim_verdict *verdict);
void check_effects(struct sim_check *check, struct sim_verdict *verdict);
void check_parked(struct sim_check *check, struct sim_verdict *verdict);
void check_restored(struct sim_check *check, struct sim_verdict *verdict);
void check_ends(struct sim_check *check, struct sim_verdict *verdict);
void check_intents(struct sim_check *check, struct sim_verdict *verdict);
void check_views(struct sim_check *check, struct sim_verdict *verdict);
/* What a clock did to a deal, it did while it ran. */
void check_firings(struct sim_check *check, struct sim_verdict *verdict);
/* Something is due by now, or failed and waits for the staff's next round. */
bool check_is_overdue(struct sim_check *check);
/* A deal whose money waits for a person: an effect that will never be answered. */
bool check_is_stuck(struct sim_check *check, struct id escrow_id);
