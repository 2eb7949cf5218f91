# SPDX-License-Identifier: Apache-2.0
"""The guide keeps up with the tables of the program.

Whatever an operator or a client can meet has its place in the documents: every flag with its
default, every reason code with its status, every metric with its limits and timeouts, every
annotation, every field. No link leads nowhere, and every manifest in the guide and in examples/ is
what the text around it says.
"""
import base64
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
GUIDE = ROOT / "docs/guide"
sys.path.insert(0, str(ROOT / "tests/e2e"))

from support.certificates import Authority  # noqa: E402
from support.fairlead import run  # noqa: E402

STRING = r'"((?:[^"\\]|\\.)*)"'
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")
# An annotation with its whole name, as a string of the sources.
ANNOTATIONS = re.compile(r'"((?:[a-z]+\.)*[a-z0-9]+\.(?:io|com)/[a-z.-]+[a-z])"')


def read(path):
    return (ROOT / path).read_text(encoding="utf-8")


def page(name):
    return (GUIDE / name).read_text(encoding="utf-8")


def rows(name):
    """The rows of all tables of a page, each a list of cells."""
    lines = (line for line in page(name).splitlines() if line.startswith("|"))
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def has(text, word):
    return f"`{word}`" in text


def flags():
    """(name, default or None) of each line of flags.def."""
    usual = {"DEFAULT_INGRESS_CLASS": "fairlead"}
    entry = re.compile(rf'FLAG\({STRING},[^,]+,[^,]+,[^,]+,\s*(?:NULL|{STRING}),\s*'
                       rf'(NULL|\w+|{STRING}),\s*\w+,', re.DOTALL)
    for found in entry.finditer(read("cli/flags.def")):
        default = found.group(3)
        yield found.group(1), None if default == "NULL" else usual.get(default, default.strip('"'))


def reasons():
    """(reason, code) of each way a request can fail."""
    failures = re.findall(rf"FAILURE\(\w+,\s*(\d+),\s*\w+,\s*{STRING}", read("proxy/failures.def"))
    faults = re.findall(rf"H1_FAULT\(\w+,\s*(\d+),\s*{STRING}", read("proxy/http/h1_faults.def"))
    return [(reason, int(code)) for code, reason in failures + faults]


def stat_labels(label):
    return re.findall(rf'{label}=\\"(\w+)\\"', read("proxy/stats.def"))


def families():
    """Every metric that the sources name."""
    found = set()
    for folder in ("proxy", "controller", "core"):
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in (".c", ".def"):
                found |= set(re.findall(r'"(fairlead_[a-z0-9_]+)"', path.read_text(encoding="utf-8")))
    return sorted(found)


def annotations():
    """Those the compiler reads; the ones with our prefix are named without it in the sources."""
    sources = "".join(read(f"controller/compile/{name}.c") for name in
                      ("annotations", "annotations_tls", "backends", "class"))
    bare = re.findall(rf'(?:annotation_find|annotation_lists|read_limit)\([^;]*?{STRING}', sources)
    bare += re.findall(r'"(upstream-protocol\.[a-z0-9]+)"', sources)
    return set(bare) | {"response-timeout", "request-timeout", "websocket-routes"}, \
        {name for name in ANNOTATIONS.findall(sources)}


def test_the_tables_of_the_program_are_found():
    """Or all others would pass on nothing."""
    assert len(list(flags())) == len(re.findall(r"^FLAG\(", read("cli/flags.def"), re.MULTILINE))
    assert ("workers", "auto") in flags()
    assert len(list(flags())) > 30
    assert len(reasons()) == len(re.findall(r"^(?:FAILURE|H1_FAULT)\(", read("proxy/failures.def") +
                                            read("proxy/http/h1_faults.def"), re.MULTILINE))
    assert len(families()) > 40
    assert "memory" in stat_labels("limit") and "head" in stat_labels("timeout")
    bare, full = annotations()
    assert {"retry-on", "max-connections", "upstream-protocol.h2c"} <= bare
    assert "kubernetes.io/ingress.allow-http" in full


@pytest.mark.parametrize("name,default", flags())
def test_every_flag_has_a_row_with_its_default(name, default):
    own = [row for row in rows("operating.md")
           if re.search(rf"`(?:-\w [^`]*`, `)?--{name}(?: [^`]*)?`", row[0])]
    assert len(own) == 1, f"operating.md: one row for --{name}"
    if default is not None:
        assert has(own[0][1], default), f"operating.md: --{name} has the default {default}"


