/* A page's JSON in, lines out; none of it is believed but what has the right form. */
#include "payments/payments_balance.h"

#include "base/assert.h"
#include "json/json_read.h"
#include "payments/payments_stripe_event.h"

#define PATH_MAX_BYTES 512
#define SECOND_US INT64_C(1000000)
#define CURRENCY_BYTES 3
#define TYPE_MAX_BYTES 64
#define AT_MAX_S (INT64_MAX / SECOND_US)

STATUS payments_balance_path(struct op *op, const struct balance_question *question,
                             struct str *ret_path)
{
    ASSERT(question->limit >= 1);
    ASSERT(question->limit <= BALANCE_PAGE_LINES);
    struct strbuf path;
    strbuf_init(&path, op->arena, PATH_MAX_BYTES);
    strbuf_addf(&path,
                "/v1/balance_transactions?limit=%u&created%%5Bgte%%5D=%lld&created%%5Blt%%5D=%lld"
                "&expand%%5B%%5D=data.source",
                question->limit, (long long)(question->from_us / SECOND_US),
                (long long)(question->to_us / SECOND_US));
    if (question->after.len > 0) {
        ASSERT(payments_stripe_event_is_id(question->after));
        strbuf_addf(&path, "&starting_after=" STR_FMT, STR_ARG(question->after));
    }
    return strbuf_finish(&path, ret_path) ? OK : op_arena_full(op);
}

static bool read_currency(struct op *op, const struct json_value *line, struct str *ret_currency)
{
    struct str lower;
    struct strbuf upper;
    if (!json_text_at(line, "/currency", &lower) || lower.len != CURRENCY_BYTES) {
        return false;
    }
    strbuf_init(&upper, op->arena, CURRENCY_BYTES);
    for (size_t i = 0; i < lower.len; i++) {
        if (lower.ptr[i] < 'a' || lower.ptr[i] > 'z') {
            return false;
        }
        strbuf_add_char(&upper, (char)(lower.ptr[i] - 'a' + 'A'));
    }
    return strbuf_finish(&upper, ret_currency);
}

/* An object whose metadata are no ids of ours is nobody's: somebody made it by hand. */
static bool read_source(const struct json_value *line, struct balance_line *ret_line)
{
    const struct json_value *source = json_at(line, "/source");
    struct str leg = STR("");
    ret_line->source = STR("");
    ret_line->leg_id = (struct id){.bytes = {0}};
    if (source->kind == JSON_KIND_NULL) {
        return true;
    }
    if (source->kind == JSON_KIND_TEXT) { /* not shown, though it was asked for */
        ret_line->source = source->text;
        return payments_stripe_event_is_id(source->text);
    }
    if (!json_text_at(source, "/id", &ret_line->source) ||
        !payments_stripe_event_is_id(ret_line->source)) {
        return false;
    }
    struct id leg_id;
    if (json_text_at(source, "/metadata/leg_id", &leg) && id_parse(leg, &leg_id)) {
        ret_line->leg_id = leg_id;
    }
    return true;
}

static bool read_line(struct op *op, const struct json_value *item, struct balance_line *ret_line)
{
    struct str object;
    int64_t at_s = 0;
    if (!json_text_at(item, "/object", &object) || !str_eq(object, STR("balance_transaction")) ||
        !json_text_at(item, "/id", &ret_line->id) || !payments_stripe_event_is_id(ret_line->id) ||
        !json_text_at(item, "/type", &ret_line->type) || ret_line->type.len == 0 ||
        ret_line->type.len > TYPE_MAX_BYTES ||
        !json_i64_at(item, "/amount", &ret_line->amount_minor) ||
        !json_i64_at(item, "/fee", &ret_line->fee_minor) ||
        !json_i64_at(item, "/net", &ret_line->net_minor) || !json_i64_at(item, "/created", &at_s) ||
        at_s < 0 || at_s > AT_MAX_S) {
        return false;
    }
    ret_line->at_us = at_s * SECOND_US;
    return read_currency(op, item, &ret_line->currency) && read_source(item, ret_line);
}

STATUS payments_balance_read(struct op *op, struct str body, struct balance_page *ret_page)
{
    const struct json_value *root;
    struct str object;
    struct balance_page page = {.count = 0};
    TRY(json_read(op, body, &root));
    const struct json_value *data = json_at(root, "/data");
    if (!json_text_at(root, "/object", &object) || !str_eq(object, STR("list")) ||
        data->kind != JSON_KIND_ARRAY || data->count > BALANCE_PAGE_LINES ||
        !json_bool_at(root, "/has_more", &page.has_more) || (page.has_more && data->count == 0)) {
        return op_fail(op, STATUS_INVALID, "payments.balance_unreadable", "no page of lines");
    }
    for (uint32_t i = 0; i < data->count; i++) {
        if (!read_line(op, &data->items[i], &page.lines[i])) {
            return op_fail(op, STATUS_INVALID, "payments.balance_unreadable", "line %u of a page",
                           i);
        }
        page.count++;
    }
    *ret_page = page;
    return OK;
}

const char *payments_break_name(enum payments_break_cause cause)
{
    switch (cause) {
    case PAYMENTS_BREAK_NONE: return "";
    case PAYMENTS_BREAK_MISSING_AT_PROVIDER: return "missing_at_provider";
    case PAYMENTS_BREAK_MISSING_WITH_US: return "missing_with_us";
    case PAYMENTS_BREAK_AMOUNT: return "amount";
    case PAYMENTS_BREAK_FEE: return "fee";
    case PAYMENTS_BREAK_CURRENCY: return "currency";
    case PAYMENTS_BREAK_COUNT: break;
    }
    UNREACHABLE("cause");
}
