"""The facts of documents as a Mermaid mind map: subjects, their relations, and the objects of each relation.

>>> from relik_ml.types import Mention, Triple
>>> anna, city = Mention("T1", 0, 4, "PERSON"), Mention("T2", 13, 17, "CITY")
>>> lives = (Triple("T1", "LIVES IN", "T2"),)
>>> print(mindmap([Document("d", "Анна живёт в Туле", mentions=(anna, city), triples=lives)], Counter()))
mindmap
  root["d"]
    a1["Анна"]
      a2["LIVES IN"]
        a3["Туле"]
<BLANKLINE>

All characters except letters, digits, blanks and ``.,_-`` are written as entity codes of Mermaid, such as ``#34;``, so
text is never markup. An object of two subjects occurs twice.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path

from relik_ml.export.graph import Graph, count_merged, graph
from relik_ml.facts import HIDDEN
from relik_ml.types import Document

_MARKUP = re.compile(r"[^\w .,_-]|\A | \Z|  +")


def write(documents: Iterable[Document], path: Path, losses: Counter[str]) -> None:
    """Write the mind map of documents to one file."""
    path.write_text(mindmap(list(documents), losses), encoding="utf-8", newline="\n")


def mindmap(documents: list[Document], losses: Counter[str]) -> str:
    """The mind map of documents. Facts and nodes that it leaves out are counted in ``losses``."""
    found, numbers = graph(documents), count(1)
    count_merged(documents, found, losses)
    title = documents[0].id if len(documents) == 1 else f"{len(documents)} documents"
    lines = (f'{"  " * depth}a{next(numbers)}["{_label(text)}"]' for depth, text in _branches(found, losses))
    return "".join(f"{line}\n" for line in ("mindmap", f'  root["{_label(title)}"]', *lines))


def _branches(found: Graph, losses: Counter[str]) -> Iterator[tuple[int, str]]:
    """The lines of the tree: depth and text."""
    labels = {node.id: node.label for node in found.nodes}
    tree: dict[str, dict[str, dict[str, None]]] = {}
    shown = [fact for fact in found.facts if fact.kind not in HIDDEN]
    losses.update(f"facts left out: {fact.kind}" for fact in found.facts if fact.kind in HIDDEN)
    for fact in shown:
        objects = tree.setdefault(fact.subject, {}).setdefault(fact.relation, {})
        losses["facts that say the same again"] += fact.object in objects
        objects[fact.object] = None
    told = {id for fact in shown for id in (fact.subject, fact.object)}
    losses["things in no fact left out"] += len(labels.keys() - told)
    for subject, relations in tree.items():
        yield 2, labels[subject]
        for relation, objects in relations.items():
            yield 3, relation
            yield from ((4, labels[object]) for object in objects)


def _label(text: str) -> str:
    return _MARKUP.sub(lambda match: "".join(f"#{ord(char)};" for char in match[0]), text) or "#32;"
