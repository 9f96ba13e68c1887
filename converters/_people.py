"""People of an entity table, with their places of birth and death and their occupations."""

import json
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from relik_ml.data import open_lines

FACTS, TABLES = "facts.tsv.gz", ("entities.jsonl.gz", "entities_more.jsonl.gz")
BORN_IN, DIED_IN, OCCUPATION = "P19", "P20", "P106"
HUMAN, COUNTRIES = "Q5", {"Q6256", "Q3624078", "Q3024240"}
DERIVED = ("net-", "uk-")  # sources of labels that a rule has made
CITY, OCCUPATIONS = re.compile("[А-ЯЁ][А-Яа-яЁё-]*"), re.compile("[а-яё-]+( [а-яё-]+)?")


@dataclass(frozen=True)
class Table:
    """Russian names by id, the people among them, countries, and facts of people: objects by subject and property."""

    names: dict[str, str]
    people: set[str]
    countries: set[str]
    facts: Mapping[str, Mapping[str, list[str]]]

    @classmethod
    def read(cls, folder: Path) -> "Table":
        """Read the files of an entity table."""
        names, people, countries = dict[str, str](), set[str](), set[str]()
        for path in (folder / name for name in TABLES if (folder / name).exists()):
            for record in (json.loads(line) for _, line in open_lines(path)):
                qid, label, types = record["qid"], record.get("labels", {}).get("ru"), {*record.get("types", ())}
                countries |= {qid} if types & COUNTRIES else set()
                names |= {qid: names.get(qid, label)} if label else {}
                attested = not str(record.get("label_sources", {}).get("ru", "")).startswith(DERIVED)
                people |= {qid} if label and HUMAN in types and attested else set()
        facts: Any = defaultdict(lambda: defaultdict(list))
        for _, line in open_lines(folder / FACTS):
            subject, property, object_, *_ = line.decode().split("\t")
            if property in (BORN_IN, DIED_IN, OCCUPATION) and subject in people:
                facts[subject][property].append(object_)
        return cls(names, people, countries, facts)

    def cities(self, qid: str, property: str) -> list[str]:
        """The first city of a person, if its name is one Russian word."""
        names = (self.names.get(each, "") for each in self.facts[qid].get(property, ()) if each not in self.countries)
        return [name for name in names if CITY.fullmatch(name)][:1]

    def occupations(self, qid: str) -> list[str]:
        """The occupations of a person, each of one or two words."""
        names = (self.names.get(each, "").lower() for each in self.facts[qid].get(OCCUPATION, ()))
        return [name for name in dict.fromkeys(names) if OCCUPATIONS.fullmatch(name)]
