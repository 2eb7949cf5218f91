# SPDX-License-Identifier: Apache-2.0
"""The proxy that is judged: ours, or HAProxy to show that a bar can be reached."""
import os
import time

import manifests
import proc
from proc import FAIRLEAD, Program, free_port

ALL_CPUS = f"0-{max(0, (os.cpu_count() or 1) - 1)}"
WEBSOCKETS = {"projectcontour.io/websocket-routes": "/autobahn"}
OF_HTTP_2 = ("grpc", "origin")
H2C = {"projectcontour.io/upstream-protocol.h2c": "80"}

HAPROXY = """
global
    ssl-default-bind-options ssl-min-ver TLSv1.2
    ssl-default-bind-ciphers ECDHE+AESGCM:ECDHE+CHACHA20
defaults
    mode http
    timeout connect 2s
    timeout client 60s
    timeout server 60s
    timeout tunnel 1h
    timeout http-request 10s
frontend clients
    bind 127.0.0.1:{port}
    bind 127.0.0.1:{h2c_port} proto h2
    bind 127.0.0.1:{https_port} ssl crt {both} alpn h2,http/1.1
{rules}
{backends}
"""


def objects_of(scene):
    """All that Fairlead is told: one host, in clear text and with TLS."""
    ingress = manifests.ingress("suites", "localhost", scene.routes,
                                annotations=WEBSOCKETS if "autobahn" in scene.ports else None)
    objects = [ingress]
    if scene.with_tls:
        ingress["spec"]["tls"] = [{"hosts": ["localhost"], "secretName": "suites"}]
        objects.append(scene.certificate.secret("suites"))
    for name, port in scene.ports.items():
        objects += [manifests.service(name, annotations=H2C if name in OF_HTTP_2 else None),
                    *manifests.slices(name, [port])]
    return objects


class Fairlead(proc.Fairlead):
    def __init__(self, scene):
        objects = scene.work / "objects"
        objects.mkdir(exist_ok=True)
        manifests.write(objects / "suites.yaml", *objects_of(scene))
        self.port, self.admin = free_port(), free_port()
        self.h2c_port = self.port
        self.https_port = free_port() if scene.with_tls else None
        listeners = ["--http", f"127.0.0.1:{self.port}", "--admin", f"127.0.0.1:{self.admin}"]
        if scene.with_tls:  # the default is for testssl.sh, which names no host in places
            listeners += ["--https", f"127.0.0.1:{self.https_port}",
                          "--default-certificate", "default/suites"]
        else:
            listeners += ["--https", "off"]
        command = [FAIRLEAD, "serve", "--objects", objects, *listeners, "--access-log", "off",
                   "--drain-timeout", "5s"]
        self.started = time.monotonic()
        self.program = Program(command, ALL_CPUS, scene.work / "fairlead.log")
        self.wait_ready(30)

    def end(self):
        """"" when it ran to the end and then ended as asked, else what was wrong."""
        was_running = self.program.is_running()
        status = self.stop()
        if was_running and status == 0:
            return ""
        return (f"{'' if was_running else 'gone before the end, '}exit status {status}: "
                f"{self.program.log.read_text()[-300:]}")


class HAProxy:
    """Its HTTP port takes the preface too, but answers a broken one as HTTP/1: so h2c_port."""

    def __init__(self, scene):
        self.port, self.h2c_port, self.https_port = free_port(), free_port(), free_port()
        both = scene.work / "both.pem"
        both.write_text(scene.certificate.chain.read_text() + scene.certificate.key.read_text())
        rules = [f"    use_backend {name} if {{ path_beg {path} }}"
                 for path, name in sorted(scene.routes, reverse=True)]
        backends = [f"backend {name}\n    server one 127.0.0.1:{port}"
                    f"{' proto h2' if name in OF_HTTP_2 else ''}"
                    for name, port in scene.ports.items()]
        config = scene.work / "haproxy.cfg"
        config.write_text(HAPROXY.format(port=self.port, h2c_port=self.h2c_port,
                                         https_port=self.https_port, both=both,
                                         rules="\n".join(rules), backends="\n".join(backends)))
        self.program = Program(["/usr/sbin/haproxy", "-db", "-f", config], ALL_CPUS,
                               scene.work / "haproxy.log").wait_port(self.port)

    def end(self):
        was_running = self.program.is_running()
        self.program.stop()
        return "" if was_running else "gone before the end"


PROXIES = {"fairlead": Fairlead, "haproxy": HAProxy}
