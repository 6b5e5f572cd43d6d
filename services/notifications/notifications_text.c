/* News to sentences. The table is the whole policy: an empty cell is told to nobody. A message may be
 * read, and even sent, hours later: it says what happened, never what is so now. */
#include "notifications/notifications_text.h"

#include <inttypes.h>

#include "base/assert.h"

#define AMOUNT STR("{amount}")
#define DETAIL STR("{detail}")

/* {amount}: the sum with its currency; {detail}: the code or reason, quoted, with the text in front of
 * it within [ ] left out when there is none. */
static const char *const sentences[NOTICE_COUNT][ROLE_COUNT] = {
    [NOTICE_PAYMENT_READY] =
        {
            [ROLE_BUYER] =
                "The payment for this deal was prepared: **{amount}**. It can be made for as "
                "long as the deal waits for it.",
            [ROLE_SELLER] = "The buyer's payment for this deal was prepared: **{amount}**. Please "
                            "deliver only while the money is held.",
        },
    [NOTICE_PAYMENT_DECLINED] =
        {
            [ROLE_BUYER] =
                "A payment for this deal did not go through[: {detail}]. It can be tried "
                "again for as long as the deal waits for it.",
        },
    [NOTICE_PAYMENT_SETUP_FAILED] =
        {
            [ROLE_BUYER] = "The payment for this deal could not be prepared[: {detail}].",
        },
    [NOTICE_FUNDS_HELD] =
        {
            [ROLE_BUYER] = "**{amount}** arrived and was set aside for this deal.",
            [ROLE_SELLER] =
                "**{amount}** arrived and was set aside for this deal. You can deliver for "
                "as long as the money is held.",
        },
    [NOTICE_DELIVERED] =
        {
            [ROLE_BUYER] = "This deal[ (milestone {detail})] was marked as delivered. Please "
                           "check what you received.",
            [ROLE_SELLER] = "This deal[ (milestone {detail})] was marked as delivered.",
        },
    [NOTICE_RELEASE_STARTED] =
        {
            [ROLE_BUYER] = "The payout of **{amount}** to the seller was begun.",
            [ROLE_SELLER] = "The payout of **{amount}** to you was begun.",
        },
    [NOTICE_RELEASED] =
        {
            [ROLE_BUYER] = "**{amount}** was paid out to the seller.",
            [ROLE_SELLER] = "**{amount}** was paid out to you.",
        },
    [NOTICE_PAYOUT_FAILED] =
        {
            [ROLE_SELLER] =
                "The payout to you did not go through[: {detail}]. The money stayed owed "
                "to you.",
        },
    [NOTICE_REFUND_STARTED] =
        {
            [ROLE_BUYER] = "The refund of **{amount}** to you was begun[. Reason: {detail}].",
            [ROLE_SELLER] =
                "The refund of **{amount}** to the buyer was begun[. Reason: {detail}].",
        },
    [NOTICE_REFUNDED] =
        {
            [ROLE_BUYER] = "**{amount}** was sent back to you.",
            [ROLE_SELLER] = "**{amount}** was sent back to the buyer.",
        },
    [NOTICE_REFUND_FAILED] =
        {
            [ROLE_BUYER] =
                "The refund to you did not go through[: {detail}]. The money stayed owed "
                "to you.",
        },
    [NOTICE_CANCELLED] =
        {
            [ROLE_BUYER] = "This deal was cancelled[. Reason: {detail}].",
            [ROLE_SELLER] = "This deal was cancelled[. Reason: {detail}].",
        },
    [NOTICE_EXPIRED] =
        {
            [ROLE_BUYER] = "This deal expired: no payment for it had been noted in time.",
            [ROLE_SELLER] = "This deal expired: no payment for it had been noted in time.",
        },
    [NOTICE_FUNDS_SUSPENDED] =
        {
            [ROLE_BUYER] = "**{amount}** arrived that this deal did not expect. Sending it back to "
                           "you was begun.",
        },
    [NOTICE_FOREIGN_MONEY] =
        {
            [ROLE_BUYER] = "Money arrived that this deal did not expect: **{amount}**. It was put "
                           "aside for our staff to decide about.",
        },
    [NOTICE_SUSPENSE_REFUNDED] =
        {
            [ROLE_BUYER] = "**{amount}** that this deal did not expect was sent back to you.",
        },
    [NOTICE_REJECTED] =
        {
            [ROLE_BUYER] = "The delivery of this deal was rejected[. Reason: {detail}].",
            [ROLE_SELLER] =
                "The delivery of this deal was rejected by the buyer[. Reason: {detail}]. You can "
                "accept the return, or, if it is one of several milestones, deliver it once more "
                "or "
                "give it back, for as long as the deal waits for your answer.",
        },
    [NOTICE_DISPUTED] =
        {
            [ROLE_BUYER] =
                "A dispute was raised: **{amount}** of this deal was frozen[. Reason: {detail}].",
            [ROLE_SELLER] =
                "A dispute was raised: **{amount}** of this deal was frozen[. Reason: {detail}].",
        },
    [NOTICE_DISPUTE_WITHDRAWN] =
        {
            [ROLE_BUYER] = "The dispute about this deal was withdrawn.",
            [ROLE_SELLER] = "The dispute about this deal was withdrawn.",
            [ROLE_ARBITER] = "The dispute about this deal was withdrawn.",
        },
    [NOTICE_DISPUTE_ESCALATED] =
        {
            [ROLE_BUYER] = "The dispute about this deal was not settled in time. Whoever decides "
                           "it was called: the arbiter of the deal, or our staff.",
            [ROLE_SELLER] = "The dispute about this deal was not settled in time. Whoever decides "
                            "it was called: the arbiter of the deal, or our staff.",
            [ROLE_ARBITER] = "The dispute about this deal, whose arbiter you are, was not settled "
                             "in time: your verdict was asked for.",
        },
    [NOTICE_PARTIALLY_RELEASED] =
        {
            [ROLE_BUYER] = "A part of this deal[ (milestone {detail})] was released: the payout "
                           "of **{amount}** to the seller was begun. The rest stayed set aside.",
            [ROLE_SELLER] = "A part of this deal[ (milestone {detail})] was released: the payout "
                            "of **{amount}** to you was begun. The rest stayed set aside.",
        },
    [NOTICE_PART_PAID] =
        {
            [ROLE_BUYER] = "**{amount}** of this deal was paid out to the seller.",
            [ROLE_SELLER] = "**{amount}** of this deal was paid out to you.",
        },
    [NOTICE_PARTIALLY_REFUNDED] =
        {
            [ROLE_BUYER] = "A part of this deal[ (milestone {detail})] was given back: the refund "
                           "of **{amount}** to you was begun. The rest stayed set aside.",
            [ROLE_SELLER] = "A part of this deal[ (milestone {detail})] was given back: the "
                            "refund of **{amount}** to the buyer was begun. The rest stayed set "
                            "aside.",
        },
    [NOTICE_PART_REFUNDED] =
        {
            [ROLE_BUYER] = "**{amount}** of this deal was sent back to you.",
            [ROLE_SELLER] = "**{amount}** of this deal was sent back to the buyer.",
        },
    [NOTICE_SPLIT_PROPOSED] =
        {
            [ROLE_BUYER] = "An offer was made to divide the money of this deal: **{amount}** for "
                           "you, the rest for the seller. Whoever was asked can agree for as long "
                           "as the offer stands.",
            [ROLE_SELLER] = "An offer was made to divide the money of this deal: **{amount}** for "
                            "you, the rest for the buyer. Whoever was asked can agree for as long "
                            "as the offer stands.",
        },
    [NOTICE_SPLIT_AGREED] =
        {
            [ROLE_BUYER] = "You and the seller agreed to divide the money of this deal: "
                           "**{amount}** goes to you.",
            [ROLE_SELLER] = "You and the buyer agreed to divide the money of this deal: "
                            "**{amount}** goes to you.",
        },
    [NOTICE_DISPUTE_RESOLVED] =
        {
            [ROLE_BUYER] = "The dispute about this deal was decided: **{amount}** goes to you[. "
                           "Reason: {detail}].",
            [ROLE_SELLER] = "The dispute about this deal was decided: **{amount}** goes to you[. "
                            "Reason: {detail}].",
            [ROLE_ARBITER] = "The dispute about this deal was decided.",
        },
    [NOTICE_EVIDENCE_SUBMITTED] =
        {
            [ROLE_BUYER] = "Evidence was submitted in the dispute about this deal[: {detail}]. "
                           "The deal says until when you can submit yours.",
            [ROLE_SELLER] = "Evidence was submitted in the dispute about this deal[: {detail}]. "
                            "The deal says until when you can submit yours.",
            [ROLE_ARBITER] = "Evidence was submitted in the dispute about this deal[: {detail}].",
        },
    [NOTICE_SPLIT_WITHDRAWN] =
        {
            [ROLE_BUYER] = "The offer to divide the money of this deal was taken back.",
            [ROLE_SELLER] = "The offer to divide the money of this deal was taken back.",
        },
};

