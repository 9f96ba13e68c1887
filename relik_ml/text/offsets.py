"""Offsets for readers that count UTF-16 units: JavaScript, Java, .NET and editors.

>>> units = Utf16("🚀 Байконур")
>>> units.from_point(2), units.to_point(3)
(3, 2)
"""

from bisect import bisect_left

from relik_ml.errors import DataError


class Utf16:
    """Maps code points of one text to UTF-16 units and back. Memory grows with the characters beyond U+FFFF only."""

    def __init__(self, text: str) -> None:
        self._length = len(text)
        self._pairs = [point for point, char in enumerate(text) if char > "\uffff"]
        self._pair_units = [point + earlier for earlier, point in enumerate(self._pairs)]

    def __len__(self) -> int:
        """The length of the text in UTF-16 units."""
        return self._length + len(self._pairs)

    def from_point(self, point: int) -> int:
        """The UTF-16 offset of the code point offset ``point``; raises ``DataError`` outside the text."""
        self._within(point, self._length)
        return point + bisect_left(self._pairs, point)

    def to_point(self, unit: int) -> int:
        """The code point of the UTF-16 offset ``unit``; raises ``DataError`` outside the text or inside a pair."""
        self._within(unit, len(self))
        earlier = bisect_left(self._pair_units, unit)
        if earlier and self._pair_units[earlier - 1] == unit - 1:
            raise DataError("UTF-16 offset inside a surrogate pair", got=str(unit), fix=f"use {unit - 1} or {unit + 1}")
        return unit - earlier

    def _within(self, offset: int, length: int) -> None:
        if not 0 <= offset <= length:
            raise DataError("offset outside the text", got=str(offset), fix=f"give 0 to {length}")
