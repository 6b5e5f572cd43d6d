#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Where the messages of a connection begin and end, and which of them matter: in PostgreSQL's protocol a COMMIT and its
 * answer, in Kafka's a Produce request and its answer. Knows no sockets.
 */

enum testing_protocol {
    TESTING_PROTOCOL_NONE = 0,
    TESTING_POSTGRES,
    TESTING_KAFKA,
    TESTING_PROTOCOL_COUNT,
};

enum testing_side {
    TESTING_CLIENT = 0,
    TESTING_SERVER,
    TESTING_SIDE_COUNT,
};

#define TESTING_HEAD_BYTES 64            /* enough of a frame to know what it is */
#define TESTING_WHOLE_BYTES (256 * 1024) /* answers that name addresses are read whole */
#define TESTING_ASKED_MAX 1024           /* requests of a connection that wait for their answers */
#define TESTING_NAME_BYTES 32

/* What a frame is, known from its head. */
struct testing_frame {
    bool question;      /* COMMIT or Produce begins with it */
    bool question_ends; /* with it everything was said that the server needs */
    bool answer;        /* to a question */
    bool addresses;     /* names brokers: `head` holds all of it */
};

struct testing_reader {
    char head[TESTING_WHOLE_BYTES]; /* of the frame that is being read; not forwarded yet */
    size_t head_bytes;
    uint64_t rest_bytes; /* of the frame whose head was forwarded */
};

struct testing_frames {
    enum testing_protocol protocol;
    struct testing_reader readers[TESTING_SIDE_COUNT];
    /* PostgreSQL */
    bool started;                    /* the client's messages have types */
    bool one_byte;                   /* the server answers with a letter: TLS or not */
    bool committing;                 /* a COMMIT was bound, its Sync did not come yet */
    char commit[TESTING_NAME_BYTES]; /* the prepared statement that is a COMMIT */
    bool commit_prepared;
    /* Kafka */
    int16_t asked[TESTING_ASKED_MAX]; /* a ring */
    uint32_t asked_first, asked_count;
};

/*
 * Takes bytes of one side until a head is complete; returns how many it took. *ret_frame is valid when *ret_complete;
 * then the caller forwards the head, and passes the next `rest_bytes` bytes on by itself.
 */
size_t testing_frames_read(struct testing_frames *frames, enum testing_side side, const char *bytes,
                           size_t count, bool *ret_complete, struct testing_frame *ret_frame);
