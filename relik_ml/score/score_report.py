"""The report: every score by name, as one table to read and as JSON."""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any, Literal

from relik_ml.score.agreement import Agreement
from relik_ml.score.calibration import Bin, calibration_error
from relik_ml.score.counts import Counts

Interval = tuple[float, float]
MACRO = "macro"
TYPE = "ner.type."
RELATION = "re.type."
HEADLINES = ("ner", "el.inkb", "re.document.boundaries", "cie.triples")
TITLES = {
    "ner": "entities: span and type",
    "ner.boundaries": "entities: span",
    "dwie.ner.soft": "entities: clusters, soft (DWIE)",
    "dwie.ner.hard": "entities: clusters, hard (DWIE)",
    "el.inkb": "links: in the knowledge base",
    "el.nil": "links: with NIL",
    "el.gold_spans": "links: where the span is right",
    "re.document.boundaries": "relations: document, boundaries",
    "re.document.strict": "relations: document, strict",
    "re.sentence.boundaries": "relations: sentence, boundaries",
    "re.sentence.strict": "relations: sentence, strict",
    "re.document.boundaries.aliases": "  + aliases: document, boundaries",
    "re.document.strict.aliases": "  + aliases: document, strict",
    "re.sentence.boundaries.aliases": "  + aliases: sentence, boundaries",
    "re.sentence.strict.aliases": "  + aliases: sentence, strict",
    "re.entities": "relations: between entities",
    "re.entities.ign": "  unseen in training (Ign-F1)",
    "dwie.re.soft": "relations: clusters, soft (DWIE)",
    "dwie.re.hard": "relations: clusters, hard (DWIE)",
    "cie.triples": "facts: distinct (id, relation, id)",
    "cie.mentions": "facts: strict mentions with ids",
    "cie.literals": "facts: NIL and literals by span",
}
MEASURED = {"coref.muc": "MUC", "coref.b3": "B³", "coref.ceafe": "CEAF-e", "coref.lea": "LEA"}


