#include "httpc/testing/httpc_test_server.h"

#include <arpa/inet.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define REQUEST_MAX_BYTES (256 * 1024)
#define TICK_MS 5

static int listen_any(uint16_t *ret_port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    void *any = &at;
    assert_int_equal(bind(fd, any, len), 0);
    assert_int_equal(listen(fd, 64), 0);
    assert_int_equal(getsockname(fd, any, &len), 0);
    *ret_port = ntohs(at.sin_port);
    return fd;
}

uint16_t raw_server_dead_port(void)
{
    uint16_t port = 0;
    assert_int_equal(close(listen_any(&port)), 0);
    return port;
}

static bool readable(struct raw_server *server, int fd)
{
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    while (!atomic_load(&server->stopping)) {
        if (poll(&ready, 1, TICK_MS) > 0) {
            return true;
        }
    }
    return false;
}

/* The length that a whole request of these first bytes has; 0: not known yet. */
static size_t whole_bytes(const char *bytes, size_t len)
{
    const char *blank = memmem(bytes, len, "\r\n\r\n", 4);
    if (blank == NULL) {
        return 0;
    }
    size_t head = (size_t)(blank - bytes) + 4;
    const char *header = memmem(bytes, head, "Content-Length: ", 16);
    size_t body = 0;
    if (header != NULL) {
        for (const char *at = header + 16; *at >= '0' && *at <= '9'; at++) {
            body = body * 10 + (size_t)(*at - '0');
        }
    }
    return head + body;
}

/* False when the other side has closed. */
static bool read_request(struct raw_server *server, int fd, char *bytes)
{
    size_t len = 0;
    while (len < REQUEST_MAX_BYTES && readable(server, fd)) {
        ssize_t got = recv(fd, bytes + len, REQUEST_MAX_BYTES - len, 0);
        if (got <= 0) {
            return false;
        }
        len += (size_t)got;
        atomic_fetch_add(&server->received_bytes, (uint64_t)got);
        size_t whole = whole_bytes(bytes, len);
        if (whole > 0 && len >= whole) {
            atomic_fetch_add(&server->requests, 1);
            return true;
        }
    }
    return false;
}

static void send_all(int fd, struct str bytes)
{
    while (bytes.len > 0) {
        ssize_t sent = send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        if (sent <= 0) {
            return;
        }
        bytes = str_after(bytes, (size_t)sent);
    }
}

static void serve(struct raw_server *server, int fd)
{
    static char bytes[REQUEST_MAX_BYTES]; /* one raw server at a time */
    while (read_request(server, fd, bytes)) {
        switch (atomic_load(&server->mode)) {
        case RAW_ANSWER: send_all(fd, server->answer); break;
        case RAW_ANSWER_AND_CLOSE: send_all(fd, server->answer); return;
        case RAW_WAIT_AND_CLOSE: (void)poll(NULL, 0, RAW_WAIT_MS); return;
        case RAW_CLOSE: return;
        case RAW_HANG: break; /* the next read ends when the other side gives up */
        case RAW_MODE_COUNT: fail();
        }
    }
}

static void *run(void *arg)
{
    struct raw_server *server = arg;
    while (readable(server, server->fd)) {
        int fd = accept(server->fd, NULL, NULL);
        if (fd >= 0) {
            atomic_fetch_add(&server->connections, 1);
            serve(server, fd);
            (void)close(fd);
        }
    }
    return NULL;
}

void raw_server_start(struct raw_server *server, enum raw_mode mode, struct str answer)
{
    *server = (struct raw_server){.answer = answer};
    atomic_store(&server->mode, mode);
    server->fd = listen_any(&server->port);
    assert_int_equal(pthread_create(&server->thread, NULL, run, server), 0);
}

void raw_server_stop(struct raw_server *server)
{
    atomic_store(&server->stopping, true);
    assert_int_equal(pthread_join(server->thread, NULL), 0);
    (void)close(server->fd);
}
