"""Word vectors to start a compact encoder from: navec's, as natasha's package carries them (MIT)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from relik_ml.errors import ConfigError
from relik_ml.models.weights import packed
from relik_ml.retriever.encode import passage
from relik_ml.text.lexicon import RESERVED, Lexicon, fold
from relik_ml.training.data import Data
from relik_ml.training.vocabulary import corpus_lines, frequent_words

Floats = NDArray[np.float32]


def navec_path() -> Path:
    """The vectors inside the installed natasha package; natasha itself is not imported."""
    spec = find_spec("natasha")
    found = sorted(Path(spec.origin).parent.glob("data/emb/navec_news*.tar")) if spec and spec.origin else []
    if not found:
        fix = "pip install 'relik-ml[train]'"
        raise ConfigError("no word vectors to start from", got="natasha is not installed", fix=fix)
    return found[0]


def read_navec(path: Path) -> tuple[list[str], Floats]:
    """Words, folded, and their vectors (V, 300); of «елка» and «ёлка» the one with ё goes."""
    from navec import Navec

    navec = Navec.load(path)
    words = [fold(word) for word in navec.vocab.words[:-2]]
    vectors = navec.pq.unpack()[:-2]
    first = dict(zip(reversed(words), reversed(range(len(words))), strict=True))
    return list(first), vectors[list(first.values())].astype(np.float32)


def choose(words: Iterable[str], known: Iterable[str], size: int) -> list[str]:
    """The first ``size`` of ``words``, which come most useful first, that have a vector."""
    have = set(known)
    return [word for word in dict.fromkeys(words) if word in have][:size]


def reduce(vectors: Floats, width: int) -> Floats:
    """(V, 300) → (V, width) by principal components, scaled to a mean square of one."""
    centred = vectors - vectors.mean(0)
    _, basis = np.linalg.eigh(centred.T @ centred)
    reduced = centred @ basis[:, ::-1][:, :width]
    scaled: Floats = (reduced / np.sqrt((reduced**2).mean())).astype(np.float32)
    return scaled


def table(vectors: Floats) -> Floats:
    """Vectors with the reserved rows, padding and unknown, before them; both zero."""
    return np.concatenate([np.zeros((RESERVED, vectors.shape[1]), np.float32), vectors])


def lexicon_and_vectors(texts: Sequence[str], others: Counter[str], size: int, width: int) -> tuple[Lexicon, Tensor]:
    """The vocabulary of a compact encoder, and its table (size + 2, width) as it will be when saved.

    The words are those of ``texts``, then the most frequent of ``others``, as far as they have a vector.
    """
    names, vectors = read_navec(navec_path())
    own = frequent_words(texts)
    words = choose([word for word, _ in own.most_common() + others.most_common()], names, size)
    places = {name: place for place, name in enumerate(names)}
    chosen = reduce(vectors, width)[[places[word] for word in words]]
    return Lexicon.learn(texts, words), packed(torch.from_numpy(table(chosen)))


def compact_vocabulary(data: Data, corpus: Sequence[Path], size: int, width: int) -> tuple[Lexicon, Tensor]:
    """``lexicon_and_vectors`` of the words of train, then the most frequent of a corpus and of the entity table."""
    languages = {document.lang for document in data.train}
    passages = (passage(entry) for entry in data.known if entry.lang in languages)
    others = frequent_words(corpus_lines(corpus)) + frequent_words(passages)
    return lexicon_and_vectors([document.text for document in data.train], others, size, width)
