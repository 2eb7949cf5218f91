# SPDX-License-Identifier: Apache-2.0
"""
An API server that does what a test tells it: lists, pages, watches and streaming lists over TLS and
HTTP/1.1, and every way in which one of them may go wrong.

    api = ApiServer(authority)
    api.apply(manifests.app(...))                      objects as text; api.remove(kind, name)
    api.misbehave("ingresses", WATCH, faults.expired)  for the next such request

What a request is answered with, where nothing else was said, is right. `requests` are all that came.
Of what a controller writes, merge patches of statuses are taken; `patches` are all that came, as
(resource, name, body). Patches of objects themselves are only taken where `lacks_status` has their
resource: that of an old CRD.
"""
import base64
import collections
import contextlib
import gzip
import json
import socket
import ssl
import struct
import threading
import time
import urllib.parse

import yaml

from .ports import listen, stop_listening
from .wait import PATIENCE_S, wait_until

LIST, WATCH, STREAM = "list", "watch", "stream"
PATCH = "patch"  # of "ingresses/status", or of "ingresses"
LEASES = "/apis/coordination.k8s.io/"
GROUPS = {"networking.k8s.io/v1": ("Ingress", "IngressClass"),
          "v1": ("Service", "Secret", "Endpoints", "Pod", "Node"),
          "discovery.k8s.io/v1": ("EndpointSlice",),
          "contour.heptio.com/v1beta1": ("IngressRoute", "TLSCertificateDelegation"),
          "projectcontour.io/v1": ("TLSCertificateDelegation",)}
RESET = struct.pack("ii", 1, 0)


def resource_of(kind):
    """ "ingresses" of "Ingress"; those that are so already stay."""
    if kind.islower():
        return kind
    plural = kind.lower()
    if plural.endswith("s"):
        return plural if plural == "endpoints" else plural + "es"
    return plural + "s"


Event = collections.namedtuple("Event", "version kind object")
# kind: LIST, WATCH, STREAM or PATCH. query: a dict. at_s: when it came, monotonic.
Request = collections.namedtuple("Request", "resource kind namespace query headers at_s")


class Shelf:
    """The objects of one resource and what happened to them."""

    def __init__(self, api_version, kind):
        self.api_version, self.kind = api_version, kind
        self.objects, self.events = {}, []
        self.forgotten = 0  # events up to this version cannot be watched from

    @property
    def path(self):
        root = "/api/v1" if self.api_version == "v1" else f"/apis/{self.api_version}"
        return f"{root}/{resource_of(self.kind)}"


def key_of(thing):
    return thing["metadata"].get("namespace", ""), thing["metadata"]["name"]


class Exchange:
    """A request and how it is answered, byte by byte where a fault wants that."""

    def __init__(self, server, sock, request):
        self.server, self.sock, self.request = server, sock, request
        self.is_over = self.keeps_open = False

    def send(self, data):
        self.sock.sendall(data)

    def head(self, status=200, *lines):
        self.send("\r\n".join([f"HTTP/1.1 {status} X", "Content-Type: application/json", *lines,
                               "", ""]).encode())

    def reply(self, status, body, *lines):
        """A whole answer; the connection lives on."""
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        if len(body) > 1000 and "gzip" in self.request.headers.get("accept-encoding", ""):
            body, lines = gzip.compress(body, 1), (*lines, "Content-Encoding: gzip")
        self.head(status, *lines, f"Content-Length: {len(body)}")
        self.send(body)
        self.keeps_open = True

    def begin_stream(self):
        self.head(200, "Transfer-Encoding: chunked")

    def piece(self, data):
        self.send(b"%x\r\n%s\r\n" % (len(data), data))

    def event(self, kind, thing):
        self.piece(json.dumps({"type": kind, "object": thing}).encode() + b"\n")

    def end_stream(self):
        self.send(b"0\r\n\r\n")
        self.keeps_open = True

    def reset(self):
        """The connection breaks."""
        with contextlib.suppress(OSError):
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.close()

    def close(self):
        """At the sockets below TLS: also while another thread reads or writes."""
        self.is_over = True
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)
        self.server.wake()

    def hang(self):
        """Never another byte, until the server is stopped or the peer goes."""
        with self.server.changed:
            self.server.changed.wait_for(lambda: self.is_over)