def test_no_flag_is_documented_that_is_not_there():
    known = {name for name, _ in flags()} | {"help", "name"}
    for path in [*GUIDE.rglob("*.md"), ROOT / "docs/SECURITY-MODEL.md"]:
        text = re.sub(r"scripts/\S+ --\S+", "", path.read_text(encoding="utf-8"))
        text = re.sub(r"\b(?:kubectl|helm) (?:(?! -- fairlead )[^`\n])*", "", text)
        if path.name == "coming-from-contour.md":  # whose flags stand in the first column
            text = re.sub(r"^\|[^|]*\|", "|", text, flags=re.MULTILINE)
        for line in text.splitlines():
            if line.startswith("    ") and "fairlead " not in line:
                continue  # commands of others
            assert set(re.findall(r"(?<![\w-])--([a-z][a-z-]+)", line)) <= known, (path.name, line)


@pytest.mark.parametrize("reason,code", reasons())
def test_every_reason_code_has_a_row_with_its_status(reason, code):
    shown = str(code) if code else "closed"
    own = [row for row in rows("why-404.md") if row[0] == f"`{reason}`"]
    assert own, f"why-404.md: a row for {reason}"
    assert any(row[1] == shown for row in own), f"why-404.md: {reason} is {shown}"


def test_no_reason_code_is_documented_that_is_not_there():
    known = {reason for reason, _ in reasons()} | {"bad_request"}
    named = {row[0].strip("`") for row in rows("why-404.md")
             if len(row) >= 3 and re.fullmatch(r"`\w+`", row[0])}
    assert named - known == set()


@pytest.mark.parametrize("label", ["limit", "timeout"])
def test_every_limit_and_timeout_is_named_where_its_default_stands(label):
    cells = [cell for row in rows("operating.md") for cell in row]
    for value in stat_labels(label):
        wanted = f"limit `{value}`" if label == "limit" else f"`{value}`"
        assert any(wanted in cell for cell in cells), f"operating.md: {label} {value}"


@pytest.mark.parametrize("family", families())
def test_every_metric_has_a_row(family):
    assert any(has(row[0], family) for row in rows("operating.md")), f"operating.md: {family}"


def test_no_metric_is_documented_that_is_not_there():
    for path in GUIDE.rglob("*.md"):
        named = set(re.findall(r"fairlead_[a-z0-9_]+", path.read_text(encoding="utf-8")))
        assert named <= set(families()), path.name


def test_every_annotation_has_a_row():
    """In the first column of a table, where its values and what a bad one does stand beside it."""
    names = " ".join(row[0] for row in rows("ingress.md"))
    bare, full = annotations()
    for name in full:
        assert has(names, name), name
    for name in bare:
        short = name.removeprefix("upstream-protocol")
        assert any(has(names, form) for form in (f"projectcontour.io/{name}", name, short)), name


def sentences():
    """Those of the log that a person may meet without asking for debug."""
    call = re.compile(rf'\blog_(?:error|warn|info)\((?:[^()"]|\([^()]*\))*?,\s*((?:{STRING}\s*)+)')
    files = [ROOT / "main.c", *(path for folder in ("core", "tls", "lb", "proxy", "controller")
                                for path in sorted((ROOT / folder).rglob("*.c")))]
    for path in files:
        for found in call.finditer(path.read_text(encoding="utf-8")):
            yield "".join(re.findall(STRING, found[1]))


def test_every_sentence_of_the_log_has_a_row():
    shown = " ".join(row[1] for row in rows("log.md"))
    found = set(sentences())
    assert len(found) > 30
    assert [text for text in sorted(found) if not has(shown, text)] == []


def test_every_right_has_a_row_and_no_other_has():
    """What rbac.yaml gives, role by role, is what rbac.md explains."""
    wanted = {}
    for document in read("deploy/kustomize/base/rbac.yaml").split("---\n"):
        role = re.search(r"^metadata:\n  name: (\S+)", document, re.MULTILINE)[1]
        for rule in re.findall(r"resources: \[(.*?)\].*?verbs: \[(.*?)\]", document, re.DOTALL):
            for resource in rule[0].split(", "):
                wanted.setdefault((role, resource), set()).update(rule[1].split(", "))
    shown = {(row[0].strip("`"), row[1].strip("`")): set(row[2].split(", "))
             for row in rows("rbac.md")[2:]}
    assert len(wanted) > 10 and shown == wanted


