"""The package's own small word lists, in ``data/``; ``#`` begins a comment line."""

from __future__ import annotations

from importlib import resources


def data_lines(name: str) -> list[str]:
    """Lines of ``data/NAME`` without comments and empty ones."""
    text = resources.files("clock_train.text").joinpath("data", name).read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line.strip() and not line.startswith("#")]


def listed(name: str) -> list[str]:
    """The entries of a list that white space separates."""
    return [entry for line in data_lines(name) for entry in line.split()]


def rows(name: str) -> list[list[str]]:
    """The rows of a list whose columns commas separate."""
    return [[column.strip() for column in line.split(",")] for line in data_lines(name)]


def named_lists(name: str) -> dict[str, frozenset[str]]:
    """Lists that each begin with their name and a colon and go on in indented lines."""
    lists: dict[str, list[str]] = {}
    current: list[str] = []
    for line in data_lines(name):
        title, _, entries = line.rpartition(":")
        if title:
            current = lists.setdefault(title, [])
        current.extend(entries.split())
    return {title: frozenset(entries) for title, entries in lists.items()}
