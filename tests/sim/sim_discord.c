/*
 * Requests in; channels, messages and answers out. Always holds: a message that was taken can be read
 * by its recipient for ever; a nonce that is still remembered says nothing a second time.
 */
#include "sim_discord.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/defer.h"
#include "base/random.h"
#include "effects/effects.h"
#include "json/json_read.h"

#define ARENA_BYTES ((size_t)256 * 1024)
#define BODY_MAX_BYTES 256
#define CHANNEL_FIRST UINT64_C(900000000000000000)
#define MESSAGE_FIRST UINT64_C(700000000000000000)
#define RETRY_MS 2000

struct channel {
    uint64_t recipient;
    bool gone;
};

struct call {
    struct sim_discord_line *line; /* NULL: this slot is free */
    int64_t ready_us;
    struct caller_answer answer; /* its body is owned */
};

struct sim_discord {
    const struct clock_fake *clock;
    struct random random;
    struct sim_discord_rates rates;
    bool away;
    struct sim_discord_counts counts;
    struct arena arena;
    struct channel *channels; /* the first one's id is CHANNEL_FIRST */
    uint32_t channel_count, channel_capacity;
    struct sim_discord_message *messages;
    uint32_t message_count, message_capacity;
    struct call *calls;
    uint32_t call_count, call_capacity;
};

struct sim_discord *sim_discord_new(const struct clock_fake *clock, uint64_t seed)
{
    struct sim_discord *discord = calloc(1, sizeof(*discord));
    ASSERT(discord);
    discord->clock = clock;
    discord->random = random_seeded(seed);
    arena_init(&discord->arena, ARENA_BYTES);
    return discord;
}

void sim_discord_free(struct sim_discord *discord)
{
    if (!discord) {
        return;
    }
    for (uint32_t i = 0; i < discord->call_count; i++) {
        free((void *)(uintptr_t)discord->calls[i].answer.body.ptr);
    }
    free(discord->channels);
    free(discord->messages);
    free(discord->calls);
    arena_fini(&discord->arena);
    free(discord);
}

const char *sim_discord_fault_name(enum sim_discord_fault fault)
{
    static const char *const names[SIM_DISCORD_FAULT_COUNT] = {
        [SIM_DISCORD_ANSWERS] = "answers",         [SIM_DISCORD_NOT_SENT] = "not_sent",
        [SIM_DISCORD_CALL_LOST] = "call_lost",     [SIM_DISCORD_REPLY_LOST] = "reply_lost",
        [SIM_DISCORD_ERROR_500] = "error_500",     [SIM_DISCORD_GARBAGE] = "garbage",
        [SIM_DISCORD_LIMITED_429] = "limited_429", [SIM_DISCORD_HELD] = "held",
        [SIM_DISCORD_CLOSED] = "closed",           [SIM_DISCORD_CHANNEL_GONE] = "channel_gone",
        [SIM_DISCORD_REFUSED] = "refused",
    };

    ASSERT(fault < SIM_DISCORD_FAULT_COUNT);
    return names[fault];
}

void sim_discord_set_rates(struct sim_discord *discord, const struct sim_discord_rates *rates)
{
    discord->rates = *rates;
}

static void lose_answer(struct caller_answer *answer)
{
    free((void *)(uintptr_t)answer->body.ptr);
    answer->body = (struct str){.ptr = NULL};
    answer->outcome = CALLER_UNKNOWN;
}

void sim_discord_set_away(struct sim_discord *discord, bool away)
{
    discord->away = away;
    for (uint32_t i = 0; i < discord->call_count && away; i++) {
        if (discord->calls[i].line) {
            lose_answer(&discord->calls[i].answer);
        }
    }
}

static void *room(void *array, uint32_t count, uint32_t *capacity, size_t bytes)
{
    if (count < *capacity) {
        return array;
    }
    *capacity = *capacity ? *capacity * 2 : 64;
    void *more = realloc(array, *capacity * bytes);
    ASSERT(more);
    return more;
}

/* ---- Answers ---- */