def fields_read(source):
    return set(re.findall(rf"node_(?:text|number|number_or_say|port_ref|bool|object|array)\(&?\w+,\s*{STRING}",
                          source))


def decoded_fields():
    """The words by which IngressRoute and TLSCertificateDelegation are read."""
    return fields_read(read("controller/object/ingress_route.c") + read("controller/object/tls_delegation.c"))


@pytest.mark.parametrize("kind", ["ingress", "ingress_route", "tls_delegation"])
def test_the_fields_that_are_known_are_those_that_are_read(kind):
    """What is not known is told to do nothing, so a field that is read must be known."""
    source = read(f"controller/object/{kind}.c")
    tables = "".join(re.findall(r"struct field (?:prefix##)?\w+\[\] = \{.*?\{0\}\}", source, re.DOTALL))
    known = set(re.findall(rf"(?:\.name = |\{{){STRING}", tables))
    elsewhere = {"apiVersion", "kind", "metadata", "spec", "status", "apiGroup"}  # of the root, and of a resource
    by_version = {"defaultBackend", "backend"}
    assert known - elsewhere - by_version == fields_read(source) - elsewhere - by_version


def documented_fields():
    cells = " ".join(row[0] for row in rows("ingressroute/README.md"))
    return set(re.findall(r"\w+", " ".join(re.findall(r"`((?:spec)?\.[\w.\[\]]+)`", cells))))


def test_every_field_of_an_ingress_route_has_a_row_and_no_other_has():
    assert {"fqdn", "match", "caSecret", "targetNamespaces"} <= decoded_fields()
    assert documented_fields() == decoded_fields()


def status_texts():
    """What the compiler may say in a status, as patterns: each %... is anything."""
    calls = re.compile(r"\b(?:step_fault|step_status|fault)\(([^;{]*?)\);", re.DOTALL)
    run_of = re.compile(rf"{STRING}(?:\s*{STRING})*")
    for path in sorted((ROOT / "controller/compile").glob("tree*.c")):
        for call in calls.findall(path.read_text(encoding="utf-8")):
            texts = ["".join(re.findall(STRING, found.group(0))) for found in run_of.finditer(call)]
            texts = [text for text in texts if " " in text]
            if texts and re.search("[a-z]{3}", texts[0]):
                yield texts[0]
    yield from re.findall(r'"(upstreamValidation [^"]*)"', read("controller/compile/tree_services.c"))


def test_every_text_of_a_status_has_a_row():
    """With the object's own words where the compiler puts them."""
    shown = [row[0].strip("`") for row in rows("ingressroute/statuses.md")]
    texts = list(status_texts())
    assert len(texts) > 15
    for text in texts:
        plain = text.replace('\\"', '"')
        pattern = ".+".join(map(re.escape, re.split(r"%(?:\.\*s|[sdu])", plain)))
        assert any(re.search(pattern, row) for row in shown), f"statuses.md: {text}"


def samples():
    """(page, number, manifest, what check says of it): blocks that begin with an apiVersion."""
    block = re.compile(r"(?:^(?:    .*\n|[ ]*\n(?=    ))+)", re.MULTILINE)
    for path in sorted(GUIDE.rglob("*.md")):
        blocks = [textwrap.dedent(text).strip("\n") for text in block.findall(
            path.read_text(encoding="utf-8"))]
        for number, text in enumerate(blocks):
            if text.startswith("apiVersion:"):
                after = blocks[number + 1] if number + 1 < len(blocks) else ""
                said = after.splitlines() if after.startswith("status ") else []
                yield pytest.param(text + "\n", said, id=f"{path.relative_to(GUIDE)}-{number}")


# What the samples name and do not show: namespace, Service, port.
SERVICES = [("default", name, port) for name, port in
            (("web", 80), ("web-v2", 80), ("shop", 80), ("chat", 80), ("api", 8080), ("api-v2", 8080),
             ("broker", 1883), ("broker-v2", 1883), ("vault", 443))] + [
    ("platform", "pages", 80), ("marketing", "blog", 80), ("marketing", "archive", 80),
    ("calendar", "calendar", 80), ("devices", "broker", 1883)]