bool notifications_text_is_told(enum notice notice, enum role role)
{
    ASSERT(notice < NOTICE_COUNT);
    ASSERT(role < ROLE_COUNT);
    return sentences[notice][role] != NULL;
}

/* ---- Words from outside ---- */

/* Bytes of the UTF-8 character at ptr; the text is UTF-8. */
static size_t character_bytes(unsigned char first)
{
    if (first < 0x80) {
        return 1;
    }
    if (first < 0xe0) {
        return 2;
    }
    return first < 0xf0 ? 3 : 4;
}

/* Invisible characters that turn, join or hide text: U+061C, U+200B–U+200F, U+2028–U+202E,
 * U+2060–U+206F, U+FEFF. */
static bool is_invisible(struct str character)
{
    const unsigned char *b = (const unsigned char *)character.ptr;
    if (character.len == 2) {
        return (b[0] == 0xd8 && b[1] == 0x9c) || (b[0] == 0xc2 && b[1] < 0xa0);
    }
    if (character.len != 3) {
        return false;
    }
    if (b[0] == 0xef) {
        return b[1] == 0xbb && b[2] == 0xbf;
    }
    bool marks = b[1] == 0x80 && (b[2] & 0x3f) >= 0x0b && (b[2] & 0x3f) <= 0x0f;
    bool turns = b[1] == 0x80 && (b[2] & 0x3f) >= 0x28 && (b[2] & 0x3f) <= 0x2e;
    bool joins = b[1] == 0x81 && (b[2] & 0x3f) >= 0x20 && (b[2] & 0x3f) <= 0x2f;
    return b[0] == 0xe2 && (marks || turns || joins);
}

