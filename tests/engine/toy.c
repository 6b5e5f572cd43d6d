#include "toy.h"

#include <inttypes.h>
#include <string.h>

#include "base/assert.h"

enum toy_verb {
    TOY_NONE = 0,
    TOY_OPEN,
    TOY_ADD,
    TOY_GARBLE,
    TOY_FAULT,
    TOY_HUGE,
    TOY_CALL,
    TOY_BUY,
    TOY_ALARM,
    TOY_POST,
    TOY_FAN,
    TOY_BULKY,
    TOY_DIE,
    TOY_SET_TIMER,
    TOY_SET_BOMB,
    TOY_SET_MINE,
    TOY_TRAP,
    TOY_CANCEL,
    TOY_UNKNOWN,
};

enum call_kind {
    CALL_NONE = 0,
    CALL_PLAIN,
    CALL_TRAP,
};

struct toy_body {
    enum toy_verb verb;
    int64_t amount;
};

static bool healed;
static atomic_uint afterwards;
void (*toy_on_die)(void);
static const struct id *targets;
static uint32_t target_count;

static void die(void)
{
    if (toy_on_die) {
        toy_on_die();
    }
}

void toy_heal(void)
{
    healed = true;
}

void toy_reset(void)
{
    healed = false;
    atomic_store(&afterwards, 0);
    toy_on_die = NULL;
    toy_set_targets(NULL, 0);
}

uint32_t toy_afterwards(void)
{
    return atomic_load(&afterwards);
}

void toy_set_targets(const struct id *ids, uint32_t count)
{
    targets = ids;
    target_count = count;
}

static const struct table_column account_columns[] = {
    TABLE_COLUMN(struct toy_account, id, COLUMN_UUID),
    TABLE_COLUMN(struct toy_account, version, COLUMN_INT8),
    TABLE_COLUMN(struct toy_account, seq, COLUMN_INT8),
    TABLE_COLUMN(struct toy_account, total, COLUMN_INT8),
};

const struct table toy_account_table = {
    .name = "account",
    .row_bytes = sizeof(struct toy_account),
    .columns = account_columns,
    .column_count = ARRAY_LEN(account_columns),
    .key_count = 1,
    .version = 1,
    .parent = TABLE_NO_COLUMN,
};

static const struct table_column call_columns[] = {
    TABLE_COLUMN(struct toy_call, id, COLUMN_UUID),
    TABLE_COLUMN(struct toy_call, account_id, COLUMN_UUID),
    TABLE_COLUMN(struct toy_call, version, COLUMN_INT8),
    TABLE_COLUMN(struct toy_call, amount, COLUMN_INT8),
    TABLE_COLUMN(struct toy_call, done, COLUMN_BOOL),
};

const struct table toy_call_table = {
    .name = "call",
    .row_bytes = sizeof(struct toy_call),
    .columns = call_columns,
    .column_count = ARRAY_LEN(call_columns),
    .key_count = 1,
    .version = 2,
    .parent = 1,
};

static const struct table_column journal_columns[] = {
    TABLE_COLUMN(struct toy_journal, account_id, COLUMN_UUID),
    TABLE_COLUMN(struct toy_journal, seq, COLUMN_INT8),
    TABLE_COLUMN(struct toy_journal, amount, COLUMN_INT8),
    TABLE_COLUMN(struct toy_journal, cause, COLUMN_UUID),
};

const struct table toy_journal_table = {
    .name = "journal",
    .row_bytes = sizeof(struct toy_journal),
    .columns = journal_columns,
    .column_count = ARRAY_LEN(journal_columns),
    .key_count = 2,
    .version = TABLE_NO_COLUMN,
    .parent = TABLE_NO_COLUMN,
};

/* ---- Decoding ---- */

