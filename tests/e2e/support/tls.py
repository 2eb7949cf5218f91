# SPDX-License-Identifier: Apache-2.0
"""
Clients that speak TLS: by Python's ssl module, by the openssl program where more is asked for, and
raw records where the point is bytes.
"""
import socket
import ssl
import struct
import subprocess

from cryptography import x509

from .certificates import client_context
from .client import RawClient
from .wait import PATIENCE_S

ALERTS = {0: "close_notify", 10: "unexpected_message", 20: "bad_record_mac", 22: "record_overflow",
          40: "handshake_failure", 47: "illegal_parameter", 50: "decode_error",
          70: "protocol_version", 80: "internal_error", 100: "no_renegotiation",
          112: "unrecognized_name", 116: "certificate_required", 120: "no_application_protocol"}
HANDSHAKE, ALERT, DATA = 22, 21, 23


class TlsClient(RawClient):
    """
    A client after its handshake. Options beside those of RawClient are client_context()'s, or a
    `context` of the caller's; server_name None sends no SNI.
    """

    def __init__(self, port, server_name="a.test", context=None, session=None, address="127.0.0.1",
                 receive_buffer=None, **options):
        super().__init__(port, address, receive_buffer)
        context = context or client_context(**options)
        if server_name is None:
            context.check_hostname = False
        try:
            self.sock = context.wrap_socket(self.sock, server_hostname=server_name,
                                            session=session)
        except BaseException:
            self.sock.close()
            raise
        self.sock.settimeout(PATIENCE_S)

    @property
    def session(self):
        """Of TLS 1.3, only after something was read: tickets come after the handshake."""
        return self.sock.session

    @property
    def was_resumed(self):
        return self.sock.session_reused

    @property
    def version(self):
        return self.sock.version()

    @property
    def alpn(self):
        return self.sock.selected_alpn_protocol()

    @property
    def certificate(self):
        """The server's, as an x509.Certificate."""
        return x509.load_der_x509_certificate(self.sock.getpeercert(True))

    @property
    def serial(self):
        return self.certificate.serial_number

    def send_close_notify(self):
        """Close our side as TLS does, and keep the socket for reading."""
        self.sock.settimeout(PATIENCE_S)
        try:
            self.sock.unwrap()
        except (ssl.SSLError, OSError):
            pass


def refusal(port, server_name="a.test", ask=None, **options):
    """
    Why no request is answered on a new connection: the ssl module's word for the alert, such as
    TLSV1_UNRECOGNIZED_NAME, ALERT where it knows none, or CLOSED. In TLS 1.3 a client's certificate
    is judged when the client believes the handshake over, so a request is sent and its answer
    waited for.
    """
    try:
        client = TlsClient(port, server_name, **options)
    except ssl.SSLError as error:
        return error.reason or ("CLOSED" if isinstance(error, ssl.SSLEOFError) else "ALERT")
    except ConnectionError:
        return "CLOSED"
    try:
        client.send(ask or b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
        answer = client.sock.recv(100)
    except ssl.SSLError as error:
        return error.reason or ("CLOSED" if isinstance(error, ssl.SSLEOFError) else "ALERT")
    except ConnectionError:
        return "CLOSED"
    finally:
        client.close()
    assert answer == b"", f"served: {answer!r}"
    return "CLOSED"


# ---- bytes ----


def client_hello(server_name="a.test", **options):
    """The first record of a client, from the ssl module; options are client_context()'s."""
    into, out = ssl.MemoryBIO(), ssl.MemoryBIO()
    shaken = client_context(**options).wrap_bio(into, out, server_hostname=server_name)
    try:
        shaken.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return out.read()


def record(kind, payload, version=0x0301):
    return struct.pack(">BHH", kind, version, len(payload)) + payload


def handshake_message(kind, payload):
    return struct.pack(">B", kind) + struct.pack(">I", len(payload))[1:] + payload


def extension(kind, payload):
    return struct.pack(">HH", kind, len(payload)) + payload


def server_name_extension(name):
    name = name.encode() if isinstance(name, str) else name
    entry = b"\0" + struct.pack(">H", len(name)) + name
    return extension(0, struct.pack(">H", len(entry)) + entry)


def hello_body(version=0x0303, suites=(0xC02F, 0xC02B, 0x1301), compressions=b"\0", extensions=b"",
               session=b""):
    """A ClientHello's inside, well formed whatever its values."""
    listed = b"".join(struct.pack(">H", suite) for suite in suites)
    return (struct.pack(">H", version) + b"r" * 32 + bytes([len(session)]) + session
            + struct.pack(">H", len(listed)) + listed + bytes([len(compressions)]) + compressions
            + struct.pack(">H", len(extensions)) + extensions)


def hello_record(**options):
    return record(HANDSHAKE, handshake_message(1, hello_body(**options)))


# Groups, signature algorithms and point formats that every server takes.
COMMON_EXTENSIONS = (extension(10, b"\0\4\0\x1d\0\x17") + extension(11, b"\1\0")
                     + extension(13, b"\0\6\4\3\x08\4\4\1"))


def read_record(wire):
    """(kind, payload) of the next record, or None at the end."""
    if not wire.pending and not wire._fill():
        return None
    kind, _, length = struct.unpack(">BHH", wire.read_exactly(5))
    return kind, wire.read_exactly(length)


def read_alert(wire):
    """The name of the alert that comes before the connection ends, or None."""
    name = None
    while (got := read_record(wire)) is not None:
        if got[0] == ALERT and len(got[1]) == 2:
            name = ALERTS.get(got[1][1], f"alert {got[1][1]}")
    return name


# ---- the openssl program ----


def s_client(port, *flags, server_name="a.test", ask=b"", wait_for=None):
    """
    What `openssl s_client` prints when it has sent `ask`; ends when `wait_for` was printed, or with
    the connection.
    """
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", *map(str, flags)]
    command += ["-servername", server_name] if server_name else ["-noservername"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT)
    try:
        process.stdin.write(ask)
        process.stdin.flush()
        if wait_for is None:
            return process.communicate(timeout=PATIENCE_S)[0].decode("utf-8", "replace")
        said = b""
        while wait_for not in said and (line := process.stdout.readline()):
            said += line
        return said.decode("utf-8", "replace")
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


def wrapped_by(context):
    """For Origin and Backend: the server's side of a handshake."""

    def wrap(sock):
        sock.settimeout(PATIENCE_S)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return context.wrap_socket(sock, server_side=True)

    return wrap
