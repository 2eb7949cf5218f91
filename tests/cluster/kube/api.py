# SPDX-License-Identifier: Apache-2.0
"""The API as tests speak it: one request a connection, bodies as Python values."""
import http.client
import json
import ssl


class Refused(Exception):
    """Any answer but 2xx. `body` is its Status object."""

    def __init__(self, code, body):
        super().__init__(f"{code}: {body}")
        self.code, self.body = code, body


class Watch:
    """
    The events of an answer that goes on, each {"type": ..., "object": ...}. Ends when the server
    ends it; one that is cut off raises OSError or http.client.HTTPException.
    """

    def __init__(self, connection, response):
        self.connection, self.response = connection, response
        self.pending = b""

    def __iter__(self):
        return self

    def __next__(self):
        while b"\n" not in self.pending:
            # Not readline(): that takes an answer which was cut off for one that ended.
            more = self.response.read1(65536)
            if not more:
                raise StopIteration
            self.pending += more
        line, _, self.pending = self.pending.partition(b"\n")
        return json.loads(line)

    def next_of(self, kind):
        """The next event of that type; others, bookmarks say, are passed over."""
        return next(event["object"] for event in self if event["type"] == kind)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.response.close()
        self.connection.close()


class Api:
    def __init__(self, address, port, authority_pem, token, patience_s=30):
        self.address, self.port, self.token = address, port, token
        self.patience_s = patience_s
        self.tls = ssl.create_default_context(cadata=authority_pem)

    def _ask(self, method, path, body, content_type):
        connection = http.client.HTTPSConnection(self.address, self.port, timeout=self.patience_s,
                                                 context=self.tls)
        headers = {"Authorization": f"Bearer {self.token}", "Accept": "application/json"}
        if body is not None:
            body = json.dumps(body)
            headers["Content-Type"] = content_type
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            if 200 <= response.status < 300:
                return connection, response
            raise Refused(response.status, response.read().decode("utf-8", "replace"))
        except BaseException:
            connection.close()
            raise

    def call(self, method, path, body=None, content_type="application/json"):
        connection, response = self._ask(method, path, body, content_type)
        try:
            text = response.read().decode()
        finally:
            connection.close()
        return json.loads(text) if text.startswith("{") else text

    def get(self, path):
        return self.call("GET", path)

    def create(self, path, body):
        return self.call("POST", path, body)

    def merge(self, path, body):
        return self.call("PATCH", path, body, "application/merge-patch+json")

    def delete(self, path):
        return self.call("DELETE", path)

    def watch(self, path, since, *options):
        """Events after a resourceVersion, which is an opaque string."""
        query = "&".join([f"watch=1&resourceVersion={since}", *options])
        return Watch(*self._ask("GET", f"{path}?{query}", None, None))
