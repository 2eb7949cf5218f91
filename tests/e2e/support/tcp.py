# SPDX-License-Identifier: Apache-2.0
"""Connections without HTTP: manifests of a tcpproxy, endpoints that echo, a client of TLS records."""
import contextlib
import socket
import ssl
import threading

from . import manifests
from .certificates import client_context
from .client import RawClient
from .http import Incomplete
from .origin import Backend
from .tls import client_hello

PASS, RAW = "pass.test", "raw.test"
TCP_CLOSE = 7  # a state of tcp(7): linux/tcp_states.h


def tcp_proxy(host, *services, certificate=None, name="tcp", namespace="default", **usual):
    """
    An IngressRoute whose connections go to these services, (name, weight) or a name, port 80 each.
    With a certificate TLS ends at the proxy; without one it is passed through. usual: what else
    each service says, such as its strategy.
    """
    listed = [{"name": service[0], "port": 80, "weight": service[1], **usual}
              if isinstance(service, tuple) else {"name": service, "port": 80, **usual}
              for service in services]
    tls = {"secretName": f"{name}-tls"} if certificate else {"passthrough": True}
    parts = [manifests.to_yaml({
        "apiVersion": "contour.heptio.com/v1beta1", "kind": "IngressRoute",
        "metadata": manifests.metadata(name, namespace),
        "spec": {"virtualhost": {"fqdn": host, "tls": tls}, "tcpproxy": {"services": listed}}})]
    if certificate:
        parts.append(manifests.tls_secret(f"{name}-tls", certificate, namespace))
    return manifests.documents(*parts)


def tcp_app(*where, host=PASS, certificate=None, name="app", service_annotations=None,
            **usual):
    """tcp_proxy() with its Service and endpoints."""
    parts = [tcp_proxy(host, name, certificate=certificate, name=f"{name}-tcp", **usual),
             manifests.service(name, annotations=service_annotations)]
    if where:
        parts.append(manifests.endpoints(name, *where))
    return manifests.documents(*parts)


class Echo(Backend):
    """Sends back what comes until the peer ends, over TLS if `wrap` is tls.wrapped_by()."""

    def _serve(self, peer):
        try:
            while peer._fill():
                peer.send(peer._take(len(peer.pending)))
        except (OSError, Incomplete) as error:
            self.errors.append(error)
        peer.close()


def open_passthrough(proxy, upstream, server_name=PASS, **options):
    """A raw connection of which the ClientHello has arrived at the Origin: (client, peer)."""
    hello = client_hello(server_name)
    client = proxy.client_of(proxy.https_port, **options)
    client.send(hello)
    peer = upstream.accept()
    assert peer.read_exactly(len(hello)) == hello
    return client, peer


def open_terminated(proxy, upstream, server_name=RAW, **options):
    """A connection after its handshake, and the Origin's end of it."""
    client = proxy.tls_client(server_name, **options)
    return client, upstream.accept()


@contextlib.contextmanager
def in_thread(function, *arguments):
    """Runs beside the block, which waits for it; gives the list of what it returned or raised."""
    outcome = []

    def run():
        try:
            outcome.append(function(*arguments))
        except Exception as error:  # pylint: disable=broad-except
            outcome.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    yield outcome
    thread.join(60)
    assert not thread.is_alive(), "it did not end"
    assert not isinstance(outcome[0], Exception), outcome[0]


def was_reset(wire):
    """
    After the end of a connection that this side has not closed: by a RST? The ssl module takes it
    for an end, so the kernel is asked.
    """
    state = wire.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
    return wire.was_reset or state == TCP_CLOSE


class RecordClient:
    """TLS whose records a test sends when it likes: close_notify, and then reading on."""

    def __init__(self, port, server_name=RAW):
        self.wire = RawClient(port)
        self.into, self.out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = client_context().wrap_bio(self.into, self.out, server_hostname=server_name)
        self._until_done(self.tls.do_handshake)

    def _until_done(self, action, *arguments):
        while True:
            try:
                result = action(*arguments)
                self.flush()
                return result
            except ssl.SSLWantReadError:
                self.flush()
                data = self.wire.read_some()
                if not data:
                    self.into.write_eof()
                self.into.write(data)

    def flush(self):
        data = self.out.read()
        if data:
            self.wire.send(data)

    def send(self, data):
        self.tls.write(data)
        self.flush()

    def send_close_notify(self):
        try:
            self.tls.unwrap()
        except ssl.SSLWantReadError:
            pass
        self.flush()

    def read_exactly(self, count):
        data = b""
        while len(data) < count:
            data += self._until_done(self.tls.read, count - len(data))
        return data

    def expect_close_notify(self):
        """The peer's, after ours: no bytes, then the end."""
        self._until_done(self.tls.unwrap)

    def close(self):
        self.wire.close()
