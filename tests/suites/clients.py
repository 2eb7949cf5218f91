# SPDX-License-Identifier: Apache-2.0
"""Clients people use: each gets, posts 1 MB, asks 100 things at once; trailers where it can."""
import re

import h2_client
from bounded import run, what_was_wrong
from proc import say
from results import Result, result_of, skipped
from scene import Scene

GET, ECHO = "/bytes/8192", "/echo"
TRAILERS = "/trailers"  # go/origin, which speaks HTTP/2: trailers pass where both sides do
BODY_GOT = (b"abcdefghijklmnopqrstuvwxyz" * 400)[:8192]
BODY_SENT = bytes(range(256)) * 4096  # 1 MiB
AT_ONCE = 100
TE = [("te", "trailers")]
SECONDS = 60


def outcome(check, *arguments):
    """"" or what was wrong: a check asserts."""
    try:
        check(*arguments)
    except (AssertionError, OSError, h2_client.h2.exceptions.ProtocolError) as error:
        return f"{type(error).__name__}: {error}"
    return ""


def must_run(command):
    status, output = run(command, SECONDS)
    assert status == 0, what_was_wrong(status, output)
    return output


class Curl:
    """One version of HTTP, to one of the two ports. `version` is what the answer must be."""

    def __init__(self, scene, base, version, *options):
        self.base, self.version = base, version
        self.got, self.heads = scene.work / "curl.got", scene.work / "curl.heads"
        self.sent = scene.work / "curl.sent"
        self.sent.write_bytes(BODY_SENT)
        self.command = ["curl", "-sS", "--no-progress-meter", "--max-time", SECONDS, "--cacert",
                        scene.certificate.authority, *options]
        # By prior knowledge curl 7.88 puts the second request on the first's connection before it
        # has begun HTTP/2 there, and fails with any server: let it open more connections instead.
        self.parallel = ["--parallel", "--parallel-max", AT_ONCE] + (
            ["--parallel-immediate"] if "--http2-prior-knowledge" in options else [])
        self.write = ["-w", "%{http_code} %{http_version} %{size_download}\\n"]

    def checks(self):
        return {"GET": self.get, "POST 1 MB": self.post, "100 at once": self.many,
                "trailers": self.trailers}

    def _one(self, path, *options):
        self.got.unlink(missing_ok=True)
        output = must_run([*self.command, *options, *self.write, "-o", self.got, self.base + path])
        body = self.got.read_bytes()
        assert output == f"200 {self.version} {len(body)}\n", output
        return body

    def get(self):
        assert self._one(GET) == BODY_GOT, "not the body asked for"

    def post(self):
        assert self._one(ECHO, "--data-binary", f"@{self.sent}") == BODY_SENT, "not the body sent"

    def many(self):
        output = must_run([*self.command, *self.write, *self.parallel, "-o", "/dev/null",
                           f"{self.base}{GET}?number=[1-{AT_ONCE}]"])
        assert output == f"200 {self.version} {len(BODY_GOT)}\n" * AT_ONCE, output[:300]

    def trailers(self):
        """HTTP/1.1 may go without them, but not without the body before them."""
        body = self._one(TRAILERS, "-H", "TE: trailers", "-D", self.heads)
        assert body == b"t" * 3000, "not the body asked for"
        heads = self.heads.read_text().lower()
        assert self.version != "2" or "\nx-trailer: 3000" in heads, f"none: {heads[-200:]}"


class Nghttp:
    def __init__(self, scene, base):
        self.base, self.sent = base, scene.work / "nghttp.sent"
        self.sent.write_bytes(BODY_SENT)

    def checks(self):
        return {"GET": self.get, "POST 1 MB": self.post, "100 at once": self.many,
                "trailers": self.trailers, "trailers sent": self.send_trailers}

    def _statistics(self, path, *options):
        """[(status, size of the body)] of all answers."""
        output = must_run(["nghttp", "--no-verify-peer", "--null-out", "--stat",
                           f"--timeout={SECONDS}", *options, self.base + path])
        units = {"": 1, "K": 1024, "M": 1 << 20}
        line = r"^ *\d+ +\+\S+ +\+\S+ +\S+ +(\d+) +(\d+)([KM]?) "
        return [(int(code), int(size) * units[unit])
                for code, size, unit in re.findall(line, output, re.MULTILINE)]

    def get(self):
        answer = must_run(["nghttp", "--no-verify-peer", self.base + GET])
        assert answer.encode() == BODY_GOT, "not the body asked for"

    def post(self):
        answers = self._statistics(ECHO, "--data", self.sent)
        assert answers == [(200, len(BODY_SENT))], answers

    def many(self):
        answers = self._statistics(GET, f"--multiply={AT_ONCE}")
        assert answers == [(200, len(BODY_GOT))] * AT_ONCE, answers

    def trailers(self):
        output = must_run(["nghttp", "--no-verify-peer", "--verbose", "--null-out",
                           "--header=te: trailers", self.base + TRAILERS])
        assert "x-trailer: 3000" in output, output[-300:]

    def send_trailers(self):
        answers = self._statistics(TRAILERS, f"--data={self.sent}", "--trailer=x-sent: yes")
        assert answers == [(200, len(BODY_SENT))], answers


