"""Recall of linked mentions by the kind of query: the window, the mention's surface, the reader's span states, names.

    python benchmarks/mention_queries.py --train data/nerel/train.jsonl --data data/nerel/dev.jsonl --pool 50000
    python benchmarks/mention_queries.py --train … --data … --pool 0    # all entities of the index

Entities are encoded by ``--encoder`` as ``passage: name: text``. A window's vector is ReLiK's query (Orlando et al.
2024); the reader's span states, projected, are BELA's (Plekhanov et al. 2023). The projection is fitted on the gold
mentions of train by InfoNCE against the entities of the batch and random ones of the pool. Names count for a mention
where they are just its span. The pool holds every gold entity that the index has, and random others.
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from relik_ml import Relik
from relik_ml.data import read_documents
from relik_ml.encoders import TextEncoder
from relik_ml.index import passage
from relik_ml.models import endpoints, tensors
from relik_ml.reader import Snap, batches
from relik_ml.score import recall, table
from relik_ml.text import cut, windows
from relik_ml.training import held_out_candidates, model_of
from relik_ml.types import Document, Mention, Retrieved

KS = (1, 10, 50)
TEMPERATURE, NEGATIVES, BATCH, EPOCHS = 0.05, 4096, 256, 6

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


class Asked(NamedTuple):
    """A linked mention with what is known of it."""

    item: Retrieved
    mention: Mention

    @property
    def right(self) -> tuple[str, ...]:
        """The ids that are right."""
        return (self.mention.link.id or "", *self.mention.link.alternatives)

    @property
    def surface(self) -> str:
        """Its text."""
        return self.item.window.document.surface(self.mention)


def main() -> None:
    """Measure and print."""
    options = _options()
    relik, encoder = (
        Relik.from_pretrained(options.model, backend="torch"),
        TextEncoder.from_pretrained(options.encoder, max_length=32),
    )
    train, dev = (list(read_documents(path)) for path in (options.train, options.data))
    asked, taught = list(linked(relik, dev, held_out=False)), list(linked(relik, train, held_out=True))
    pool = chosen(relik, [*asked, *taught], options.pool)
    print(f"{len(asked):,} linked mentions of dev in their windows, {len(pool):,} entities", flush=True)
    entries = relik.retriever.index.entries
    with torch.autocast("cpu", torch.bfloat16, enabled=options.bf16):
        vectors = encoder.passages([passage(entries[row]) for row in pool.tolist()])
        queries = {
            "window": encoder.queries([each.item.window.text for each in asked]),
            "surface": encoder.queries([each.surface for each in asked]),
        }
    ids = [entries.ids[row] for row in pool.tolist()]
    states, taught_states = span_states(relik, asked), span_states(relik, taught)
    projection = fitted(taught_states, taught, vectors, {id_: place for place, id_ in enumerate(ids)})
    with torch.no_grad():
        queries["span states"] = F.normalize(projection(states), dim=-1).numpy()
    ranked = {name: nearest(vectors, found, ids) for name, found in queries.items()}
    ranked["names"] = [named(each) for each in asked]
    ranked["names, then surface"] = joined(ranked["names"], ranked["surface"])
    ranked["names, then span states"] = joined(ranked["names"], ranked["span states"])
    held = [entries[row] for row in pool.tolist()]
    names = {entry.id: {name.casefold() for name in (entry.name, *entry.aliases)} for entry in held}
    report(ranked, asked, names, {m.link.id for d in train for m in d.mentions if m.link.id})


def linked(relik: Relik, documents: Sequence[Document], held_out: bool) -> Iterator[Asked]:
    """Each linked mention in the first window that holds it whole."""
    size, stride = relik.settings.window, relik.settings.stride
    for document in documents:
        if held_out:
            items, _ = held_out_candidates(relik.retriever, [document], size, stride)
        else:
            items = relik.retriever(windows(document, size, stride))
        seen: set[str] = set()
        for item in items:
            for mention in cut(item.window).mentions:
                if mention.link.id and mention.id not in seen and not mention.fragments:
                    seen.add(mention.id)
                    yield Asked(item, mention)


def chosen(relik: Relik, asked: Sequence[Asked], size: int) -> Ints:
    """Rows of the pool, ascending: all entities where ``size`` is 0."""
    index = relik.retriever.index
    rows: Ints = index.by_kind("entity")
    if not size:
        return rows
    gold = {index.row(id_) for each in asked for id_ in each.right if id_ in index}
    return np.array(sorted(gold.union(Random(1).sample(rows.tolist(), size))))


def span_states(relik: Relik, asked: Sequence[Asked]) -> Tensor:
    """[x_s, x_t] of each mention (N, 2H), in the order of ``asked``."""
    items = list({id(each.item): each.item for each in asked}.values())
    spans: dict[int, list[tuple[int, tuple[int, int]]]] = {id(item): [] for item in items}
    for number, each in enumerate(asked):
        spans[id(each.item)].append((number, Snap(each.item.window)(each.mention.start, each.mention.stop)))
    found: dict[int, Tensor] = {}
    encode, model = relik.reader.encode, model_of(relik)
    with torch.inference_mode():
        for places in batches([len(item.window.tokens) for item in items], 2048):
            tokens = model.encoder(tensors(encode([items[place] for place in places]))).tokens
            for row, place in enumerate(places):
                for number, span in spans[id(items[place])]:
                    found[number] = endpoints(tokens[row : row + 1], torch.tensor([[span]]))[0, 0]
    return torch.stack([found[number] for number in range(len(asked))]).clone()


def fitted(states: Tensor, asked: Sequence[Asked], vectors: Floats, rows: dict[str, int]) -> nn.Module:
    """A projection of span states to the vectors of their entities, by InfoNCE."""
    torch.manual_seed(1)
    pairs = [(number, rows[each.right[0]]) for number, each in enumerate(asked) if each.right[0] in rows]
    source, target = torch.tensor(pairs).unbind(1)
    table_, width = torch.from_numpy(vectors), vectors.shape[1]
    projection = nn.Sequential(nn.Linear(states.shape[1], 2 * width), nn.GELU(), nn.Linear(2 * width, width))
    adam = torch.optim.AdamW(projection.parameters(), lr=1e-3)
    for _ in range(EPOCHS):
        for places in torch.randperm(len(source)).split(BATCH):
            right = target[places]
            others = torch.randint(len(table_), (NEGATIVES,))
            candidates = torch.cat([right, others])
            logits = F.normalize(projection(states[source[places]]), dim=-1) @ table_[candidates].T / TEMPERATURE
            same = candidates[None] == right[:, None]
            same[torch.arange(len(right)), torch.arange(len(right))] = False
            loss = F.cross_entropy(logits.masked_fill(same, -torch.inf), torch.arange(len(right)))
            adam.zero_grad()
            loss.backward()
            adam.step()
    return projection


def nearest(vectors: Floats, queries: Floats, ids: Sequence[str]) -> list[list[str]]:
    """The ids of the nearest entities of each query, best first."""
    found: list[list[str]] = []
    table_ = torch.from_numpy(vectors)
    for some in torch.from_numpy(queries).split(256):
        found += [[ids[row] for row in line] for line in (some @ table_.T).topk(max(KS)).indices.tolist()]
    return found


def named(asked: Asked) -> list[str]:
    """The ids of the candidates whose name is just the mention, best first."""
    hits = [hit for hit in asked.item.hits if (hit.start, hit.stop) == asked.mention.span]
    return [asked.item.entities[place].entry.id for place in sorted({hit.candidate for hit in hits})]


def joined(first: Sequence[list[str]], second: Sequence[list[str]]) -> list[list[str]]:
    """The ids of the first ranking, then those of the second."""
    return [list(dict.fromkeys([*one, *other])) for one, other in zip(first, second, strict=True)]


def report(
    ranked: dict[str, list[list[str]]], asked: Sequence[Asked], names: dict[str, set[str]], seen: set[str | None]
) -> None:
    """Recall by kind of query: of all, of ids that train has or has not, of names written as in the index or not."""
    groups = {
        "all": [True] * len(asked),
        "seen in train": [not seen.isdisjoint(each.right) for each in asked],
        "unseen": [seen.isdisjoint(each.right) for each in asked],
        "written unlike any name in the index": [
            each.right[0] in names and each.surface.casefold() not in names[each.right[0]] for each in asked
        ],
    }
    for group, members in groups.items():
        places = [place for place, inside in enumerate(members) if inside]
        right = [asked[place].right for place in places]
        rows = {
            name: recall(right, [lists[place] for place in places], names.keys(), KS) for name, lists in ranked.items()
        }
        print(f"\n{group}\n\n{table(rows)}", flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="a model folder; default: the embedded one")
    parser.add_argument("--encoder", default="multilingual-e5-small")
    parser.add_argument("--train", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--pool", type=int, default=50_000, help="random entities besides the gold ones; 0: all")
    parser.add_argument("--bf16", action="store_true", help="encode in bfloat16, for CPUs that have it")
    return parser.parse_args()


if __name__ == "__main__":
    main()