static enum toy_verb verb_of(struct str word)
{
    static const struct {
        const char *word;
        enum toy_verb verb;
    } verbs[] = {{"open", TOY_OPEN},     {"add", TOY_ADD},       {"garble", TOY_GARBLE},
                 {"fault", TOY_FAULT},   {"huge", TOY_HUGE},     {"call", TOY_CALL},
                 {"buy", TOY_BUY},       {"alarm", TOY_ALARM},   {"post", TOY_POST},
                 {"fan", TOY_FAN},       {"bulky", TOY_BULKY},   {"timer", TOY_SET_TIMER},
                 {"bomb", TOY_SET_BOMB}, {"cancel", TOY_CANCEL}, {"mine", TOY_SET_MINE},
                 {"trap", TOY_TRAP},     {"die", TOY_DIE},       {"unknown", TOY_UNKNOWN}};

    for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
        if (str_eq(word, str_of(verbs[i].word))) {
            return verbs[i].verb;
        }
    }
    return TOY_NONE;
}

static STATUS decode(struct op *op, const struct bus_record *record,
                     struct engine_message *ret_message)
{
    struct str word;
    struct str number;
    struct toy_body *body = arena_new(op->arena, struct toy_body, 1);
    if (!body) {
        return op_arena_full(op);
    }
    if (!str_cut(record->value, ' ', &word, &number) || !str_to_i64(number, &body->amount)) {
        return op_fail(op, STATUS_INVALID, "toy.malformed", "not a verb and a number");
    }
    body->verb = verb_of(word);
    if (body->verb == TOY_DIE) {
        die();
    }
    if (body->verb == TOY_NONE || (body->verb == TOY_GARBLE && !healed)) {
        return op_fail(op, STATUS_INVALID, "toy.malformed", "unknown verb");
    }
    struct id key;
    if (!id_parse(record->key, &key)) {
        return op_fail(op, STATUS_INVALID, "toy.malformed", "key");
    }
    *ret_message = (struct engine_message){
        .id = record->message_id,
        .key = key,
        .correlation_id = record->message_id,
        .actor = {.kind = ENGINE_ACTOR_SYSTEM},
        .content = hash_of(record->value),
        .creates = body->verb == TOY_OPEN,
        .skip = body->verb == TOY_UNKNOWN && !healed,
        .body = body,
    };
    return OK;
}

int64_t toy_amount(const struct engine_message *message)
{
    const struct toy_body *body = message->body;
    return body->amount;
}

/* ---- Deciding ---- */

static void count_afterwards(const struct op *op, const void *about)
{
    (void)op;
    (void)about;
    atomic_fetch_add(&afterwards, 1);
}

static STATUS add(struct engine_turn *turn, struct toy_account *account, int64_t amount,
                  size_t event_bytes)
{
    struct op *op = engine_op(turn);
    account->seq++;
    account->version++;
    account->total += amount;
    engine_changed(turn);
    TRY(engine_afterwards(turn, count_afterwards, NULL));
    struct toy_journal line = {.account_id = account->id,
                               .seq = account->seq,
                               .amount = amount,
                               .cause = engine_cause(turn)->id};
    TRY(engine_append(turn, &toy_journal_table, &line));
    struct strbuf text;
    struct str payload;
    strbuf_init(&text, op->arena, event_bytes + 64);
    strbuf_addf(&text, "%" PRId64 " %" PRId64, account->seq, amount);
    for (size_t i = 0; i < event_bytes; i++) {
        strbuf_add_char(&text, '.');
    }
    if (!strbuf_finish(&text, &payload)) {
        return op_arena_full(op);
    }
    return engine_emit(turn, TOY_EVENTS, engine_next_id(turn), STR("toy.Added"), payload);
}

