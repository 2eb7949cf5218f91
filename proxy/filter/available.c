/* SPDX-License-Identifier: Apache-2.0 */
/*
 * available.c - routes that cannot be served keep their place (design 5.3).
 */
#include "proxy/filter/filters.h"

enum filter_verdict filter_available(const struct filter_request *request)
{
    bool is_forwarding =
        request->route->action == ROUTE_FORWARD && request->route->backends_count > 0;

    return is_forwarding ? FILTER_CONTINUE : FILTER_UNAVAILABLE;
}