class ApiServer:
    def __init__(self, authority, page_items=None):
        self.authority = authority
        self.context = authority.issue("localhost", "127.0.0.1").server_context("http/1.1")
        self.page_items = page_items  # smaller pages than are asked for
        self.has_streams = True
        self.sends_bookmarks = True
        self.changed = threading.Condition(threading.RLock())
        self.version = 1000
        self.shelves = {}
        for api_version, kinds in GROUPS.items():
            for kind in kinds:
                shelf = Shelf(api_version, kind)
                self.shelves[shelf.path] = shelf
        self.missing = set()  # paths that are not installed
        self.faults = []      # [resource, kind, fault, times]
        self.requests = []
        self.patches = []
        self.object_patches = []  # the same, of objects themselves
        self.lacks_status = set()  # resources without the subresource
        self.lease_requests = 0
        self.open = {}        # exchange -> True while it is answered
        self.listener, self.port = None, 0
        self.start()

    # ---- objects ----

    def shelf_of(self, api_version, kind):
        return next(shelf for shelf in self.shelves.values()
                    if (shelf.api_version, shelf.kind) == (api_version, kind))

    def apply(self, text, seen=True):
        """seen=False: watches never hear of it, only a new list shows it."""
        for thing in yaml.safe_load_all(text):
            if thing:
                self.put(thing, seen)

    def put(self, thing, seen=True):
        with self.changed:
            shelf = self.shelf_of(thing["apiVersion"], thing["kind"])
            key = key_of(thing)
            known = shelf.objects.get(key)
            self.version += 1
            uid = known["metadata"]["uid"] if known else f"uid-{self.version}"
            meta = {"uid": uid, **thing["metadata"], "resourceVersion": str(self.version)}
            thing = {**thing, "metadata": meta}
            shelf.objects[key] = thing
            if seen:
                shelf.events.append(Event(self.version, "MODIFIED" if known else "ADDED", thing))
            self.changed.notify_all()
            return thing

    def remove(self, kind, name, namespace="default", seen=True):
        with self.changed:
            shelf = next(shelf for shelf in self.shelves.values()
                         if shelf.kind == kind and (namespace, name) in shelf.objects)
            thing = shelf.objects.pop((namespace, name))
            self.version += 1
            last = {**thing, "metadata": {**thing["metadata"],
                                          "resourceVersion": str(self.version)}}
            if seen:
                shelf.events.append(Event(self.version, "DELETED", last))
            self.changed.notify_all()

    def forget(self):
        """History goes: a watch from before now is told 410."""
        with self.changed:
            self.version += 1
            for shelf in self.shelves.values():
                shelf.forgotten = self.version
                shelf.events.clear()
            self.changed.notify_all()

    def uninstall(self, resource):
        """As of a CRD: its objects, its watches and its paths go."""
        with self.changed:
            for path, shelf in self.shelves.items():
                if resource_of(shelf.kind) == resource:
                    self.missing.add(path)
                    shelf.objects.clear()
                    shelf.events.clear()
        self.cut(resource)

    def install(self, resource):
        with self.changed:
            self.missing = {path for path in self.missing if not path.endswith("/" + resource)}

    # ---- misbehaving ----

    def misbehave(self, resource, kind, fault, times=1):
        """fault(exchange) answers in place of the server; None for resource or kind: any."""
        with self.changed:
            self.faults.append([resource, kind, fault, times])

    def behave(self):
        with self.changed:
            self.faults.clear()

    def _fault_for(self, request):
        with self.changed:
            for entry in self.faults:
                resource, kind, fault, times = entry
                if resource in (None, request.resource) and kind in (None, request.kind):
                    entry[3] = times - 1
                    if entry[3] == 0:
                        self.faults.remove(entry)
                    return fault
        return None

    def watching(self, resource):
        """The exchanges of watches and streams under way."""
        with self.changed:
            return [exchange for exchange in self.open
                    if resource in (None, exchange.request.resource)
                    and exchange.request.kind != LIST]

    def cut(self, resource=None):
        """Connections of watches break."""
        for exchange in self.watching(resource):
            exchange.reset()

    def stop(self):
        """As by kill -9: nobody listens, and what was connected breaks."""
        listener, self.listener = self.listener, None
        if listener is None:
            return
        stop_listening(listener)
        self.thread.join(PATIENCE_S)
        with self.changed:
            connections = [*self.open, *self.connections]
        for exchange in connections:
            exchange.reset()

    def start(self):
        sock = listen(self.port, backlog=128)
        self.port = sock.getsockname()[1]
        self.connections = set()
        self.listener = sock
        self.thread = threading.Thread(target=self._accept, args=(sock,), daemon=True)
        self.thread.start()

    close = stop

    # ---- what came ----

    def asked(self, resource=None, kind=None):
        with self.changed:
            return [request for request in self.requests
                    if resource in (None, request.resource) and kind in (None, request.kind)]

    def wait_asked(self, resource, kind, count, patience_s=PATIENCE_S):
        """At least so many; all of them."""
        wait_until(lambda: len(self.asked(resource, kind)) >= count,
                   f"{kind} {count} of {resource}", patience_s)
        return self.asked(resource, kind)

    def wait_watched(self, resource, patience_s=PATIENCE_S):
        wait_until(lambda: self.watching(resource), f"a watch of {resource}", patience_s)

    def wake(self):
        with self.changed:
            self.changed.notify_all()

    def kubeconfig(self, path, namespace="default"):
        pem = base64.b64encode(self.authority.pem.encode()).decode()
        path.write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "clusters": [{"name": "test", "cluster": {
                "server": f"https://127.0.0.1:{self.port}", "certificate-authority-data": pem}}],
            "users": [{"name": "test", "user": {"token": "a-token"}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test",
                                                      "namespace": namespace}}]}))
        return path

    # ---- connections ----

    def _accept(self, listener):
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        try:
            sock = self.context.wrap_socket(sock, server_side=True)
        except OSError:
            sock.close()
            return
        whole = Exchange(self, sock, None)
        with self.changed:
            self.connections.add(whole)
        try:
            with sock.makefile("rb") as lines:
                while self._one(sock, lines):
                    pass
        except (OSError, ssl.SSLError, ValueError):
            pass
        finally:
            with self.changed:
                self.connections.discard(whole)
            sock.close()

    def _one(self, sock, lines):
        first = lines.readline().decode("latin-1").split()
        if len(first) != 3:
            return False
        headers = {}
        while (line := lines.readline().decode("latin-1").strip()):
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        path, _, query = first[1].partition("?")
        query = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
        root, namespace = path, None
        if "/namespaces/" in path:
            root, _, rest = path.partition("/namespaces/")
            namespace, _, resource = rest.partition("/")
            root = f"{root}/{resource}"
        kind = LIST if "watch" not in query else \
            STREAM if query.get("sendInitialEvents") == "true" else WATCH
        request = Request(root.rpartition("/")[2], kind, namespace, query, headers,
                          time.monotonic())
        exchange = Exchange(self, sock, request)
        body = lines.read(int(headers.get("content-length", 0)))
        if path.startswith(LEASES):  # who leads is for other tests; here nobody does
            self.lease_requests += 1
            exchange.reply(403, failure(403, "Forbidden", "no leases here"))
            return exchange.keeps_open
        if first[0] == "PATCH":
            self.patch(exchange, root, namespace, json.loads(body))
            return exchange.keeps_open
        if root.removeprefix("/apis/") in GROUPS:
            self.discover(exchange, root)
            return exchange.keeps_open
        with self.changed:
            self.requests.append(request)
            self.open[exchange] = True
        try:
            fault = self._fault_for(request)
            if fault is not None:
                fault(exchange)
            else:
                self.answer(exchange, root)
        finally:
            with self.changed:
                del self.open[exchange]
        return exchange.keeps_open

    # ---- answers ----

    def answer(self, exchange, root=None):
        request = exchange.request
        shelf = self.shelves.get(root) or next(
            shelf for shelf in self.shelves.values() if resource_of(shelf.kind) == request.resource)
        if shelf.path in self.missing:
            exchange.reply(404, b"404 page not found\n")
        elif request.kind == LIST:
            self.list(exchange, shelf)
        elif request.kind == STREAM and not self.has_streams:
            exchange.reply(422, failure(422, "Invalid", "sendInitialEvents: Forbidden"))
        else:
            self.watch(exchange, shelf)

    def patch(self, exchange, path, namespace, body):
        """As a merge patch that names its version, of the status alone."""
        is_status = path.endswith("/status")
        path, _, name = path.removesuffix("/status").rpartition("/")
        resource = path.rpartition("/")[2]
        fault = self._fault_for(Request(resource + "/status" * is_status, PATCH, namespace, {}, {},
                                        time.monotonic()))
        with self.changed:
            (self.patches if is_status else self.object_patches).append((resource, name, body))
            thing = self.shelves[path].objects.get((namespace, name))
            is_right = is_status != (resource in self.lacks_status)
            if fault is not None:
                fault(exchange)
            elif not is_right and not is_status:
                exchange.reply(403, failure(403, "Forbidden", f"cannot patch {resource}"))
            elif not is_right or thing is None:
                exchange.reply(404, failure(404, "NotFound", "no such object"))
            elif body["metadata"]["resourceVersion"] != thing["metadata"]["resourceVersion"]:
                exchange.reply(409, failure(409, "Conflict", "another version"))
            else:
                exchange.reply(200, self.put({
                    **thing, "status": {**thing.get("status", {}), **body["status"]}}))

    def discover(self, exchange, root):
        """Which resources the group and version has."""
        names = [path.rpartition("/")[2] for path in self.shelves
                 if path.rpartition("/")[0] == root and path not in self.missing]
        names += [f"{name}/status" for name in names if name not in self.lacks_status]
        exchange.reply(200, {"kind": "APIResourceList", "apiVersion": "v1",
                             "groupVersion": root.removeprefix("/apis/"),
                             "resources": [{"name": name} for name in names]})

    def _selected(self, request, thing):
        def selector(name):
            parts = request.query.get(name, "").split(",")
            return dict(part.split("=") for part in parts if part)

        fields, labels = selector("fieldSelector"), selector("labelSelector")
        return ("type" not in fields or thing.get("type", "Opaque") == fields["type"]) and \
            labels.items() <= thing["metadata"].get("labels", {}).items() and \
            request.namespace in (None, thing["metadata"].get("namespace"))

    def things(self, request, shelf):
        with self.changed:
            return [thing for _, thing in sorted(shelf.objects.items())
                    if self._selected(request, thing)]

    def page(self, request, shelf):
        """A list, or one page of it: the token is where to go on."""
        with self.changed:
            things, version = self.things(request, shelf), self.version
        size = self.page_items or int(request.query.get("limit", "0")) or len(things)
        if request.query.get("resourceVersion") and not self.page_items:
            size = len(things)  # out of the cache, where no limit counts
        start = int(request.query.get("continue", "0"))
        meta = {"resourceVersion": str(version)}
        if start + size < len(things):
            meta["continue"] = str(start + size)
        # Items of a list do not say what they are.
        items = [{key: value for key, value in thing.items() if key not in ("kind", "apiVersion")}
                 for thing in things[start:start + size]]
        return {"kind": shelf.kind + "List", "apiVersion": shelf.api_version, "metadata": meta,
                "items": items}

    def list(self, exchange, shelf):
        exchange.reply(200, self.page(exchange.request, shelf))

    def bookmark(self, exchange, shelf, version, **annotations):
        exchange.event("BOOKMARK", {"kind": shelf.kind, "apiVersion": shelf.api_version, "metadata": {
            "resourceVersion": str(version), "annotations": annotations}})

    def watch(self, exchange, shelf):
        request = exchange.request
        since = request.query.get("resourceVersion", "")
        exchange.begin_stream()
        if request.kind == STREAM:
            with self.changed:
                things, since = self.things(request, shelf), self.version
            lines = [json.dumps({"type": "ADDED", "object": thing}) + "\n" for thing in things]
            for at in range(0, len(lines), 100):
                exchange.piece("".join(lines[at:at + 100]).encode())
            self.bookmark(exchange, shelf, since, **{"k8s.io/initial-events-end": "true"})
        elif int(since) < shelf.forgotten:
            exchange.event("ERROR", failure(410, "Expired", "too old resource version"))
            exchange.end_stream()
            return
        self.follow(exchange, shelf, int(since))

    def follow(self, exchange, shelf, since):
        """Events as they come, until somebody ends it."""
        while True:
            with self.changed:
                self.changed.wait_for(lambda: exchange.is_over or exchange.keeps_open or any(
                    event.version > since for event in shelf.events))
                if exchange.is_over or exchange.keeps_open:
                    return
                events = [event for event in shelf.events if event.version > since]
            for event in events:
                since = event.version
                if self._selected(exchange.request, event.object):
                    exchange.event(event.kind, event.object)

    def end_watches(self, resource):
        """As when their time is over."""
        for exchange in self.watching(resource):
            exchange.end_stream()
        self.wake()


def failure(code, reason, message, causes=(), retry_after_s=None):
    """A Status object."""
    details = {"causes": [{"reason": cause} for cause in causes]}
    if retry_after_s is not None:
        details["retryAfterSeconds"] = retry_after_s
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "code": code, "reason": reason, "message": message, "details": details}
