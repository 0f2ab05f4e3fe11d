"""
Links inside the repository lead somewhere: to a file that is there and to a heading that it has.
"""

from __future__ import annotations

import re
from pathlib import Path

from tests.docs.pages import DOCS, name_of, pages
from tests.meta.tree import ROOT

_LINK = re.compile(r"!?\[(?:[^\]\[]|\[[^\]]*\])*\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)")
_HTML_LINK = re.compile(r"<(?:a|img|source)\b[^>]*?(?:href|src|srcset)=\"([^\"]+)\"")
_ANCHOR = re.compile(r"<a id=\"([^\"]+)\"")
_HEADING = re.compile(r"^#{1,6} +(.+?)\s*$", re.MULTILINE)
_CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.MULTILINE | re.DOTALL)
_PATH = re.compile(r"`((?:src|tests|tools|docs|spec|bench|examples)/[\w./*-]+)`")
PAPERS = [*pages(), *(ROOT / name for name in ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"))]


def prose(page: Path) -> str:
    """Return a page without its code."""
    return _CODE.sub("", page.read_text(encoding="utf-8"))


def links(page: Path) -> list[str]:
    """Return where the links of a page lead."""
    text = prose(page)
    return [*_LINK.findall(text), *_HTML_LINK.findall(text)]


def anchors(page: Path) -> set[str]:
    """Return the fragments that a page answers to."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    return {slug(heading) for heading in _HEADING.findall(text)} | set(_ANCHOR.findall(text))


def slug(heading: str) -> str:
    """Return the fragment of a heading, as hosts of repositories and our site make it."""
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
    return re.sub(r"[^\w\- ]", "", plain.lower()).strip().replace(" ", "-")


def test_every_link_inside_the_repository_leads_to_something():
    dead = []
    for page in PAPERS:
        for link in links(page):
            if "://" in link or link.startswith("mailto:"):
                continue
            path, _, fragment = link.partition("#")
            target = (page.parent / path).resolve() if path else page
            if not target.exists() or (fragment and target.suffix == ".md" and fragment not in anchors(target)):
                dead.append(f"{name_of(page)}: {link}")

    assert dead == []


def test_links_stay_inside_the_repository():
    """
    An address outside can die without a change here, so the papers name none.
    """
    outside = [f"{name_of(page)}: {link}" for page in pages() for link in links(page) if "://" in link]

    assert outside == []


def test_the_site_links_only_to_what_it_contains():
    """
    A page of the site may not link past docs/: on the site there is nothing.
    """
    past = [
        f"{name_of(page)}: {link}"
        for page in pages()
        if page.is_relative_to(DOCS)
        for link in links(page)
        if "://" not in link and not (page.parent / link.partition("#")[0]).resolve().is_relative_to(DOCS)
    ]

    assert past == []


def test_every_file_that_the_papers_name_exists():
    """
    A path in backquotes is a promise too: a proof that was renamed is a proof that nobody finds.
    """
    missing = [
        f"{name_of(page)}: {path}"
        for page in PAPERS
        for path in _PATH.findall(page.read_text(encoding="utf-8"))
        if not any(ROOT.glob(path.rstrip("/")))
    ]

    assert missing == []


def test_every_page_is_in_the_navigation():
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    lost = [name_of(page) for page in pages() if page.is_relative_to(DOCS)
            and str(page.relative_to(DOCS)) not in navigation]  # fmt: skip

    assert lost == []
