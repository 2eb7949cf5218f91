/* SPDX-License-Identifier: Apache-2.0 */
/*
 * place.h - what stands where a snapshot is to be, and who may write there. Blocking.
 *
 * A file is ours when it is a regular one of our user, nobody else may write to it, it has one
 * name, and it begins as a snapshot does, or is empty. Symbolic links are not followed.
 */
#ifndef CONTROLLER_KUBE_PLACE_H
#define CONTROLLER_KUBE_PLACE_H

#include "core/status.h"
#include "core/text.h"

/*
 * For reading: *fd, or -1 where nothing is there. STATUS_REFUSED, and a sentence with the remedy in
 * *error: it is not ours, or the path leads nowhere. STATUS_IO: the system cannot say.
 */
enum status place_look(const char *path, int *fd, struct text *error);
/*
 * For writing: made if need be, empty, locked, mode 0600. What a killed one has left there is taken
 * over. STATUS_AGAIN: another process is writing it; else as above.
 */
enum status place_take(const char *path, int *fd, struct text *error);
/* The file still has that name. */
bool place_has(int fd, const char *path);
/* Brings a rename to the disk, where that can be asked for. */
void place_sync(const char *path);
/* PATH with this behind it; freed by the caller. */
char *place_beside(const char *path, const char *ending);

/* Append "PATH: WHAT: the system's error", or "PATH: WHY"; STATUS_IO, STATUS_REFUSED. */
enum status place_fail(struct text *error, const char *path, const char *what);
enum status place_refuse(struct text *error, const char *path, const char *why);

#endif
