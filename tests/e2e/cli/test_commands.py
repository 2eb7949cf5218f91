# SPDX-License-Identifier: Apache-2.0
"""check, explain, table and version: lines in their exact form, and exit codes (design 4.2)."""
import json
import os
import re
import socket
import threading

import pytest

from support import manifests
from support.fairlead import run


@pytest.fixture
def objects(tmp_path):
    """Writes manifests below a directory and gives it."""
    def write(**files):
        for name, text in files.items():
            path = tmp_path / "objects" / name.replace("__", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path / "objects"

    return write


GOOD = manifests.app("10.0.0.1:80", "10.0.0.2:80")


# ---- check ----

def test_check_of_good_manifests_says_nothing_and_exits_0(objects):
    assert run("check", objects(app__yaml=GOOD)) == (0, "", "")


def test_check_takes_files_and_directories_together(objects):
    folder = objects(app__yaml=GOOD, bad__yaml="kind: [\n")
    code, out, _ = run("check", folder / "app.yaml", folder / "bad.yaml")
    assert code == 1 and out.startswith(f"{folder}/bad.yaml:2: error: ")
    assert run("check", folder / "app.yaml") == (0, "", "")


def test_an_error_is_one_line_in_the_exact_form_and_exits_1(objects):
    folder = objects(app__yaml="# one\n# two\n" + manifests.ingress(service="gone"))
    assert run("check", folder) == (
        1, f"{folder}/app.yaml:3: error: Ingress default/gone-ingress: "
           "spec.rules[0].http.paths[0]: Service default/gone not found\n", "")


def test_the_line_is_where_the_object_begins_in_its_file(objects):
    text = manifests.documents(GOOD, manifests.ingress("gone.test", service="gone"))
    folder = objects(app__yaml=text)
    line = next(number for number, line in enumerate(text.splitlines(), 1)
                if "gone" in line)
    _, out, _ = run("check", folder)
    told = int(re.match(rf"{folder}/app\.yaml:(\d+): error: Ingress ", out)[1])
    assert line - 6 < told <= line, (told, line)


def test_a_warning_alone_exits_0(objects):
    folder = objects(app__yaml=manifests.app("10.0.0.1:80", annotations=manifests.contour(
        response_timeout="soon")))
    code, out, _ = run("check", folder)
    assert code == 0
    assert re.fullmatch(rf"{folder}/app\.yaml:1: warning: Ingress default/app-ingress: "
                        r'annotation response-timeout: "soon" [^\n]+\n', out), out


def test_a_file_that_does_not_parse_is_an_error_with_line_and_column(objects):
    folder = objects(bad__yaml="kind: Ingress\nmetadata: {name: app\n  - ]\n", worse__json='{"kind"\n 1}')
    code, out, _ = run("check", folder)
    assert code == 1
    bad, worse = out.splitlines()
    assert re.fullmatch(rf"{folder}/bad\.yaml:3: error: column 5: .+", bad), bad
    assert re.fullmatch(rf"{folder}/worse\.json:2: error: column \d+: .+", worse), worse


def test_an_unknown_kind_is_a_warning(objects):
    folder = objects(w__yaml=manifests.to_yaml(
        {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}}))
    code, out, _ = run("check", folder)
    assert code == 0
    assert re.fullmatch(rf"{folder}/w\.yaml:\d+: warning: .*example\.com/v1 Widget.*\n", out), out


def test_each_finding_is_one_line_in_the_form_and_in_a_fixed_order(objects):
    folder = objects(a__yaml=manifests.documents(*(
        manifests.ingress(service=f"gone{number}", path=f"/{number}") for number in range(5))),
        b__yaml=manifests.ingress(host="no host", service="gone1", namespace="other"))
    code, out, _ = run("check", folder)
    assert code == 1 and len(out.splitlines()) >= 6
    for line in out.splitlines():
        assert re.fullmatch(rf"{folder}/[ab]\.yaml:\d+: (error|warning): Ingress \w+/gone\d-ingress: .+",
                            line), line
    assert run("check", folder)[1] == out


def test_check_takes_the_flags_that_shape_the_table(objects):
    foreign = manifests.ingress_of("i", [("a.test", [("/", "gone")])], spec={"ingressClassName": "mine"})
    folder = objects(app__yaml=foreign)
    assert run("check", folder) == (0, "", "")
    assert run("check", folder, "--ingress-class", "mine")[0] == 1
    elsewhere = objects(other__yaml=manifests.ingress(service="gone", namespace="elsewhere"))
    assert run("check", elsewhere, "--watch-namespaces", "here") == (0, "", "")
    assert run("check", elsewhere, "--watch-namespaces=here,elsewhere")[0] == 1


