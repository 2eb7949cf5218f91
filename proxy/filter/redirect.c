/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redirect.c - routes that only say where else to ask (design 5.8, 5.15).
 */
#include "proxy/filter/filters.h"

enum filter_verdict filter_redirect(const struct filter_request *request)
{
    return request->route->action == ROUTE_REDIRECT_HTTPS ? FILTER_REDIRECT_HTTPS : FILTER_CONTINUE;
}
