# SPDX-License-Identifier: Apache-2.0
"""A client of HTTP/2 on Debian's python3-h2: many requests on one connection, one thread."""
import socket
import ssl

import h2.config
import h2.connection
import h2.events
import h2.settings

PATIENCE_SECONDS = 20
WINDOW_BYTES = 1 << 20


class Answer:
    def __init__(self, name):
        self.name = name
        self.fields, self.trailers = {}, {}
        self.body = b""
        self.has_ended = False

    @property
    def status(self):
        return self.fields.get(":status")


class Client:
    """authority: a file to trust, or None for clear text by prior knowledge."""

    def __init__(self, port, authority=None):
        self.name, self.scheme = f"localhost:{port}", "https" if authority else "http"
        self.sock = socket.create_connection(("127.0.0.1", port), PATIENCE_SECONDS)
        if authority:
            context = ssl.create_default_context(cafile=str(authority))
            context.set_alpn_protocols(["h2"])
            self.sock = context.wrap_socket(self.sock, server_hostname="localhost")
            assert self.sock.selected_alpn_protocol() == "h2", "ALPN did not choose h2"
        self.conn = h2.connection.H2Connection(
            h2.config.H2Configuration(client_side=True, header_encoding="utf-8"))
        self.conn.initiate_connection()
        self.conn.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: WINDOW_BYTES})
        self.conn.increment_flow_control_window(WINDOW_BYTES)
        self.waiting, self.bodies, self.answers = [], {}, {}
        self.has_settings = False

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def ask(self, method, path, body=b"", fields=(), trailers=()):
        """Queue a request; run() sends it. Returns its answer to be."""
        answer = Answer(f"{method} {path}")
        self.waiting.append((method, path, body, list(fields), list(trailers), answer))
        return answer

    def run(self):
        """Until every request has its whole answer."""
        while self.waiting or any(not answer.has_ended for answer in self.answers.values()):
            if self.has_settings:  # how many streams it allows is known then
                self._begin_what_may()
                self._send_bodies()
            self.sock.sendall(self.conn.data_to_send())
            data = self.sock.recv(65536)
            assert data, "the connection closed before all answers were whole"
            for event in self.conn.receive_data(data):
                self._on_event(event)
        self.sock.sendall(self.conn.data_to_send())

    def _begin_what_may(self):
        while self.waiting and (self.conn.open_outbound_streams <
                                self.conn.remote_settings.max_concurrent_streams):
            method, path, body, fields, trailers, answer = self.waiting.pop(0)
            stream = self.conn.get_next_available_stream_id()
            head = [(":method", method), (":scheme", self.scheme), (":authority", self.name),
                    (":path", path), *fields]
            self.conn.send_headers(stream, head, end_stream=not body and not trailers)
            self.answers[stream] = answer
            if body or trailers:
                self.bodies[stream] = (body, trailers)

    def _send_bodies(self):
        """As much as the windows allow."""
        for stream, (body, trailers) in list(self.bodies.items()):
            while body and (room := min(self.conn.local_flow_control_window(stream),
                                        self.conn.max_outbound_frame_size)) > 0:
                self.conn.send_data(stream, body[:room],
                                    end_stream=len(body) <= room and not trailers)
                body = body[room:]
            self.bodies[stream] = (body, trailers)
            if not body:
                if trailers:
                    self.conn.send_headers(stream, trailers, end_stream=True)
                del self.bodies[stream]

    def _on_event(self, event):
        answer = self.answers.get(getattr(event, "stream_id", None))
        if isinstance(event, h2.events.RemoteSettingsChanged):
            self.has_settings = True
        elif isinstance(event, h2.events.ResponseReceived):
            answer.fields = dict(event.headers)
        elif isinstance(event, h2.events.DataReceived):
            answer.body += event.data
            self.conn.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.TrailersReceived):
            answer.trailers = dict(event.headers)
        elif isinstance(event, h2.events.StreamEnded):
            answer.has_ended = True
        elif isinstance(event, h2.events.StreamReset):
            # After a whole answer it says that the rest of the request is not wanted.
            self.bodies.pop(event.stream_id, None)
            assert answer.has_ended, f"{answer.name}: reset with code {event.error_code}"
        elif isinstance(event, h2.events.ConnectionTerminated):
            assert event.error_code == 0, f"GOAWAY with code {event.error_code}"
