/* SPDX-License-Identifier: Apache-2.0 */
/*
 * grpc_web.h - lets clients that speak gRPC-Web use endpoints that speak gRPC.
 *
 *     client -> relay_request -> [grpc_web] -> upstream      base64 decoded, type rewritten
 *     client <- [grpc_web] <- relay_answer <- upstream       trailers into the body, base64
 *
 * Only where the endpoint is spoken to over HTTP/2; others get what the client sent.
 */
#ifndef PROXY_GRPC_WEB_H
#define PROXY_GRPC_WEB_H

#include "proxy/batch.h"
#include "proxy/http/grpc.h"
#include "proxy/stream.h"

struct grpc_web {
    enum grpc_kind kind; /* GRPC_WEB or GRPC_WEB_TEXT */
    struct grpc_web_text request;
    struct text out; /* owned; what a batch became, until it has been sent */
};

/* Before an attempt, when the cluster is known: notes whether this is a call of gRPC, and begins,
 * once, to translate if that is called for. False: what has come of the body cannot be translated;
 * the stream is failed. */
bool grpc_web_begin(struct stream *stream);
/* Before a batch goes on. `out` is what goes on in its place, and borrows from stream->grpc_web
 * until the next call. False: it cannot be translated; the stream is failed. */
bool grpc_web_request(struct stream *stream, const struct batch *batch, struct batch *out);
void grpc_web_answer(struct stream *stream, const struct batch *batch, struct response *head,
                     struct batch *out);
void grpc_web_end(struct stream *stream);

/* What the client speaks, and the Content-Type for an answer of ours to it, in the arena; whatever
 * has become of its request meanwhile. */
enum grpc_kind grpc_kind_of_client(const struct stream *stream);
struct bytes grpc_type_of_client(struct stream *stream);

#endif
