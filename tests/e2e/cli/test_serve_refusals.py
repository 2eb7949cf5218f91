# SPDX-License-Identifier: Apache-2.0
"""What serve does not take: flags, config files, addresses, directories. One clear line each, and exit 2
for wrong usage, 1 for what the system refuses (design 4.2)."""
import os
import re
import shlex
import socket
import subprocess

import pytest

from support import manifests
from support.fairlead import binary, environment, run


def serve(*flags, objects="."):
    """serve with arguments that are expected to be refused: should it start, it is ended."""
    command = ["timeout", "-s", "KILL", "30", binary(), "serve", "--objects", objects,
               "--http", "127.0.0.1:0", "--admin", "127.0.0.1:0", *flags]
    done = subprocess.run(list(map(str, command)), env=environment(), capture_output=True, text=True,
                          check=False)
    return done.returncode, done.stdout, done.stderr


def expect_usage(result, *words):
    code, out, err = result
    assert (code, out) == (2, ""), result
    assert len(err.splitlines()) == 1 and err.startswith("fairlead: "), err
    for word in words:
        assert word in err, err


@pytest.mark.parametrize("flags", [
    ("--no-such-flag",), ("--no-such-flag=1",), ("-z",), ("--workers", "0"), ("--workers", "-1"),
    ("--workers", "two"), ("--workers", "1.5"), ("--workers", "99999"), ("--workers=",), ("--workers",),
    ("--drain-timeout", "10"), ("--drain-timeout", "10 s"), ("--drain-timeout", "-1s"),
    ("--drain-timeout", "forever"), ("--connect-timeout", "0"), ("--connect-timeout", "0s"),
    ("--http", "localhost"), ("--http", "127.0.0.1"), ("--http", "127.0.0.1:65536"),
    ("--http", "127.0.0.1:http"), ("--http", "[::1:80"), ("--http", "unix:"), ("--admin", ":-1"),
    ("--http", "unix:/" + "x" * 200), ("--proxy-protocol=maybe",), ("--log-level", "loud"),
    ("--access-log-format", "xml"), ("--external-names", "perhaps"), ("--public-http-port", "0"),
    ("--public-https-port", "65536"), ("--default-certificate", "name"), ("--max-connections", "0"),
    ("--max-request-head-bytes", "10"), ("--root-namespaces", "UPPER"), ("--watch-namespaces", ""),
    ("--ingress-class", ""), ("--objects", ""), ("--json",), ("-X", "GET"), ("surplus",),
    ("--kubeconfig", "x"), ("--config", "/does/not/exist"), ("--config", "/")], ids=" ".join)
def test_a_bad_flag_is_one_clear_line_and_exit_2(flags):
    expect_usage(serve(*flags))


def test_the_line_names_the_flag_the_value_and_the_remedy():
    expect_usage(serve("--workers", "0"), "--workers", '"0"', "number from 1 to")
    expect_usage(serve("--drain-timeout=10"), "--drain-timeout", '"10"', "90s")
    expect_usage(serve("--worker", "1"), "--worker", "--help")
    expect_usage(run("frobnicate"), "frobnicate", "serve, check, explain, table")
    expect_usage(run(), "--help")


def test_a_value_from_outside_forges_no_line():
    expect_usage(serve("--workers", "1\nfairlead: all is well\x1b[2J"))
    expect_usage(run("x\ny"))


def test_without_objects_and_without_a_cluster_there_is_nothing_to_serve(monkeypatch):
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    expect_usage(run("serve"), "--objects")


# ---- the config file ----

CONFIGS = {
    "unknown key": ("workers: 1\nworkerz: 2\n", ":2:", "workerz"),
    "bad value": ("# c\nworkers: none\n", ":2:", "none"),
    "list for one": ("workers: [1, 2]\n", ":1:", "workers"),
    "no mapping": ("- workers\n", "config.yaml"),
    "no YAML": ("workers: [\n", "config.yaml"),
    "nested": ("workers: {a: 1}\n", "config.yaml"),
    "twice": ("workers: 1\nworkers: 2\n", "config.yaml", "line 2"),
    "an argument": ("config: other.yaml\n", ":1:"),
    "bad duration": ("drain-timeout: 10\n", ":1:", "10"),
    "bytes": ("workers: \x01\n", "config.yaml"),
}


