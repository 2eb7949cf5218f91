# SPDX-License-Identifier: Apache-2.0
"""A small, strict reader of HTTP/1 messages: what is not exactly well-formed fails the test."""
import re

TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([0-9]{3}) ([^\x00-\x08\x0a-\x1f\x7f]*)")
REQUEST_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([\x21-\x7e]+) HTTP/1\.([01])")
CHUNK_LINE = re.compile(rb"([0-9a-fA-F]+)(;[^\r\n]*)?\r\n")


class Incomplete(AssertionError):
    """The peer closed before the message was whole."""


class Message:
    """A head and its body. Field names are compared without case; values are text (latin-1)."""

    def __init__(self, raw_head):
        assert raw_head.endswith(b"\r\n\r\n"), raw_head
        first, *lines = raw_head[:-4].split(b"\r\n")
        self.raw_head = raw_head
        self.first_line = first
        self.fields = []
        self.body = b""
        self.chunks = []    # sizes, if the body was chunked
        self.trailers = []
        for line in lines:
            assert b"\r" not in line and b"\n" not in line, f"a stray line end in {raw_head!r}"
            name, colon, value = line.partition(b":")
            assert colon and TOKEN.fullmatch(name), f"no header line: {line!r}"
            self.fields.append((name.decode("latin-1"), value.strip(b" \t").decode("latin-1")))

    def all(self, name):
        """Every value of a field."""
        return [value for key, value in self.fields if key.lower() == name.lower()]

    def get(self, name):
        """The value of a field that comes at most once, or None."""
        values = self.all(name)
        assert len(values) <= 1, f"{name} came {len(values)} times: {values}"
        return values[0] if values else None

    def has(self, name):
        return bool(self.all(name))

    @property
    def names(self):
        return {name.lower() for name, _ in self.fields}

    @property
    def options(self):
        """What Connection says."""
        words = ",".join(self.all("Connection")).split(",")
        return {word.strip().lower() for word in words if word.strip()}

    def framing(self):
        """("length", n), ("chunked", None) or None; both at once is an error."""
        length, coding = self.get("Content-Length"), self.get("Transfer-Encoding")
        assert length is None or coding is None, f"two framings in {self.raw_head!r}"
        if coding is not None:
            assert coding == "chunked", coding
            return "chunked", None
        if length is not None:
            assert re.fullmatch("[0-9]+", length), length
            return "length", int(length)
        return None


class Response(Message):
    def __init__(self, raw_head):
        super().__init__(raw_head)
        match = STATUS_LINE.fullmatch(self.first_line)
        assert match, f"no status line: {self.first_line!r}"
        self.minor = int(match[1])
        self.status = int(match[2])
        self.reason = match[3].decode("latin-1")

    @property
    def reason_code(self):
        """The word that our own answers name: '404 no_host: ...' gives 'no_host'."""
        match = re.match(rb"[0-9]{3} ([a-z0-9_]+): ", self.body)
        return match[1].decode() if match else None

    def __repr__(self):
        return f"<Response {self.status} {self.fields} {self.body[:200]!r}>"


class Request(Message):
    def __init__(self, raw_head):
        super().__init__(raw_head)
        match = REQUEST_LINE.fullmatch(self.first_line)
        assert match, f"no request line: {self.first_line!r}"
        self.method = match[1].decode()
        self.target = match[2].decode()
        self.minor = int(match[3])

    def __repr__(self):
        return f"<Request {self.method} {self.target} {self.fields} {self.body[:200]!r}>"


def read_chunked(wire, message):
    """Reads up to and with the empty line after the last chunk."""
    parts = []
    while True:
        line = wire.read_until(b"\r\n")
        match = CHUNK_LINE.fullmatch(line)
        assert match, f"no chunk line: {line!r}"
        size = int(match[1], 16)
        message.chunks.append(size)
        if size == 0:
            break
        parts.append(wire.read_exactly(size))
        assert wire.read_exactly(2) == b"\r\n", "a chunk does not end with CR LF"
    while (line := wire.read_until(b"\r\n")) != b"\r\n":
        message.trailers.append(line)
    message.body = b"".join(parts)


def read_request(wire):
    """One whole request."""
    request = Request(wire.read_head())
    read_request_body(wire, request)
    return request


def read_request_body(wire, request):
    framing = request.framing()
    if framing is not None and framing[0] == "chunked":
        read_chunked(wire, request)
    elif framing is not None:
        request.body = wire.read_exactly(framing[1])


def read_response(wire, method="GET"):
    """One whole response, an interim one too."""
    response = Response(wire.read_head())
    framing = response.framing()
    if method == "HEAD" or response.status < 200 or response.status in (204, 304):
        return response
    if framing is None:
        response.body = wire.read_to_end()
    elif framing[0] == "chunked":
        read_chunked(wire, response)
    else:
        response.body = wire.read_exactly(framing[1])
    return response
