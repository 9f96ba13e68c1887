"""The index of a run, with names from train, and candidates with the names of their own document held out."""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import replace
from pathlib import Path

from relik_ml.errors import ConfigError
from relik_ml.index import IndexConfig, PassageEncoder, PassageIndex, Storage
from relik_ml.names import Learnt, NameIndex
from relik_ml.retriever import Retriever, learn
from relik_ml.score import Recall, retrieval
from relik_ml.text import Fit, Morphology, fit, windows
from relik_ml.training.data import Data
from relik_ml.types import Document, Entry, Kind, Retrieved


def held_out_candidates(
    retriever: Retriever, documents: Iterable[Document], size: int, stride: int
) -> tuple[list[Retrieved], Fit]:
    """Retrieve all windows without the names that their own document added to the index; and how much gold they hold.

    With these names every gold entity would be found, and a reader would not learn that some are missing.
    """
    lemma, rows = Morphology().lemma, {id_: row for row, id_ in enumerate(retriever.index.entries.ids)}
    items: list[Retrieved] = []
    kept = Fit()
    for document in documents:
        views = windows(document, size, stride)
        kept += fit(document, views)
        items += retriever(views, [learn(document, rows, lemma)] * len(views))
    return items, kept


def annotated_relations(items: Iterable[Retrieved], labels: Mapping[str, Set[str]]) -> list[Retrieved]:
    """The windows, each with those candidate relations only that its corpus annotates; ``labels`` has them by corpus.

    A corpus that lacks a relation says nothing about where it holds.
    """

    def annotated(item: Retrieved) -> Retrieved:
        known = labels.get(item.window.document.corpus)
        if known is None:
            return item
        return replace(item, relations=tuple(each for each in item.relations if each.entry.id in known))

    return [*map(annotated, items)]


def learnt_names(entries: Sequence[Entry], documents: Iterable[Document], only_learnt: Set[str]) -> NameIndex:
    """Names of the entries and of what the documents call them; see ``NameIndex.build``."""
    lemma, rows = Morphology().lemma, {entry.id: row for row, entry in enumerate(entries)}
    learnt = Learnt()
    for document in documents:
        learnt.update(learn(document, rows, lemma))
    return NameIndex.build(entries, learnt, lemma, only_learnt)


def found_gold(retriever: Retriever, documents: Iterable[Document], size: int, stride: int) -> Recall:
    """How many linked mentions have their entity among the first k candidates of a window that holds them."""
    items = (item for document in documents for item in retriever(windows(document, size, stride)))
    return retrieval(items, frozenset(retriever.index.entries.ids)).get("all", Recall({}))


def build_index(data: Data, encoder: PassageEncoder | None, folder: Path, storage: Storage) -> PassageIndex:
    """All entries, with vectors if there is an encoder, and the names that they have and that train calls them by."""
    names = learnt_names(data.entries, [*data.train, *data.held_out], {entry.id for entry in data.own})
    config = IndexConfig(storage, "entity table and NEREL train")
    return PassageIndex.build(data.entries, encoder, folder, config, {"names": names.arrays()})


def given_index(folder: Path, encoder: PassageEncoder, *kinds: Kind) -> PassageIndex:
    """Open an index that must have entries of these kinds.

    Raises:
        ModelError: it cannot be read, or its vectors are another encoder's.
        ConfigError: it has no entries of one of the kinds.
    """
    index = PassageIndex.open(folder)
    index.require(encoder)
    if missing := [kind for kind in kinds if not len(index.by_kind(kind))]:
        fix = "take the index of recipes/retriever_ru.py, or build one with such a source"
        raise ConfigError("the index lacks what is to be found", where=str(folder), got=f"no {missing[0]}", fix=fix)
    return index


def losses(kept: Fit, reach: Mapping[str, int]) -> str:
    """A message on what no window holds whole, and on what no target of ``BatchEncoder`` can express.

    >>> print(losses(Fit(mentions=199, mentions_lost=1, triples=50), {"mentions": 250, "mentions out of reach": 5}))
    cut off by windows: 1 of 200 mentions (0.50 %), 0 of 50 triples (0.00 %)
    out of the network's reach: 5 of 250 mentions (2.00 %), 0 of 0 triples (0.00 %)
    """
    off = [_share(kept.mentions_lost, kept.mentions, "mentions"), _share(kept.triples_lost, kept.triples, "triples")]
    far = [
        _share(lost := reach.get(f"{what} out of reach", 0), reach.get(what, 0) - lost, what)
        for what in ("mentions", "triples")
    ]
    return f"cut off by windows: {', '.join(off)}\nout of the network's reach: {', '.join(far)}"


def shares(cut: Mapping[str, int]) -> str:
    """A message on what an encoder cut short or dropped.

    >>> shares({"passages": 8, "passages cut": 2, "entities dropped": 3})
    'passages cut: 2 of 8 (25.00 %), entities dropped: 3'
    """
    parts = []
    for name in (name for name in cut if " " in name):
        whole = cut.get(name.rpartition(" ")[0], 0)
        parts.append(f"{name}: {cut[name]}" + (f" of {whole} ({100 * cut[name] / whole:.2f} %)" if whole else ""))
    return ", ".join(parts)


def _share(lost: int, kept: int, what: str) -> str:
    return f"{lost} of {lost + kept} {what} ({100 * lost / max(1, lost + kept):.2f} %)"
