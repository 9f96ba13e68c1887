"""First sentences of biographies, composed from an entity table: births, deaths and occupations of people.

They teach a reader the style of encyclopaedias: «Иван Бунин (1870, Воронеж — 8 ноября 1953, Париж) — писатель».
Names, places and occupations are those of the table; the dates are invented, so no sentence is a source of facts.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

from relik_ml.data import Report
from relik_ml.errors import CorpusNotFound
from relik_ml.plugins import Converter, option
from relik_ml.types import Annotated, Document, Mention, Triple

from ._people import BORN_IN, DIED_IN, FACTS, TABLES, Table

ANNOTATED = Annotated(mentions="silver", types="silver", links="none", entities="none", triples="silver")
MONTHS = "января февраля марта апреля мая июня июля августа сентября октября ноября декабря"
Stay = tuple[int, list[str]]  # a year, and a city if it is known
BIRTH, DEATH = ("DATE_OF_BIRTH", "PLACE_OF_BIRTH"), ("DATE_OF_DEATH", "PLACE_OF_DEATH")


@dataclass(frozen=True)
class Biographies(Converter):
    """The converter."""

    name: str = "biographies"
    languages: tuple[str, ...] = ("ru",)
    tasks: tuple[str, ...] = ("ner", "re")
    licence: str = "CC0"
    citation: str = "composed by relik-ml from Wikidata"
    splits: tuple[str, ...] = ("train",)
    count: int = option(1500, "Documents at most.")
    seed: int = option(11, "Of the random choices.")

    def locate(self, source: Path) -> Mapping[str, Path]:
        """The folder of an entity table with its facts."""
        if missing := [name for name in (FACTS, TABLES[0]) if not (source / name).exists()]:
            fix = f"give a folder with {TABLES[0]} and {FACTS}"
            raise CorpusNotFound("no entity table here", where=str(source), got=f"no {missing[0]}", fix=fix)
        return {"train": source}

    def read(self, source: Path, split: str, report: Report) -> Iterator[Document]:
        """Documents of people in random order; those with too few facts are left out."""
        table, random = Table.read(source), Random(self.seed)
        people = sorted(table.people & table.facts.keys())
        random.shuffle(people)
        composed = (text for qid in people if (text := Biography(table, qid, random)).write())
        for text in islice(composed, self.count):
            meta = {"dataset": self.name, "split": split, "source": text.qid, "licence": self.licence}
            mentions, triples = tuple(text.mentions), tuple(text.triples)
            yield Document(f"{self.name}/{text.qid}", text.text.strip(), "ru", mentions, (), triples, ANNOTATED, meta)


@dataclass
class Biography:
    """A text in the making, with its mentions and triples."""

    table: Table
    qid: str
    random: Random
    text: str = ""
    mentions: list[Mention] = field(default_factory=list)
    triples: list[Triple] = field(default_factory=list)

    def write(self) -> bool:
        """Compose the text; False when the person has no occupation, or no place of birth or death."""
        random, (*first, last) = self.random, _name(self.table.names[self.qid])
        born, died = (self.table.cities(self.qid, property) for property in (BORN_IN, DIED_IN))
        occupations = self.table.occupations(self.qid)[: random.randint(1, 3)]
        if not first or not all(word[:1].isupper() for word in (*first, last)) or not occupations or not born + died:
            return False
        birth = random.randint(1780, 1985)
        death = min(birth + random.randint(30, 90), 2023) if died or (birth <= 1950 and random.random() < 0.5) else 0
        name = " ".join([*first, last]) if random.random() < 0.7 else " ".join([last, *first])
        person, gender = self._mention(name, "PERSON"), _gender(first[0])
        if random.random() < 0.6 or not gender:
            self._in_brackets(person, (birth, born), (death, died), occupations)
        else:
            self._in_sentences(person, gender == "femn", (birth, born), (death, died), occupations)
        return True

    def _in_brackets(self, person: str, birth: Stay, death: Stay, occupations: list[str]) -> None:
        self.text += " (" + ("" if death[0] else self.random.choice(["род. ", "род. ", ""]))
        self._stay(person, birth, BIRTH)
        if death[0]:
            self.text += self.random.choice([" — ", " — ", " – ", " - "])
            self._stay(person, death, DEATH)
        self.text += ")" + self.random.choice([" — ", " — ", " – "])
        for number, occupation in enumerate(occupations):
            self.text += "" if not number else " и " if number == len(occupations) - 1 else ", "
            self._fact(person, "WORKS_AS", self._mention(occupation, "PROFESSION"))
        self.text += "."

    def _stay(self, person: str, stay: Stay, relations: tuple[str, str]) -> None:
        parts = [(relations[0], self._date(stay[0]), "DATE"), *((relations[1], name, "CITY") for name in stay[1])]
        for number, (relation, surface, type) in enumerate(parts if self.random.random() < 0.85 else parts[::-1]):
            self.text += ", " * bool(number)
            self._fact(person, relation, self._mention(surface, type))

    def _in_sentences(self, person: str, female: bool, birth: Stay, death: Stay, occupations: list[str]) -> None:
        born, died = ("родилась", "Умерла Скончалась") if female else ("родился", "Умер Скончался")
        self.text += " "
        self._event(person, born, birth, BIRTH)
        if self.random.random() < 0.4:
            self.text += "По профессии — "
            self._fact(person, "WORKS_AS", self._mention(occupations[0], "PROFESSION"))
            self.text += ". "
        if death[0]:
            self._event(person, self.random.choice(died.split()), death, DEATH)

    def _event(self, person: str, verb: str, stay: Stay, relations: tuple[str, str]) -> None:
        """A sentence such as «родился 3 мая 1901 года в Казани»; NEREL marks the verb as an event."""
        (year, city), event = stay, self._mention(verb, "EVENT")
        date = self._date(year)
        self._fact(person, "PARTICIPANT_IN", event)
        parts = [(0, "POINT_IN_TIME", "", date if " " in date else f"в {year} году", "DATE")]
        parts += [(1, "TAKES_PLACE_IN", "в ", name, "CITY") for name in map(_locative, city) if name]
        for which, relation, before, surface, type in parts if self.random.random() < 0.6 else parts[::-1]:
            self.text += f" {before}"
            argument = self._mention(surface, type)
            self._fact(person, relations[which], argument)
            self._fact(event, relation, argument)
        self.text += ". "

    def _date(self, year: int) -> str:
        day = f"{self.random.randint(1, 28)} {self.random.choice(MONTHS.split())} {year}"
        return self.random.choices([day, f"{day} года", str(year)], [6, 3, 2])[0]

    def _mention(self, surface: str, type: str) -> str:
        start, id = len(self.text), f"T{len(self.mentions) + 1}"
        self.text += surface
        self.mentions.append(Mention(id, start, len(self.text), type))
        return id

    def _fact(self, subject: str, relation: str, object: str) -> None:
        self.triples.append(Triple(subject, relation, object))


def _name(label: str) -> list[str]:
    """Given names, then the surname, of «Чехов, Антон Павлович» or «Антон Чехов»."""
    last, comma, first = label.partition(", ")
    return [*first.split(), last] if comma else label.split()


def _gender(name: str) -> str | None:
    return next((parse.tag.gender for parse in _morphology().parse(name) if "Name" in parse.tag), None)


def _locative(city: str) -> str | None:
    """«Казань» gives «Казани»; None for what the dictionary cannot inflect."""
    for parse in _morphology().parse(city):
        if {"NOUN", "sing", "nomn"} <= {*parse.tag.grammemes} and (found := parse.inflect({"loct"})):
            return "-".join(part.capitalize() for part in str(found.word).split("-"))
    return None


@cache
def _morphology() -> Any:
    from pymorphy3 import MorphAnalyzer

    return MorphAnalyzer()


converter = Biographies()
