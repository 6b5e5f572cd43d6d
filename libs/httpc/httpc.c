/* The client: slots, a thread with one curl-multi loop, and the single blocking call. A slot is
 * owned by whoever reserved it, by the loop from start to `done`, and again by that one until
 * release; the lock hands it over. */
#include "httpc/httpc.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/assert.h"
#include "base/mutex.h"
#include "httpc/httpc_transfer.h"

#define POLL_MS 1000 /* curl wakes earlier for its own timeouts and for curl_multi_wakeup */
#define CLIENT_ARENA_BYTES (1024 * 1024)
#define SLOT_ARENA_BYTES (HTTPC_REQUEST_MAX_BYTES * 3 + HTTPC_ANSWER_MAX_BYTES * 3)

struct httpc_call {
    struct httpc *httpc;
    struct httpc_call *next; /* in the list of free ones, or of those to be started */
    CURL *easy;
    struct arena arena;
    struct op op;
    struct httpc_transfer transfer;
    bool refused; /* the request could not begin */
    bool running; /* in the multi handle; the loop alone uses it */
    httpc_done *done;
    void *ctx;
};

struct httpc {
    struct arena arena; /* this struct lives in it */
    struct httpc_options options;
    CURLM *multi;
    struct httpc_call *calls;
    pthread_t thread;
    bool running; /* the thread */
    pthread_mutex_t lock;
    struct httpc_call *free; /* under lock, as are the next three */
    uint32_t free_count;
    struct httpc_call *starting; /* newest first */
    bool stopping;
};

/* ---- The loop ---- */

static void finish(struct httpc_call *call, const struct httpc_answer *answer)
{
    call->done(call->ctx, call, answer); /* the slot is not ours any more */
}

static void take_new(struct httpc *httpc, struct httpc_call *call)
{
    while (call != NULL) {
        struct httpc_call *next = call->next;
        if (call->refused) {
            struct httpc_answer answer;
            httpc_transfer_refused(&call->transfer, &answer);
            finish(call, &answer);
        } else {
            call->running = true;
            CURLMcode failed = curl_multi_add_handle(httpc->multi, call->easy);
            ASSERT(failed == CURLM_OK);
        }
        call = next;
    }
}

static void take_finished(struct httpc *httpc)
{
    int left = 0;
    for (CURLMsg *msg = NULL; (msg = curl_multi_info_read(httpc->multi, &left)) != NULL;) {
        if (msg->msg != CURLMSG_DONE) {
            continue;
        }
        CURLcode result = msg->data.result;
        char *private = NULL;
        CURL *easy = msg->easy_handle;
        CURLcode failed = curl_easy_getinfo(easy, CURLINFO_PRIVATE, &private);
        ASSERT(failed == CURLE_OK);
        void *any = private;
        struct httpc_call *call = any;
        struct httpc_answer answer;
        httpc_transfer_finish(&call->transfer, result, &answer);
        CURLMcode not_removed = curl_multi_remove_handle(httpc->multi, easy);
        ASSERT(not_removed == CURLM_OK);
        call->running = false;
        finish(call, &answer);
    }
}

static void *loop(void *arg)
{
    struct httpc *httpc = arg;
    for (;;) {
        mutex_lock(&httpc->lock);
        struct httpc_call *fresh = httpc->starting;
        httpc->starting = NULL;
        bool stopping = httpc->stopping;
        mutex_unlock(&httpc->lock);
        if (stopping) {
            return NULL;
        }
        take_new(httpc, fresh);
        int running = 0;
        CURLMcode failed = curl_multi_perform(httpc->multi, &running);
        ASSERT(failed == CURLM_OK);
        take_finished(httpc);
        failed = curl_multi_poll(httpc->multi, NULL, 0, POLL_MS, NULL);
        ASSERT(failed == CURLM_OK);
    }
}

/* ---- Opening and closing ---- */

static STATUS open_client(struct op *op, struct httpc *httpc)
{
    uint32_t slots = httpc->options.slots;
    httpc->multi = curl_multi_init();
    httpc->calls = arena_new(&httpc->arena, struct httpc_call, slots);
    if (httpc->multi == NULL || httpc->calls == NULL) {
        return op_arena_full(op);
    }
    CURLMcode failed = curl_multi_setopt(httpc->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)slots);
    failed |= curl_multi_setopt(httpc->multi, CURLMOPT_MAXCONNECTS, (long)slots);
    ASSERT(failed == CURLM_OK);
    for (uint32_t i = slots; i-- > 0;) {
        struct httpc_call *call = &httpc->calls[i];
        call->httpc = httpc;
        call->easy = curl_easy_init();
        if (call->easy == NULL) {
            return op_fail(op, STATUS_RETRY, "httpc.start", "handle %u", i);
        }
        arena_init(&call->arena, SLOT_ARENA_BYTES);
        call->next = httpc->free;
        httpc->free = call;
        httpc->free_count++;
    }
    if (pthread_create(&httpc->thread, NULL, loop, httpc) != 0) {
        return op_fail(op, STATUS_RETRY, "httpc.start", "no thread");
    }
    httpc->running = true;
    return OK;
}

