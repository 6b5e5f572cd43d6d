/* One thread: accepts a client, connects upstream, copies both ways until told to break it. */
#include "testing/testing_proxy.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/assert.h"

struct testing_proxy {
    pthread_t thread;
    int listener;
    int wake; /* written when the mode changes or the thread must end */
    uint16_t port;
    uint16_t upstream_port;
    _Atomic int mode;
    _Atomic bool stopping;
};

static struct sockaddr_in loopback(uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

/* Copies what is there; false at the end of the stream. */
static bool copy(int from, int to)
{
    static char bytes[65536];
    ssize_t len = read(from, bytes, sizeof(bytes));
    for (ssize_t at = 0; at < len;) {
        ssize_t sent = send(to, bytes + at, (size_t)(len - at), MSG_NOSIGNAL);
        if (sent <= 0) {
            return false;
        }
        at += sent;
    }
    return len > 0;
}

static bool take_mode(struct testing_proxy *proxy, enum testing_proxy_mode mode)
{
    int expected = (int)mode;
    return atomic_compare_exchange_strong(&proxy->mode, &expected, TESTING_PROXY_FORWARD);
}

static void drop_wakes(struct testing_proxy *proxy)
{
    eventfd_t count;
    int failed = eventfd_read(proxy->wake, &count);
    ASSERT(failed == 0);
}

static void serve(struct testing_proxy *proxy, int client)
{
    int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ASSERT(server >= 0);
    struct sockaddr_in upstream = loopback(proxy->upstream_port);
    bool open = connect(server, (struct sockaddr *)&upstream, sizeof(upstream)) == 0;
    while (open && !atomic_load(&proxy->stopping)) {
        struct pollfd fds[] = {{.fd = client, .events = POLLIN},
                               {.fd = server, .events = POLLIN},
                               {.fd = proxy->wake, .events = POLLIN}};
        int ready = poll(fds, ARRAY_LEN(fds), -1);
        ASSERT(ready > 0);
        if (fds[2].revents) {
            drop_wakes(proxy);
        }
        if (atomic_load(&proxy->mode) == TESTING_PROXY_REFUSE) {
            break;
        }
        if (fds[0].revents) {
            open = !take_mode(proxy, TESTING_PROXY_CUT_QUESTION) && copy(client, server);
        }
        if (open && fds[1].revents) {
            open = !take_mode(proxy, TESTING_PROXY_CUT_ANSWER) && copy(server, client);
        }
    }
    close(server);
}

static void *run(void *arg)
{
    struct testing_proxy *proxy = arg;
    while (!atomic_load(&proxy->stopping)) {
        struct pollfd fds[] = {{.fd = proxy->listener, .events = POLLIN},
                               {.fd = proxy->wake, .events = POLLIN}};
        int ready = poll(fds, ARRAY_LEN(fds), -1);
        ASSERT(ready > 0);
        if (fds[1].revents) {
            drop_wakes(proxy);
        }
        if (!fds[0].revents) {
            continue;
        }
        int client = accept(proxy->listener, NULL, NULL);
        ASSERT(client >= 0);
        if (atomic_load(&proxy->mode) != TESTING_PROXY_REFUSE) {
            serve(proxy, client);
        }
        close(client);
    }
    return NULL;
}

struct testing_proxy *testing_proxy_new(uint16_t upstream_port)
{
    struct testing_proxy *proxy = calloc(1, sizeof(*proxy));
    ASSERT(proxy);
    proxy->upstream_port = upstream_port;
    proxy->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ASSERT(proxy->listener >= 0);
    struct sockaddr_in address = loopback(0);
    socklen_t len = sizeof(address);
    int failed = bind(proxy->listener, (struct sockaddr *)&address, sizeof(address));
    failed |= listen(proxy->listener, 8);
    failed |= getsockname(proxy->listener, (struct sockaddr *)&address, &len);
    ASSERT(failed == 0);
    proxy->port = ntohs(address.sin_port);
    proxy->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    ASSERT(proxy->wake >= 0);
    failed = pthread_create(&proxy->thread, NULL, run, proxy);
    ASSERT(failed == 0);
    return proxy;
}

static void wake(struct testing_proxy *proxy)
{
    int failed = eventfd_write(proxy->wake, 1);
    ASSERT(failed == 0);
}

void testing_proxy_free(struct testing_proxy *proxy)
{
    if (!proxy) {
        return;
    }
    atomic_store(&proxy->stopping, true);
    wake(proxy);
    int failed = pthread_join(proxy->thread, NULL);
    ASSERT(failed == 0);
    close(proxy->listener);
    close(proxy->wake);
    free(proxy);
}

uint16_t testing_proxy_port(const struct testing_proxy *proxy)
{
    return proxy->port;
}

void testing_proxy_set(struct testing_proxy *proxy, enum testing_proxy_mode mode)
{
    atomic_store(&proxy->mode, (int)mode);
    wake(proxy);
}
