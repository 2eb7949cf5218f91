/* SPDX-License-Identifier: Apache-2.0 */
/*
 * known.h - what was last seen of each manifest, and what was told about it. Belongs to the one job
 * that runs, so it needs no lock.
 */
#ifndef CONTROLLER_KUBE_KNOWN_H
#define CONTROLLER_KUBE_KNOWN_H

#include "controller/kube/reading.h"
#include "controller/kube/settle.h"
#include "controller/kube/source.h"
#include "core/map.h"

#define KNOWN_KINDS_MAX 1000 /* kinds we do not serve that are told about */

struct known_file {
    struct bytes path; /* followed by a NUL; into the same block */
    struct stamp stamp;
    uint64_t hash;             /* of the bytes that were decoded; 0: decode them in any case */
    uint64_t objects_count;    /* of the last reading that parsed */
    uint64_t empty_since_ms;   /* it became empty and is not believed yet; 0: it is not empty */
    uint64_t waiting_since_ms; /* something was heard that is not taken yet; 0: nothing */
    enum settle_news news;     /* the last thing heard since then */
    uint64_t scan_number;      /* the last scan that listed it */
    int error;                 /* errno of the last reading, or 0 */
    bool is_broken;
    bool is_line_ended; /* the last reading that parsed ended in a newline */
    char text[];
};

struct known {
    struct map files; /* path -> known_file, owned */
    struct map kinds; /* told about, owned */
    uint64_t scan_number;
    size_t troubles_count; /* directories the last scan could not list */
    struct files_stats stats;
};

void known_init(struct known *known);
void known_fini(struct known *known);
struct known_file *known_get(const struct known *known, struct bytes path);
struct known_file *known_add(struct known *known, struct bytes path);
void known_remove(struct known *known, struct known_file *file);
/* By what the file was before: objects_count follows a reading that parsed later. */
void known_set_broken(struct known *known, struct known_file *file, bool is_broken);
/* Log what there is to tell about a manifest that was read. */
void known_tell(struct known *known, struct log *log, const struct known_file *file,
                const struct decoded *decoded);

#endif