STATUS httpc_open(struct op *op, const struct httpc_options *options, struct httpc **ret_httpc)
{
    ASSERT(options->slots > 0);
    ASSERT(options->slots <= HTTPC_SLOTS_MAX);
    httpc_global_init();
    struct arena arena;
    arena_init(&arena, CLIENT_ARENA_BYTES);
    DEFER(httpc_free_at) struct httpc *httpc = arena_new(&arena, struct httpc, 1);
    if (httpc == NULL) {
        arena_fini(&arena);
        return op_arena_full(op);
    }
    httpc->arena = arena;
    httpc->options = *options;
    mutex_init(&httpc->lock);
    TRY(open_client(op, httpc));
    *ret_httpc = TAKE(httpc);
    return OK;
}

static void stop_loop(struct httpc *httpc)
{
    mutex_lock(&httpc->lock);
    httpc->stopping = true;
    mutex_unlock(&httpc->lock);
    CURLMcode failed = curl_multi_wakeup(httpc->multi);
    ASSERT(failed == CURLM_OK);
    int not_joined = pthread_join(httpc->thread, NULL);
    ASSERT(not_joined == 0);
}

void httpc_free(struct httpc *httpc)
{
    if (httpc == NULL) {
        return;
    }
    if (httpc->running) {
        stop_loop(httpc);
    }
    for (uint32_t i = 0; httpc->calls != NULL && i < httpc->options.slots; i++) {
        struct httpc_call *call = &httpc->calls[i];
        if (call->running) {
            (void)curl_multi_remove_handle(httpc->multi, call->easy);
        }
        curl_easy_cleanup(call->easy);
        curl_slist_free_all(call->transfer.headers);
        arena_fini(&call->arena);
    }
    if (httpc->multi != NULL) {
        (void)curl_multi_cleanup(httpc->multi);
    }
    mutex_fini(&httpc->lock);
    struct arena arena = httpc->arena;
    arena_fini(&arena);
}

/* ---- Slots ---- */

uint32_t httpc_free_slots(struct httpc *httpc)
{
    mutex_lock(&httpc->lock);
    uint32_t count = httpc->free_count;
    mutex_unlock(&httpc->lock);
    return count;
}

struct httpc_call *httpc_reserve(struct httpc *httpc)
{
    mutex_lock(&httpc->lock);
    struct httpc_call *call = httpc->free;
    if (call != NULL) {
        httpc->free = call->next;
        httpc->free_count--;
    }
    mutex_unlock(&httpc->lock);
    return call;
}

struct arena *httpc_arena(struct httpc_call *call)
{
    return &call->arena;
}

void httpc_start(struct httpc_call *call, const struct httpc_request *request, httpc_done *done,
                 void *ctx)
{
    struct httpc *httpc = call->httpc;
    call->op = (struct op){.arena = &call->arena};
    call->done = done;
    call->ctx = ctx;
    call->transfer.easy = call->easy;
    struct status st = httpc_transfer_begin(&call->op, &call->transfer, &httpc->options, request);
    call->refused = status_failed(st);
    void *private = call;
    if (!call->refused) {
        CURLcode failed = curl_easy_setopt(call->easy, CURLOPT_PRIVATE, private);
        ASSERT(failed == CURLE_OK);
    }
    mutex_lock(&httpc->lock);
    ASSERT(!httpc->stopping);
    call->next = httpc->starting;
    httpc->starting = call;
    mutex_unlock(&httpc->lock);
    CURLMcode failed = curl_multi_wakeup(httpc->multi);
    ASSERT(failed == CURLM_OK);
}

void httpc_release(struct httpc_call *call)
{
    struct httpc *httpc = call->httpc;
    arena_reset(&call->arena);
    mutex_lock(&httpc->lock);
    call->next = httpc->free;
    httpc->free = call;
    httpc->free_count++;
    ASSERT(httpc->free_count <= httpc->options.slots);
    mutex_unlock(&httpc->lock);
}

/* ---- One, waiting for it ---- */

void httpc_keep_fini(struct httpc_keep *keep)
{
    curl_easy_cleanup(keep->easy);
    keep->easy = NULL;
}

STATUS httpc_perform(struct op *op, const struct httpc_options *options, struct httpc_keep *keep,
                     const struct httpc_request *request, struct httpc_answer *ret_answer)
{
    httpc_global_init();
    DEFER(httpc_keep_fini) struct httpc_keep once = {.easy = NULL};
    struct httpc_keep *used = keep ? keep : &once;
    if (used->easy == NULL) {
        used->easy = curl_easy_init();
    }
    if (used->easy == NULL) {
        return op_fail(op, STATUS_RETRY, "httpc.start", "no handle");
    }
    struct httpc_transfer transfer = {.easy = used->easy};
    struct status st = httpc_transfer_begin(op, &transfer, options, request);
    if (status_failed(st)) {
        struct httpc_answer refused;
        httpc_transfer_refused(&transfer, &refused);
        return st;
    }
    CURLcode result = curl_easy_perform(used->easy);
    httpc_transfer_finish(&transfer, result, ret_answer);
    return OK;
}
