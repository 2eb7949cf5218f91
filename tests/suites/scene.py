# SPDX-License-Identifier: Apache-2.0
"""The stage of one suite: a certificate, the endpoints it needs, and the proxy in front."""
import tempfile
from pathlib import Path

from certificate import Certificate
from proc import TOOLS, Program, free_port
from proxies import ALL_CPUS, PROXIES

ROUTES = {"echo": ["/"], "autobahn": ["/autobahn"], "origin": ["/trailers"],
          "grpc": ["/grpc.testing.TestService", "/grpc.testing.UnimplementedService"]}


class Scene:
    """
    A context. `endpoints` are names of ROUTES; the port of each is in `ports`, and all but echo
    are started by the suite, by start(). What the proxy serves is http://localhost:{port} and
    https://localhost:{https_port}.
    """

    def __init__(self, proxy, *endpoints, with_tls=True):
        self.folder = tempfile.TemporaryDirectory(prefix="fairlead-suites-")
        self.work = Path(self.folder.name)
        self.with_tls = with_tls
        self.certificate = Certificate(self.work)
        self.ports = {name: free_port() for name in endpoints}
        self.routes = [(path, name) for name in endpoints for path in ROUTES[name]]
        self.programs = []
        self.proxy_name = proxy
        self.proxy = None
        self.end = None

    def __enter__(self):
        try:
            if "echo" in self.ports:
                self.start("echo", [TOOLS / "echo", "--listen", f"127.0.0.1:{self.ports['echo']}"])
            self.proxy = PROXIES[self.proxy_name](self)
        except BaseException:
            self.__exit__()
            raise
        return self

    def start(self, name, command, env=None):
        """Start an endpoint and wait until it listens."""
        program = Program(command, ALL_CPUS, self.work / f"{name}.log", env)
        self.programs.append(program)
        program.wait_port(self.ports[name], 30)

    def __exit__(self, *_):
        if self.proxy is not None:
            self.end = self.proxy.end()
        for program in self.programs:
            program.stop()
        self.folder.cleanup()

    @property
    def port(self):
        return self.proxy.port

    @property
    def h2c_port(self):
        return self.proxy.h2c_port

    @property
    def https_port(self):
        return self.proxy.https_port
