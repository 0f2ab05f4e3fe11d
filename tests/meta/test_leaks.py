"""
The tree says nothing about the machine it was written on: no home folders, no addresses of package registries.
"""

from __future__ import annotations

import re

import pytest

from tests.meta.tree import ROOT, at, files

# Every pattern is put together here, so that this file does not find itself.
HOMES = "|".join(
    ("/" + "root/", "/" + "home/[a-z]", "/" + "Users/[a-z]", "/" + "work/(?:main|shared|[.])", "C:" + r"\\Users")
)
REGISTRIES = "|".join(
    re.escape(".".join(parts))
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("registry", "npmjs", "org"),
        ("registry", "yarnpkg", "com"),
        ("deb", "debian", "org"),
        ("repo1", "maven", "org"),
        ("repo", "maven", "apache", "org"),
        ("proxy", "golang", "org"),
    )
)
AUTHORSHIP = "|".join(("Co-" + "Authored-By", "Generated " + "with", "Generated " + "by an? AI"))


@pytest.mark.parametrize(
    ("what", "pattern"),
    [
        ("a folder of this machine", HOMES),
        ("the address of a package registry", REGISTRIES),
        ("how a file was written", AUTHORSHIP),
    ],
    ids=["folders", "registries", "authorship"],
)
def test_no_file_names(what, pattern):
    forbidden = re.compile(pattern, re.IGNORECASE if pattern is not HOMES else 0)
    found = [
        f"{at(path, number)} {line.strip()[:100]}"
        for path in files(".")
        for number, line in enumerate(_lines(path), start=1)
        if forbidden.search(line)
    ]

    assert found == [], what


def _lines(path):
    content = path.read_bytes()
    return [] if b"\0" in content else content.decode("utf-8").splitlines()


def test_no_symbolic_link_leaves_the_tree():
    leaving = [str(path) for path in files(".") if path.is_symlink() and not path.resolve().is_relative_to(ROOT)]

    assert leaving == []
