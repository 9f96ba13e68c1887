"""Word vectors: which are taken, how they are made smaller, and what the real ones look like."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relik_ml.errors import ConfigError
from relik_ml.text.lexicon import PADDING, RESERVED, UNKNOWN
from relik_ml.training import vectors
from relik_ml.training.vectors import Floats, choose, navec_path, read_navec, reduce, table


def made(count: int = 200, width: int = 30) -> Floats:
    random = np.random.default_rng(0)
    return (random.normal(size=(count, width)) * np.geomspace(9, 0.1, width) + 3).astype(np.float32)


def test_the_most_useful_words_that_have_a_vector() -> None:
    words = ["и", "нет", "в", "и", "на"]
    assert choose(words, {"и", "в", "на", "под"}, 2) == ["и", "в"]
    assert choose(words, ["на", "в", "и"], 9) == ["и", "в", "на"]
    assert choose(iter(words), [], 9) == []


def test_all_components_keep_all_angles() -> None:
    given = made()
    found = reduce(given, given.shape[1])
    centred = given - given.mean(0)
    expected = centred @ centred.T
    assert found.dtype == np.float32
    scale = np.trace(expected) / np.trace(found @ found.T)
    assert np.allclose(found @ found.T * scale, expected, atol=1e-3 * np.abs(expected).max())


def test_the_widest_components_come_first_and_the_scale_is_one() -> None:
    found = reduce(made(), 5)
    assert found.shape == (200, 5)
    assert np.square(found).mean() == pytest.approx(1, abs=1e-5)
    assert np.abs(found.mean(0)).max() < 1e-4
    spread = found.var(0)
    assert (np.diff(spread) <= 0).all()
    whole = np.linalg.svd(made() - made().mean(0), compute_uv=False)[:5] ** 2
    assert spread / spread.sum() == pytest.approx(whole / whole.sum(), rel=1e-3)


@given(st.integers(1, 30))
def test_any_width_up_to_the_whole(width: int) -> None:
    assert reduce(made(), width).shape == (200, width)


def test_padding_and_unknown_are_zero() -> None:
    found = table(made(3))
    assert found.shape == (3 + RESERVED, 30)
    assert not found[PADDING].any()
    assert not found[UNKNOWN].any()
    assert (found[RESERVED:] == made(3)).all()


def test_without_natasha_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vectors, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="no word vectors") as caught:
        navec_path()
    assert "pip install" in caught.value.fix


@pytest.fixture(scope="module")
def navec() -> Path:
    pytest.importorskip("navec", reason="word vectors need the extra relik-ml[train]")
    try:
        return navec_path()
    except ConfigError as error:
        pytest.skip(f"word vectors: {error.got}")


def test_the_real_vectors(navec: Path) -> None:
    from navec import Navec

    words, found = read_navec(navec)
    assert found.shape == (len(words), 300)
    assert found.dtype == np.float32
    assert len(words) == len(set(words)) == 248_661
    assert not {"<unk>", "<pad>"} & set(words)
    assert not any("ё" in word for word in words)
    original = Navec.load(navec)
    for word in ("москва", "елка"):
        assert np.allclose(found[words.index(word)], original[word])
    only = next(word for word in original.vocab.words if "ё" in word and word.replace("ё", "е") not in original)
    assert np.allclose(found[words.index(only.replace("ё", "е"))], original[only])
