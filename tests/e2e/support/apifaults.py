# SPDX-License-Identifier: Apache-2.0
"""What may go wrong with one request to an API server: for ApiServer.misbehave()."""
import json
import threading

from .apiserver import failure


def status(code, reason="", message="said the test", *lines, **options):
    """An answer that is no success."""
    def answer(exchange):
        exchange.reply(code, failure(code, reason, message, **options), *lines)

    return answer


def error_event(code, reason="", message="said the test", **options):
    """200, and then it fails."""
    def answer(exchange):
        exchange.begin_stream()
        exchange.event("ERROR", failure(code, reason, message, **options))
        exchange.end_stream()

    return answer


def body(data, code=200):
    """These bytes as a whole answer."""
    def answer(exchange):
        exchange.reply(code, data)

    return answer


def lines(data):
    """These bytes as a watch that then ends well."""
    def answer(exchange):
        exchange.begin_stream()
        exchange.piece(data)
        exchange.end_stream()

    return answer


def cut_within_a_line(thing, kind="MODIFIED"):
    """Half of an event, and the connection breaks."""
    def answer(exchange):
        line = json.dumps({"type": kind, "object": thing}).encode()
        exchange.begin_stream()
        exchange.piece(line[:len(line) // 2])
        exchange.reset()

    return answer


def reset(exchange):
    exchange.reset()


def truncated_list(exchange):
    """Half of the page that was announced."""
    server, request = exchange.server, exchange.request
    shelf = next(shelf for shelf in server.shelves.values()
                 if shelf.path.endswith("/" + request.resource))
    data = json.dumps(server.page(request, shelf)).encode()
    exchange.head(200, f"Content-Length: {len(data)}")
    exchange.send(data[:len(data) // 2])
    exchange.reset()


def silent(exchange):
    """A head, and never another byte."""
    exchange.begin_stream()
    exchange.hang()


def ended(exchange):
    """A watch that is over as soon as it began."""
    exchange.begin_stream()
    exchange.end_stream()


class Gate:
    """The answer waits until the test opens it, and is right then."""

    def __init__(self):
        self.opened = threading.Event()

    def __call__(self, exchange):
        self.opened.wait()
        exchange.server.answer(exchange)

    def open(self):
        self.opened.set()
