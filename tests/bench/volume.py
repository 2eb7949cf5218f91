# SPDX-License-Identifier: Apache-2.0
"""5 GB down, and 5 GB up and back, through one connection each, and the same through one stream of
HTTP/2 over TLS: the proxy's memory stays flat. Exit code 1 if bytes are missing or memory grew by
more than 8 MB."""
import socket
import threading
import time

import loads
import peers_tls
from peers_tls import H1_HOST, H2C_HOST
from proc import Fairlead, say, start_echo, start_echo_h2, work_dir

PIECE = b"\0" * 262144
GROWTH_MAX_MB = 8


def read_head(sock):
    head = b""
    while b"\r\n\r\n" not in head:
        head += sock.recv(4096)
    head, _, rest = head.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), head
    return len(rest)


def drain(sock, count, done):
    """Read `count` bytes and throw them away; done[0] tells how far it is."""
    scratch = memoryview(bytearray(262144))
    while done[0] < count:
        got = sock.recv_into(scratch)
        if got == 0:
            return
        done[0] += got


def ask(port, head):
    sock = socket.create_connection(("127.0.0.1", port))
    sock.sendall(head.encode() + b"Host: app.test\r\nConnection: close\r\n")
    return sock


def download(port, count, done):
    sock = ask(port, f"GET /bytes/{count} HTTP/1.1\r\n")
    sock.sendall(b"\r\n")
    done[0] = read_head(sock)
    drain(sock, count, done)


def upload(port, count, done):
    """The backend sends every byte back while we go on sending."""
    sock = ask(port, "PUT /echo HTTP/1.1\r\n")
    sock.sendall(f"Content-Length: {count}\r\n\r\n".encode())

    def send():
        left = count
        while left > 0:
            left -= sock.send(PIECE[:min(left, len(PIECE))])

    sender = threading.Thread(target=send, daemon=True)
    sender.start()
    done[0] = read_head(sock)
    drain(sock, count, done)
    sender.join()


def stream(host, path, body=None):
    """A transfer through one stream of HTTP/2. body: a file to be sent."""
    def transfer(us, count, done):
        more = ["-d", body] if body else []
        try:
            run = loads.H2load(us.https, host, path.format(count=count), "-n1", "-c1", "-m1", *more).wait()
        except SystemExit as error:  # would end this thread without a word
            say(error)
            return
        done[0] = count if run.requests == 1 and path == "/count" else run.body_bytes

    return transfer


def transfers_of(site, count):
    """(name, transfer). With an h2c upstream the way up ends there: nghttp2 holds what arrives
    against the Content-Length, and answers only what was whole."""
    zeros = site.work / "zeros"
    with zeros.open("wb") as file:
        file.truncate(count)
    return (("down", lambda us, count, done: download(us.port, count, done)),
            ("up and back", lambda us, count, done: upload(us.port, count, done)),
            ("HTTP/2 down", stream(H1_HOST, "/bytes/{count}")),
            ("HTTP/2 up and back", stream(H1_HOST, "/echo", zeros)),
            ("HTTP/2 to h2c, down", stream(H2C_HOST, "/bytes/{count}")),
            ("HTTP/2 to h2c, up", stream(H2C_HOST, "/count", zeros)))


def measure(us, name, transfer, count):
    done, peak = [0], 0
    thread = threading.Thread(target=transfer, args=(us, count, done), daemon=True)
    began = time.monotonic()
    thread.start()
    while thread.is_alive():
        thread.join(0.5)
        peak = max(peak, us.metrics()["fairlead_resident_bytes"])
        say(f"{name}: {time.monotonic() - began:.0f} s, {done[0] / 1e9:.1f} of {count / 1e9:.0f} GB")
    return done[0], peak / 1e6, time.monotonic() - began


def main(options):
    count = 200_000_000 if options.quick else 5_000_000_000
    work = work_dir()
    site = peers_tls.Site(work, start_echo(work)[1], start_echo_h2(work)[1])
    us = Fairlead(work, peers_tls.fairlead_objects(site))
    before = us.metrics()["fairlead_resident_bytes"] / 1e6
    print(f"resident before {before:.1f} MB")
    is_fine = True
    for name, transfer in transfers_of(site, count):
        done, peak, seconds = measure(us, name, transfer, count)
        print(f"{name:20} {done:>13,} of {count:,} bytes in {seconds:5.1f} s, "
              f"most resident {peak:.1f} MB", flush=True)
        is_fine = is_fine and done == count and peak - before <= GROWTH_MAX_MB
    return 0 if is_fine else 1
