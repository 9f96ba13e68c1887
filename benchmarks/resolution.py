"""Which things that no index knows are one entity: clusters across documents beside the gold, on NEREL.

    relik-ml convert nerel --out data/nerel
    python benchmarks/resolution.py data/nerel/train.jsonl

Of the linked entities a third (drawn by seed) lose their items: their mentions become NIL, get names and are joined
within the document as in annotated text. The documents are loaded into a store, and its things are resolved. A unit is
a thing of a document with its gold item. B³ is over units, and pairs are those of units of different documents.

``nothing`` leaves all things apart; ``same name`` joins what has one type and the same name in the nominative, and
``same key`` the first key of the name. ``all`` is what ``relik-ml graph resolve`` does; the rows with ``without``
leave out one rule. The other rows are what was tried and is not in the library. To pairs of one type where one name
has all words of the other (``weak``) it adds a fact that both have, or for a person's first name or surname the nearest
sentence among those of its bearers (``--encoder``). ``rare names`` lets a document say that two names are of one thing
only if one of the names is rare.
"""

import argparse
import random
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory

from relik_ml.data import read_documents, write_documents
from relik_ml.export.iris import Iris
from relik_ml.graph import RULES, Loader, LocalThing, SourceFile, cluster, local_things, open_store
from relik_ml.index import PassageEncoder
from relik_ml.names import stem, surface_keys, words_of
from relik_ml.score import MEASURES, Agreement, compare
from relik_ml.text import Morphology, Nominative, named, same_referent, sentences
from relik_ml.types import Document, Link

MORPHOLOGY = Morphology()
NAMES = Nominative(MORPHOLOGY)
LEAST = 0.88
"""The cosine of sentences from which on they are taken for those of one person."""
Unit = tuple[str, str]
"""A thing of a document, and a gold item."""


def hidden(documents: Sequence[Document], seed: int, share: float) -> Iterator[Document]:
    """The documents without the items of so many entities; the labels of these links stay with the gold."""
    items = sorted({mention.link.id for each in documents for mention in each.mentions if mention.link.id})
    chosen = {*random.Random(seed).sample(items, round(share * len(items)))}
    for document in documents:
        mentions = [
            replace(mention, link=Link("nil")) if mention.link.id in chosen else mention
            for mention in document.mentions
        ]
        known = named(document.text, mentions, NAMES)
        yield replace(document, mentions=known, entities=same_referent(known))


def weak(things: Sequence[LocalThing]) -> Iterator[tuple[str, str]]:
    """Pairs of things of one type where one name has the words of the other and more; of people one word is enough."""
    words = {each.id: frozenset(stem(MORPHOLOGY.lemma(word)) for word in words_of(each.label)) for each in things}
    having: dict[tuple[str, str], set[str]] = defaultdict(set)
    for thing in things:
        for word in words[thing.id]:
            having[word, thing.type].add(thing.id)
    for thing in things:
        own = words[thing.id]
        if own and (thing.type != "PERSON" or len(own) == 1):
            longer = set.intersection(*(having[word, thing.type] for word in own))
            yield from ((thing.id, other) for other in sorted(longer) if len(words[other]) > len(own))


def neighbours(documents: Iterable[Document], things: Mapping[str, str]) -> dict[str, set[tuple[str, str]]]:
    """The relations of each thing to items. ``things`` is by the IRI of the mention."""
    found: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for document in documents:
        names = Iris().mentions(document)
        items = {mention.id: mention.link.id for mention in document.mentions}
        for fact in document.triples:
            for end, other, way in ((fact.subject, fact.object, "to"), (fact.object, fact.subject, "from")):
                if (item := items[other]) and names[end] in things:
                    found[things[names[end]]].add((way + fact.relation, item))
    return found


def contexts(documents: Iterable[Document], things: Mapping[str, str]) -> dict[str, str]:
    """The first sentence that mentions each thing, without the mention."""
    found: dict[str, str] = {}
    for document in documents:
        names, split = Iris().mentions(document), list(sentences(document.text))
        for mention in document.mentions:
            thing = things.get(names[mention.id], "")
            start, stop = next((span for span in split if span[0] <= mention.start < span[1]), mention.span)
            found.setdefault(thing, f"{document.text[start : mention.start]} {document.text[mention.stop : stop]}")
    return found


def nearest(
    tried: Iterable[tuple[str, str]], texts: Mapping[str, str], entity: Mapping[str, str], encoder: PassageEncoder
) -> Iterator[tuple[str, str]]:
    """Of the entities that a person's first name or surname may mean, the one with the nearest sentence."""
    bearers: dict[str, set[str]] = defaultdict(set)
    for one, other in tried:
        if entity[one] != entity[other]:
            bearers[one].add(other)
    ids = sorted({*bearers, *(other for each in bearers.values() for other in each)})
    vectors = dict(zip(ids, encoder.queries([texts[id] for id in ids]), strict=True))
    for one, others in bearers.items():
        score, best = max((float(vectors[one] @ vectors[other]), other) for other in others)
        if score >= LEAST:
            yield one, best


