"""Documents of our own, as a model annotates them, and a process that loads some and may be killed."""

import sys
from pathlib import Path

from relik_ml.types import Document, Entity, Link, Mention, Property, Span, Triple

PROPERTIES = {"PLACE_OF_BIRTH": "P19", "DATE_OF_BIRTH": "P569", "WORKS_AS": "P106", "SPOUSE": "P26", "PARENT_OF": "P40",
              "TAKES_PLACE_IN": "P276", "PARTICIPANT_IN": "P1344", "POINT_IN_TIME": "P585", "WORKPLACE": "P108",
              "FOUNDED_BY": "P112", "DATE_FOUNDED_IN": "P571", "AGENT": "P710"}  # fmt: skip
INVERSE = {"AGENT"}
Names = dict[str, tuple[str, str | None, str]]
"""The text of a mention: its type, item and label."""


def document(id: str, text: str, names: Names, facts: list[tuple[str, str, str]], **meta: str) -> Document:
    """A document in which each text is one mention, and each fact is in the sentence of its subject."""
    ends = [at + 1 for at, letter in enumerate(text) if letter in ".!"] or [len(text)]
    starts = [0, *(end + 1 for end in ends[:-1])]

    def mention(words: str) -> Mention:
        kind, item, label = names[words]
        status = "linked" if item else "unlinkable" if kind in ("DATE", "AGE") else "nil"
        link = Link(status, item, label or None, score=0.9 if item else None)  # type: ignore[arg-type]
        at = text.index(words)
        return Mention(words, at, at + len(words), kind, link=link, score=0.9)

    def triple(subject: str, relation: str, object: str) -> Triple:
        places = {text.index(words) for words in (subject, object)}
        spans = [Span(start, end) for start, end in zip(starts, ends, strict=True)]
        evidence = tuple(span for span in spans if any(span.start <= place < span.stop for place in places))
        known = PROPERTIES.get(relation)
        property = Property(known, relation in INVERSE) if known else None
        return Triple(subject, relation, object, property, evidence, 0.8)

    mentions = tuple(sorted(map(mention, names), key=lambda found: found.start))
    items: dict[str, list[str]] = {}
    for found in mentions:
        items.setdefault(found.link.id or found.id, []).append(found.id)
    entities = tuple(Entity(ids[0], tuple(ids), "same-link") for ids in items.values() if len(ids) > 1)
    return Document(id, text, "ru", mentions, entities, tuple(triple(*fact) for fact in facts), meta=meta)


ANNA = ("PERSON", "Q80440", "Анна Ахматова")
LEV = ("PERSON", "Q313757", "Лев Гумилёв")
NIKOLAY = ("PERSON", "Q193672", "Nikolay Gumilyov")
ODESSA, KIEV = ("CITY", "Q1874", "Одесса"), ("CITY", "Q1899", "Киев")
POET = ("PROFESSION", "Q49757", "поэт")
DATE = ("DATE", None, "")

LIFE = document(
    "жизнь", "Анна Ахматова родилась 23 июня 1889 года в Одессе. Её мужем был поэт Николай Гумилёв.",
    {"Анна Ахматова": ANNA, "23 июня 1889 года": DATE, "Одессе": ODESSA, "Николай Гумилёв": NIKOLAY, "поэт": POET},
    [("Анна Ахматова", "PLACE_OF_BIRTH", "Одессе"), ("Анна Ахматова", "DATE_OF_BIRTH", "23 июня 1889 года"),
     ("Анна Ахматова", "SPOUSE", "Николай Гумилёв"), ("Николай Гумилёв", "WORKS_AS", "поэт")],
    url="https://example.org/life",
)  # fmt: skip
SON = document(
    "сын", "У Ахматовой и Николая Гумилёва родился сын Лев Гумилёв. Ахматова — поэт. Её подруга Вера Зотова.",
    {"Ахматовой": ANNA, "Николая Гумилёва": NIKOLAY, "Лев Гумилёв": LEV, "поэт": POET,
     "Вера Зотова": ("PERSON", None, "Вера Зотова")},
    [("Ахматовой", "PARENT_OF", "Лев Гумилёв"), ("Николая Гумилёва", "PARENT_OF", "Лев Гумилёв"),
     ("Ахматовой", "WORKS_AS", "поэт"), ("Ахматовой", "KNOWS", "Вера Зотова")],
)  # fmt: skip
OTHERS = document(
    "слухи", "Поэт Ахматова родилась в Киеве. Анна родилась в июне 1889 года. Гумилёв не родился в Одессе. "
    "В вечере поэзии в Киеве в 1913 году участвовал Лев.",
    {"Ахматова": ANNA, "Киеве": KIEV, "Анна": ANNA, "в июне 1889 года": DATE, "Гумилёв": NIKOLAY, "Одессе": ODESSA,
     "вечере поэзии": ("EVENT", None, "вечер поэзии"), "в 1913 году": DATE, "Лев": LEV},
    [("Ахматова", "PLACE_OF_BIRTH", "Киеве"), ("Анна", "DATE_OF_BIRTH", "в июне 1889 года"),
     ("Гумилёв", "PLACE_OF_BIRTH", "Одессе"), ("вечере поэзии", "POINT_IN_TIME", "в 1913 году"),
     ("вечере поэзии", "AGENT", "Лев")],
)  # fmt: skip
DOCUMENTS = (LIFE, SON, OTHERS)


def load_and_tell(folder: Path, file: Path) -> None:
    """Load a file in small transactions, and print a line after each."""
    from relik_ml.graph import Loader, SourceFile, open_store

    with open_store(folder, create=True, write=True) as store:
        for counts in Loader(store, group=60).load([SourceFile(file)]):
            print(counts["new"] + counts["replaced"], flush=True)


if __name__ == "__main__":
    load_and_tell(Path(sys.argv[1]), Path(sys.argv[2]))
