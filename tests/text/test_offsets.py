"""UTF-16 offsets against Python's own encoder."""

import pytest
from hypothesis import given

from relik_ml.errors import DataError
from relik_ml.text import Utf16

from .strategies import texts


@given(texts)
def test_both_ways_agree_with_the_encoder(text: str) -> None:
    units = Utf16(text)
    for point in range(len(text) + 1):
        unit = len(text[:point].encode("utf-16-le", "surrogatepass")) // 2
        assert units.from_point(point) == unit
        assert units.to_point(unit) == point
    assert len(units) == units.from_point(len(text))


@pytest.mark.parametrize("unit", [-1, 2, 4])
def test_an_offset_that_is_none_is_refused(unit: int) -> None:
    with pytest.raises(DataError):
        Utf16("а🚀").to_point(unit)  # units: а is 0, the rocket 1 and 2