@pytest.mark.parametrize("arguments", [(), ("/does/not/exist",), ("--no-such-flag", "x")])
def test_check_used_wrongly_is_one_line_and_exits_2(arguments):
    code, out, err = run("check", *arguments)
    assert (code, out) == (2, "") and len(err.splitlines()) == 1


def test_check_of_a_directory_without_manifests_says_so(tmp_path):
    (tmp_path / "notes.txt").write_text("kind: [\n")
    assert run("check", tmp_path) == (0, f"{tmp_path}:0: warning: there are no manifests here: their names end "
                                         "in .yaml, .yml or .json\n", "")


def test_check_tells_of_a_symlink_that_leads_nowhere(objects):
    folder = objects(app__yaml=GOOD)
    (folder / "link.yaml").symlink_to("nowhere.yaml")
    assert run("check", folder) == (0, f"{folder}/link.yaml:0: warning: a symbolic link that leads nowhere, so it "
                                       "does nothing\n", "")


def test_check_exits_2_where_a_manifest_could_not_be_read(objects):
    folder = objects(app__yaml=GOOD)
    os.mkfifo(folder / "fifo.yaml")
    assert run("check", folder) == (2, f"{folder}/fifo.yaml:0: error: is no regular file, so it is not read\n", "")


# ---- manifests that cannot be used ----

@pytest.mark.parametrize("command", [("table",), ("explain", "http://a.test/"), ("explain", "http://b.test/")])
def test_what_is_made_of_less_than_all_manifests_exits_2_and_names_the_rest(objects, command):
    folder = objects(app__yaml=GOOD, bad__yaml="kind: [\n")
    os.mkfifo(folder / "fifo.yaml")
    code, out, err = run(command[0], "--objects", folder, *command[1:])
    assert code == 2 and out != ""
    assert re.fullmatch(rf"fairlead: {folder}/bad\.yaml:2: column \d+: .+\n"
                        rf"fairlead: {folder}/fifo\.yaml:0: is no regular file, so it is not read\n", err), err


def test_of_many_manifests_that_cannot_be_used_a_few_are_named(objects):
    folder = objects(**{f"bad{number}__yaml": "kind: [\n" for number in range(10)})
    lines = run("table", "--objects", folder)[2].splitlines()
    assert len(lines) == 9 and lines[-1].endswith("fairlead check names all of them")


# ---- explain ----

def test_explain_names_the_object_the_field_and_the_endpoints(objects):
    code, out, err = run("explain", "--objects", objects(app__yaml=GOOD), "http://a.test/x?q=1")
    assert (code, err) == (0, "")
    assert out == ("request   GET http://a.test/x?q=1\n"
                   "host      a.test: named exactly\n"
                   "path      /x\n"
                   "route     prefix /\n"
                   "object    Ingress default/app-ingress spec.rules[0].http.paths[0]\n"
                   "service   default/app/80, http1, round_robin: 2 ready endpoints\n"
                   "endpoint  10.0.0.1:80\n"
                   "endpoint  10.0.0.2:80\n"
                   "verdict   forwarded to default/app/80\n")


@pytest.mark.parametrize("url,verdict", [
    ("http://nobody.test/", "404"), ("http://gone.test/", "503"), ("http://a.test/%zz", "400"),
    ("http://a.test/%00", "400"), ("http://a_b.test:x/", "400")])
def test_explain_exits_1_where_no_route_answers(objects, url, verdict):
    folder = objects(app__yaml=GOOD, gone__yaml=manifests.ingress("gone.test", service="gone"))
    code, out, _ = run("explain", "--objects", folder, url)
    assert code == 1
    assert re.search(rf"^verdict +.*{verdict}", out, re.MULTILINE), out


def test_explain_takes_a_method_and_headers(objects):
    folder = objects(app__yaml=GOOD)
    code, out, _ = run("explain", "--objects", folder, "-X", "POST", "-H", "Host: a.test", "/x")
    assert code == 0 and out.startswith("request   POST /x\n")
    code, out, _ = run("explain", "--objects", folder, "-H", "Upgrade: websocket", "http://a.test/")
    assert code == 1 and "403" in out
    code, out, _ = run("explain", "--objects", folder, "-X", "CONNECT", "http://a.test/")
    assert code == 1 and "405" in out
    assert run("explain", "--objects", folder, "-H", "no colon", "http://a.test/")[0] == 2
    assert run("explain", "--objects", folder)[0] == 2
    code, out, err = run("explain", "--objects", folder, "foo")
    assert (code, out) == (2, "") and '"foo" is no URL: write http://HOST/PATH' in err
    assert run("explain", "http://a.test/")[0] == 2


