"""A table of one's own entities: names, ids and types of its rows, and errors of a wrong table."""

from pathlib import Path

import pytest

from relik_ml.errors import DataError
from relik_ml.plugins import load_index
from relik_ml.types import Entry


def read(path: Path, text: str) -> list[Entry]:
    path.write_text(text, "utf-8")
    return list(load_index("csv").entries(path))


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_row_becomes_an_entry(tmp_path: Path, separator: str) -> None:
    rows = ("name,alias,id,description", "Зимин Олег Павлович,Олежка|Зима,staff-2,закупки", "ООО «Мост»,,,", "Орион,,,")
    zimin, bridge, orion = read(tmp_path / "own.csv", "\ufeff" + "\n".join(rows).replace(",", separator))
    assert (zimin.id, zimin.name, zimin.types, zimin.text) == (
        "staff-2", "Олег Павлович Зимин", ("Q5",), "человек, закупки",
    )  # fmt: skip
    assert zimin.aliases == ("Зимин Олег Павлович", "Олежка", "Зима")
    assert (bridge.name, bridge.aliases, bridge.types) == ("ООО «Мост»", ("Мост",), ())
    again = read(tmp_path / "other.csv", "name,type\nОрион,организация\n")
    assert again[0].id == orion.id != bridge.id
    assert (again[0].types, again[0].text) == (("Q43229",), "организация")


@pytest.mark.parametrize(("text", "parts"), [
    ("title\nОрион\n", ("no column 'name'", "name,alias,id")),
    ("name,phone\nОрион,5\n", ("phone", "name,alias,id")),
    ("name\nОрион\nОрион\n", ("line 3", "line 2")),
    ("name,id\n,7\n", ("without a name", "line 2")),
    ("name,type\nОрион,галактика\n", ("галактика", "person")),
    ("name,id\nОрион,7,8\n", ("3 cells",)),
])  # fmt: skip
def test_a_wrong_table_is_refused(tmp_path: Path, text: str, parts: tuple[str, ...]) -> None:
    with pytest.raises(DataError) as caught:
        read(tmp_path / "own.csv", text)
    assert all(part in str(caught.value) for part in parts), caught.value
