# SPDX-License-Identifier: Apache-2.0
"""
Frames of HTTP/2 written by hand: nothing here refuses to write what is wrong (RFC 9113, RFC 7541).

    client.send(PREFACE, settings(), headers(1, GET), data(1, b"x", end=True))
"""
import struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = (
    range(10))
KINDS = ("DATA", "HEADERS", "PRIORITY", "RST_STREAM", "SETTINGS", "PUSH_PROMISE", "PING", "GOAWAY",
         "WINDOW_UPDATE", "CONTINUATION")

END_STREAM = ACK = 0x1
END_HEADERS = 0x4
PADDED = 0x8
HAS_PRIORITY = 0x20

# Settings.
HEADER_TABLE_SIZE, ENABLE_PUSH, MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE = range(1, 6)
MAX_HEADER_LIST_SIZE, ENABLE_CONNECT_PROTOCOL = 6, 8

# Errors, RFC 9113 section 7.
(NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR, SETTINGS_TIMEOUT, STREAM_CLOSED,
 FRAME_SIZE_ERROR, REFUSED_STREAM, CANCEL, COMPRESSION_ERROR, CONNECT_ERROR, ENHANCE_YOUR_CALM,
 INADEQUATE_SECURITY, HTTP_1_1_REQUIRED) = range(14)

WINDOW = 65535        # of everything, until something else is said
FRAME_BYTES = 16384


class Frame:
    def __init__(self, kind, flags, stream, payload):
        self.kind, self.flags, self.stream, self.payload = kind, flags, stream, payload

    def has(self, flag):
        return bool(self.flags & flag)

    @property
    def code(self):
        """The error of a RST_STREAM or GOAWAY."""
        at = 4 if self.kind == GOAWAY else 0
        return struct.unpack_from(">I", self.payload, at)[0]

    @property
    def number(self):
        """The last stream of a GOAWAY, the increment of a WINDOW_UPDATE."""
        return struct.unpack_from(">I", self.payload)[0] & 0x7FFFFFFF

    @property
    def content(self):
        """The payload without padding and priority."""
        start, end = 0, len(self.payload)
        if self.kind in (DATA, HEADERS) and self.has(PADDED):
            start, end = 1, end - self.payload[0]
        if self.kind == HEADERS and self.has(HAS_PRIORITY):
            start += 5
        return self.payload[start:end]

    def settings(self):
        assert len(self.payload) % 6 == 0, self
        return dict(struct.iter_unpack(">HI", self.payload))

    def __repr__(self):
        name = KINDS[self.kind] if self.kind < len(KINDS) else f"kind {self.kind}"
        return f"<{name} stream={self.stream} flags={self.flags:#x} {self.payload[:60]!r}>"


def read_frame(wire):
    """The next frame, or None at the end of the connection."""
    if not wire.pending and not wire._fill():
        return None
    head = wire.read_exactly(9)
    length = int.from_bytes(head[:3], "big")
    assert length <= FRAME_BYTES, f"a frame of {length} bytes, nobody allowed more than {FRAME_BYTES}"
    stream, = struct.unpack_from(">I", head, 5)
    assert stream < 1 << 31, "the reserved bit is set"
    return Frame(head[3], head[4], stream, wire.read_exactly(length))


# ---- writing ----


def frame(kind, flags=0, stream=0, payload=b""):
    return (struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload)


def data(stream, payload=b"", end=False, padding=None):
    flags = END_STREAM if end else 0
    if padding is not None:
        flags |= PADDED
        payload = bytes([padding]) + payload + b"\0" * padding
    return frame(DATA, flags, stream, payload)


def headers(stream, fields, end=True, whole=True, flags=0):
    """fields: pairs, or a header block. whole: no CONTINUATION follows."""
    flags |= (END_STREAM if end else 0) | (END_HEADERS if whole else 0)
    return frame(HEADERS, flags, stream, block_of(fields))


def continuation(stream, fields, whole=True):
    return frame(CONTINUATION, END_HEADERS if whole else 0, stream, block_of(fields))


def priority(stream, on=0, weight=15):
    return frame(PRIORITY, 0, stream, struct.pack(">IB", on, weight))


def rst_stream(stream, code=CANCEL):
    return frame(RST_STREAM, 0, stream, struct.pack(">I", code))


def settings(*entries):
    """(setting, value)... in order, repeated ones too."""
    return frame(SETTINGS, 0, 0, b"".join(struct.pack(">HI", *entry) for entry in entries))


SETTINGS_ACK = frame(SETTINGS, ACK)


def ping(payload=b"12345678", ack=False):
    return frame(PING, ACK if ack else 0, 0, payload)


def goaway(last=0, code=NO_ERROR):
    return frame(GOAWAY, 0, 0, struct.pack(">II", last, code))


def window_update(stream, increment):
    return frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", increment))


def push_promise(stream, promised, fields):
    return frame(PUSH_PROMISE, END_HEADERS, stream, struct.pack(">I", promised) + block_of(fields))


# ---- HPACK ----


def integer(value, prefix_bits, first=0):
    """RFC 7541 section 5.1; `first` holds the bits before the prefix."""
    full = (1 << prefix_bits) - 1
    if value < full:
        return bytes([first | value])
    out, value = bytearray([first | full]), value - full
    while value >= 128:
        out.append(value % 128 | 128)
        value //= 128
    out.append(value)
    return bytes(out)


def text(value):
    value = value.encode("latin-1") if isinstance(value, str) else value
    return integer(len(value), 7) + value


def literal(name, value):
    """Without indexing, without Huffman: these bytes and no others."""
    return b"\0" + text(name) + text(value)


def remembered(name, value):
    """With incremental indexing: becomes entry 62 of the table."""
    return b"\x40" + text(name) + text(value)


def indexed(index):
    return integer(index, 7, 0x80)


def table_size(size):
    return integer(size, 5, 0x20)


def block_of(fields):
    if isinstance(fields, bytes):
        return fields
    return b"".join(literal(name, value) for name, value in fields)


def request_fields(*more, method="GET", path="/", host="a.test", scheme="https"):
    """Pairs of a request; None leaves one out."""
    pseudo = [(":method", method), (":scheme", scheme), (":authority", host), (":path", path)]
    return [pair for pair in pseudo if pair[1] is not None] + list(more)
