# SPDX-License-Identifier: Apache-2.0
"""
HTTP/2 over a Wire, either end, by hand: strict about what comes, free in what it sends.

    client = proxy.h2_client()              peer = origin.accept()
    stream = client.request("GET", "/")     request = peer.read_request()
    client.response(stream).status          peer.respond(request.stream)

Everything is read by whoever waits, in the test's own thread. `wire` is there for raw frames.
"""
import collections

import hpack

from . import frames
from .frames import (ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, FRAME_BYTES, GOAWAY, HEADERS,
                     INITIAL_WINDOW_SIZE, MAX_CONCURRENT_STREAMS, PING, RST_STREAM, SETTINGS, WINDOW,
                     WINDOW_UPDATE, read_frame)

CONNECTION_FIELDS = {"connection", "transfer-encoding", "upgrade", "keep-alive", "proxy-connection"}


class Message:
    """One side of a stream: a head, a body, trailers."""

    def __init__(self, stream):
        self.stream = stream
        self.fields = None      # of the final head, pseudo-fields too
        self.interim = []       # heads before it
        self.body = bytearray()
        self.trailers = None
        self.ended = False
        self.reset = None       # the error of a RST_STREAM
        self.data_frames = 0

    def all(self, name):
        return [value for key, value in self.fields if key == name.lower()]

    def get(self, name):
        """The value of a field that comes at most once, or None."""
        values = self.all(name)
        assert len(values) <= 1, f"{name} came {len(values)} times: {values}"
        return values[0] if values else None

    def has(self, name):
        return bool(self.all(name))

    def trailer(self, name):
        return dict(self.trailers or []).get(name)

    @property
    def is_over(self):
        return self.ended or self.reset is not None

    @property
    def status(self):
        return int(self.get(":status"))

    @property
    def reason_code(self):
        """The word that our own answers name: '404 no_host: ...' gives 'no_host'."""
        return bytes(self.body[4:]).partition(b":")[0].decode() if self.body else None

    @property
    def method(self):
        return self.get(":method")

    @property
    def target(self):
        return self.get(":path")

    def __repr__(self):
        return (f"<stream {self.stream} {self.fields} {bytes(self.body[:200])!r} {self.trailers} "
                f"ended={self.ended} reset={self.reset}>")


def check_head(fields, is_request, is_trailers):
    """What every receiver may rely on, RFC 9113 sections 8.2 and 8.3."""
    pseudo = [name for name, _ in fields if name.startswith(":")]
    assert [name for name, _ in fields[:len(pseudo)]] == pseudo, f"a late pseudo-field: {fields}"
    assert len(set(pseudo)) == len(pseudo), f"a repeated pseudo-field: {fields}"
    if is_trailers:
        assert not pseudo, f"trailers with pseudo-fields: {fields}"
    elif is_request:
        needed = {":method", ":scheme", ":path"}
        assert needed <= set(pseudo) <= needed | {":authority", ":protocol"}, fields
    else:
        assert pseudo == [":status"], fields
    for name, value in fields:
        assert name == name.lower() and name not in CONNECTION_FIELDS, f"{name} in {fields}"
        assert value == value.strip() and not set(value) & set("\r\n\0"), f"{name}: {value!r}"
        assert name != "te" or value == "trailers", fields


