"""Whatever the network says, what is decoded is sound; and what it says clearly is decoded exactly."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from relik_ml.config import Thresholds
from relik_ml.network import Array, ReaderOutput, mapped
from relik_ml.reader import Decoder, Inventory, predicted_spans
from relik_ml.text import Part, merge, windows
from relik_ml.types import Candidate, Document, Entry, Link, Property, Retrieved

TYPES = (Entry("CITY", "type", "город"), Entry("PERSON", "type", "человек"), Entry("DATE", "type", "дата"))
TYPED = {("BORN", "DATE", "CITY"): Property("P19", inverse=True)}
INVENTORY = Inventory(TYPES, frozenset({"CITY", "PERSON"}), frozenset({"DATE"}), {"BORN": Property("P19")}, TYPED)
BORN, KNOWS = Entry("BORN", "relation", "место рождения"), Entry("KNOWS", "relation", "знаком с")
MINSK, KIM = Entry("Q2280", "entity", "Минск"), Entry("Q1", "entity", "Анна Ким")
SYMBOLS = ("[SEP]", "<ST_1>", "[E-3]", "--NME--", "[R-0]", "<ST_0>")
WIDTH = 3


def retrieved(text: str, entities: Sequence[Entry] = (), relations: Sequence[Entry] = ()) -> Retrieved:
    view = windows(Document("d", text), 64, 64)[0]
    return Retrieved(
        view, tuple(Candidate(each, 1.0) for each in entities), tuple(Candidate(each, 0.0) for each in relations)
    )


def upto(lengths: Sequence[int]) -> Array:
    return np.arange(max(lengths)) < np.array(lengths)[:, None]


def noise(batch: Sequence[Retrieved], seed: int, scale: float, thresholds: Thresholds) -> ReaderOutput[Array]:
    """Logits as if the heads had no idea and masked nothing: no -inf on absent candidates, relations, self-pairs."""
    made = np.random.default_rng(seed)

    def random(*shape: int) -> Array:
        return (scale * made.standard_normal(shape)).astype(np.float32)

    tokens = [len(item.window.tokens) for item in batch]
    start, end = random(len(batch), max(tokens)), random(len(batch), max(tokens), WIDTH)
    mentions, mask = predicted_spans(start, end, upto(tokens), thresholds)
    size = mask.shape[1]
    candidates = 1 + max(len(item.entities) for item in batch)
    relations = max(len(item.relations) for item in batch)
    shapes = ((size, len(TYPES)), (size, candidates), (size, size, relations))
    return ReaderOutput(start, end, mentions, mask, *(random(len(batch), *shape) for shape in shapes))


def assert_sound(part: Part, item: Retrieved) -> None:
    tokens = item.window.tokens
    starts, stops = {token.start for token in tokens}, {token.stop for token in tokens}
    ids = {candidate.entry.id: candidate.entry.name for candidate in item.entities}
    for mention in part.mentions:
        assert mention.start < mention.stop
        assert mention.start in starts
        assert mention.stop in stops
        assert sum(mention.start <= token.start < mention.stop for token in tokens) <= WIDTH
        assert mention.type in {entry.id for entry in TYPES}
        assert 0 <= (mention.score or 0) <= 1
        status = mention.link.status
        assert status == "unlinkable" if mention.type == "DATE" else status in ("linked", "nil")
        assert mention.link.label == ids.get(mention.link.id or "") if status == "linked" else mention.link.id is None
        assert mention.link.id in ids or status != "linked"
    assert len({(mention.start, mention.stop) for mention in part.mentions}) == len(part.mentions)
    types = {mention.id: mention.type for mention in part.mentions}
    known = types.keys()
    assert len(known) == len(part.mentions)
    listed = {candidate.entry.id for candidate in item.relations}
    for triple in part.triples:
        assert triple.subject != triple.object
        assert {triple.subject, triple.object} <= known
        assert triple.relation in listed
        turned = (triple.relation, types[triple.subject], types[triple.object]) == ("BORN", "DATE", "CITY")
        assert triple.property == (Property("P19", inverse=turned) if triple.relation == "BORN" else None)
        assert 0 <= (triple.score or 0) <= 1


words = st.sampled_from(["Анна", "Ким", "в", "Минске", "1999", ".", "👩‍🚀", *SYMBOLS])
items = st.builds(
    lambda text, entities, relations: retrieved(" ".join(text), entities, relations),
    st.lists(words, min_size=1, max_size=6),
    st.lists(st.sampled_from([MINSK, KIM]), unique=True),
    st.lists(st.sampled_from([BORN, KNOWS]), unique=True),
)


@given(
    st.lists(items, min_size=1, max_size=3),
    st.integers(0, 10**6),
    st.sampled_from([0.0, 1.0, 30.0, 1e4]),
    st.sampled_from([Thresholds(), Thresholds(0, 0, 0), Thresholds(0.9, 0.1, 0.99)]),
)
def test_no_logits_give_an_unsound_answer(
    batch: list[Retrieved], seed: int, scale: float, thresholds: Thresholds
) -> None:
    parts = Decoder(INVENTORY, thresholds)(noise(batch, seed, scale, thresholds), batch)
    assert [part.window for part in parts] == [item.window for item in batch]
    for part, item in zip(parts, batch, strict=True):
        assert_sound(part, item)
        merge(item.window.document, [part])  # raises on ids that are wrong


# Said clearly


def said(*, types: int = 0, link: int = 0, tokens: int = 4, entities: int = 2) -> ReaderOutput[Array]:
    """Two mentions, [0, 1] and [3, 3]; the first one's type and link as given; BORN from the first to the second."""
    start, end = np.full((1, tokens), -20.0), np.full((1, tokens, WIDTH), -20.0)
    start[0, [0, 3]], end[0, 0, 1], end[0, 3, 0] = 20.0, 20.0, 20.0
    chosen, links = np.full((1, 2, 3), -20.0), np.full((1, 2, 1 + entities), -20.0)
    chosen[0, 0, types] = chosen[0, 1, 0] = 20.0
    links[0, 0, link] = links[0, 1, 0] = 20.0
    relations = np.full((1, 2, 2, 2), -20.0)
    relations[0, 0, 1, 0] = 20.0
    relations[0, [0, 1], [0, 1]] = -np.inf
    mentions, mask = predicted_spans(start, end, np.ones((1, tokens), bool), Thresholds())
    return ReaderOutput(start, end, mentions, mask, chosen, links, relations)


