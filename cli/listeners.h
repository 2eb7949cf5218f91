/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listeners.h - where serve is told to listen, taken as a whole.
 */
#ifndef CLI_LISTENERS_H
#define CLI_LISTENERS_H

#include "cli/options.h"

/*
 * STATUS_INVALID when two listeners are told to be in one place: a sentence that names both has
 * been appended to *error. The kernel would not always refuse: with --share-ports, or several
 * workers, each listener would get some of the other's connections.
 */
enum status listeners_check(const struct options *options, struct text *error);

#endif