class H2End:
    """
    settings: pairs that we announce. consumes: what comes is given back to the windows at once; else
    only by consume(). is_client says which end we are. begins: send the preface and our settings.
    """

    def __init__(self, wire, is_client, settings=(), consumes=True, begins=True):
        self.wire, self.is_client, self.consumes = wire, is_client, consumes
        self.encoder, self.decoder = hpack.Encoder(), hpack.Decoder()
        self.decoder.max_header_list_size = 1 << 20
        self.messages = {}                    # what the peer sends, by stream
        self.arrived = collections.deque()    # streams that the peer opened, not yet taken
        self.peer_settings = {}
        self.acknowledged = 0                 # of our SETTINGS
        self.pongs = []
        self.goaways = []
        self.ended = False
        self.window = WINDOW                  # what we may send
        self.windows = {}
        self.sides_done = collections.Counter()  # by stream: how many sides are over
        own = dict(settings)
        self.streams_max = own.get(MAX_CONCURRENT_STREAMS, 1 << 31)
        self.room = WINDOW                    # what the peer may send
        self.stream_room = own.get(INITIAL_WINDOW_SIZE, WINDOW)
        self.rooms = {}
        self.block = None                     # a header block that is not whole yet
        if begins:
            self.send((frames.PREFACE if is_client else b"") + frames.settings(*settings))

    def send(self, *pieces):
        """Raw frames, in one write."""
        self.wire.send(b"".join(pieces))

    def reply(self, piece):
        """What a receiver owes for a frame; the peer may have gone meanwhile."""
        self.wire.send_if_open(piece)

    def close(self):
        self.wire.close()

    # ---- in ----

    def read(self):
        """One frame, dealt with. False at the end of the connection."""
        frame = None if self.ended else read_frame(self.wire)
        if frame is None:
            self.ended = True
            return False
        assert self.block is None or frame.kind == CONTINUATION, f"within a header block: {frame}"
        on_frame = {DATA: self._on_data, HEADERS: self._on_headers, CONTINUATION: self._on_headers,
                    RST_STREAM: self._on_reset, SETTINGS: self._on_settings, PING: self._on_ping,
                    GOAWAY: self.goaways.append, WINDOW_UPDATE: self._on_window}
        assert frame.kind in on_frame, f"nobody asked for {frame}"
        on_frame[frame.kind](frame)
        return True

    def wait(self, predicate, what="it"):
        """The first true value of the predicate, reading meanwhile."""
        while not (value := predicate()):
            assert self.read(), f"the connection ended before {what} came; goaways {self.goaways}"
        return value

    def read_to_end(self):
        while self.read():
            pass

    def has_news(self):
        """Read what is there, without waiting. Whether anything was."""
        before = len(self.wire.received)
        while self.wire.has_more() and self.read():
            pass
        return len(self.wire.received) > before

    def expect_goaway(self, *codes):
        """The peer ends the connection with one of these errors."""
        try:
            self.read_to_end()
        except (OSError, AssertionError):
            if not self.goaways:
                raise
        assert self.goaways, "it ended without a GOAWAY"
        assert self.goaways[-1].code in codes, self.goaways

    def expect_reset(self, stream, *codes):
        """The peer resets this stream with one of these errors, and answers nothing."""
        message = self.wait(lambda: (m := self.messages.get(stream)) and m.is_over and m,
                            f"the reset of stream {stream}")
        assert message.reset in codes and message.fields is None, message

    def expect_alive(self):
        """The connection answers a PING."""
        count = len(self.pongs)
        self.send(frames.ping(b"alive?!!"))
        self.wait(lambda: len(self.pongs) > count, "the answer to a PING")

    def _on_headers(self, frame):
        if frame.kind == HEADERS:
            self.block = frame, b""
        begin, so_far = self.block
        assert frame.stream == begin.stream, frame
        self.block = begin, so_far + frame.content
        if frame.has(END_HEADERS):
            (begin, block), self.block = self.block, None
            self._on_head(begin, [(str(name), str(value))
                                  for name, value in self.decoder.decode(block)])

    def _on_head(self, frame, fields):
        message = self._message(frame.stream)
        assert not message.ended, f"headers on a stream that ended: {frame}"
        check_head(fields, not self.is_client, message.fields is not None)
        if message.fields is not None:
            assert frame.has(END_STREAM), f"trailers that end nothing: {fields}"
            message.trailers = fields
        elif dict(fields).get(":status", "").startswith("1"):
            message.interim.append(fields)
        else:
            message.fields = fields
        if frame.has(END_STREAM):
            self._on_end(message)

    def _on_data(self, frame):
        message = self._message(frame.stream)
        assert message.fields is not None and not message.ended, f"{frame} for {message}"
        size = len(frame.payload)
        self.room -= size
        self.rooms[frame.stream] = self.rooms.get(frame.stream, self.stream_room) - size
        assert self.room >= 0 and self.rooms[frame.stream] >= 0, "more than the window allows"
        message.body += frame.content
        message.data_frames += 1
        if frame.has(END_STREAM):
            self._on_end(message)
        if self.consumes and size:
            self.consume(frame.stream, size)

    def _on_end(self, message):
        message.ended = True
        self._side_is_done(message.stream)
        length = message.get("content-length")
        if length is not None and message.fields[0][0] == ":method":
            assert int(length) == len(message.body), f"content-length {length}, {message}"

    def _on_reset(self, frame):
        self._message(frame.stream).reset = frame.code
        self.sides_done[frame.stream] = 2

    def _on_settings(self, frame):
        assert frame.stream == 0, frame
        if frame.has(ACK):
            self.acknowledged += 1
            return
        entries = frame.settings()
        by = (entries.get(INITIAL_WINDOW_SIZE, self._initial()) - self._initial())
        self.windows = {stream: window + by for stream, window in self.windows.items()}
        self.peer_settings.update(entries)
        self.reply(frames.SETTINGS_ACK)

    def _on_ping(self, frame):
        if frame.has(ACK):
            self.pongs.append(frame.payload)
        else:
            self.reply(frames.ping(frame.payload, ack=True))

    def _on_window(self, frame):
        assert frame.number > 0, frame
        if frame.stream == 0:
            self.window += frame.number
        else:
            self.windows[frame.stream] = (self.windows.get(frame.stream, self._initial())
                                          + frame.number)

    def _message(self, stream):
        assert stream != 0, "a message on stream 0"
        if stream not in self.messages:
            if self.is_client:
                assert stream in self.windows, f"stream {stream} was never opened"
            else:
                assert stream % 2 == 1 and stream > max(self.messages, default=0), stream
                self.arrived.append(stream)
            self.messages[stream] = Message(stream)
            assert self.is_client or self.open_count() <= self.streams_max or (
                not self.acknowledged), f"more than {self.streams_max} streams"
        return self.messages[stream]

    def open_count(self):
        return sum(self.sides_done[stream] < 2 for stream in self.messages)

    def _side_is_done(self, stream):
        self.sides_done[stream] += 1

    # ---- out ----

    def _initial(self):
        return self.peer_settings.get(INITIAL_WINDOW_SIZE, WINDOW)

    def consume(self, stream, size):
        """Give so much back to both windows."""
        self.room += size
        update = frames.window_update(0, size)
        if stream in self.messages and not self.messages[stream].is_over:
            self.rooms[stream] = self.rooms.get(stream, self.stream_room) + size
            update += frames.window_update(stream, size)
        self.reply(update)

    def give_window(self, stream, size):
        """Let the peer send so much more; stream 0 is the connection."""
        if stream == 0:
            self.room += size
        else:
            self.rooms[stream] = self.rooms.get(stream, self.stream_room) + size
        self.send(frames.window_update(stream, size))

    def send_head(self, stream, fields, end=False):
        self.windows.setdefault(stream, self._initial())
        block = self.encoder.encode(fields)
        assert len(block) <= FRAME_BYTES, "write this one with frames.continuation()"
        self.send(frames.headers(stream, block, end))
        if end:
            self._side_is_done(stream)

    def may_send(self, stream):
        return max(0, min(self.window, self.windows.get(stream, self._initial()), FRAME_BYTES))

    def send_data(self, stream, body=b"", end=False):
        """As the windows allow, reading while they are shut. False if the peer reset the stream."""
        body = memoryview(body)
        while True:
            room = self.may_send(stream)
            if len(body) and not room:
                self.wait(lambda: self.may_send(stream) or self._is_reset(stream), "window")
                if self._is_reset(stream):
                    return False
                continue
            piece, body = body[:room], body[room:]
            self.window -= len(piece)
            self.windows[stream] = self.windows.get(stream, self._initial()) - len(piece)
            is_last = end and not len(body)
            self.send(frames.data(stream, bytes(piece), is_last))
            if is_last:
                self._side_is_done(stream)
            if not len(body):
                return True

    def fill_windows(self, stream):
        """Send all that may be sent now; the count of bytes."""
        sent = 0
        while room := self.may_send(stream):
            self.send_data(stream, b"x" * room)
            sent += room
        return sent

    def _is_reset(self, stream):
        return stream in self.messages and self.messages[stream].reset is not None

    def send_trailers(self, stream, trailers):
        self.send_head(stream, trailers, end=True)

    def reset(self, stream, code=frames.CANCEL):
        self.send(frames.rst_stream(stream, code))
        self.sides_done[stream] = 2

    def goaway(self, last=None, code=frames.NO_ERROR):
        self.send(frames.goaway(max(self.messages, default=0) if last is None else last, code))


