# SPDX-License-Identifier: Apache-2.0
"""Proxies side by side over TLS, all with the same job: one certificate (ECDSA P-256), TLS 1.3 with
X25519 and TLS_AES_128_GCM_SHA256, HTTP/2 and HTTP/1.1 by ALPN, forwarding headers and a request id
added, no access log, one thread. The host app.test has an HTTP/1.1 upstream, h2c.test an HTTP/2 one.

Envoy's library does not let the suites of TLS 1.3 be chosen; the clients of this bench do that."""
import json
import os
import subprocess

import manifests
from proc import PROXY_CPU, Fairlead, Program, free_port

H1_HOST, H2C_HOST = "app.test", "h2c.test"
SUITE = "TLS_AES_128_GCM_SHA256"

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
    ssl_certificate {certificate};
    ssl_certificate_key {key};
    ssl_protocols TLSv1.3;
    ssl_conf_command Ciphersuites {suite};
    ssl_ecdh_curve X25519;
    upstream h1 {{ server 127.0.0.1:{h1}; keepalive 1024; keepalive_requests 1000000000; }}
    upstream h2c {{ server 127.0.0.1:{h2c}; keepalive 1024; keepalive_requests 1000000000; }}
    server {{
        listen 127.0.0.1:{port} ssl http2 backlog=4096;
        server_name app.test;
        location / {{
            proxy_pass http://h1;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            {headers}
        }}
    }}
    server {{
        listen 127.0.0.1:{port} ssl http2;
        server_name h2c.test;
        location / {{
            grpc_pass grpc://h2c;
            {grpc_headers}
        }}
    }}
}}
"""
NGINX_HEADERS = (("Host", "$host"), ("X-Forwarded-For", "$proxy_add_x_forwarded_for"),
                 ("X-Forwarded-Proto", "$scheme"), ("X-Forwarded-Host", "$host"),
                 ("X-Forwarded-Port", "$server_port"), ("X-Request-Id", "$request_id"))

HAPROXY = """
global
    nbthread 1
    no strict-limits
    maxconn 12000
    ssl-default-bind-options ssl-min-ver TLSv1.3
    ssl-default-bind-ciphersuites {suite}
defaults
    mode http
    timeout connect 2s
    timeout client 60s
    timeout server 60s
    timeout http-request 10s
    timeout http-keep-alive 60s
frontend clients
    bind 127.0.0.1:{port} backlog 4096 ssl crt {pem} alpn h2,http/1.1 curves X25519
    option forwardfor
    unique-id-format %[uuid()]
    unique-id-header X-Request-Id
    http-request set-header X-Forwarded-Proto https
    http-request set-header X-Forwarded-Host %[req.hdr(host)]
    http-request set-header X-Forwarded-Port %[dst_port]
    use_backend h1 if {{ req.hdr(host) -i app.test }}
    use_backend h2c if {{ req.hdr(host) -i h2c.test }}
backend h1
    http-reuse always
    server one 127.0.0.1:{h1} pool-max-conn 2048 pool-purge-delay 1h
backend h2c
    http-reuse always
    server one 127.0.0.1:{h2c} proto h2 pool-max-conn 2048 pool-purge-delay 1h
