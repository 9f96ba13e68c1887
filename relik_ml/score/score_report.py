"""The report: every score by name, as one table to read and as JSON."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from relik_ml.score.agreement import Agreement
from relik_ml.score.calibration import Bin, calibration_error
from relik_ml.score.counts import Counts

Interval = tuple[float, float]
MACRO = "macro"
TYPE = "ner.type."
HEADLINES = ("ner", "el.inkb", "re.document.boundaries", "cie.triples")
TITLES = {
    "ner": "entities: span and type",
    "ner.boundaries": "entities: span",
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
    "cie.triples": "facts: distinct (id, relation, id)",
    "cie.mentions": "facts: strict mentions with ids",
    "cie.literals": "facts: NIL and literals by span",
}
MEASURED = {"coref.muc": "MUC", "coref.b3": "B³", "coref.ceafe": "CEAF-e", "coref.lea": "LEA"}


@dataclass(frozen=True, slots=True)
class ScoreReport:
    """All scores of predicted documents.

    ``scores`` holds the counts by name (``TITLES`` lists the names, ``ner.type.X`` each type); a score whose layer no
    gold document annotates is absent. ``entities`` is whether the predictions use the gold mentions ("gold")
    or on predicted ones ("end to end"): relation scores of the two kinds are never comparable.
    """

    scores: Mapping[str, Counts]
    documents: int = 0
    entities: Literal["gold", "end to end"] = "end to end"
    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())
    reliability: Mapping[str, Sequence[Bin]] = field(default_factory=dict)
    """How often mentions, links, NIL and triples are right, by their score; empty where predictions have no scores."""
    coreference: Mapping[str, Agreement] = field(default_factory=dict)
    """The measures of coreference by name; empty if no gold document has all entities."""
    intervals: Mapping[str, Interval] = field(default_factory=dict)
    """The 95 % interval of each F1, and of the macro F1 as ``"macro"``; empty unless it was asked for."""

    @property
    def types(self) -> dict[str, Counts]:
        """The counts of each mention type."""
        return {name.removeprefix(TYPE): self.scores[name] for name in sorted(self.scores) if name.startswith(TYPE)}

    @property
    def macro_f1(self) -> float:
        """The mean F1 of the types that occur in gold."""
        scores = [counts.f1 for counts in self.types.values() if counts.gold]
        return sum(scores) / len(scores) if scores else 0.0

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
            "scores": {name: _record(self.scores[name]) for name in TITLES if name in self.scores},
            "types": {name: _record(counts) for name, counts in self.types.items()},
            "macro_f1": self.macro_f1 if self.types else None,
            "coreference": {name: _shares(found) for name, found in self.coreference.items()},
            "calibration_error": {kind: calibration_error(rows) for kind, rows in self.reliability.items()},
            "intervals": {name: list(interval) for name, interval in self.intervals.items()},
        }

    def table(self) -> str:
        """The report as aligned text; ``*`` marks the headline scores."""
        mentions = "on gold mentions" if self.entities == "gold" else "end to end (predicted mentions)"
        names = [name for name in TITLES if name in self.scores]
        parts = [
            [f"{self.documents} documents, {mentions}"],
            _rows("score", {_title(n): self.scores[n] for n in names}),
        ]
        if self.types:
            macro = f"{'macro F1':<36}{'':16}{100 * self.macro_f1:8.2f}"
            parts.append([*_rows("type", self.types), macro])
        if self.coreference:
            parts.append(["coreference", *(_agreement(name, each) for name, each in self.coreference.items())])
        if self.intervals:
            bounds = [(_title(name), *self.intervals[name]) for name in (*names, MACRO) if name in self.intervals]
            lines = [f"{title:<36}{100 * low:8.2f} – {100 * high:.2f}" for title, low, high in bounds]
            parts.append(["95 % interval of F1, bootstrap over documents", *lines])
        if self.reliability:
            shown = (f"{kind} {100 * calibration_error(rows):.1f}" for kind, rows in self.reliability.items())
            parts.append([f"calibration error of scores, in hundredths: {', '.join(shown)}"])
        parts.append([f"note: {note}" for note in self._warnings()])
        return "\n\n".join("\n".join(part) for part in parts if part)

    def _warnings(self) -> Iterator[str]:
        yield from self.notes
        if self.missing:
            yield f"{_listed(self.missing)} of gold not predicted, scored as empty"
        if self.extra:
            yield f"{_listed(self.extra)} predicted but not in gold, ignored"


def _rows(head: str, rows: Mapping[str, Counts]) -> list[str]:
    title = f"{head:<36}{'P':>8}{'R':>8}{'F1':>8}{'correct':>9}{'guessed':>9}{'gold':>9}"
    return [title, *(_row(name, counts) for name, counts in rows.items())]


def _row(name: str, counts: Counts) -> str:
    shares = (counts.precision, counts.recall, counts.f1)
    numbers = "".join(f"{'–':>8}" if counts.empty else f"{100 * share:8.2f}" for share in shares)
    return f"{name:<36}{numbers}{counts.correct:9,}{counts.guessed:9,}{counts.gold:9,}"


def _agreement(name: str, found: Agreement) -> str:
    return f"{MEASURED[name]:<36}" + "".join(f"{100 * share:8.2f}" for share in _shares(found).values())


def _title(name: str) -> str:
    return TITLES.get(name, "macro F1") + (" *" if name in HEADLINES else "")


def _listed(ids: tuple[str, ...]) -> str:
    shown = ", ".join(ids[:3]) + (", …" if len(ids) > 3 else "")
    return f"{len(ids)} document{'s' if len(ids) > 1 else ''} ({shown})"


def _shares(found: Counts | Agreement) -> dict[str, float]:
    return {"precision": found.precision, "recall": found.recall, "f1": found.f1}


def _record(counts: Counts) -> dict[str, Any]:
    shares = {name: None if counts.empty else share for name, share in _shares(counts).items()}
    return shares | {"correct": counts.correct, "guessed": counts.guessed, "gold": counts.gold}
