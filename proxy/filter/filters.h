/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filters.h - the filters themselves; chain.c runs them.
 */
#ifndef PROXY_FILTER_FILTERS_H
#define PROXY_FILTER_FILTERS_H

#include "proxy/filter/filter.h"

enum filter_verdict filter_redirect(const struct filter_request *request);
enum filter_verdict filter_available(const struct filter_request *request);
enum filter_verdict filter_upgrade(const struct filter_request *request);
enum filter_verdict filter_body_limit(const struct filter_request *request);

#endif
