# SPDX-License-Identifier: Apache-2.0
"""Proxies side by side, all with the same job: HTTP/1.1 keep-alive both ways, one host, forwarding
headers and a request id added, no access log, one thread."""
import os

import manifests
from proc import PROXY_CPU, TOOLS, Fairlead, Program, free_port

NGINX = """
{user}
daemon off;
worker_processes 1;
pid {work}/nginx.pid;
error_log {work}/nginx.err warn;
events {{ worker_connections 16000; }}
http {{
    access_log off;
    client_body_temp_path {work}/nginx-1; proxy_temp_path {work}/nginx-2;
    fastcgi_temp_path {work}/nginx-3; uwsgi_temp_path {work}/nginx-4; scgi_temp_path {work}/nginx-5;
    keepalive_requests 1000000000;
    keepalive_timeout 60s;
    upstream backend {{ server 127.0.0.1:{backend}; keepalive 1024; keepalive_requests 1000000000; }}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        server_name app.test;
        location / {{
            proxy_pass http://backend;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_set_header X-Forwarded-Host $host;
            proxy_set_header X-Forwarded-Port $server_port;
            proxy_set_header X-Request-Id $request_id;
        }}
    }}
}}
"""

HAPROXY = """
global
    nbthread 1
    no strict-limits
    maxconn 12000
defaults
    mode http
    timeout connect 2s
    timeout client 60s
    timeout server 60s
    timeout http-request 10s
    timeout http-keep-alive 60s
frontend clients
    bind 127.0.0.1:{port} backlog 4096
    option forwardfor
    unique-id-format %[uuid()]
    unique-id-header X-Request-Id
    http-request set-header X-Forwarded-Proto http
    http-request set-header X-Forwarded-Host %[req.hdr(host)]
    http-request set-header X-Forwarded-Port %[dst_port]
    use_backend app if {{ req.hdr(host) -i app.test }}
backend app
    http-reuse always
    server one 127.0.0.1:{backend} pool-max-conn 2048 pool-purge-delay 1h
"""


def fairlead_objects(work, backend):
    objects = work / "objects"
    objects.mkdir(exist_ok=True)
    manifests.write(objects / "app.yaml",
                    manifests.ingress("app", "app.test", [("/", "app")]),
                    manifests.service("app", annotations=manifests.NO_LIMITS),
                    *manifests.slices("app", [backend]))
    return objects


class Peer:
    def __init__(self, name, program, port):
        self.name, self.program, self.port = name, program, port


def start_fairlead(work, backend, **named):
    us = Fairlead(work, fairlead_objects(work, backend), **named)
    return Peer("fairlead", us.program, us.port)


def start_relay(work, backend):
    port = free_port()
    command = [TOOLS / "relay", "--listen", f"127.0.0.1:{port}", "--backend",
               f"127.0.0.1:{backend}"]
    return Peer("relay", Program(command, PROXY_CPU, work / "relay.log").wait_port(port), port)


def start_nginx(work, backend):
    port = free_port()
    config = work / "nginx.conf"
    user = "user root;" if os.geteuid() == 0 else ""
    config.write_text(NGINX.format(work=work, backend=backend, port=port, user=user))
    command = ["/usr/sbin/nginx", "-p", work, "-c", config]
    return Peer("nginx", Program(command, PROXY_CPU, work / "nginx.log").wait_port(port), port)


def start_haproxy(work, backend):
    port = free_port()
    config = work / "haproxy.cfg"
    config.write_text(HAPROXY.format(backend=backend, port=port))
    command = ["/usr/sbin/haproxy", "-db", "-f", config]
    return Peer("haproxy", Program(command, PROXY_CPU, work / "haproxy.log").wait_port(port), port)
