"""Texts and documents for property tests: Russian words among everything that breaks offsets."""

from hypothesis import strategies as st

from relik_ml.types import Document, Entity, Link, Mention, Span, Triple

AWKWARD = (
    "👩‍🚀",
    "🚀",
    "й",
    "за\u0301мок",
    "сло\xadво",
    "\ufeff",
    "\r\n",
    "\u2028",
    "\x85",
    "\xa0",
    "\u200b",
    "\ud800",
)
WORDS = ("Анна", "Минск", "в", "родилась", "2024", "8,1", "Нью-Йорк", "т. д.", ".", "!", " ", "\n", *AWKWARD)

texts = st.one_of(st.text(), st.lists(st.sampled_from(WORDS), max_size=60).map(" ".join))
"""Any characters, or words and traps with blanks between them."""


@st.composite
def spans(draw: st.DrawFn, length: int) -> Span:
    start = draw(st.integers(0, length - 1))
    return Span(start, draw(st.integers(start + 1, length)))


@st.composite
def mentions(draw: st.DrawFn, id: str, length: int) -> Mention:
    """Nested, crossing and discontinuous ones, now and then the same twice."""
    fragments = tuple(draw(st.lists(spans(length), min_size=1, max_size=3)))
    start, stop = min(f.start for f in fragments), max(f.stop for f in fragments)
    kind = draw(st.sampled_from(["PERSON", "CITY"]))
    link = draw(st.sampled_from([Link(), Link("nil"), Link("linked", "Q649")]))
    return Mention(id, start, stop, kind, fragments if len(fragments) > 1 else (), link)


@st.composite
def documents(draw: st.DrawFn) -> Document:
    text = draw(texts.filter(bool))
    ids = [f"T{number}" for number in range(draw(st.integers(0, 8)))]
    found = tuple(draw(mentions(id, len(text))) for id in ids)
    pairs = [(a, b) for a in ids for b in ids if a != b]
    chosen = draw(st.lists(st.sampled_from(pairs), max_size=6, unique=True)) if pairs else []
    triples = tuple(Triple(a, "KNOWS", b, evidence=(Span(0, 1),)) for a, b in chosen)
    entities = (Entity("E1", tuple(ids)),) if ids else ()
    return Document("d", text, mentions=found, entities=entities, triples=triples)
