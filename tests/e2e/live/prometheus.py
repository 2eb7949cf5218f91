# SPDX-License-Identifier: Apache-2.0
"""Reads Prometheus text (exposition format 0.0.4) and accepts nothing that a strict reader would not.

A family is HELP, then TYPE, then its samples, all in one piece; no sample is there twice; histograms
are whole and their buckets grow. Source: prometheus.io/docs/instrumenting/exposition_formats."""
import re

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
SAMPLE = re.compile(rf"({NAME})(?:\{{(.*)\}})? (\S+)")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(,|$)')
SUFFIXES = {"histogram": ("_bucket", "_sum", "_count"), "counter": ("",), "gauge": ("",)}


def read_labels(text):
    labels, at = [], 0
    while at < len(text):
        found = LABEL.match(text, at)
        assert found, f"bad labels: {text}"
        labels.append((found[1], found[2]))
        at = found.end()
    assert not text.endswith(","), f"a comma too many: {text}"
    assert len(dict(labels)) == len(labels), f"a label twice: {text}"
    return tuple(sorted(labels))


def check_histogram(name, samples):
    """Of each label set: buckets that never shrink, +Inf the last and equal to _count."""
    series = {}
    for (sample, labels), value in samples.items():
        rest = tuple(pair for pair in labels if pair[0] != "le")
        series.setdefault(rest, {}).setdefault(sample, []).append((dict(labels).get("le"), value))
    for labels, parts in series.items():
        assert set(parts) == {f"{name}{suffix}" for suffix in SUFFIXES["histogram"]}, (name, labels)
        buckets = [(float(le), value) for le, value in parts[f"{name}_bucket"]]
        assert buckets == sorted(buckets), f"{name}: buckets out of order or shrinking"
        assert [value for _, value in buckets] == sorted(value for _, value in buckets), name
        assert buckets[-1][0] == float("inf"), name
        assert buckets[-1][1] == parts[f"{name}_count"][0][1], name


class Family:
    def __init__(self, name):
        self.name, self.type, self.samples = name, None, {}

    def take(self, line):
        found = SAMPLE.fullmatch(line)
        assert found, f"no sample: {line!r}"
        key = (found[1], read_labels(found[2] or ""))
        assert found[1] in [self.name + suffix for suffix in SUFFIXES[self.type]], \
            f"{found[1]} stands in family {self.name}"
        assert key not in self.samples, f"twice: {line}"
        value = float(found[3])
        assert self.type == "gauge" or value >= 0, line
        self.samples[key] = value


def parse(text):
    """{family name: Family}; AssertionError for whatever is not exactly the format."""
    families, family = {}, None
    assert text.endswith("\n"), "the last line has no end"
    assert "\r" not in text
    for line in text[:-1].split("\n"):
        if line.startswith("# HELP "):
            name, _, words = line[7:].partition(" ")
            assert re.fullmatch(NAME, name) and words, line
            assert name not in families, f"the family {name} comes twice"
            family = families[name] = Family(name)
        elif line.startswith("# TYPE "):
            assert family and family.type is None and not family.samples, line
            name, kind = line[7:].split(" ")
            assert name == family.name and kind in SUFFIXES, line
            family.type = kind
        else:
            assert family and family.type, f"a sample before its TYPE: {line}"
            family.take(line)
    for family in families.values():
        assert family.type, f"{family.name} has no TYPE"
        assert family.samples, f"{family.name} has no samples"
        if family.type == "histogram":
            check_histogram(family.name, family.samples)
    return families


def total(families, name, **labels):
    """The sum of a family's samples that have these labels."""
    wanted = set(labels.items())
    return sum(value for (_, have), value in families[name].samples.items() if wanted <= set(have))


def series_count(families):
    return sum(len(family.samples) for family in families.values())
