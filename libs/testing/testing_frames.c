/* Lengths, types and correlation, as far as a fault needs them; everything else passes unread. */
#include "testing/testing_frames.h"

#include <string.h>

#include "base/assert.h"

#define LENGTH_BYTES 4
#define POSTGRES_TLS 80877103 /* SSLRequest; GSSENCRequest is the next number */
#define POSTGRES_GSS 80877104
#define KAFKA_PRODUCE 0
#define KAFKA_METADATA 3
#define KAFKA_FIND_COORDINATOR 10

static uint32_t u32_at(const char *bytes)
{
    const unsigned char *b = (const unsigned char *)bytes;
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static int16_t asked_at(const struct testing_frames *frames, uint32_t at)
{
    return frames->asked[(frames->asked_first + at) % TESTING_ASKED_MAX];
}

/* Bytes before the length, which counts itself in PostgreSQL and not in Kafka. */
static size_t type_bytes(const struct testing_frames *frames, enum testing_side side)
{
    bool typed =
        frames->protocol == TESTING_POSTGRES && (side == TESTING_SERVER || frames->started);
    return typed ? 1 : 0;
}

/* 0: its length is not there yet. */
static uint64_t frame_bytes(const struct testing_frames *frames, enum testing_side side)
{
    const struct testing_reader *reader = &frames->readers[side];
    size_t before = type_bytes(frames, side);
    if (side == TESTING_SERVER && frames->one_byte) {
        return 1;
    }
    if (reader->head_bytes < before + LENGTH_BYTES) {
        return 0;
    }
    uint64_t length = u32_at(reader->head + before);
    return length + (frames->protocol == TESTING_POSTGRES ? before : LENGTH_BYTES);
}

static bool names_addresses(const struct testing_frames *frames, enum testing_side side)
{
    if (frames->protocol != TESTING_KAFKA || side != TESTING_SERVER || frames->asked_count == 0) {
        return false;
    }
    return asked_at(frames, 0) == KAFKA_METADATA || asked_at(frames, 0) == KAFKA_FIND_COORDINATOR;
}

static size_t min_size(uint64_t a, uint64_t b)
{
    return (size_t)(a < b ? a : b);
}

/* How much of the frame must be there before it is told what it is; 0: not known yet. */
static size_t wanted_bytes(const struct testing_frames *frames, enum testing_side side)
{
    uint64_t all = frame_bytes(frames, side);
    return min_size(all, names_addresses(frames, side) ? TESTING_WHOLE_BYTES : TESTING_HEAD_BYTES);
}

/* ---- PostgreSQL ---- */

/* The next NUL-ended text of a head, or NULL when it does not end in it. */
static const char *text_at(const struct testing_reader *reader, size_t *at)
{
    const char *text = reader->head + *at;
    size_t left = reader->head_bytes - *at;
    size_t len = strnlen(text, left);
    if (len == left) {
        return NULL;
    }
    *at += len + 1;
    return text;
}

static void note_prepared(struct testing_frames *frames, const char *name, const char *sql)
{
    size_t len = strlen(name) + 1; /* it ends: text_at saw to that */
    if (strcmp(sql, "COMMIT") == 0 && len <= sizeof(frames->commit)) {
        memcpy(frames->commit, name, len);
        frames->commit_prepared = true;
    }
}

static struct testing_frame postgres_asked(struct testing_frames *frames)
{
    const struct testing_reader *reader = &frames->readers[TESTING_CLIENT];
    struct testing_frame frame = {.question = false};
    if (!frames->started) {
        uint32_t code = reader->head_bytes >= 8 ? u32_at(reader->head + LENGTH_BYTES) : 0;
        frames->one_byte = code == POSTGRES_TLS || code == POSTGRES_GSS;
        frames->started = !frames->one_byte;
        return frame;
    }
    size_t at = 1 + LENGTH_BYTES;
    const char *first = NULL;
    const char *second = NULL;
    switch (reader->head[0]) {
    case 'Q':
        first = text_at(reader, &at);
        frame.question = first && strcmp(first, "COMMIT") == 0;
        frame.question_ends = frame.question;
        return frame;
    case 'P': /* Parse: name, statement */
        first = text_at(reader, &at);
        second = first ? text_at(reader, &at) : NULL;
        if (second) {
            note_prepared(frames, first, second);
        }
        return frame;
    case 'B': /* Bind: portal, name */
        first = text_at(reader, &at);
        second = first ? text_at(reader, &at) : NULL;
        frame.question = second && frames->commit_prepared && strcmp(second, frames->commit) == 0;
        frames->committing |= frame.question;
        return frame;
    case 'S': /* Sync */
        frame.question_ends = frames->committing;
        frames->committing = false;
        return frame;
    default: return frame;
    }
}

static struct testing_frame postgres_answered(struct testing_frames *frames)
{
    const struct testing_reader *reader = &frames->readers[TESTING_SERVER];
    struct testing_frame frame = {.question = false};
    if (frames->one_byte) {
        frames->one_byte = false;
        return frame;
    }
    size_t at = 1 + LENGTH_BYTES;
    const char *tag = reader->head[0] == 'C' ? text_at(reader, &at) : NULL;
    frame.answer = tag && strcmp(tag, "COMMIT") == 0;
    return frame;
}

/* ---- Kafka ---- */

static struct testing_frame kafka_asked(struct testing_frames *frames)
{
    const char *head = frames->readers[TESTING_CLIENT].head;
    int16_t key = (int16_t)(u32_at(head + LENGTH_BYTES) >> 16);
    ASSERT(frames->asked_count < TESTING_ASKED_MAX);
    frames->asked[(frames->asked_first + frames->asked_count) % TESTING_ASKED_MAX] = key;
    frames->asked_count++;
    return (struct testing_frame){.question = key == KAFKA_PRODUCE,
                                  .question_ends = key == KAFKA_PRODUCE};
}

/* A broker answers the requests of a connection in their order. */
static struct testing_frame kafka_answered(struct testing_frames *frames)
{
    ASSERT(frames->asked_count > 0);
    struct testing_frame frame = {.answer = asked_at(frames, 0) == KAFKA_PRODUCE,
                                  .addresses = names_addresses(frames, TESTING_SERVER)};
    frames->asked_first = (frames->asked_first + 1) % TESTING_ASKED_MAX;
    frames->asked_count--;
    return frame;
}

static struct testing_frame frame_of(struct testing_frames *frames, enum testing_side side)
{
    bool asked = side == TESTING_CLIENT;
    if (frames->protocol == TESTING_POSTGRES) {
        return asked ? postgres_asked(frames) : postgres_answered(frames);
    }
    return asked ? kafka_asked(frames) : kafka_answered(frames);
}

size_t testing_frames_read(struct testing_frames *frames, enum testing_side side, const char *bytes,
                           size_t count, bool *ret_complete, struct testing_frame *ret_frame)
{
    struct testing_reader *reader = &frames->readers[side];
    size_t taken = 0;
    *ret_complete = false;
    while (taken < count) {
        size_t wanted = wanted_bytes(frames, side);
        size_t known = wanted > 0 ? wanted : type_bytes(frames, side) + LENGTH_BYTES;
        size_t more = min_size(known - reader->head_bytes, count - taken);
        memcpy(reader->head + reader->head_bytes, bytes + taken, more);
        reader->head_bytes += more;
        taken += more;
        wanted = wanted_bytes(frames, side);
        if (wanted > 0 && reader->head_bytes >= wanted) {
            reader->rest_bytes = frame_bytes(frames, side) - reader->head_bytes;
            *ret_frame = frame_of(frames, side);
            *ret_complete = true;
            return taken;
        }
    }
    return taken;
}
