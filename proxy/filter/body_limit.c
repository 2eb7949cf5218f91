/* SPDX-License-Identifier: Apache-2.0 */
/*
 * body_limit.c - bodies whose length says that they are too long (hostile-input 32).
 */
#include "proxy/filter/filters.h"

enum filter_verdict filter_body_limit(const struct filter_request *request)
{
    const struct request *head = request->request;

    if (request->body_bytes_max == 0 || head->framing != BODY_LENGTH ||
        head->content_length <= request->body_bytes_max)
        return FILTER_CONTINUE;
    return FILTER_BODY_TOO_LARGE;
}
