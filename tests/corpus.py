"""Twenty small annotated documents of our own, what they can be linked to, and a tiny model trained on them.

``[surface|TYPE|id]`` marks a mention: with an id it is linked, with ``-`` it is NIL, without a third part it cannot
be linked. Mentions are numbered from one in the order of their opening brackets. Ids are labels of this fixture.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import cast

import torch

from relik_ml import Relik
from relik_ml.bundle import Settings
from relik_ml.config import ApartConfig, HeadConfig, TransformerConfig
from relik_ml.index import IndexConfig, PassageIndex, passage
from relik_ml.models import ApartEncoder, tensors
from relik_ml.names import FEATURES, HUMAN, Learnt, NameIndex
from relik_ml.reader import Inventory
from relik_ml.retriever import RetrieverConfig, learn
from relik_ml.text import Morphology, windows
from relik_ml.training import (
    Encoders,
    OptimizerConfig,
    apart_encoders,
    assemble,
    create_optimizer,
    model_of,
    properties,
    shuffled_batches,
    types_with,
)
from relik_ml.types import Annotated, Document, Entry, Link, Mention, Property, Retrieved, Triple
from tests.checkpoints import ROBERTA, unigram

TEXTS = (
    ("[Анна Ахматова|PERSON|Q80440] родилась в [Одессе|CITY|Q1874] в [1889 году|DATE].",
     "1 PLACE_OF_BIRTH 2, 1 DATE_OF_BIRTH 3"),
    ("[Антон Чехов|PERSON|Q5685], [врач|PROFESSION|Q39631] и [писатель|PROFESSION|Q36180], родился в "
     "[Таганроге|CITY|Q18779]. [29 января 1860 года|DATE] — день рождения [Чехова|PERSON|Q5685].",
     "1 WORKS_AS 2, 1 WORKS_AS 3, 1 PLACE_OF_BIRTH 4, 6 DATE_OF_BIRTH 5"),
    ("[Мэр [Москвы|CITY|Q649]|PROFESSION|Q1837906] открыл парк. Об этом сообщила [Мария Зайцева|PERSON|-].", ""),
    ("[Пётр Сидоров|PERSON|-] работает [врачом|PROFESSION|Q39631] в [больнице [Казани|CITY|Q900]|ORGANIZATION|-].",
     "1 WORKS_AS 2, 1 WORKPLACE 3"),
    ("[Лев Толстой|PERSON|Q7243] — [писатель|PROFESSION|Q36180]. [В 1828 году|DATE] [Толстой|PERSON|Q7243] родился.",
     "1 WORKS_AS 2, 4 DATE_OF_BIRTH 3"),
    ("[Газпром|ORGANIZATION|Q102673] переехал из [Москвы|CITY|Q649] в [Санкт-Петербург|CITY|Q656].",
     "1 HEADQUARTERED_IN 3"),
    ("Штаб-квартира [Яндекса|ORGANIZATION|Q5281] находится в [Москве|CITY|Q649].", "1 HEADQUARTERED_IN 2"),
    ("[Иван Петров|PERSON|-], [директор [Яндекса|ORGANIZATION|Q5281]|PROFESSION|Q1162163], уже в [Минске|CITY|Q2280].",
     "1 WORKS_AS 2, 1 WORKPLACE 3"),
    ("[Юрий Гагарин|PERSON|Q7327] — [космонавт|PROFESSION|Q11631]. [12 апреля 1961 года|DATE] он полетел в космос.",
     "1 WORKS_AS 2"),
    ("[Александром Пушкиным|PERSON|Q7200] гордится [Россия|COUNTRY|Q159]. [Пушкин|PERSON|Q7200] родился в "
     "[Москве|CITY|Q649] [6 июня 1799 года|DATE].", "3 PLACE_OF_BIRTH 4, 3 DATE_OF_BIRTH 5"),
    ("[Российский|COUNTRY|Q159] [писатель|PROFESSION|Q36180] [Николай Гоголь|PERSON|Q43718] жил в [Риме|CITY|Q220].",
     "3 WORKS_AS 2"),
    ("[Ольга Смирнова|PERSON|-] родилась в [Киеве|CITY|Q1899] в [1975 году|DATE] и работает "
     "[журналистом|PROFESSION|Q1930187].", "1 PLACE_OF_BIRTH 2, 1 DATE_OF_BIRTH 3, 1 WORKS_AS 4"),
    ("[Президент [Франции|COUNTRY|Q142]|PROFESSION|Q191954] прибыл в [Минск|CITY|Q2280] [во вторник|DATE].", ""),
    ("[Газпром|ORGANIZATION|Q102673] и [Сбербанк|ORGANIZATION|Q205012] договорились. "
     "Представителем [Сбербанка|ORGANIZATION|Q205012] был [Олег Котов|PERSON|-].", "4 WORKPLACE 3"),
    ("[Дмитрий Менделеев|PERSON|Q9106] — [химик|PROFESSION|Q593644], родом из [Тобольска|CITY|Q13672].",
     "1 WORKS_AS 2, 1 PLACE_OF_BIRTH 3"),
    ("В [Санкт-Петербурге|CITY|Q656] открыли памятник [Анне Ахматовой|PERSON|Q80440]. Автор — [Вера Котова|PERSON|-].",
     ""),
    ("Новости\n[Казань|CITY|Q900], [5 мая|DATE]. [Мэр [Казани|CITY|Q900]|PROFESSION|Q1837906] встретил "
     "[космонавтов|PROFESSION|Q11631].", ""),
    ("[Фёдор Достоевский|PERSON|Q991] родился в [Москве|CITY|Q649] [11 ноября 1821 года|DATE]. "
     "[Достоевского|PERSON|Q991] читает вся [Россия|COUNTRY|Q159].", "1 PLACE_OF_BIRTH 2, 1 DATE_OF_BIRTH 3"),
    ("[Журналистка|PROFESSION|Q1930187] [Анна Белова|PERSON|-] работает в [Сбербанке|ORGANIZATION|Q205012].",
     "2 WORKS_AS 1, 2 WORKPLACE 3"),
    ("Сегодня в [России|COUNTRY|Q159] дождь 😀, а во [Франции|COUNTRY|Q142] — солнце.", ""),
)  # fmt: skip

PEOPLE = {
    "Q80440": "Анна Ахматова", "Q5685": "Чехов, Антон", "Q7243": "Лев Толстой", "Q7327": "Юрий Гагарин",
    "Q7200": "Александр Пушкин", "Q43718": "Николай Гоголь", "Q9106": "Дмитрий Менделеев", "Q991": "Фёдор Достоевский",
    "Q11703": "Алексей Толстой",
}  # fmt: skip
PLACES = {
    "Q1874": "Одесса", "Q18779": "Таганрог", "Q649": "Москва", "Q900": "Казань", "Q656": "Санкт-Петербург",
    "Q2280": "Минск", "Q220": "Рим", "Q1899": "Киев", "Q13672": "Тобольск", "Q4120": "Москва (река)",
}  # fmt: skip
OTHERS = {
    "Q39631": ("врач", "профессия"), "Q36180": ("писатель", "профессия"), "Q1837906": ("мэр", "должность"),
    "Q1162163": ("директор", "должность"), "Q11631": ("космонавт", "профессия"), "Q593644": ("химик", "профессия"),
    "Q1930187": ("журналист", "профессия"), "Q191954": ("президент Франции", "должность"),
    "Q142": ("Франция", "страна"), "Q159": ("Россия", "страна"), "Q102673": ("Газпром", "компания"),
    "Q5281": ("Яндекс", "компания"), "Q205012": ("Сбербанк", "компания"),
}  # fmt: skip

ENTITIES = (
    *(Entry(id, "entity", name, "человек", types=(HUMAN,), popularity=1.0) for id, name in PEOPLE.items()),
    *(Entry(id, "entity", name, "река" if "река" in name else "город") for id, name in PLACES.items()),
    *(Entry(id, "entity", name, text) for id, (name, text) in OTHERS.items() if id != "Q159"),
    Entry("Q159", "entity", "Россия", "страна", aliases=("РФ", "российский")),
)
RELATIONS = (
    Entry("PLACE_OF_BIRTH", "relation", "место рождения", "где родился человек"),
    Entry("DATE_OF_BIRTH", "relation", "дата рождения", "когда родился человек"),
    Entry("WORKS_AS", "relation", "профессия", "кем работает человек"),
    Entry("WORKPLACE", "relation", "место работы", "где работает человек"),
    Entry("HEADQUARTERED_IN", "relation", "штаб-квартира", "где находится организация"),
)
TYPES = (
    Entry("CITY", "type", "город", "столица, посёлок"),
    Entry("COUNTRY", "type", "страна", "государство"),
    Entry("DATE", "type", "дата", "год, месяц, день"),
    Entry("ORGANIZATION", "type", "организация", "компания, больница"),
    Entry("PERSON", "type", "человек", "имя и фамилия"),
    Entry("PROFESSION", "type", "профессия", "должность, занятие"),
)
WIKIDATA = {"PLACE_OF_BIRTH": Property("P19"), "WORKS_AS": Property("P106"), "WORKPLACE": Property("P108")}
COMPLETE = Annotated("complete", "complete", "complete", "none", "complete")


def documents() -> list[Document]:
    """The twenty, d01 to d20."""
    return [parse(f"d{number:02}", marked, facts) for number, (marked, facts) in enumerate(TEXTS, 1)]


def parse(id: str, marked: str, facts: str = "") -> Document:
    """Read the markup."""
    text, mentions = "", {}
    open_: list[tuple[int, int]] = []
    started = 0
    rest = marked
    while rest:
        char, rest = rest[0], rest[1:]
        if char == "[":
            started += 1
            open_.append((started, len(text)))
        elif char == "|":
            label, rest = rest.split("]", 1)
            number, start = open_.pop()
            type_, _, link = label.partition("|")
            mentions[number] = Mention(f"T{number}", start, len(text), type_, link=_link(link))
        else:
            text += char
    triples = [fact.split() for fact in facts.split(", ") if fact]
    return Document(
        id, text, mentions=tuple(mentions[number] for number in sorted(mentions)), annotated=COMPLETE,
        triples=tuple(Triple(f"T{s}", relation, f"T{o}", WIKIDATA.get(relation)) for s, relation, o in triples),
        meta={"dataset": "ours"},
    )  # fmt: skip


def _link(id: str) -> Link:
    if not id:
        return Link("unlinkable")
    return Link("nil") if id == "-" else Link("linked", id)


def bare(document: Document) -> Document:
    """The document without its annotation."""
    return replace(document, mentions=(), entities=(), triples=(), annotated=Annotated())


def train_tiny(folder: Path, epochs: int = 60) -> Relik:
    """A small model over a random encoder, trained until it knows the twenty; its index is in ``folder``."""
    torch.manual_seed(0)
    train = documents()
    settings, encoders = _untrained(_settings(train), _texts(train))
    relik = assemble(settings, encoders, _index(train, folder))
    views = [view for document in train for view in windows(document, settings.window, settings.stride)]
    items = relik.reader.encode.fit(relik.retriever(views))
    teach(relik, items, OptimizerConfig(2e-3, epochs), 150)
    return relik


def teach(relik: Relik, items: Sequence[Retrieved], plan: OptimizerConfig, tokens: int) -> None:
    """Teacher forcing, ``tokens`` tokens of windows a step."""
    lengths = [len(item.window.tokens) for item in items]
    batches = [batch for epoch in range(plan.epochs) for batch in shuffled_batches(lengths, tokens, Random(epoch))]
    model, encode = model_of(relik), relik.reader.encode
    adam, schedule = create_optimizer(model, plan, len(batches))
    model.train()
    for batch in batches:
        adam.zero_grad()
        model(tensors(encode.with_gold([items[index] for index in batch]))).loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), plan.max_grad_norm)
        adam.step()
        schedule.step()
    model.eval()


def _settings(train: Sequence[Document]) -> Settings:
    return Settings(
        languages=("ru",),
        heads=HeadConfig(64, inner=48, max_mention=6, hit_features=len(FEATURES), dropout=0.0),
        inventory=Inventory(TYPES, types_with(train, "linked"), types_with(train, "unlinkable"), properties(train)),
        retriever=RetrieverConfig(entities=12, dense=2),
        window=48,
        stride=32,
        card="# Двадцать документов наизусть\n",
    )


def _texts(train: Sequence[Document]) -> Iterator[str]:
    yield from (document.text for document in train)
    yield from (passage(entry) for entry in (*ENTITIES, *RELATIONS, *TYPES))


def _untrained(settings: Settings, texts: Iterator[str]) -> tuple[Settings, Encoders]:
    """Two layers with random weights, and subwords of the texts."""
    tokenizer = unigram(ROBERTA, texts, 400)
    body = TransformerConfig(
        tokenizer.get_vocab_size(), settings.heads.width, layers=2, heads=4, inner=128, positions=512, dropout=0.0
    )
    sizes = ApartConfig(body, tokenizer.token_to_id("<pad>"), settings.heads.hit_features, dropout=0.0)
    encoders = apart_encoders(sizes, tokenizer, TYPES)
    words = cast(ApartEncoder, encoders.reader).body.words
    words.pack(torch.randn(body.vocabulary, body.width))
    return replace(settings, apart=sizes), encoders


def _index(train: Sequence[Document], folder: Path) -> PassageIndex:
    entries, lemma = [*ENTITIES, *RELATIONS], Morphology().lemma
    rows = {entry.id: row for row, entry in enumerate(entries)}
    learnt = sum((learn(document, rows, lemma) for document in train), Learnt())
    names = NameIndex.build(entries, Learnt(learnt), lemma)
    return PassageIndex.build(entries, None, folder, IndexConfig(provenance="our own"), {"names": names.arrays()})
