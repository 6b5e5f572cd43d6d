/* What a random walk told the engine, and what must have come of it. */
#include "engine_books.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/defer.h"
#include "base/lane.h"

#define AMOUNT_MAX 1000
#define NOBODY UINT32_MAX

static struct id accounts[BOOKS_ACCOUNTS]; /* always the same; to find them takes time */

static int32_t lane_of(uint32_t account)
{
    return (int32_t)(account % BOOKS_LANES);
}

void books_init(struct books *books, struct world *world, struct random *random)
{
    *books = (struct books){.world = world, .random = random};
    for (uint32_t a = 0; a < BOOKS_ACCOUNTS && id_is_none(accounts[BOOKS_ACCOUNTS - 1]); a++) {
        accounts[a] = world_account_in(lane_of(a), a / BOOKS_LANES);
    }
    toy_set_targets(accounts, BOOKS_ACCOUNTS);
}

static struct id id_of(uint32_t account)
{
    return accounts[account];
}

static bool chance(struct books *books, uint32_t one_in)
{
    return random_below(books->random, one_in) == 0;
}

/* ---- Telling ---- */

static void write_message(struct books *books, const struct books_message *message)
{
    struct id account = id_of(message->account);
    if (message->n > 0) {
        world_command_n(books->world, account, message->verb, message->amount, message->n,
                        message->committed_at_us, message->id);
    } else {
        world_signal(books->world, account, message->verb, message->amount, message->id);
    }
}

static struct books_message *note(struct books *books, uint32_t account, const char *verb)
{
    assert_true(books->count < BOOKS_MESSAGES_MAX);
    struct books_message *message = &books->messages[books->count];
    *message = (struct books_message){.id = world_id("walk", books->count),
                                      .account = account,
                                      .verb = verb,
                                      .amount = (int64_t)random_below(books->random, AMOUNT_MAX)};
    books->count++;
    return message;
}

static void tell_command(struct books *books, uint32_t account, const char *verb)
{
    struct books_message *message = note(books, account, verb);
    int32_t lane = lane_of(account);
    message->n = ++books->world->numbered[lane];
    message->committed_at_us = ++books->world->clock_us;
    books->opened[account] |= strcmp(verb, "open") == 0;
    if (message->n > 1 && chance(books, 25)) { /* the first one of all is demanded */
        books->missing[lane] = books->missing[lane] == 0 ? message->n : books->missing[lane];
    } else {
        write_message(books, message);
    }
}

static void tell_signal(struct books *books, uint32_t account, const char *verb)
{
    struct books_message *message = note(books, account, verb);
    message->swept = chance(books, 3);
    if (message->swept) {
        int64_t due_us = clock_wall_us() + (int64_t)random_below(books->random, 3000000);
        world_intake(books->world, id_of(account), verb, message->amount, message->id, due_us);
        if (chance(books, 2)) {
            write_message(books, message); /* it was published after all */
        }
        return;
    }
    write_message(books, message);
}

/* Something told before, the very same. */
static void tell_again(struct books *books)
{
    if (books->count == 0) {
        return;
    }
    const struct books_message *message =
        &books->messages[random_below(books->random, books->count)];
    int32_t lane = lane_of(message->account);
    bool lost = message->n > 0 && books->missing[lane] > 0 && message->n >= books->missing[lane];
    if (!lost && (message->n > 0 || !message->swept)) {
        write_message(books, message);
    }
}

/* The writer sets its cursor back to what is missing and tells all from there. */
static void tell_missing(struct books *books, int32_t lane)
{
    for (uint32_t i = 0; i < books->count && books->missing[lane] > 0; i++) {
        const struct books_message *message = &books->messages[i];
        if (lane_of(message->account) == lane && message->n >= books->missing[lane]) {
            write_message(books, message);
        }
    }
    books->missing[lane] = 0;
}

void books_tell(struct books *books)
{
    static const char *const verbs[] = {"add", "add", "add",  "add",    "call",
                                        "add", "add", "post", "garble", "fault"};

    uint32_t account = (uint32_t)random_below(books->random, BOOKS_ACCOUNTS);
    const char *verb = verbs[random_below(books->random, ARRAY_LEN(verbs))];
    /* What cannot be read parks the creation behind it, if that comes later: nobody could run it then. */
    bool unreadable = strcmp(verb, "garble") == 0;
    verb = unreadable && !books->opened[account] ? "add" : verb;
    switch (random_below(books->random, 10)) {
    case 0: tell_again(books); break;
    case 1: tell_missing(books, lane_of(account)); break;
    case 2:
    case 3:
    case 4:
        tell_signal(books, account, strcmp(verb, "call") == 0 || unreadable ? "add" : verb);
        break;
    case 5:
    case 6:
    case 7: tell_command(books, account, books->opened[account] ? verb : "open"); break;
    case 8:
    case 9: tell_command(books, account, verb); break; /* perhaps before its account is there */
    }
}

