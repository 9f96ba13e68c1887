"""The compact encoder's inputs, and the compact reader from text to mentions on texts that try to disturb it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from torch import nn

from relik_ml.models.compact import CompactConfig, CompactEncoder
from relik_ml.models.config import HeadConfig, Thresholds
from relik_ml.models.reader import ReaderModel
from relik_ml.reader.compact import NAME_WORDS, TEXT_WORDS, CompactInputs, pad
from relik_ml.reader.decode import Inventory
from relik_ml.reader.encode import BatchEncoder
from relik_ml.reader.reader import Reader
from relik_ml.text.lexicon import SHAPES, Lexicon
from relik_ml.text.windows import merge, windows
from relik_ml.types import Candidate, Document, Entry, Hit, Retrieved

WORDS = ("в", "минске", "минск", "анна", "ким", "город", "столица", "беларуси", "человек", "родилась")
LEXICON = Lexicon(WORDS, ("в", "минск", "анна", "ким"), ("NOUN", "Geox", "Name"))
TYPES = [Entry("CITY", "type", "город", "столица"), Entry("PERSON", "type", "человек", "Анна Ким")]
MINSK = Entry("Q2280", "entity", "Минск", "город, столица Беларуси")
KIM = Entry("Q1", "entity", "Анна Ким", "человек")
BORN = Entry("BORN", "relation", "родилась в", "человек родилась в город")
SYMBOLS = ("[SEP]", "<ST_1>", "[E-3]", "[R-0]", "--NME--", "<ST_0>")


def retrieved(text: str, entities: Sequence[Entry] = (MINSK, KIM), relations: Sequence[Entry] = (BORN,)) -> Retrieved:
    """A text with candidates; «Минске» hits the first of them."""
    place = text.find("Минске")
    hits = (Hit(place, place + 6, 0, (1.0, -1.0)),) if entities and place >= 0 else ()
    candidates = tuple(Candidate(entry, 1.0) for entry in entities)
    view = windows(Document("d", text), 64, 64)[0]
    return Retrieved(view, candidates, tuple(Candidate(entry, 0.0) for entry in relations), hits)


@pytest.fixture
def inputs() -> CompactInputs:
    return CompactInputs(LEXICON, TYPES)


def test_words_are_their_features_and_padding_is_zero(inputs: CompactInputs) -> None:
    made = inputs([retrieved("Анна Ким в Минске."), retrieved("Ким")])
    assert made["words"].shape == (2, 5, 2)
    assert made["grammemes"].shape == (2, 5, 3)
    for place, surface in enumerate(["Анна", "Ким", "в", "Минске", "."]):
        word = LEXICON.word(surface)
        assert made["words"][0, place].tolist() == [word.form, word.base]
        assert (made["lemmas"][0, place].item(), made["shapes"][0, place].item()) == (word.lemma, word.shape)
        assert made["grammemes"][0, place].nonzero().flatten().tolist() == list(word.grammemes)
    assert made["words"][1, 0].tolist() == list(LEXICON.word("Ким")[:2])
    for name in ("words", "lemmas", "shapes", "grammemes"):
        assert not made[name][1, 1:].any()
    assert SHAPES[0] == "padding"


def test_each_passage_is_read_once_and_found_by_place(inputs: CompactInputs) -> None:
    made = inputs([retrieved("Анна"), retrieved("Ким", (KIM,), (BORN, BORN))])
    expected = [*TYPES, MINSK, KIM, BORN]
    assert made["names"].shape[0] == made["texts"].shape[0] == len(expected)
    for row, entry in enumerate(expected):
        for name, text, limit in (("names", entry.name, NAME_WORDS), ("texts", entry.text, TEXT_WORDS)):
            assert made[name][row][made[name][row] > 0].tolist() == LEXICON.forms(text, limit)
    assert made["types"].tolist() == [0, 1]
    assert made["entities"][:, 1:].tolist() == [[2, 3], [3, 0]]
    assert made["relations"].tolist() == [[4, 0], [4, 4]]


def test_one_id_may_be_of_two_kinds(inputs: CompactInputs) -> None:
    city = Entry("CITY", "entity", "Минск")
    made = inputs([retrieved("Анна", (city,))])
    assert made["entities"].tolist() == [[0, 2]]
    assert made["names"][2].tolist()[0] == LEXICON.forms("Минск", 1)[0]


def test_passages_are_cut(inputs: CompactInputs) -> None:
    made = inputs([retrieved("Анна", (Entry("Q9", "entity", "минск " * 20, "город " * 99),))])
    assert (made["names"].shape[1], made["texts"].shape[1]) == (NAME_WORDS, TEXT_WORDS)


def test_nothing_retrieved_is_nme_alone(inputs: CompactInputs) -> None:
    made = inputs([retrieved("Анна", (), ()), retrieved("Ким", (), ())])
    assert made["entities"].tolist() == [[0], [0]]
    assert made["relations"].shape == (2, 0)
    assert made["relations"].dtype == torch.long
    assert len(made["names"]) == len(TYPES)


def test_all_candidates_fit(inputs: CompactInputs) -> None:
    batch = [retrieved("Анна"), retrieved("Ким", (), ())]
    assert inputs.fit(batch) == batch


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_symbols_are_words_like_any_others(inputs: CompactInputs, symbol: str) -> None:
    plain, odd = inputs([retrieved("Анна в Минске")]), inputs([retrieved(f"Анна {symbol} в Минске")])
    for name in ("names", "texts", "types", "entities", "relations"):
        assert torch.equal(plain[name], odd[name]), name
    tokens = [token.text for token in retrieved(f"Анна {symbol} в Минске").window.tokens]
    assert odd["words"][0].tolist() == [list(LEXICON.word(token)[:2]) for token in tokens]


def test_rows_of_unequal_length_are_padded_behind() -> None:
    assert pad([[1, 2], [], [3]]).tolist() == [[1, 2], [0, 0], [3, 0]]
    assert pad([[], []]).shape == (2, 0)
    assert pad([[], []]).dtype == torch.long


# From text to mentions


@pytest.fixture
def reader(inputs: CompactInputs) -> Reader:
    """A compact reader that was never trained but has opinions on everything."""
    torch.set_num_threads(1)
    torch.manual_seed(2)
    config = CompactConfig(
        2 + len(WORDS), 2 + len(LEXICON.lemmas), len(LEXICON.grammemes), len(SHAPES), 6, 5, 4, 8, hit_features=2
    )
    heads = HeadConfig(config.width, inner=8, max_mention=4, hit_features=2)
    model = ReaderModel(CompactEncoder(config), len(TYPES), heads)
    for parameter in model.parameters():
        if parameter.requires_grad:
            nn.init.normal_(parameter, std=0.5)
    encode = BatchEncoder(inputs, TYPES, 4, 2)
    return Reader(model, encode, Inventory(tuple(TYPES), frozenset({"CITY", "PERSON"})), Thresholds(0.3, 0.3, 0.3))


HOSTILE = [f"{symbol} Анна {symbol} Ким в{symbol}Минске {symbol}" for symbol in SYMBOLS]
TEXTS = ["Анна Ким родилась в Минске.", "Минске", "?", "👩‍🚀 Анна\n\nКим \ud800 в\xa0Минске", *HOSTILE]


def test_what_is_read_does_not_depend_on_the_company(reader: Reader) -> None:
    batch = [retrieved(text) for text in TEXTS] + [retrieved(TEXTS[0], (), ()), retrieved(TEXTS[0], (KIM,), ())]
    parts = reader(batch, tokens=10_000)
    assert sum(len(part.mentions) for part in parts) > 20
    assert sum(len(part.triples) for part in parts) > 5
    assert reader(batch[::-1], tokens=10_000) == parts[::-1]
    for item, part in zip(batch, parts, strict=True):
        (alone,) = reader([item])
        assert [(m.start, m.stop, m.type, m.link.id) for m in alone.mentions] == [
            (m.start, m.stop, m.type, m.link.id) for m in part.mentions
        ]
        assert [t.relation for t in alone.triples] == [t.relation for t in part.triples]


def test_mentions_are_pieces_of_the_text_between_token_ends(reader: Reader) -> None:
    for item in map(retrieved, TEXTS):
        (part,) = reader([item])
        ends = {token.stop for token in item.window.tokens}
        for mention in part.mentions:
            assert mention.stop in ends
            assert item.window.document.surface(mention).strip()
            assert mention.link.id in {None, "Q2280", "Q1"}
        assert {triple.relation for triple in part.triples} <= {"BORN"}


def test_a_long_document_comes_back_in_its_own_offsets(reader: Reader) -> None:
    document = Document("d", " ".join(f"Анна{number} Ким в Минске." for number in range(12)))
    views = windows(document, 12, 6)
    items = [Retrieved(view, (Candidate(MINSK, 1.0),), (Candidate(BORN, 0.0),)) for view in views]
    parts = reader(items)
    for part in parts:
        assert all(part.window.start <= m.start < m.stop <= part.window.stop for m in part.mentions)
    merged = merge(document, parts)
    assert any(mention.start > views[-1].start for mention in merged.mentions)


def test_reading_neither_trains_nor_shakes(reader: Reader) -> None:
    reader.model.train()
    first = reader([retrieved(TEXTS[0])])
    assert reader.model.training
    assert reader([retrieved(TEXTS[0])]) == first
    assert reader([]) == []
