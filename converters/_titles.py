"""Links of corpora to pages of the English Wikipedia, which a table may turn into items of Wikidata."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from relik_ml.data import Report, open_lines
from relik_ml.errors import CorpusNotFound
from relik_ml.types import Link

from ._wikipedia import ITEM

HELP = "Table of Wikipedia titles and Wikidata items, with a tab between. Default: links have titles as ids."


def read_titles(path: str) -> dict[str, str]:
    """The item of each title in a table; empty for no path. CorpusNotFound for a line of another kind."""
    items: dict[str, str] = {}
    for number, line in open_lines(Path(path)) if path else ():
        title, _, item = line.decode("utf-8", "replace").strip().partition("\t")
        if not title or not ITEM.fullmatch(item):
            fix = "write a title, a tab and an item, such as: Omsk<TAB>Q898"
            raise CorpusNotFound("no row of a table of titles", where=f"{path}:{number}", got=repr(line)[:80], fix=fix)
        items[title.replace("_", " ")] = item
    return items


def title_link(titles: list[str], items: Mapping[str, str], where: str, report: Report) -> Link:
    """The link to the first of some titles, with the others as alternatives. Items replace titles if there are any."""
    report.count("links listed")
    names = [re.sub(r"[\s_]+", " ", title).strip() for title in titles]
    ids = list(dict.fromkeys(items.get(name, "") if items else name for name in names))
    if not ids[0]:
        report.defect("title without an item: unknown", "links listed", where, repr(names[0]))
        return Link(label=names[0] or None)
    return Link("linked", ids[0], names[0], tuple(id for id in ids[1:] if id))