@pytest.mark.parametrize("what", CONFIGS)
def test_a_bad_config_file_is_one_clear_line_and_exit_2(tmp_path, what):
    text, *words = CONFIGS[what]
    (tmp_path / "config.yaml").write_text(text)
    expect_usage(serve("--config", tmp_path / "config.yaml"), *words)


def test_a_config_file_that_is_huge_is_refused(tmp_path):
    (tmp_path / "huge.yaml").write_bytes(b"# \n" * 1_000_000)
    expect_usage(serve("--config", tmp_path / "huge.yaml"), "bytes")


def test_every_flag_is_a_key_and_a_flag_beats_the_file(fairlead, backend, tmp_path):
    more = tmp_path / "more"
    more.mkdir()
    (more / "b.yaml").write_text(manifests.app(backend(), host="b.test", name="b"))
    config = tmp_path / "config.yaml"
    config.write_text("http: ['127.0.0.1:1']\nworkers: 2\naccess-log: 'off'\nlog-level: debug\n"
                      "drain-timeout: 1m30s\nproxy-protocol: true\nallow-underscores: true\n")
    proxy = fairlead(manifests.app(backend()), "--config", config, "--proxy-protocol=false",
                     "--objects", more)
    assert proxy.get("/").status == proxy.get("/", "b.test").status == 200
    assert not proxy.output.lines


# ---- addresses ----

