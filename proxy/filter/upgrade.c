/* SPDX-License-Identifier: Apache-2.0 */
/*
 * upgrade.c - who may open a WebSocket (hostile-input 49). Other upgrades are not passed on, which
 * leaves the request an ordinary one (RFC 9110 section 7.8).
 */
#include "proxy/filter/filters.h"

enum filter_verdict filter_upgrade(const struct filter_request *request)
{
    const struct request *head = request->request;
    const struct field *upgrade;

    if (!head->wants_upgrade)
        return FILTER_CONTINUE;
    upgrade = request_field(head, FIELD_UPGRADE);
    if (upgrade == NULL || !bytes_equal_nocase(upgrade->value, BYTES("websocket")))
        return FILTER_CONTINUE;
    if (!request->route->websocket)
        return FILTER_UPGRADE_FORBIDDEN;
    return head->wants_websocket ? FILTER_CONTINUE : FILTER_UPGRADE_INVALID;
}
