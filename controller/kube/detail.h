/* SPDX-License-Identifier: Apache-2.0 */
/*
 * detail.h - what a source is amiss of, in one line. Pure. Internal to controller/kube.
 */
#ifndef CONTROLLER_KUBE_DETAIL_H
#define CONTROLLER_KUBE_DETAIL_H

#include "core/text.h"

#define DETAIL_REASONS_MAX 5  /* that are shown; more are counted */
#define DETAIL_NAMES_MAX   12 /* of one reason; likewise */

/*
 * Lines "NAME: REASON", as source_ops.add_detail() writes them, into "NAME, NAME: REASON; NAME:
 * REASON", each reason and each name of it once.
 */
void detail_join(struct bytes lines, struct text *out);

#endif