static void set_body(struct caller_answer *answer, int32_t http_status, const char *text)
{
    char *body = calloc(1, BODY_MAX_BYTES);
    ASSERT(body);
    int len = snprintf(body, BODY_MAX_BYTES, "%s", text);
    ASSERT(len >= 0);
    ASSERT(len < BODY_MAX_BYTES);
    answer->outcome = CALLER_ANSWERED;
    answer->http_status = http_status;
    answer->body = (struct str){.ptr = body, .len = (size_t)len};
}

static void refuse(struct caller_answer *answer, int32_t http_status, int code)
{
    char text[BODY_MAX_BYTES];
    (void)snprintf(text, sizeof(text), "{\"message\":\"no\",\"code\":%d}", code);
    set_body(answer, http_status, text);
}

static void say_id(struct caller_answer *answer, uint64_t id)
{
    char text[BODY_MAX_BYTES];
    (void)snprintf(text, sizeof(text), "{\"id\":\"%" PRIu64 "\"}", id);
    set_body(answer, 200, text);
}

/* ---- Work ---- */

static void open_channel(struct sim_discord *discord, const struct json_value *root,
                         struct caller_answer *answer)
{
    struct str text;
    int64_t recipient;
    if (!json_text_at(root, "/recipient_id", &text) || !str_to_i64(text, &recipient) ||
        recipient <= 0) {
        discord->counts.bad++;
        refuse(answer, 400, 50035);
        return;
    }
    for (uint32_t i = 0; i < discord->channel_count; i++) {
        if (discord->channels[i].recipient == (uint64_t)recipient && !discord->channels[i].gone) {
            say_id(answer, CHANNEL_FIRST + i);
            return;
        }
    }
    discord->channels = room(discord->channels, discord->channel_count, &discord->channel_capacity,
                             sizeof(*discord->channels));
    discord->channels[discord->channel_count] = (struct channel){.recipient = (uint64_t)recipient};
    say_id(answer, CHANNEL_FIRST + discord->channel_count++);
}

/* "/channels/<id>/messages" of a channel that was opened once, or NULL. */
static struct channel *channel_named(struct sim_discord *discord, struct str path)
{
    struct str rest = str_after(path, STR("/channels/").len);
    struct str name;
    struct str tail;
    int64_t id;
    if (!str_has_prefix(path, STR("/channels/")) || !str_cut(rest, '/', &name, &tail) ||
        !str_eq(tail, STR("messages")) || !str_to_i64(name, &id) || (uint64_t)id < CHANNEL_FIRST ||
        (uint64_t)id - CHANNEL_FIRST >= discord->channel_count) {
        return NULL;
    }
    return &discord->channels[(uint64_t)id - CHANNEL_FIRST];
}

static const struct sim_discord_message *said(const struct sim_discord *discord, uint64_t channel,
                                              struct str nonce)
{
    for (uint32_t i = discord->message_count; i > 0; i--) {
        const struct sim_discord_message *message = &discord->messages[i - 1];
        if (message->at_us + SIM_DISCORD_NONCE_US < discord->clock->wall_us) {
            return NULL;
        }
        if (message->channel == channel && str_eq(str_of(message->nonce), nonce)) {
            return message;
        }
    }
    return NULL;
}

static void take_message(struct sim_discord *discord, struct str path,
                         const struct json_value *root, struct caller_answer *answer)
{
    struct channel *channel = channel_named(discord, path);
    struct str nonce;
    struct str content;
    bool enforced = false;
    if (!channel || !json_text_at(root, "/nonce", &nonce) ||
        !json_text_at(root, "/content", &content) ||
        !json_bool_at(root, "/enforce_nonce", &enforced) || !enforced || content.len == 0 ||
        nonce.len >= sizeof(discord->messages->nonce)) {
        discord->counts.bad++;
        refuse(answer, 400, 50035);
        return;
    }
    if (channel->gone) {
        refuse(answer, 404, 10003);
        return;
    }
    uint64_t number = CHANNEL_FIRST + (uint64_t)(channel - discord->channels);
    const struct sim_discord_message *known = said(discord, number, nonce);
    if (known) {
        discord->counts.same_nonce++;
        say_id(answer, known->id);
        return;
    }
    discord->messages = room(discord->messages, discord->message_count, &discord->message_capacity,
                             sizeof(*discord->messages));
    struct sim_discord_message *message = &discord->messages[discord->message_count];
    *message = (struct sim_discord_message){
        .id = MESSAGE_FIRST + discord->message_count,
        .channel = number,
        .recipient = channel->recipient,
        .at_us = discord->clock->wall_us,
    };
    memcpy(message->nonce, nonce.ptr, nonce.len);
    discord->message_count++;
    say_id(answer, message->id);
}