static STATUS call(struct engine_turn *turn, struct toy_account *account,
                   const struct toy_body *body)
{
    void *row;
    int64_t amount = body->amount;
    struct toy_call child = {
        .id = engine_next_id(turn), .account_id = account->id, .version = 1, .amount = amount};
    TRY(engine_child_create(turn, &toy_call_table, &child, &row));
    struct strbuf text;
    struct str request;
    strbuf_init(&text, engine_op(turn)->arena, 64);
    strbuf_addf(&text, "pay %" PRId64, amount);
    if (!strbuf_finish(&text, &request)) {
        return op_arena_full(engine_op(turn));
    }
    account->version++;
    engine_changed(turn);
    const struct engine_ask ask = {.id = engine_next_id(turn),
                                   .kind = body->verb == TOY_TRAP ? CALL_TRAP : CALL_PLAIN,
                                   .subject = child.id,
                                   .request = request};
    return engine_effect(turn, &ask);
}

/* "add amount" to the which-th target, with so many zeros before. */
static STATUS post(struct engine_turn *turn, int64_t which, int64_t amount, size_t bytes)
{
    struct op *op = engine_op(turn);
    ASSERT(target_count > 0);
    struct strbuf text;
    struct str payload;
    strbuf_init(&text, op->arena, bytes + 64);
    strbuf_add(&text, STR("add "));
    for (size_t i = 0; i < bytes; i++) {
        strbuf_add_char(&text, '0');
    }
    strbuf_addf(&text, "%" PRId64, amount);
    if (!strbuf_finish(&text, &payload)) {
        return op_arena_full(op);
    }
    return engine_post(turn, TOY_SIGNALS, engine_next_id(turn), STR("toy.Post"),
                       targets[which % target_count], payload);
}

static STATUS post_some(struct engine_turn *turn, const struct toy_body *body)
{
    int64_t amount = body->amount;
    if (body->verb != TOY_FAN) {
        return post(turn, amount, amount, body->verb == TOY_BULKY ? BUS_VALUE_MAX_BYTES : 0);
    }
    for (int64_t i = 0; i < amount; i++) {
        TRY(post(turn, i, 1, 0));
    }
    return OK;
}

static STATUS set_timer(struct engine_turn *turn, enum toy_timer_kind kind, int64_t packed)
{
    int64_t ms = packed % TOY_TIMER(1, 0);
    return engine_timer_set(turn, (int)kind, packed / TOY_TIMER(1, 0),
                            engine_op(turn)->now_us + ms * 1000);
}

static STATUS fired(struct engine_turn *turn, const struct timer_row *timer)
{
    if (timer->kind == TOY_TIMER_BOMB && !healed) {
        return op_fail(engine_op(turn), STATUS_BUG, "toy.bomb", "as asked");
    }
    if (timer->kind == TOY_TIMER_MINE) {
        die();
    }
    if (!id_eq(engine_cause(turn)->correlation_id, timer->correlation_id)) {
        return op_fail(engine_op(turn), STATUS_BUG, "toy.no_correlation",
                       "it fires for nobody's request");
    }
    return add(turn, engine_aggregate(turn), timer->generation, 0);
}

static STATUS decide(struct engine_turn *turn, const struct engine_message *message)
{
    const struct toy_body *body = message->body;
    struct toy_account *account = engine_aggregate(turn);
    void *row = account;
    if (!account && body->verb == TOY_OPEN) {
        struct toy_account fresh = {.id = message->key};
        TRY(engine_create(turn, &fresh, &row));
        account = row;
    }
    if (!account) {
        return op_fail(engine_op(turn), STATUS_NOT_FOUND, "toy.no_account", "not opened yet");
    }
    switch (body->verb) {
    case TOY_FAULT:
        if (!healed) {
            return op_fail(engine_op(turn), STATUS_BUG, "toy.fault", "as asked");
        }
        return add(turn, account, body->amount, 0);
    case TOY_HUGE: return add(turn, account, body->amount, BUS_VALUE_MAX_BYTES);
    case TOY_BUY: TRY(add(turn, account, body->amount, 0)); return call(turn, account, body);
    case TOY_CALL:
    case TOY_TRAP: return call(turn, account, body);
    case TOY_POST:
    case TOY_FAN:
    case TOY_BULKY: TRY(post_some(turn, body)); return add(turn, account, body->amount, 0);
    case TOY_ALARM:
        TRY(add(turn, account, 1, 0));
        return set_timer(turn, TOY_TIMER_PLAIN, body->amount);
    case TOY_SET_TIMER: return set_timer(turn, TOY_TIMER_PLAIN, body->amount);
    case TOY_SET_BOMB: return set_timer(turn, TOY_TIMER_BOMB, body->amount);
    case TOY_SET_MINE: return set_timer(turn, TOY_TIMER_MINE, body->amount);
    case TOY_CANCEL: engine_timer_cancel(turn, TOY_TIMER_PLAIN, body->amount); return OK;
    case TOY_OPEN:
    case TOY_ADD:
    case TOY_GARBLE:
    case TOY_DIE:
    case TOY_UNKNOWN: return add(turn, account, body->amount, 0);
    case TOY_NONE: break;
    }
    UNREACHABLE("verb");
}