class H2Client(H2End):
    def __init__(self, wire, scheme="https", settings=((frames.ENABLE_PUSH, 0),), **options):
        super().__init__(wire, True, settings, **options)
        self.scheme = scheme
        self.next_stream = 1

    def new_stream(self):
        """The next stream's id, for frames written by hand."""
        stream, self.next_stream = self.next_stream, self.next_stream + 2
        self.windows[stream] = self._initial()
        return stream

    def request(self, method="GET", path="/", host="a.test", *fields, body=b"", end=True,
                trailers=None):
        """Open a stream. end: the message is whole with this."""
        stream = self.new_stream()
        head = [(":method", method), (":scheme", self.scheme), (":authority", host),
                (":path", path), *fields]
        self.send_head(stream, head, end and not body and trailers is None)
        if body:
            self.send_data(stream, body, end and trailers is None)
        if trailers is not None:
            self.send_trailers(stream, trailers)
        return stream

    def response(self, stream):
        """The whole answer; a reset fails the test."""
        message = self.ending(stream)
        assert message.ended and message.reset in (None, frames.NO_ERROR), message
        return message

    def ending(self, stream):
        """The answer when it is over, one way or another."""
        return self.wait(lambda: (m := self.messages.get(stream)) and m.is_over and m,
                         f"the answer of stream {stream}")

    def head(self, stream):
        """The answer when its final head is there."""
        return self.wait(lambda: (m := self.messages.get(stream)) and (m.fields or m.is_over) and m,
                         f"the head of stream {stream}")

    def ask(self, *arguments, **options):
        return self.response(self.request(*arguments, **options))

    def get(self, path="/", host="a.test", *fields):
        return self.ask("GET", path, host, *fields)

    def connect_websocket(self, path="/ws", host="a.test", *fields):
        """An extended CONNECT (RFC 8441)."""
        stream = self.new_stream()
        self.send_head(stream, [
            (":method", "CONNECT"), (":protocol", "websocket"), (":scheme", self.scheme),
            (":authority", host), (":path", path), ("sec-websocket-version", "13"), *fields])
        return stream
