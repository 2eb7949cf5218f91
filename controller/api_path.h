/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api_path.h - where an object is on an API server. Names come from objects, so they are escaped:
 * none leads elsewhere.
 */
#ifndef CONTROLLER_API_PATH_H
#define CONTROLLER_API_PATH_H

#include "core/text.h"

/* "/apis/group/v1/namespaces/NS/RESOURCE"; root: "/apis/group/v1". */
void api_path_add_list(struct text *path, const char *root, struct bytes ns, const char *resource);
/* The same with "/NAME". */
void api_path_add_object(struct text *path, const char *root, struct bytes ns, const char *resource,
                         struct bytes name);
/* "2026-01-02T03:04:05.123456Z", as a MicroTime is written. */
void api_path_add_time(struct text *out, int64_t us);

#endif