@dataclass(frozen=True, slots=True)
class ScoreReport:
    """All scores of predicted documents.

    ``scores`` holds the counts by name (``TITLES`` lists the names, ``ner.type.X`` is each type, ``re.type.X`` each
    relation); a score whose layer no gold document annotates is absent. ``entities`` is whether the predictions use
    the gold mentions ("gold") or predicted ones ("end to end"): relation scores of the two kinds are never comparable.
    """

    scores: Mapping[str, Counts]
    documents: int = 0
    entities: Literal["gold", "end to end"] = "end to end"
    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())
    reliability: Mapping[str, Sequence[Bin]] = field(default_factory=dict)
    """How often mentions, links, NIL and triples are right, by their score; empty where predictions have no scores."""
    agreements: Mapping[str, Agreement] = field(default_factory=dict)
    """Scores whose precision and recall count different things: the measures of coreference (``coref.X``) and the soft
    scores of DWIE, if a gold document has all entities, and ``re.entities.ign``."""
    corpora: Set[str] = frozenset()
    """The names of the corpora of gold."""
    inkb_macro_f1: float | None = None
    """The mean of the F1 of ``el.inkb`` of each document, which GERBIL calls macro F1; None if gold has no links."""
    intervals: Mapping[str, Interval] = field(default_factory=dict)
    """The 95 % interval of each F1, and of the macro F1 as ``"macro"``; empty unless it was asked for."""

    @property
    def types(self) -> dict[str, Counts]:
        """The counts of each mention type."""
        return self._labels(TYPE)

    @property
    def relations(self) -> dict[str, Counts]:
        """The counts of each relation, as ``re.document.strict`` counts it."""
        return self._labels(RELATION)

    @property
    def macro_f1(self) -> float:
        """The mean F1 of the types that occur in gold."""
        return _mean_f1(self.types)

    @property
    def relations_macro_f1(self) -> float:
        """The mean F1 of the relations that occur in gold."""
        return _mean_f1(self.relations)

    def _labels(self, prefix: str) -> dict[str, Counts]:
        return {name.removeprefix(prefix): self.scores[name] for name in sorted(self.scores) if name.startswith(prefix)}

    @property
    def heads(self) -> list[str]:
        """The names of the headline scores that there are."""
        return [name for name in HEADLINES if name in self.scores]

    @property
    def headline(self) -> float:
        """The mean F1 of the headline scores that there are, for choosing between models: each alone is noisy."""
        scores = [self.scores[name].f1 for name in self.heads]
        return sum(scores) / max(1, len(scores))

    def headlines(self) -> str:
        """The headline scores in one line, in hundredths."""
        return "  ".join(f"{name} {100 * self.scores[name].f1:.1f}" for name in self.heads)

    def json(self) -> dict[str, Any]:
        """The report as JSON values; shares lie in [0, 1], and are null where nothing is there to score."""
        return {
            "documents": self.documents,
            "entities": self.entities,
            "missing": list(self.missing),
            "extra": list(self.extra),
            "notes": list(self.notes),
            "scores": {name: _record(found) for name, found in self._found.items()},
            "types": {name: _record(counts) for name, counts in self.types.items()},
            "relations": {name: _record(counts) for name, counts in self.relations.items()},
            "macro_f1": self.macro_f1 if self.types else None,
            "relations_macro_f1": self.relations_macro_f1 if self.relations else None,
            "inkb_macro_f1": self.inkb_macro_f1,
            "coreference": {name: _shares(self.agreements[name]) for name in MEASURED if name in self.agreements},
            "calibration_error": {kind: calibration_error(rows) for kind, rows in self.reliability.items()},
            "intervals": {name: list(interval) for name, interval in self.intervals.items()},
        }

    def table(self) -> str:
        """The report as aligned text; ``*`` marks the headline scores."""
        mentions = "on gold mentions" if self.entities == "gold" else "end to end (predicted mentions)"
        parts = [
            [f"{self.documents} documents, {mentions}"],
            _rows("score", {_title(name): found for name, found in self._found.items()}),
        ]
        if self.types:
            macro = f"{'macro F1':<36}{'':16}{100 * self.macro_f1:8.2f}"
            parts.append([*_rows("type", self.types), macro])
        if measured := [_row(MEASURED[name], self.agreements[name]) for name in MEASURED if name in self.agreements]:
            parts.append(["coreference", *measured])
        if self.intervals:
            bounds = [(_title(name), *self.intervals[name]) for name in (*TITLES, MACRO) if name in self.intervals]
            lines = [f"{title:<36}{100 * low:8.2f} – {100 * high:.2f}" for title, low, high in bounds]
            parts.append(["95 % interval of F1, bootstrap over documents", *lines])
        if self.reliability:
            shown = (f"{kind} {100 * calibration_error(rows):.1f}" for kind, rows in self.reliability.items())
            parts.append([f"calibration error of scores, in hundredths: {', '.join(shown)}"])
        parts.append([f"note: {note}" for note in self._warnings()])
        return "\n\n".join("\n".join(part) for part in parts if part)

    @property
    def _found(self) -> dict[str, Counts | Agreement]:
        found: dict[str, Counts | Agreement] = {**self.scores, **self.agreements}
        return {name: found[name] for name in TITLES if name in found}

    def _warnings(self) -> Iterator[str]:
        yield from self.notes
        if self.corpora == {"conll04"} and self.relations:
            yield _published("CoNLL04: strict RE", "re.document.strict", "relations", self.relations_macro_f1)
        if self.corpora == {"aida"} and self.inkb_macro_f1 is not None:
            yield _published("AIDA: InKB F1", "el.inkb", "documents", self.inkb_macro_f1)
        if self.missing:
            yield f"{_listed(self.missing)} of gold not predicted, scored as empty"
        if self.extra:
            yield f"{_listed(self.extra)} predicted but not in gold, ignored"


def _mean_f1(labels: Mapping[str, Counts]) -> float:
    scores = [counts.f1 for counts in labels.values() if counts.gold]
    return sum(scores) / len(scores) if scores else 0.0


def _published(what: str, name: str, over: str, macro: float) -> str:
    return f'{what} (micro) is "{TITLES[name]}"; macro F1, the mean over {over}, is {100 * macro:.2f}'


def _rows(head: str, rows: Mapping[str, Counts | Agreement]) -> list[str]:
    title = f"{head:<36}{'P':>8}{'R':>8}{'F1':>8}{'correct':>9}{'guessed':>9}{'gold':>9}"
    return [title, *(_row(name, counts) for name, counts in rows.items())]


def _row(name: str, found: Counts | Agreement) -> str:
    shares = "".join(f"{'–':>8}" if found.empty else f"{100 * share:8.2f}" for share in _shares(found).values())
    counts = f"{found.correct:9,}{found.guessed:9,}{found.gold:9,}" if isinstance(found, Counts) else ""
    return f"{name:<36}{shares}{counts}"


def _title(name: str) -> str:
    return TITLES.get(name, "macro F1") + (" *" if name in HEADLINES else "")


def _listed(ids: tuple[str, ...]) -> str:
    shown = ", ".join(ids[:3]) + (", …" if len(ids) > 3 else "")
    return f"{len(ids)} document{'s' if len(ids) > 1 else ''} ({shown})"


def _shares(found: Counts | Agreement) -> dict[str, float]:
    return {"precision": found.precision, "recall": found.recall, "f1": found.f1}


def _record(found: Counts | Agreement) -> dict[str, Any]:
    shares = {name: None if found.empty else share for name, share in _shares(found).items()}
    if isinstance(found, Agreement):
        return shares
    return shares | {"correct": found.correct, "guessed": found.guessed, "gold": found.gold}