class PythonH2:
    def __init__(self, port, authority):
        self.arguments = port, authority

    def checks(self):
        return {"GET": self.get, "POST 1 MB": self.post, "100 at once": self.many,
                "trailers": self.trailers, "trailers sent": self.send_trailers}

    def _answers(self, count, *request, **more):
        with h2_client.Client(*self.arguments) as client:
            answers = [client.ask(*request, **more) for _ in range(count)]
            client.run()
        for answer in answers:
            assert answer.status == "200", f"{answer.name}: status {answer.status}"
        return answers

    def get(self):
        assert self._answers(1, "GET", GET)[0].body == BODY_GOT, "not the body asked for"

    def post(self):
        assert self._answers(1, "POST", ECHO, BODY_SENT)[0].body == BODY_SENT, "not the body sent"

    def many(self):
        for answer in self._answers(AT_ONCE, "GET", GET):
            assert answer.body == BODY_GOT, "not the body asked for"

    def trailers(self):
        trailers = self._answers(1, "GET", TRAILERS, fields=TE)[0].trailers
        assert trailers.get("x-trailer") == "3000", f"trailers: {trailers}"

    def send_trailers(self):
        answer = self._answers(1, "POST", TRAILERS, BODY_SENT, [*TE, ("trailer", "x-sent")],
                               [("x-sent", "yes")])[0]
        assert answer.body == BODY_SENT, "not the body sent"
        assert answer.trailers.get("x-trailer") == str(len(BODY_SENT)), f"{answer.trailers}"


def judge(scene, what, client):
    say(f"  clients, {what}")
    checks = {name: check for name, check in client.checks().items()
              if "origin" in scene.ports or not name.startswith("trailers")}
    return result_of("clients", what, {name: outcome(check) for name, check in checks.items()})


def judge_go(tools, scene, what, base, protocol):
    """Our client on Go's net/http says a line for each check: its name, a tab, what was wrong."""
    say(f"  clients, {what}")
    status, output = run([tools / "go-client", "-base", base, "-protocol", protocol, "-trust",
                          scene.certificate.authority], SECONDS)
    lines = re.findall(r"^(\w[^\t\n]*)\t(.*)$", output, re.MULTILINE)
    if status != 0 or not lines:
        return Result("clients", what, misses=[what_was_wrong(status, output) or "said nothing"])
    return result_of("clients", what, dict(lines))


def judge_all(scene, tools):
    plain, tls = f"http://localhost:{scene.port}", f"https://localhost:{scene.https_port}"
    authority = scene.certificate.authority
    yield judge(scene, "curl --http1.1, plain", Curl(scene, plain, "1.1", "--http1.1"))
    yield judge(scene, "curl --http1.1, TLS", Curl(scene, tls, "1.1", "--http1.1"))
    yield judge(scene, "curl --http2, TLS", Curl(scene, tls, "2", "--http2"))
    yield judge(scene, "curl --http2-prior-knowledge",
                Curl(scene, plain, "2", "--http2-prior-knowledge"))
    yield judge(scene, "nghttp, plain", Nghttp(scene, plain))
    yield judge(scene, "nghttp, TLS", Nghttp(scene, tls))
    yield judge(scene, "python3-h2, plain", PythonH2(scene.port, None))
    yield judge(scene, "python3-h2, TLS", PythonH2(scene.https_port, authority))
    if "origin" not in scene.ports:
        return
    yield judge_go(tools, scene, "Go net/http, HTTP/1.1", plain, "h1")
    yield judge_go(tools, scene, "Go net/http, HTTP/1.1 TLS", tls, "h1")
    yield judge_go(tools, scene, "Go net/http, h2c", plain, "h2")
    yield judge_go(tools, scene, "Go net/http, HTTP/2 TLS", tls, "h2")


def main(options):
    has_go = (options.tools / "go-client").exists() and (options.tools / "go-origin").exists()
    with Scene(options.proxy, "echo", *(["origin"] if has_go else [])) as scene:
        if has_go:
            scene.start("origin", [options.tools / "go-origin", "-listen",
                                   f"127.0.0.1:{scene.ports['origin']}"])
        results = list(judge_all(scene, options.tools))
    if not has_go:
        results.append(skipped("clients", f"Go net/http, and trailers: {options.without_go}"))
    return [*results, result_of("clients", "the proxy's end", {"end": scene.end})]