"""


class Site:
    """What all of them serve: the certificate and where the two backends listen."""

    def __init__(self, work, h1, h2c):
        self.work, self.h1, self.h2c = work, h1, h2c
        self.certificate, self.key, self.pem = (work / name for name in
                                                ("site.crt", "site.key", "site.pem"))
        if not self.pem.exists():
            self.make_certificate()

    def make_certificate(self):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
             "-days", "30", "-subj", f"/CN={H1_HOST}", "-keyout", self.key, "-out", self.certificate,
             "-addext", f"subjectAltName=DNS:{H1_HOST},DNS:{H2C_HOST}"],
            check=True, stdin=subprocess.DEVNULL, capture_output=True)
        self.pem.write_bytes(self.certificate.read_bytes() + self.key.read_bytes())


class Peer:
    def __init__(self, name, program, port):
        self.name, self.program, self.port = name, program, port


def fairlead_objects(site):
    objects = site.work / "objects-tls"
    objects.mkdir(exist_ok=True)
    speaks_h2c = {**manifests.NO_LIMITS, "projectcontour.io/upstream-protocol.h2c": "80"}
    manifests.write(objects / "site.yaml",
                    manifests.tls_secret("site", site.certificate, site.key),
                    manifests.ingress("h1", H1_HOST, [("/", "h1")], secret="site"),
                    manifests.ingress("h2c", H2C_HOST, [("/", "h2c")], secret="site"),
                    manifests.service("h1", annotations=manifests.NO_LIMITS),
                    manifests.service("h2c", annotations=speaks_h2c),
                    *manifests.slices("h1", [site.h1]), *manifests.slices("h2c", [site.h2c]))
    return objects


def start_fairlead(site):
    us = Fairlead(site.work, fairlead_objects(site), name="fairlead-tls")
    us.program.wait_port(us.https)
    return Peer("fairlead", us.program, us.https)


def start_nginx(site):
    port = free_port()
    config = site.work / "nginx-tls.conf"
    headers, grpc_headers = ("\n            ".join(f"{kind}_set_header {name} {value};"
                                                   for name, value in NGINX_HEADERS)
                             for kind in ("proxy", "grpc"))
    config.write_text(NGINX.format(
        user="user root;" if os.geteuid() == 0 else "", work=site.work, port=port, suite=SUITE,
        certificate=site.certificate, key=site.key, h1=site.h1, h2c=site.h2c, headers=headers,
        grpc_headers=grpc_headers))
    command = ["/usr/sbin/nginx", "-p", site.work, "-c", config]
    return Peer("nginx", Program(command, PROXY_CPU, site.work / "nginx-tls.log").wait_port(port), port)


def start_haproxy(site):
    port = free_port()
    config = site.work / "haproxy-tls.cfg"
    config.write_text(HAPROXY.format(port=port, suite=SUITE, pem=site.pem, h1=site.h1, h2c=site.h2c))
    command = ["/usr/sbin/haproxy", "-db", "-f", config]
    return Peer("haproxy", Program(command, PROXY_CPU, site.work / "haproxy-tls.log").wait_port(port),
                port)


def envoy_type(name):
    return {"@type": f"type.googleapis.com/envoy.{name}"}


def envoy_address(port):
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def envoy_cluster(name, port, options=None):
    limits = {key: 1000000 for key in ("max_connections", "max_pending_requests", "max_requests")}
    return {"name": name, "type": "STATIC", "connect_timeout": "2s",
            "circuit_breakers": {"thresholds": [limits]},
            "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [
                {"endpoint": {"address": envoy_address(port)}}]}]},
            **({"typed_extension_protocol_options": {
                "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": options}} if options else {})}


def envoy_host(host, cluster):
    return {"name": cluster, "domains": [host],
            "routes": [{"match": {"prefix": "/"}, "route": {"cluster": cluster}}]}


def envoy_http(stat_prefix="clients"):
    """The filter that speaks HTTP: X-Forwarded-For, -Proto and X-Request-Id are its own doing."""
    more = [{"header": {"key": key, "value": value}} for key, value in
            (("x-forwarded-host", "%REQ(:authority)%"),
             ("x-forwarded-port", "%DOWNSTREAM_LOCAL_PORT%"))]
    return {**envoy_type("extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"),
            "stat_prefix": stat_prefix, "use_remote_address": True,
            "route_config": {"request_headers_to_add": more,
                             "virtual_hosts": [envoy_host(H1_HOST, "h1"), envoy_host(H2C_HOST, "h2c")]},
            "http_filters": [{"name": "router", "typed_config":
                              envoy_type("extensions.filters.http.router.v3.Router")}]}


def envoy_tls(site):
    return {**envoy_type("extensions.transport_sockets.tls.v3.DownstreamTlsContext"),
            "common_tls_context": {
                "alpn_protocols": ["h2", "http/1.1"],
                "tls_params": {"tls_minimum_protocol_version": "TLSv1_3",
                               "tls_maximum_protocol_version": "TLSv1_3", "ecdh_curves": ["X25519"]},
                "tls_certificates": [{"certificate_chain": {"filename": str(site.certificate)},
                                      "private_key": {"filename": str(site.key)}}]}}


def envoy_config(site, port):
    h2c_options = {**envoy_type("extensions.upstreams.http.v3.HttpProtocolOptions"),
                   "explicit_http_config": {"http2_protocol_options": {}}}
    chain = {"filters": [{"name": "http", "typed_config": envoy_http()}],
             "transport_socket": {"name": "tls", "typed_config": envoy_tls(site)}}
    return {"static_resources": {
        "listeners": [{"name": "clients", "address": envoy_address(port), "filter_chains": [chain]}],
        "clusters": [envoy_cluster("h1", site.h1), envoy_cluster("h2c", site.h2c, h2c_options)]}}


def start_envoy(site, binary):
    port = free_port()
    config = site.work / "envoy.json"
    config.write_text(json.dumps(envoy_config(site, port), indent=1))
    command = [binary, "-c", config, "--concurrency", "1", "--disable-hot-restart",
               "--log-level", "error"]
    return Peer("envoy", Program(command, PROXY_CPU, site.work / "envoy.log").wait_port(port), port)
