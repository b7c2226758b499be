"""The pages keep to what is there: links lead somewhere, and the article's rows name things that exist."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from clock_train import __version__
from clock_train.cli.main import VERBS

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
ARTICLE = (ROOT / "docs" / "article.md").read_text(encoding="utf-8")
ROWS = [line.strip("| ").split(" | ") for line in ARTICLE.splitlines() if re.match(r"\| [^-]", line)]
PROMISES = [row for row in ROWS if row[0] != "the article"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_to_a_file(page: Path) -> None:
    links = re.findall(r"\]\((?!https?://|#)([^)#\s]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_page_is_reached_from_the_readme_or_from_one_that_it_links(page: Path) -> None:
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        current = waiting.pop().resolve()
        if current in reached:
            continue
        reached.add(current)
        if current.is_dir():
            waiting += current.glob("*.md")
        elif current.suffix == ".md":
            links = re.findall(r"\]\((?!https?://|#)([^)#\s]+)", current.read_text(encoding="utf-8"))
            waiting += [current.parent / link for link in links if (current.parent / link).exists()]
    assert page.resolve() in reached


@pytest.mark.parametrize("row", PROMISES, ids=lambda row: row[0][:24])
def test_each_promise_has_a_state_and_shows_what_it_claims(row: list[str]) -> None:
    _, state, here, shown_by = row
    assert state in ("shown", "partly", "not yet")
    assert here
    if state == "not yet":
        assert shown_by == "not yet"
        assert "planned" in here or "base" in here
        return
    words = shlex.split(shown_by.strip("`"))
    if words[0] in ("pytest", "python"):
        assert (ROOT / words[1]).exists()
    elif words[0] == "make":
        assert f"\n{words[1]}:" in (ROOT / "Makefile").read_text(encoding="utf-8")
    else:
        assert words[0] == "clocktrain" and words[1] in VERBS


def test_the_article_has_a_table_for_each_of_its_six_chapters() -> None:
    assert re.findall(r"^## ([一二三四五六])", ARTICLE, flags=re.MULTILINE) == list("一二三四五六")


@pytest.mark.parametrize("path", re.findall(r"`(\w+/\w+\.py)`", ARTICLE))
def test_files_that_the_article_page_names_exist(path: str) -> None:
    assert (ROOT / "platform" / "clock_train" / path).is_file()


def test_the_architecture_page_lists_the_layers_in_their_order() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    contract = (ROOT / "pyproject.toml").read_text(encoding="utf-8").partition("layers = [")[2].partition("]")[0]
    layers = [name for line in re.findall(r'"([^"]+)"', contract) for name in line.split(" | ")]
    table = [
        name for line in re.findall(r"^\| (`.+?) \|", page, flags=re.MULTILINE) for name in re.findall(r"`(\w+)`", line)
    ]
    assert table == layers


def test_make_targets_that_the_readme_names_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    targets = re.findall(r"(?:^|`)make ([a-z-]+)", readme, flags=re.MULTILINE)
    assert {"demo", "test"} <= set(targets)
    for target in targets:
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target


def test_one_version_everywhere() -> None:
    assert f'version = "{__version__}"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
