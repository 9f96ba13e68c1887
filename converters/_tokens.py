"""Text of corpora that are published as lists of tokens, with the span of every token."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from relik_ml.types import Span

CLOSING = frozenset({
    ",", ".", ";", ":", "!", "?", ")", "]", "}", "%", "...", "…", "’", "'", "''", "'s", "'S", "n't", "'t", "'re", "'ve",
    "'ll", "'d", "'m", "’s", "n’t", "’re", "’ve", "’ll", "’d", "’m",
})  # fmt: skip
OPENING = frozenset({"(", "[", "{", "$", "£", "€", "#", "`", "``"})
BETWEEN = frozenset({"-", "/"})


@dataclass(frozen=True)
class Tokenized:
    """A text and the spans of the tokens of each sentence."""

    text: str
    tokens: tuple[tuple[Span, ...], ...]

    def span(self, start: int, stop: int, sentence: int = 0) -> Span | None:
        """The span of the tokens ``[start, stop)`` of a sentence. None if they do not exist or are all blank."""
        if not 0 <= sentence < len(self.tokens) or not 0 <= start < stop <= len(self.tokens[sentence]):
            return None
        found = Span(self.tokens[sentence][start].start, self.tokens[sentence][stop - 1].stop)
        return found if self.text[found.start : found.stop].strip() else None

    def sentences(self) -> list[Span | None]:
        """The span of each sentence, None for an empty one."""
        return [self.span(0, len(spans), number) for number, spans in enumerate(self.tokens)]


def tokenized(sentences: Iterable[Sequence[str]], natural: bool = False) -> Tokenized:
    """The text of tokens with one blank between them or, if ``natural``, where ordinary English has one.

    >>> found = tokenized([["He", "wo", "n't", "come", "."], ["(", "Why", "?", ")"]], natural=True)
    >>> found.text, found.span(1, 3), found.span(1, 2, 1)
    ("He won't come. (Why?)", Span(start=3, stop=8), Span(start=16, stop=19))
    """
    parts: list[str] = []
    spans: list[tuple[Span, ...]] = []
    at = 0
    for tokens in sentences:
        placed = []
        for token, blank in zip(tokens, _blanks(tokens) if natural else [" "] * len(tokens), strict=True):
            blank = blank if parts else ""
            start = at + len(blank)
            at = start + len(token)
            parts += (blank, token)
            placed.append(Span(start, at))
        spans.append(tuple(placed))
    return Tokenized("".join(parts), tuple(spans))


def _blanks(tokens: Iterable[str]) -> Iterator[str]:
    """What ordinary English has before each token."""
    before, quoted = "", False
    for token in tokens:
        glued = token in CLOSING or token in BETWEEN or before in OPENING or before in BETWEEN
        glued |= (quoted and before == '"') or (before == "O" and token[0:1] == "'")  # O'Brien
        if token == '"':
            glued, quoted = glued or quoted, not quoted
        yield "" if glued and before else " "
        before = token


def tagged(tags: Sequence[str]) -> Iterator[tuple[str, int, int]]:
    """The type, start and stop of the mentions in BIO or BILOU tags. ``I`` or ``L`` may begin one.

    >>> list(tagged(["B-Peop", "L-Peop", "O", "I-Loc", "U-Loc"]))
    [('Peop', 0, 2), ('Loc', 3, 4), ('Loc', 4, 5)]
    """
    start, open_type = 0, ""
    for number, tag in enumerate([*tags, "O"]):
        place, _, type = tag.partition("-")
        if open_type and (place in "OBU" or type != open_type):
            yield open_type, start, number
            open_type = ""
        if place != "O" and not open_type:
            start, open_type = number, type
        if place in "LU" and open_type:
            yield open_type, start, number + 1
            open_type = ""