static void work(struct sim_discord *discord, const struct caller_call *call,
                 enum sim_discord_fault fault, struct caller_answer *answer)
{
    arena_reset(&discord->arena);
    struct op op = {.arena = &discord->arena};
    struct effects_request request;
    const struct json_value *root;
    if (status_failed(effects_decode(&op, call->request, &request)) ||
        status_failed(json_read(&op, request.body, &root))) {
        discord->counts.bad++;
        refuse(answer, 400, 50109);
        return;
    }
    bool opens = str_eq(request.path, STR("/users/@me/channels"));
    struct channel *channel = opens ? NULL : channel_named(discord, request.path);
    if (fault == SIM_DISCORD_CHANNEL_GONE && channel) {
        channel->gone = true;
    }
    if (opens) {
        open_channel(discord, root, answer);
    } else {
        take_message(discord, request.path, root, answer);
    }
}

static void serve(struct sim_discord *discord, const struct caller_call *call,
                  enum sim_discord_fault fault, struct caller_answer *answer)
{
    discord->counts.calls++;
    switch (fault) {
    case SIM_DISCORD_ANSWERS:
    case SIM_DISCORD_CHANNEL_GONE: work(discord, call, fault, answer); return;
    case SIM_DISCORD_REPLY_LOST:
        work(discord, call, fault, answer);
        lose_answer(answer);
        return;
    case SIM_DISCORD_NOT_SENT: answer->outcome = CALLER_NOT_SENT; return;
    case SIM_DISCORD_CALL_LOST: answer->outcome = CALLER_UNKNOWN; return;
    case SIM_DISCORD_ERROR_500: set_body(answer, 500, "oops"); return;
    case SIM_DISCORD_GARBAGE: set_body(answer, 200, "<html>"); return;
    case SIM_DISCORD_LIMITED_429:
        set_body(answer, 429, "{\"retry_after\":2.0}");
        answer->retry_after_ms = RETRY_MS;
        return;
    case SIM_DISCORD_HELD:
        answer->outcome = CALLER_HELD;
        answer->retry_after_ms = RETRY_MS;
        return;
    case SIM_DISCORD_CLOSED: refuse(answer, 403, 50007); return;
    case SIM_DISCORD_REFUSED: refuse(answer, 400, 50035); return;
    case SIM_DISCORD_FAULT_COUNT: break;
    }
    UNREACHABLE("a call meets something");
}

/* ---- The port ---- */

static struct sim_discord_line *line_of(struct caller *caller)
{
    return (struct sim_discord_line *)(void *)caller;
}

static enum sim_discord_fault next_fault(struct sim_discord *discord)
{
    static const enum sim_discord_fault vain[] = {SIM_DISCORD_NOT_SENT, SIM_DISCORD_CALL_LOST,
                                                  SIM_DISCORD_ERROR_500};

    if (discord->away) {
        discord->counts.away++;
        return vain[random_below(&discord->random, ARRAY_LEN(vain))];
    }
    uint64_t draw = random_below(&discord->random, SIM_DISCORD_CHANCE);
    for (int fault = SIM_DISCORD_ANSWERS + 1; fault < SIM_DISCORD_FAULT_COUNT; fault++) {
        if (draw < discord->rates.faults[fault]) {
            return (enum sim_discord_fault)fault;
        }
        draw -= discord->rates.faults[fault];
    }
    return SIM_DISCORD_ANSWERS;
}

