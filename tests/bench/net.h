/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net.h - the addresses that the programs of bench and demo are given, and listening on them.
 */
#ifndef BENCH_NET_H
#define BENCH_NET_H

#include <netinet/in.h>
#include <stdbool.h>

/* "127.0.0.1:8080" into *address; false when `text` is no IPv4 address and port. */
bool net_parse(const char *text, struct sockaddr_in *address);
/* A listening socket that does not block, or -1 with errno. */
int net_listen(const struct sockaddr_in *address);

#endif
