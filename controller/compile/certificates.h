/* SPDX-License-Identifier: Apache-2.0 */
/*
 * certificates.h - the certificates that are shown: their list for the table, and what is told
 * about their ends.
 */
#ifndef CONTROLLER_COMPILE_CERTIFICATES_H
#define CONTROLLER_COMPILE_CERTIFICATES_H

#include "controller/compile/pass.h"

#define CERTIFICATE_SOON_S (7 * 24 * 3600) /* an end this near is told */

/*
 * After hosts and Services: forget Secrets that nothing uses, list the certificates that are shown
 * if they changed, and tell which of them are over, not yet valid or about to end. The texts name
 * dates and not what is left, so they change once and not with each run.
 */
void certificates_settle(struct pass *pass);

#endif
