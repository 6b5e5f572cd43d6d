#pragma once

#include <stdbool.h>
#include <sys/socket.h>

/* True for addresses of the public internet: not private, loopback, link-local, shared (CGNAT),
 * multicast, documentation, or IPv4 wrapped into IPv6. */
bool httpc_address_is_public(const struct sockaddr *address);