static bool is_blank(struct str text)
{
    return str_trim(text).len == 0;
}

/* A code span: nothing in it is markdown but the backtick, which becomes an apostrophe. Control
 * characters become blanks, so that it stays one line. */
static void add_quote(struct strbuf *buf, struct str words)
{
    struct str text = str_trim(words);
    size_t count = 0;
    strbuf_add_char(buf, '`');
    for (size_t at = 0; at < text.len;) {
        struct str character = {.ptr = text.ptr + at,
                                .len = character_bytes((unsigned char)text.ptr[at])};
        at += character.len;
        ASSERT(at <= text.len); /* it was checked on entry */
        if (is_invisible(character)) {
            continue;
        }
        if (count++ == QUOTE_MAX_CHARACTERS) {
            strbuf_add(buf, STR("…"));
            break;
        }
        bool control = (unsigned char)character.ptr[0] < 0x20 || character.ptr[0] == 0x7f;
        if (control) {
            strbuf_add_char(buf, ' ');
        } else {
            strbuf_add(buf, character.ptr[0] == '`' ? STR("'") : character);
        }
    }
    strbuf_add(buf, count == 0 ? STR("-`") : STR("`")); /* two backticks are no code span */
}

/* ---- Sentences ---- */

static void add_amount(struct strbuf *buf, const struct news *news)
{
    enum currency currency;
    if (currency_parse(news->currency, &currency)) {
        char text[MONEY_TEXT_BYTES];
        money_format(news->amount_minor, currency, text);
        strbuf_add(buf, str_of(text));
        return;
    }
    /* How many digits it has after the point is not for us to know. */
    strbuf_addf(buf, "%" PRId64 " in the smallest unit of ", news->amount_minor);
    add_quote(buf, news->currency);
}

static void add_sentence(struct strbuf *buf, struct str sentence, const struct news *news)
{
    bool left_out = false;
    for (struct str rest = sentence; rest.len > 0;) {
        if (rest.ptr[0] == '[') {
            left_out = is_blank(news->detail);
        } else if (rest.ptr[0] == ']') {
            left_out = false;
        } else if (str_has_prefix(rest, AMOUNT)) {
            add_amount(buf, news);
            rest = str_after(rest, AMOUNT.len);
            continue;
        } else if (!left_out && str_has_prefix(rest, DETAIL)) {
            add_quote(buf, news->detail);
            rest = str_after(rest, DETAIL.len);
            continue;
        } else if (!left_out) {
            strbuf_add_char(buf, rest.ptr[0]);
        }
        rest = str_after(rest, 1);
    }
}

STATUS notifications_text_write(struct op *op, const struct news *news, struct str *ret_content)
{
    ASSERT(notifications_text_is_told(news->notice, news->role));
    char deal[ID_TEXT_BYTES];
    id_format(news->escrow_id, deal);
    struct strbuf buf;
    strbuf_init(&buf, op->arena, CONTENT_MAX_BYTES);
    add_sentence(&buf, str_of(sentences[news->notice][news->role]), news);
    strbuf_addf(&buf, "\nDeal `%s`", deal);
    if (!is_blank(news->description)) {
        strbuf_add(&buf, STR(": "));
        add_quote(&buf, news->description);
    }
    int64_t second = news->happened_at_us / 1000000;
    strbuf_addf(&buf, "\nThis was <t:%" PRId64 ":f>, <t:%" PRId64 ":R>.", second, second);
    return strbuf_finish(&buf, ret_content) ? OK : op_arena_full(op);
}