void books_complete(struct books *books)
{
    for (uint32_t a = 0; a < BOOKS_ACCOUNTS; a++) {
        if (!books->opened[a]) {
            tell_command(books, a, "open");
        }
    }
    for (int32_t p = 0; p < BOOKS_LANES; p++) {
        tell_missing(books, p);
    }
}

/* ---- Checking ---- */

static uint32_t find_message(const struct books *books, struct id id)
{
    for (uint32_t i = 0; i < books->count; i++) {
        if (id_eq(books->messages[i].id, id)) {
            return i;
        }
    }
    return NOBODY;
}

static void *copy_rows(struct world *world, const struct table *table, uint32_t *ret_count)
{
    const void *rows;
    *ret_count = world_rows(world, table, &rows);
    void *copy = test_calloc(*ret_count + 1, table->row_bytes);
    if (*ret_count > 0) {
        memcpy(copy, rows, *ret_count * table->row_bytes);
    }
    return copy;
}

/* What the outside did for it is what the journal says, once. */
static void check_calls(struct books *books, const struct toy_journal *journal, uint32_t lines,
                        int64_t *totals)
{
    uint32_t call_count;
    uint32_t effect_count;
    struct toy_call *calls = copy_rows(books->world, &toy_call_table, &call_count);
    struct effect_row *effects = copy_rows(books->world, &engine_effect_table, &effect_count);
    uint32_t wanted = 0;
    for (uint32_t i = 0; i < books->count; i++) {
        wanted += strcmp(books->messages[i].verb, "call") == 0 ? 1 : 0;
    }
    assert_int_equal(call_count, wanted);
    assert_int_equal(effect_count, wanted);
    for (uint32_t e = 0; e < effect_count; e++) {
        uint32_t c = 0;
        while (c < call_count && !id_eq(calls[c].id, effects[e].subject)) {
            c++;
        }
        assert_true(c < call_count);
        const struct sim_request *request = sim_outside_find(&books->world->outside, effects[e].id);
        assert_non_null(request);
        int64_t amount = request->carried_out ? calls[c].amount : 0;
        uint32_t found = 0;
        for (uint32_t i = 0; i < lines; i++) {
            if (id_eq(journal[i].cause, effects[e].id)) {
                assert_int_equal(journal[i].amount, amount);
                found++;
            }
        }
        assert_int_equal(found, 1);
        for (uint32_t a = 0; a < BOOKS_ACCOUNTS; a++) {
            totals[a] += id_eq(id_of(a), calls[c].account_id) ? amount : 0;
        }
    }
    test_free(calls);
    test_free(effects);
}

static int by_seq(const void *a, const void *b)
{
    const struct toy_journal *x = a;
    const struct toy_journal *y = b;
    return (x->seq > y->seq) - (x->seq < y->seq);
}

/* The lines of one account: commands by n, signals as they were first told; its opening comes first. */
static void check_order(const struct books *books, const struct toy_journal *journal,
                        uint32_t lines, uint32_t account)
{
    int64_t last_n = 0;
    uint32_t last_signal = 0;
    for (uint32_t i = 0; i < lines; i++) {
        uint32_t at = find_message(books, journal[i].cause);
        if (!id_eq(journal[i].account_id, id_of(account)) || at == NOBODY) {
            continue;
        }
        const struct books_message *message = &books->messages[at];
        assert_int_equal(message->account, account);
        assert_int_equal(message->amount, journal[i].amount);
        bool opening = strcmp(message->verb, "open") == 0;
        assert_true(!opening || journal[i].seq == 1);
        if (message->n > 0 && !opening) {
            assert_true(message->n > last_n);
            last_n = message->n;
        } else if (message->n == 0 && !message->swept) {
            assert_true(at + 1 > last_signal);
            last_signal = at + 1;
        }
    }
}

void books_check(struct books *books)
{
    int64_t totals[BOOKS_ACCOUNTS] = {0};
    uint32_t lines;
    uint32_t wanted = 0;
    struct toy_journal *journal = copy_rows(books->world, &toy_journal_table, &lines);
    qsort(journal, lines, sizeof(*journal), by_seq);
    for (uint32_t i = 0; i < books->count; i++) {
        const struct books_message *message = &books->messages[i];
        wanted++; /* a call has one too, when its answer is decided */
        if (strcmp(message->verb, "call") == 0) {
            continue;
        }
        totals[message->account] += message->amount;
        if (strcmp(message->verb, "post") == 0) { /* and one line more, where it was posted to */
            totals[message->amount % BOOKS_ACCOUNTS] += message->amount;
            wanted++;
        }
        uint32_t found = 0;
        for (uint32_t l = 0; l < lines; l++) {
            found += id_eq(journal[l].cause, message->id) ? 1 : 0;
        }
        assert_int_equal(found, 1);
    }
    assert_int_equal(lines, wanted);
    check_calls(books, journal, lines, totals);
    for (uint32_t a = 0; a < BOOKS_ACCOUNTS; a++) {
        check_order(books, journal, lines, a);
        const struct toy_account *account = world_find_account(books->world, id_of(a));
        assert_non_null(account);
        assert_int_equal(account->total, totals[a]);
    }
    test_free(journal);
}
