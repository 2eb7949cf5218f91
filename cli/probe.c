/* SPDX-License-Identifier: Apache-2.0 */
/*
 * probe.c - asks a running Fairlead how it is, where nothing else can: on the network of a node two
 * of them may share a port while one takes over from the other, so each is asked at a socket of its
 * own, from inside of its container.
 */
#include "cli/ask.h"
#include "cli/commands.h"

int probe_run(const struct options *options)
{
    struct text answer;
    uint16_t code = 0;
    int result = EXIT_FOUND;

    text_init(&answer);
    if (ask_admin(&options->admin, options->asks_ready ? BYTES("/readyz") : BYTES("/healthz"),
                  &code, &answer) == STATUS_OK &&
        print(text_bytes(&answer)) && code == 200)
        result = EXIT_FINE;
    text_fini(&answer);
    return result;
}
