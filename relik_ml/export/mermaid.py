"""The facts of documents as a Mermaid mind map: things, under each its relations, under each of these the objects.

>>> from relik_ml.types import Mention, Triple
>>> anna, city = Mention("T1", 0, 4, "PERSON"), Mention("T2", 13, 17, "CITY")
>>> lives = (Triple("T1", "LIVES IN", "T2"),)
>>> print(mindmap([Document("d", "Анна живёт в Туле", mentions=(anna, city), triples=lives)]))
mindmap
  root["d"]
    a1["Анна"]
      a2["LIVES IN"]
        a3["Туле"]
<BLANKLINE>

Every character but letters, digits, blanks and ``.,_-`` is written as Mermaid's entity code, ``#34;``, so that no text
is markup. A tree repeats what a graph joins: an object under two subjects stands there twice.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path

from relik_ml.export.characters import Characters, lines
from relik_ml.export.graph import Graph, graph
from relik_ml.export.losses import left_out_of_graph
from relik_ml.types import Document

_UNHELD = (
    "offsets of mentions", "scores of mentions", "scores of links", "scores of triples", "link states",
    "alternative links", "fragments", "values", "properties", "evidence spans",
)  # fmt: skip
_MARKUP = re.compile(r"[^\w .,_-]|\A | \Z|  +")


def write(documents: Iterable[Document], path: Path) -> Counter[str]:
    """Write the mind map of documents to one file; how many documents, and what was left out."""
    kept = list(documents)
    losses = left_out_of_graph(kept, graph(kept), *_UNHELD)
    path.write_text(mindmap(kept, losses), encoding="utf-8", newline="\n")
    return losses


def mindmap(documents: Iterable[Document], losses: Counter[str] | None = None) -> str:
    """The mind map of documents; what is said again is counted in ``losses``."""
    kept, losses = list(documents), Counter() if losses is None else losses
    held, numbers = lines(losses), count(1)
    title = kept[0].id if len(kept) == 1 else f"{len(kept)} documents"
    branches = _branches(graph(kept), losses)
    written = ["mindmap", f'  root["{_label(title, held)}"]']
    written += (f'{"  " * depth}a{next(numbers)}["{_label(text, held)}"]' for depth, text in branches)
    return "".join(f"{line}\n" for line in written)


def _branches(found: Graph, losses: Counter[str]) -> Iterator[tuple[int, str]]:
    """The lines of the tree: how deep, and what."""
    nodes = found.by_id()
    tree: dict[str, dict[str, dict[str, None]]] = {}
    for fact in found.facts:
        objects = tree.setdefault(fact.subject, {}).setdefault(fact.relation, {})
        losses["facts that say the same again"] += fact.object in objects
        objects[fact.object] = None
    told = {id for fact in found.facts for id in (fact.subject, fact.object)}
    losses["things in no fact left out"] += len(nodes.keys() - told)
    for subject, relations in tree.items():
        yield 2, nodes[subject].label
        for relation, objects in relations.items():
            yield 3, relation
            yield from ((4, nodes[object].label) for object in objects)


def _label(text: str, held: Characters) -> str:
    return _MARKUP.sub(lambda match: "".join(f"#{ord(char)};" for char in match[0]), held(text)) or "#32;"