static STATUS dropped(struct engine_turn *turn, const struct engine_message *message)
{
    (void)message;
    return engine_emit(turn, TOY_EVENTS, engine_next_id(turn), STR("toy.Dropped"), STR("dropped"));
}

/* ---- Answers: the body says "done", "failed", "later" or anything else ---- */

static enum engine_verdict judge(struct op *op, const struct effect_row *effect,
                                 const struct caller_answer *answer, struct str *ret_code)
{
    (void)op;
    (void)effect;
    *ret_code = STR("toy");
    if (str_eq(answer->body, STR("done"))) {
        return ENGINE_VERDICT_DONE;
    }
    if (str_eq(answer->body, STR("later"))) {
        return ENGINE_VERDICT_LATER;
    }
    return str_eq(answer->body, STR("failed")) ? ENGINE_VERDICT_FAILED : ENGINE_VERDICT_UNKNOWN;
}

static STATUS answered(struct engine_turn *turn, const struct effect_row *effect,
                       enum engine_verdict verdict, const struct caller_answer *answer)
{
    void *const *rows;
    uint32_t count = engine_children(turn, &toy_call_table, &rows);
    (void)answer;
    if (effect->kind == CALL_TRAP) {
        die();
    }
    for (uint32_t i = 0; i < count; i++) {
        struct toy_call *child = rows[i];
        if (id_eq(child->id, effect->subject)) {
            child->done = true;
            child->version++;
            engine_child_changed(turn, &toy_call_table, child);
            int64_t amount = verdict == ENGINE_VERDICT_DONE ? child->amount : 0;
            return add(turn, engine_aggregate(turn), amount, 0);
        }
    }
    return op_fail(engine_op(turn), STATUS_BUG, "toy.no_call", "an answer to nothing");
}

static struct str parked_record(struct op *op, const struct bus_record *record,
                                struct id message_id, struct id key, struct str reason)
{
    (void)record;
    (void)message_id;
    (void)key;
    return str_dup(op->arena, reason);
}

const struct engine_aggregate_kind toy_account_kind = {
    .table = &toy_account_table,
    .children = {&toy_call_table, &engine_timer_table},
};

static const struct engine_handler handlers[] = {
    {.topic = TOY_COMMANDS,
     .aggregate = &toy_account_kind,
     .decode = decode,
     .decide = decide,
     .dropped = dropped,
     .drop_needs_two = true},
    {.topic = TOY_SIGNALS,
     .aggregate = &toy_account_kind,
     .decode = decode,
     .decide = decide,
     .dropped = dropped,
     .closes = ENGINE_CLOSES_MESSAGE},
};

const struct engine_service toy_service = {
    .name = {.ptr = "payments", .len = 8},
    .appends = {&toy_journal_table},
    .handlers = handlers,
    .handler_count = ARRAY_LEN(handlers),
    .dlq = TOY_DLQ,
    .tells = true,
    .parked_record = parked_record,
    .demands_first = true,
    .effects_of = &toy_account_kind,
    .timers_of = &toy_account_kind,
    .clock = TOY_CLOCK,
    .judge = judge,
    .answered = answered,
    .fired = fired,
};