def rare(things: Sequence[LocalThing]) -> list[LocalThing]:
    """The things, equated by facts only where the facts are of a tenth of the documents that use the rarer name."""
    before = entities(cluster(things, MORPHOLOGY.lemma, rules=[rule for rule in RULES if rule != "stated"]))
    used: dict[str, set[str]] = defaultdict(set)
    said: dict[frozenset[str], set[str]] = defaultdict(set)
    for thing in things:
        home = thing.id.partition("#")[0]
        used[before[thing.id]].add(home)
        for other in thing.same:
            said[frozenset((before[thing.id], before.get(other, "")))].add(home)
    enough = {pair for pair, homes in said.items() if 10 * len(homes) >= min(len(used[each]) for each in pair)}
    return [
        each._replace(same=tuple(o for o in each.same if frozenset((before[each.id], before.get(o, ""))) in enough))
        for each in things
    ]


def entities(clusters: Iterable[Sequence[str]]) -> dict[str, str]:
    """The first thing of its cluster, for each thing."""
    return {id: cluster[0] for cluster in clusters for id in cluster}


def pairs(groups: Iterable[Iterable[Unit]]) -> float:
    """Pairs of units of different documents within groups."""
    total = 0.0
    for group in groups:
        homes = Counter(thing.partition("#")[0] for thing, _ in group)
        total += (homes.total() ** 2 - sum(count**2 for count in homes.values())) / 2
    return total


def groups(keyed: Iterable[tuple[Hashable, Unit]]) -> list[set[Unit]]:
    """Units by key."""
    found: dict[Hashable, set[Unit]] = defaultdict(set)
    for key, unit in keyed:
        found[key].add(unit)
    return [*found.values()]


def score(found: Sequence[Unit], entity: Mapping[str, Hashable]) -> list[float]:
    """Precision, recall and F1 of B³, then of pairs, in percent."""
    gold = groups((unit[1], unit) for unit in found)
    guessed = groups((entity[unit[0]], unit) for unit in found)
    right = pairs(groups(((entity[unit[0]], unit[1]), unit) for unit in found))
    both = compare(MEASURES["coref.b3"], gold, guessed), Agreement(right, pairs(gold), right, pairs(guessed))
    return [100 * value for each in both for value in (each.precision, each.recall, each.f1)]


def measured(
    documents: Sequence[Document], seed: int, encoder: PassageEncoder | None
) -> Iterator[tuple[str, list[float]]]:
    """The scores of each way to resolve the documents."""
    given = list(hidden(documents, seed, 1 / 3))
    gold = {
        Iris().mentions(new)[mention.id]: before.link.id
        for old, new in zip(documents, given, strict=True)
        for before, mention in zip(old.mentions, new.mentions, strict=True)
        if before.link.id and not mention.link.id
    }
    with TemporaryDirectory() as home:
        write_documents(given, Path(home, "d.jsonl"))
        with open_store(Path(home, "kg"), create=True, write=True) as store:
            list(Loader(store).load([SourceFile(Path(home, "d.jsonl"))]))
            known = list(local_things(store))
            query = "SELECT ?thing ?mention { ?mention itsrdf:taIdentRef ?thing . ?thing relik:status 'nil' }"
            things = {row["mention"].value: row["thing"].value for row in store.select(query)}
    found = sorted({(thing, gold[mention]) for mention, thing in things.items() if mention in gold})
    lemma, keys = (
        MORPHOLOGY.lemma,
        {each.id: min(surface_keys(each.label, MORPHOLOGY.lemma), default=0) for each in known},
    )
    yield "nothing", score(found, {each.id: each.id for each in known})
    yield "same name", score(found, {each.id: (each.label.casefold(), each.type) for each in known})
    yield "same key", score(found, {each.id: (keys[each.id] or each.label, each.type) for each in known})
    whole = entities(cluster(known, lemma))
    yield "all", score(found, whole)
    for rule in RULES:
        if rule != "name":
            others = [each for each in RULES if each != rule]
            yield f"without {rule}", score(found, entities(cluster(known, lemma, rules=others)))
    near, tried = neighbours(given, things), [*weak(known)]
    shared = [pair for pair in tried if near[pair[0]] & near[pair[1]]]
    yield "and shared facts", score(found, entities(cluster(known, lemma, shared)))
    yield "rare names", score(found, entities(cluster(rare(known), lemma)))
    if encoder:
        people = {each.id for each in known if each.type == "PERSON"}
        chosen = nearest([pair for pair in tried if pair[0] in people], contexts(given, things), whole, encoder)
        yield "and nearest sentence", score(found, entities(cluster(known, lemma, [*chosen])))


def main() -> None:
    """Print the scores, each the mean over the seeds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("documents", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--encoder", default="", help="such as multilingual-e5-small")
    given = parser.parse_args()
    encoder = None
    if given.encoder:
        from relik_ml.encoders import TextEncoder

        encoder = TextEncoder.from_pretrained(given.encoder, max_length=128)
    documents = list(read_documents(given.documents))
    scores: dict[str, list[list[float]]] = defaultdict(list)
    for seed in range(given.seeds):
        for name, values in measured(documents, seed, encoder):
            scores[name].append(values)
    heads = [f"{name} {of}" for name in ("B³", "pairs") for of in ("P", "R", "F1")]
    print(f"{'':22}" + " ".join(f"{head:>9}" for head in heads))
    for name, rows in scores.items():
        print(f"{name:22}" + " ".join(f"{mean(column):9.1f}" for column in zip(*rows, strict=True)))


if __name__ == "__main__":
    main()
