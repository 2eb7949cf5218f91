/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chain.c - the order of the filters. A redirect comes first: it is right whatever else is wrong.
 */
#include "proxy/filter/filters.h"

typedef enum filter_verdict filter_fn(const struct filter_request *request);

static filter_fn *const chain[] = {
    filter_redirect,
    filter_available,
    filter_upgrade,
    filter_body_limit,
};

enum filter_verdict filter_run(const struct filter_request *request)
{
    for (size_t i = 0; i < sizeof(chain) / sizeof(chain[0]); i++) {
        enum filter_verdict verdict = chain[i](request);

        if (verdict != FILTER_CONTINUE)
            return verdict;
    }
    return FILTER_CONTINUE;
}