def secret(namespace, name, **values):
    lines = [f"  {key.replace('_', '.')}: {base64.b64encode(value.encode()).decode()}"
             for key, value in values.items()]
    return "\n".join(["apiVersion: v1", "kind: Secret", f"metadata: {{name: {name}, "
                      f"namespace: {namespace}}}", "data:", *lines, ""])


@pytest.fixture(scope="module")
def secrets():
    authority = Authority()

    def tls(namespace, name, *hosts):
        certificate = authority.issue(*hosts)
        return secret(namespace, name, tls_crt=certificate.pem, tls_key=certificate.key_pem)

    return [tls("default", "web-tls", "shop.example.com", "broker.example.com"),
            tls("default", "shop-tls", "shop.example.com"),
            tls("certs", "apps-wildcard", "*.apps.example.com"),
            secret("default", "web-ca", ca_crt=authority.pem)]


def defines(manifest, service):
    """Whether this Service stands in it, too: defining it twice would be a finding of its own."""
    return any(re.search(r"^kind: Service$", document, re.MULTILINE) and
               re.search(rf"\bname: {service}$", document, re.MULTILINE)
               for document in manifest.split("---\n"))


def write_sample(directory, manifest, secrets):
    """The sample, and what it takes for granted."""
    around = [f"apiVersion: v1\nkind: Service\nmetadata: {{name: {name}, namespace: {namespace}}}\n"
              f"spec: {{ports: [{{name: main, port: {port}}}]}}\n"
              for namespace, name, port in SERVICES if not defines(manifest, name)]
    (directory / "sample.yaml").write_text(manifest, encoding="utf-8")
    (directory / "around.yaml").write_text("---\n".join([*around, *secrets]), encoding="utf-8")


@pytest.mark.parametrize("manifest,said", samples())
def test_a_sample_is_without_fault_unless_the_text_says_otherwise(manifest, said, secrets, tmp_path):
    write_sample(tmp_path, manifest, secrets)
    code, out, _ = run("check", tmp_path)
    if said:
        assert set(said) <= set(out.splitlines()), out
    else:
        assert code == 0, out
        assert all(re.match(r"status \S+ \S+ valid: ", line) for line in out.splitlines()), out
        assert "kind: IngressRoute" not in manifest or "status IngressRoute" in out, out


def first_sample(name):
    return next(sample.values[0] for sample in samples() if sample.id == f"{name}-0")


@pytest.mark.parametrize("path,service", [
    [cell.strip("`") for cell in row[:2]] for row in rows("ingressroute/routes-and-prefixes.md")
    if row[0].startswith("`/")])
def test_requests_go_where_the_table_of_prefixes_says(path, service, secrets, tmp_path):
    write_sample(tmp_path, first_sample("ingressroute/routes-and-prefixes.md"), secrets)
    _, out, _ = run("explain", "--objects", tmp_path, f"http://shop.example.com{path}")
    assert re.search(rf"^service +default/{service}/", out, re.MULTILINE), out


@pytest.mark.parametrize("target,forwarded", [
    [row[0].strip("`"), row[3].strip("`")] for row in rows("ingressroute/prefix-rewrite.md")
    if row[0].startswith("`/")])
def test_endpoints_get_the_path_that_the_table_of_rewrites_says(target, forwarded, secrets, tmp_path):
    write_sample(tmp_path, first_sample("ingressroute/prefix-rewrite.md"), secrets)
    _, out, _ = run("explain", "--objects", tmp_path, f"http://shop.example.com{target}")
    assert f"forwarded as {forwarded}\n" in out, out


def test_the_samples_are_found():
    assert len(list(samples())) > 15
    assert len([said for _, said in (sample.values for sample in samples()) if said]) > 3


def test_the_examples_are_without_fault(tmp_path):
    subprocess.run([ROOT / "examples/make-certificates", tmp_path / "made"], check=True)
    code, out, _ = run("check", ROOT / "examples", tmp_path / "made")
    assert code == 0, out
    assert all(re.match(r"status \S+ \S+ valid: ", line) for line in out.splitlines()), out
    assert len(out.splitlines()) > 8, out


@pytest.mark.parametrize("path", [ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md",
                                  ROOT / "examples/README.md", *sorted((ROOT / "docs").rglob("*.md"))],
                         ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path):
    for target in LINK.findall(path.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (path.parent / target).exists(), f"{path.name}: {target}"
