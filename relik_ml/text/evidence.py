"""Where a text says something: the sentences that spans touch."""

from __future__ import annotations

from collections.abc import Sequence

from relik_ml.types import Span


def evidence(sentences: Sequence[Span], spans: Sequence[Span]) -> tuple[Span, ...]:
    """The sentences that any of the spans touches, in order: one when they share it.

    >>> evidence([Span(0, 10), Span(11, 20), Span(21, 30)], [Span(2, 5), Span(22, 24)])
    (Span(start=0, stop=10), Span(start=21, stop=30))
    """
    return tuple(s for s in sentences if any(span.start < s.stop and s.start < span.stop for span in spans))