def test_explain_asks_a_running_proxy(fairlead, backend):
    app = backend()
    proxy = fairlead(manifests.app(app))
    admin = f"127.0.0.1:{proxy.admin_port}"
    code, out, err = run("explain", "--admin", admin, "http://a.test/x")
    assert (code, err) == (0, "")
    assert f"127.0.0.1:{app.port}" in out and "requests in flight" in out
    code, out, _ = run("explain", "--admin", admin, "-X", "POST", "-H", "Host: nobody.test", "/x&method=GET")
    assert code == 1 and "POST" in out and "404" in out


def test_explain_says_301_where_clients_are_sent_to_https(objects):
    folder = objects(app__yaml=manifests.app("10.0.0.1:80", annotations={
        "ingress.kubernetes.io/force-ssl-redirect": "true"}))
    code, out, _ = run("explain", "--objects", folder, "http://a.test/x?q=1")
    assert code == 0 and "301 to https://a.test/x?q=1" in out


# ---- table ----

def test_the_table_is_stable_text(objects):
    folder = objects(app__yaml=GOOD)
    code, out, err = run("table", "--objects", folder)
    assert (code, err) == (0, "")
    assert out == ("host a.test\n"
                   "  prefix /               -> default/app/80 (2 endpoints)          "
                   "Ingress default/app-ingress spec.rules[0].http.paths[0]\n"
                   "cluster default/app/80 http1 round_robin\n"
                   "  10.0.0.1:80\n"
                   "  10.0.0.2:80\n")
    assert run("table", "--objects", folder) == (0, out, "")


def test_the_table_as_json_has_the_same_facts(objects):
    code, out, _ = run("table", "--objects", objects(app__yaml=GOOD), "--json")
    table = json.loads(out)
    assert code == 0
    assert [host["name"] for host in table["hosts"]] == ["a.test"]
    assert table["hosts"][0]["routes"][0]["backends"][0]["cluster"] == "default/app/80"
    assert [endpoint["address"] for endpoint in table["clusters"][0]["endpoints"]] == [
        "10.0.0.1:80", "10.0.0.2:80"]


def test_the_table_of_a_running_proxy_is_that_of_its_manifests(fairlead, backend):
    proxy = fairlead(manifests.app(backend()))
    admin = f"127.0.0.1:{proxy.admin_port}"
    for flags in ((), ("--json",)):
        asked, read = (run("table", *source, *flags)
                       for source in (("--admin", admin), ("--objects", proxy.objects)))
        assert asked[0] == read[0] == 0
        if flags:
            assert json.loads(asked[1])["hosts"] == json.loads(read[1])["hosts"]
        else:
            assert asked[1] == read[1]


def test_a_proxy_that_is_not_there_is_one_line_and_exits_1():
    code, out, err = run("table", "--admin", "127.0.0.1:1")
    assert (code, out) == (1, "") and len(err.splitlines()) == 1 and "127.0.0.1:1" in err


def test_a_peer_that_is_no_admin_port_is_one_line_and_exits_1():
    replies = (b"SSH-2.0-hello\r\n", b"\0" * 5000, b"",
               b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n",
               b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\ncut short")
    with socket.create_server(("127.0.0.1", 0)) as server:
        def serve():
            for reply in replies:
                sock, _ = server.accept()
                sock.recv(4096)
                sock.sendall(reply)
                sock.close()

        threading.Thread(target=serve, daemon=True).start()
        for _ in replies:
            code, out, err = run("table", "--admin", f"127.0.0.1:{server.getsockname()[1]}")
            assert (code, out) == (1, "") and len(err.splitlines()) == 1, (code, out, err)


# ---- version and help ----

def test_version():
    code, out, err = run("version")
    assert (code, err) == (0, "") and re.fullmatch(r"fairlead \d+\.\d+\.\d+\S*\n", out)
    assert run("--version")[1] == out


@pytest.mark.parametrize("command", [(), ("serve",), ("check",), ("explain",), ("table",), ("version",)])
def test_help_goes_to_stdout_within_100_columns(command):
    code, out, err = run(*command, "--help")
    assert (code, err) == (0, "") and len(out.splitlines()) >= 1
    assert max(map(len, out.splitlines())) <= 100