def test_a_port_in_use_is_one_line_and_exit_1(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        for flags in (("--http", f"127.0.0.1:{port}"), ("--workers", "2", "--http", f"127.0.0.1:{port}"),
                      ("--admin", f"127.0.0.1:{port}")):
            code, out, err = serve(*flags, objects=tmp_path)
            errors = [line for line in err.splitlines() if " error " in line]
            assert (code, out) == (1, "") and len(errors) == 1, (code, out, err)
            assert f"127.0.0.1:{port}" in errors[0] and "in use" in errors[0]


@pytest.mark.parametrize("flags, said", [
    (("--http", "127.0.0.1:80", "--https", "127.0.0.1:80"),
     "--http 127.0.0.1:80 and --https 127.0.0.1:80"),
    (("--https", ":8443", "--https", "127.0.0.1:8443"),
     "--https [::]:8443 and --https 127.0.0.1:8443"),
    (("--http", "0.0.0.0:8443",), "--http 0.0.0.0:8443 and --https [::]:8443"),
    (("--metrics", "127.0.0.1:90", "--admin", "127.0.0.1:90"),
     "--admin 127.0.0.1:90 and --metrics 127.0.0.1:90"),
    (("--http", "unix:/x", "--admin", "unix:/x"), "--http unix:/x and --admin unix:/x"),
], ids=["http and https", "all addresses", "a default", "admin and metrics", "a path"])
@pytest.mark.parametrize("more", [(), ("--share-ports",), ("--workers", "2")], ids=" ".join)
def test_two_listeners_in_one_place_are_one_line_and_exit_2(flags, said, more):
    """The kernel would give each some of the other's connections, where ports are shared."""
    expect_usage(serve(*flags, *more), said, "of its own")


def test_a_second_proxy_does_not_share_the_ports_of_the_first_in_silence(fairlead, tmp_path):
    """SO_REUSEPORT, which several workers use, would let it."""
    proxy = fairlead("", "--workers", 2)
    code, _, err = serve("--http", f"127.0.0.1:{proxy.http_port}", "--workers", "2", objects=tmp_path)
    assert code == 1 and "in use" in err
    assert proxy.get("/").status == 404


def test_an_address_of_another_machine_is_one_line_and_exit_1(tmp_path):
    code, _, err = serve("--http", "192.0.2.1:8080", objects=tmp_path)
    errors = [line for line in err.splitlines() if " error " in line]
    assert code == 1 and len(errors) == 1 and "192.0.2.1:8080" in errors[0]


def test_a_port_without_permission_is_one_line_and_exit_1(tmp_path):
    if os.geteuid() == 0:
        pytest.skip("root may bind every port")
    code, _, err = serve("--http", "127.0.0.1:81", objects=tmp_path)
    errors = [line for line in err.splitlines() if " error " in line]
    assert code == 1 and len(errors) == 1 and "permission" in errors[0]


@pytest.mark.parametrize("address", ["127.0.0.1:0", "[::1]:0", ":0", "[::]:0"])
def test_it_listens_where_it_is_told(fairlead, backend, address):
    if address != "127.0.0.1:0" and not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    proxy = fairlead(manifests.app(backend()), "--http", address)
    port = int(proxy.log.wait_for(r"http listens address=\S*:(\d+)$")[1])
    for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        if (address.startswith("127") and host != "127.0.0.1") or (address == "[::1]:0" and host != "::1"):
            continue
        with socket.socket(family) as sock:
            sock.settimeout(15)
            sock.connect((host, port))
            sock.sendall(b"GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n")
            assert sock.recv(4096).startswith(b"HTTP/1.1 200")


def test_several_listeners_and_a_unix_socket(fairlead, backend, tmp_path):
    path = tmp_path / "http.sock"
    proxy = fairlead(manifests.app(backend()), "--http", "127.0.0.1:0", "--http", f"unix:{path}")
    assert proxy.get("/").status == 200
    assert len([line for line in proxy.log.lines if "http listens" in line]) == 2
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(15)
        sock.connect(str(path))
        sock.sendall(b"GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n")
        assert sock.recv(4096).startswith(b"HTTP/1.1 200")
    proxy.stop()
    assert not path.exists()


def test_a_unix_socket_left_over_is_taken_and_one_in_use_is_not(fairlead, tmp_path):
    path = tmp_path / "http.sock"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    proxy = fairlead("", "--http", f"unix:{path}", ready=False)
    proxy.log.wait_for("http listens address=unix:")
    code, _, err = run("serve", "--objects", tmp_path, "--http", f"unix:{path}", "--admin", "127.0.0.1:0")
    assert code == 1 and "in use" in err
    regular = tmp_path / "a-file"
    regular.write_text("precious")
    assert serve("--http", f"unix:{regular}", objects=tmp_path)[0] == 1
    assert regular.read_text() == "precious"


# ---- directories and files ----

def test_a_directory_that_is_not_there_is_one_line_and_not_served(tmp_path):
    code, _, err = serve(objects=tmp_path / "nowhere")
    errors = [line for line in err.splitlines() if " error " in line]
    assert code == 1 and len(errors) == 1 and "nowhere" in errors[0]


def test_a_file_in_place_of_a_directory_is_one_line_and_not_served(tmp_path):
    (tmp_path / "file.yaml").write_text(manifests.app(9))
    code, _, err = serve(objects=tmp_path / "file.yaml")
    errors = [line for line in err.splitlines() if " error " in line]
    assert code == 1 and len(errors) == 1 and "file.yaml" in errors[0]


def test_an_access_log_that_can_not_be_opened_is_one_line_and_not_served(tmp_path):
    code, _, err = serve("--access-log", "/does/not/exist/log", "--workers", "2", objects=tmp_path)
    errors = [line for line in err.splitlines() if " error " in line]
    assert code == 1 and len(errors) == 1 and "/does/not/exist/log" in errors[0]


def test_hardly_any_files_allowed_is_no_crash(tmp_path, monkeypatch):
    """Starting may fail, but with a line that says why."""
    real = binary()
    for count in range(4, 100):
        wrapper = tmp_path / "few-files"
        wrapper.write_text(f"#!/bin/sh\nulimit -n {count}\nexec timeout -s TERM 1 "
                           f'{shlex.quote(real)} "$@"\n')
        wrapper.chmod(0o755)
        with monkeypatch.context() as patch:
            patch.setenv("FAIRLEAD_BIN", str(wrapper))
            code, _, err = serve(objects=tmp_path)
        assert code in (0, 1, 124), (count, code, err)
        assert "CHECK" not in err, (count, err)
        if code == 124:
            break  # from here on it serves
        if code == 1:
            assert re.search(r"error", err), (count, err)