def test_what_is_said_is_what_is_decoded() -> None:
    item = retrieved("Анна Ким из Минска", [MINSK, KIM], [BORN, KNOWS])
    (part,) = Decoder(INVENTORY)(said(types=1, link=2), [item])
    one, other = part.mentions
    assert (one.start, one.stop, one.type, one.link) == (0, 8, "PERSON", Link("linked", "Q1", "Анна Ким", score=1.0))
    assert (other.start, other.stop, other.type, other.link) == (12, 18, "CITY", Link("nil", score=1.0))
    (triple,) = part.triples
    assert (triple.subject, triple.relation, triple.object) == (one.id, "BORN", other.id)
    assert triple.property == Property("P19")
    assert (one.score, triple.score) == (1.0, 1.0)


def test_scores_are_the_probabilities_of_the_paper() -> None:
    item = retrieved("Анна Ким из Минска", [MINSK, KIM], [BORN, KNOWS])
    output = said(types=1, link=2)
    output.start[0, 0], output.end[0, 0, 1] = 0.4, 0.7
    output.types[0, 0] = [0.1, 0.9, -0.3]
    output.links[0, 0] = [0.5, -0.5, 1.5]
    output.relations[0, 0, 1] = [0.3, -0.3]
    (part,) = Decoder(INVENTORY, Thresholds(mention=0.1, relation=0.05))(output, [item])
    sure = torch.tensor([0.4, 0.7]).sigmoid().prod() * torch.tensor([0.1, 0.9, -0.3]).softmax(0)[1]
    assert part.mentions[0].score == pytest.approx(sure.item(), abs=1e-4)
    assert part.mentions[0].link.score == pytest.approx(torch.tensor([0.5, -0.5, 1.5]).softmax(0)[2].item(), abs=1e-4)
    related = torch.tensor([0.3, -0.3]).sigmoid() * sure  # the other mention is certain
    assert [triple.score for triple in part.triples] == pytest.approx(related.tolist(), abs=1e-4)


def test_a_mention_below_its_threshold_takes_its_triples_along() -> None:
    item = retrieved("Анна Ким из Минска", [MINSK, KIM], [BORN, KNOWS])
    output = said(types=1, link=2)
    output.end[0, 0, 1] = 0.0
    kept, gone = (Decoder(INVENTORY, Thresholds(mention=at))(output, [item])[0] for at in (0.45, 0.55))
    assert [mention.id for mention in kept.mentions] == ["T1", "T2"]
    assert [(t.subject, t.object) for t in kept.triples] == [("T1", "T2")]
    assert kept.triples[0].score == pytest.approx(0.5)
    assert [mention.id for mention in gone.mentions] == ["T2"]
    assert gone.triples == ()


# Texts that try to be more than text


def test_offsets_are_the_documents_in_every_window() -> None:
    document = Document("d", "Новости.\n👩‍🚀 Вчера в городе было тихо. Анна Ким из Минска")
    view = windows(document, size=4, stride=4)[-1]
    item = Retrieved(view, (Candidate(MINSK, 1.0), Candidate(KIM, 1.0)), (Candidate(BORN, 0.0), Candidate(KNOWS, 0.0)))
    (part,) = Decoder(INVENTORY)(said(types=1, link=2), [item])
    assert [document.surface(mention) for mention in part.mentions] == ["Анна Ким", "Минска"]
    assert [document.surface(mention) for mention in merge(document, [part]).mentions] == ["Анна Ким", "Минска"]


def test_a_text_without_candidates_takes_nothing_from_the_others() -> None:
    rich, poor = retrieved("Анна Ким из Минска", [MINSK, KIM], [BORN, KNOWS]), retrieved("Анна Ким из Минска")
    (alone,) = Decoder(INVENTORY)(said(types=1, link=2), [rich])
    three = mapped(said(types=1, link=2), lambda part: np.concatenate([part] * 3))
    three.links[1, :, 1:] = -np.inf
    three.relations[1] = -np.inf
    first, middle, last = Decoder(INVENTORY)(three, [rich, poor, rich])
    assert first == last == alone
    assert [mention.link.status for mention in middle.mentions] == ["nil", "nil"]
    assert middle.triples == ()
