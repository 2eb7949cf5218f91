# SPDX-License-Identifier: Apache-2.0
"""5 GB down, and 5 GB up and back, through one connection each: the proxy's memory stays flat.
Exit code 1 if bytes are missing or memory grew by more than 8 MB."""
import socket
import threading
import time

import manifests
from proc import Fairlead, say, start_echo, work_dir

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


def measure(us, name, transfer, count):
    done, peak = [0], 0
    thread = threading.Thread(target=transfer, args=(us.port, count, done), daemon=True)
    began = time.monotonic()
    thread.start()
    while thread.is_alive():
        thread.join(0.5)
        peak = max(peak, us.metrics()["fairlead_resident_bytes"])
        say(f"{name}: {done[0] / 1e9:.1f} of {count / 1e9:.0f} GB")
    return done[0], peak / 1e6, time.monotonic() - began


def main(options):
    count = 200_000_000 if options.quick else 5_000_000_000
    work = work_dir()
    objects = work / "objects"
    objects.mkdir()
    manifests.write(objects / "app.yaml", manifests.ingress("app", "app.test", [("/", "app")]),
                    manifests.service("app"), *manifests.slices("app", [start_echo(work, "one")[1]]))
    us = Fairlead(work, objects)
    before = us.metrics()["fairlead_resident_bytes"] / 1e6
    print(f"resident before {before:.1f} MB")
    is_fine = True
    for name, transfer in (("down", download), ("up and back", upload)):
        done, peak, seconds = measure(us, name, transfer, count)
        print(f"{name:12} {done:>13,} of {count:,} bytes in {seconds:5.1f} s, "
              f"most resident {peak:.1f} MB", flush=True)
        is_fine = is_fine and done == count and peak - before <= GROWTH_MAX_MB
    return 0 if is_fine else 1