static struct call *free_call(struct sim_discord *discord)
{
    for (uint32_t i = 0; i < discord->call_count; i++) {
        if (!discord->calls[i].line) {
            return &discord->calls[i];
        }
    }
    discord->calls =
        room(discord->calls, discord->call_count, &discord->call_capacity, sizeof(*discord->calls));
    return &discord->calls[discord->call_count++];
}

static uint32_t line_free_slots(struct caller *caller)
{
    return line_of(caller)->slots - line_of(caller)->under_way;
}

static bool line_send(struct caller *caller, const struct caller_call *out)
{
    struct sim_discord_line *line = line_of(caller);
    struct sim_discord *discord = line->discord;
    if (line->under_way == line->slots) {
        return false;
    }
    enum sim_discord_fault fault =
        clock_mono_ms() > out->not_after_ms ? SIM_DISCORD_NOT_SENT : next_fault(discord);
    discord->counts.met[fault]++;
    struct call *call = free_call(discord);
    int64_t max_us = discord->rates.latency_us;
    uint64_t wait_us = max_us > 0 ? random_below(&discord->random, (uint64_t)max_us + 1) : 0;
    *call = (struct call){
        .line = line,
        .ready_us = discord->clock->mono_us + (int64_t)wait_us,
        .answer = {.thread = out->thread,
                   .lane = out->lane,
                   .epoch = out->epoch,
                   .effect_id = out->effect_id},
    };
    line->under_way++;
    serve(discord, out, fault, &call->answer);
    return true;
}

static bool line_take(struct caller *caller, uint32_t thread, struct caller_answer *ret_answer)
{
    struct sim_discord_line *line = line_of(caller);
    struct sim_discord *discord = line->discord;
    for (uint32_t i = 0; line->under_way > 0 && i < discord->call_count; i++) {
        struct call *call = &discord->calls[i];
        if (call->line == line && call->ready_us <= discord->clock->mono_us &&
            call->answer.thread == thread) {
            *ret_answer = call->answer;
            ret_answer->handle = (void *)(uintptr_t)call->answer.body.ptr;
            *call = (struct call){.line = NULL};
            line->under_way--;
            return true;
        }
    }
    return false;
}

static void line_release(struct caller *caller, struct caller_answer *answer)
{
    (void)caller;
    free(answer->handle);
    answer->handle = NULL;
}

static const struct caller_ops line_ops = {
    .free_slots = line_free_slots,
    .send = line_send,
    .take = line_take,
    .release = line_release,
};

struct caller *sim_discord_line_init(struct sim_discord_line *line, struct sim_discord *discord,
                                     uint32_t slots)
{
    ASSERT(slots > 0);
    *line =
        (struct sim_discord_line){.caller = {.ops = &line_ops}, .discord = discord, .slots = slots};
    return &line->caller;
}

void sim_discord_hang_up(struct sim_discord_line *line)
{
    struct sim_discord *discord = line->discord;
    for (uint32_t i = 0; i < discord->call_count; i++) {
        if (discord->calls[i].line == line) {
            free((void *)(uintptr_t)discord->calls[i].answer.body.ptr);
            discord->calls[i] = (struct call){.line = NULL};
        }
    }
    line->under_way = 0;
}

int64_t sim_discord_next_us(const struct sim_discord *discord)
{
    int64_t next_us = INT64_MAX;
    for (uint32_t i = 0; i < discord->call_count; i++) {
        const struct call *call = &discord->calls[i];
        next_us = call->line && call->ready_us < next_us ? call->ready_us : next_us;
    }
    return next_us;
}

/* ---- The truth ---- */

uint32_t sim_discord_count(const struct sim_discord *discord)
{
    return discord->message_count;
}

struct sim_discord_message *sim_discord_message(struct sim_discord *discord, uint32_t at)
{
    ASSERT(at < discord->message_count);
    return &discord->messages[at];
}

struct sim_discord_counts sim_discord_counts(const struct sim_discord *discord)
{
    return discord->counts;
}
