"""Reading brat lines and settling references, apart from any corpus."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relik_ml.plugins import Report
from relik_ml.types import Link, Span

brat: Any = import_module("relik_ml.converters._brat")
links: Any = import_module("relik_ml.converters._links")


def read(folder: Path, text: str, *lines: str) -> tuple[Any, Report]:
    (folder / "a.txt").write_bytes(text.encode())
    (folder / "a.ann").write_bytes("\n".join(lines).encode())
    report = Report()
    return brat.read_standoff(folder / "a.ann", report), report


@pytest.mark.parametrize(
    "line",
    ["E1\tEVENT:T1", "A1\tSure T1", "#1\tAnnotatorNotes T1\tда", "T2", "T2\tPERSON 0\tА", "R1\tKNOWS Arg1:T1", " "],
)
def test_other_lines_are_counted_with_their_place(tmp_path: Path, line: str) -> None:
    standoff, report = read(tmp_path, "Анна", "T1\tPERSON 0 4\tАнна", "", line)
    (defect,) = report.defects.values()
    assert (defect.count, defect.examples[0].split()[0]) == (1, f"{tmp_path.name}/a.ann:3")
    assert list(standoff.bounds) == ["T1"]


@given(text=st.text(st.characters(exclude_categories=["Cs"]), min_size=1), data=st.data())
def test_any_surface_survives(tmp_path_factory: pytest.TempPathFactory, text: str, data: Any) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    stop = data.draw(st.integers(start + 1, len(text)))
    surface = text[start:stop]
    standoff, report = read(tmp_path_factory.mktemp("brat"), text, f"T1\tLAW {start} {stop}\t{surface}")
    assert standoff.text == text
    if "\n" in surface or surface.endswith("\r"):  # brat itself never writes these: a mention is one line
        return
    assert [(bound.fragments, bound.surface) for bound in standoff.bounds.values()] == [((Span(start, stop),), surface)]
    assert report.tally() == {}


def test_ranking_without_items_is_nil_and_alternatives_are_ranked() -> None:
    def bound(surface: str) -> Any:
        return brat.Bound("T1", "CITY", (Span(0, 1),), surface, "a:1")

    votes = [
        (bound("Омск"), {"Q3": "", "Q1": "", "Q2": ""}),
        (bound("омск"), {"Q2": ""}),
        (bound("Тара"), {"Q1": ""}),
        (bound("Тара"), {"Q1": ""}),
    ]
    ranking = links.Ranking(votes, str.casefold)
    assert ranking.link(bound("ОМСК"), votes[0][1]) == Link("linked", "Q2", None, ("Q1", "Q3"))
    assert ranking.link(bound("Омск"), {}) == Link("nil")
