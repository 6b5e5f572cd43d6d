/* The one table of refusals. */
#include "escrow/escrow_reason.h"

#include "base/assert.h"

static const struct escrow_reason_text texts[ESCROW_REASON_COUNT] = {
    [ESCROW_REASON_NONE] = {"", ""},
    [ESCROW_REASON_UNKNOWN] = {"escrow.unknown", "There is no such deal."},
    [ESCROW_REASON_EXISTS] = {"escrow.exists", "A deal with this number exists already."},
    [ESCROW_REASON_NOT_ALLOWED] =
        {"escrow.not_allowed", "You may not do this in this deal; the other side, or staff, can."},
    [ESCROW_REASON_WRONG_STATE] = {"escrow.wrong_state",
                                   "The deal is not at the point where this can be done."},
    [ESCROW_REASON_HAS_FUNDS] =
        {"escrow.has_funds", "The deal holds money: it can be refunded, but no longer cancelled."},
    [ESCROW_REASON_NOTHING_FAILED] = {"escrow.nothing_failed",
                                      "Nothing failed that could be sent again."},
    [ESCROW_REASON_SAME_PARTY] = {"escrow.same_party", "Buyer and seller must be two people."},
    [ESCROW_REASON_BAD_PRICE] = {"escrow.bad_price",
                                 "The price must be between 0.01 and 999,999.99 USD."},
    [ESCROW_REASON_BAD_FUNDING] = {"escrow.bad_funding",
                                   "The time to pay must be 1 hour to 30 days."},
    [ESCROW_REASON_BAD_DELIVERY] = {"escrow.bad_delivery",
                                    "The time to deliver must be 1 hour to 90 days."},
    [ESCROW_REASON_BAD_INSPECTION] = {"escrow.bad_inspection",
                                      "The time for inspection must be 1 to 30 days."},
    [ESCROW_REASON_BAD_FEES] = {"escrow.bad_fees",
                                "A fee must be 0 to 100 % and 0 to 10,000.00 USD, and leave "
                                "something of the price to the seller."},
    [ESCROW_REASON_BAD_TEXT] = {"escrow.bad_text", "A text is missing or too long."},
    [ESCROW_REASON_DROPPED] = {"escrow.dropped",
                               "This request could not be processed and was dropped by staff."},
    [ESCROW_REASON_DISPUTED] = {"escrow.disputed", "There is an open dispute about this deal."},
    [ESCROW_REASON_NOT_RAISER] = {"escrow.not_raiser",
                                  "Only who raised the dispute can withdraw it."},
    [ESCROW_REASON_TOO_MANY_DISPUTES] = {"escrow.too_many_disputes",
                                         "There were three disputes about this deal already."},
    [ESCROW_REASON_BAD_PART] = {"escrow.bad_part",
                                "A part must be less than what is held, and leave something to the "
                                "seller of the part and of the rest."},
    [ESCROW_REASON_TOO_MANY_PARTS] = {"escrow.too_many_parts",
                                      "Twenty parts of this deal were released already."},
    [ESCROW_REASON_BAD_SPLIT] = {"escrow.bad_split",
                                 "The two parts must come to what is held, and leave something "
                                 "to the seller after the fee."},
    [ESCROW_REASON_NO_SPLIT] = {"escrow.no_split",
                                "This offer is not open any more; look at the deal again."},
    [ESCROW_REASON_OWN_SPLIT] = {"escrow.own_split", "The other side must agree to your offer."},
    [ESCROW_REASON_TOO_MANY_SPLITS] = {"escrow.too_many_splits",
                                       "There were fifty offers about this deal already."},
    [ESCROW_REASON_BAD_MILESTONES] = {"escrow.bad_milestones",
                                      "A deal has 2 to 20 milestones, each with a title and an "
                                      "amount; together they are the price, and each leaves "
                                      "something to the seller after the fee."},
    [ESCROW_REASON_WHICH_MILESTONE] = {"escrow.which_milestone",
                                       "This deal has milestones: say which one, by its number."},
    [ESCROW_REASON_NO_MILESTONE] = {"escrow.no_milestone",
                                    "This deal has no milestone of that number."},
    [ESCROW_REASON_MILESTONE_STATE] = {"escrow.milestone_state",
                                       "The milestone is not at the point where this can be "
                                       "done."},
    [ESCROW_REASON_HAS_MILESTONES] =
        {"escrow.has_milestones",
         "This cannot be done in a deal with milestones: release or give back a milestone, raise a "
         "dispute, or agree to divide what is held."},
    [ESCROW_REASON_BAD_ARBITER] = {"escrow.bad_arbiter",
                                   "The arbiter must be a third person, with an Ed25519 public key "
                                   "of 32 bytes."},
    [ESCROW_REASON_OTHER_DISPUTE] =
        {"escrow.other_dispute", "This is not the dispute that is open; look at the deal again."},
    [ESCROW_REASON_STALE_VERDICT] = {"escrow.stale_verdict",
                                     "Something happened in this deal since the verdict was "
                                     "signed; look at it, and sign again."},
    [ESCROW_REASON_BAD_SIGNATURE] =
        {"escrow.bad_signature", "The verdict is not signed with the key of the deal's arbiter."},
    [ESCROW_REASON_ARBITER_HAS_TIME] = {"escrow.arbiter_has_time",
                                        "The arbiter still has time; then staff can decide."},
    [ESCROW_REASON_NOT_PROPOSER] = {"escrow.not_proposer",
                                    "Only who made the offer can take it back."},
    [ESCROW_REASON_BAD_EVIDENCE] = {"escrow.bad_evidence",
                                    "Evidence is a text, PDF, PNG, JPEG or WebP file of at most "
                                    "4 MiB, with a description of at most 500 bytes."},
    [ESCROW_REASON_TOO_MUCH_EVIDENCE] = {"escrow.too_much_evidence",
                                         "Each side can submit ten pieces of evidence in a "
                                         "dispute, together 16 MiB."},
    [ESCROW_REASON_EVIDENCE_CLOSED] = {"escrow.evidence_closed",
                                       "The time to submit evidence is over."},
    [ESCROW_REASON_UNEXPECTED] = {"escrow.unexpected_answer",
                                  "The payment provider answered something that was not asked."},
    [ESCROW_REASON_EARLY_TIMER] = {"escrow.early_timer",
                                   "The deal's time was said to be over before it was."},
    [ESCROW_REASON_OVERFLOW] = {"escrow.overflow", "More money arrived than an account can count."},
};

const struct escrow_reason_text *escrow_reason_text(enum escrow_reason reason)
{
    ASSERT(reason < ESCROW_REASON_COUNT);
    return &texts[reason];
}
