# SPDX-License-Identifier: Apache-2.0
"""
Ports that are ours. The tests run side by side, and whoever asks for any port may get one that was
free for a moment only. So a port where nobody is to listen is held: bound, and not listening.
"""
import collections
import socket

HELD_MAX = 200  # of this process; then the oldest go, whose tests are over

_held = collections.OrderedDict()


def _bound(address, port):
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((address, port))
    return sock


def listen(port=0, backlog=512, address="127.0.0.1"):
    sock = _bound(address, port)
    sock.listen(backlog)
    held = _held.pop((address, port), None)
    if held is not None:
        held.close()
    return sock


def stop_listening(listener):
    """Connects are refused from here on. May be called twice."""
    if listener.fileno() < 0:
        return
    listener.shutdown(socket.SHUT_RDWR)  # who waits in accept() returns
    _hold(*listener.getsockname())
    listener.close()


def closed_port():
    """A port where nobody listens; connects are refused."""
    return _hold("127.0.0.1", 0)


def _hold(address, port):
    sock = _bound(address, port)
    name = sock.getsockname()[:2]
    _held[name] = sock
    while len(_held) > HELD_MAX:
        _held.popitem(last=False)[1].close()
    return name[1]
