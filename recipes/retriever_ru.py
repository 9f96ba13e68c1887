"""A retriever of entities and relations, trained on windows of annotated documents in one command.

::

    relik-ml convert nerel --out data/nerel
    accelerate launch -q recipes/retriever_ru.py --preset base --entities entities.jsonl.gz --out runs/e5
    accelerate launch -q --cpu recipes/retriever_ru.py --preset small --precision no --entities entities.jsonl.gz

``small``, ``base`` and ``large`` fine-tune multilingual-E5 of that size, or what ``--encoder`` names.
``--out`` becomes a folder for ``relik-ml index build --encoder``, with an
``index`` in it. What to expect, and in what memory, is in docs/guides/train-retriever.md.

The loss is the paper's (ReLiK, Orlando et al. 2024, section 3.1) over in-batch, mined and random negatives. Batches of
any size go through the encoder in chunks (GradCache, Gao et al. 2021). All random numbers depend only on the seed and
the number of the step, so a killed run that is resumed with ``--resume`` ends with the weights of an unbroken run.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from random import Random
from typing import Literal

import numpy as np
from torch import Tensor

from relik_ml import training
from relik_ml.data import Format, atomic_folder, refuse_foreign, write_manifest
from relik_ml.encoders import TextEncoder
from relik_ml.errors import ConfigError, ModelError
from relik_ml.index import Floats, PassageEncoder, Vectors, passage
from relik_ml.models import merge_adapters
from relik_ml.score import KS, Recall, recall
from relik_ml.text import cut, windows
from relik_ml.training import Count, Data, Positive, PositiveInt, Presets, Processes, Progress, Queries, RecipeConfig
from relik_ml.types import Entry, Window

FORMAT = Format(
    "retriever", "relik-ml-retriever/1", "train it again with recipes/retriever_ru.py, or copy the folder again"
)
CHUNK = 4096  # passages that are encoded in float32 at a time


@dataclass(frozen=True)
class Config(RecipeConfig):
    """Fields of this recipe, besides those of all recipes. Each field is a flag of the command."""

    preset: Literal["small", "base", "large"] = "base"
    """Size of multilingual-E5, with its learning rate and chunks."""
    out: Path = Path("runs/retriever_ru")
    """Retriever folder to write."""
    encoder: str = "intfloat/multilingual-e5-base"
    """A folder, or a name on the Hugging Face Hub, of any encoder that AutoModel loads."""
    prefixes: Literal["saved", "none"] = "saved"
    """Before queries and passages: what the encoder's folder says, E5's where it says nothing; or nothing."""
    num_epochs: PositiveInt = 4
    """Epochs."""
    max_steps: Count = 0
    """Stop after so many steps, for a trial; 0 runs all epochs."""
    tokens_per_step: PositiveInt = 4096
    """Tokens of the windows of a step, padding included, of all processes together."""
    chunk_tokens: PositiveInt = 8192
    """Tokens that go through the encoder at once, padding included. This bounds memory and changes nothing else."""
    negatives: Count = 100
    """Passages drawn at random for each step, besides those of its windows."""
    hard_negatives: Count = 15
    """Hard negatives of each window: what the retriever ranks first among the wrong; 0 mines none."""
    mine_every: Positive = 0.5
    """Epochs from one mining to the next; at each dev is scored, too."""
    namesakes: Literal["negatives", "ignored"] = "negatives"
    """What other entities with the name of a right one are for its window."""
    temperature: Positive = 0.01
    """Of the softmax over passages."""
    reduction: Literal["sum", "mean"] = "sum"
    """Over the right passages of a window: sum as in the paper, or their mean."""
    precision: Literal["no", "bf16"] = "bf16"
    """Mixed precision."""


PRESETS = Presets(Path(__file__), Config)
MOVABLE = training.INTERRUPTION | {"data", "entities", "out", "chunk_tokens", "gradient_checkpointing"}
"""Fields in which a resumed run may differ: paths, and what does not change the weights."""
BEST_BY = ("recall@50", "recall@10", "recall@1")


def train(config: Config) -> Progress:
    """Train with GradCache; every fraction of an epoch dev is scored and hard negatives are mined."""
    refuse_foreign(config.out, FORMAT.wrote)
    config.validate()
    files = [*training.splits(config.data), *config.entities]
    checkpoints = training.Checkpoints.of(config, MOVABLE, files, ("retriever",))
    accelerator = training.start_accelerator(config, config.precision)
    processes = Processes.of(accelerator)
    data = training.read_data(config.data, config.table)
    queries, encoder = load_queries(config, data), load_encoder(config)
    lengths = encoder.lengths(encoder.prefixed(queries.texts, "query"))
    batches, mine_every = plan_batches(config, lengths)
    plan = training.OptimizerConfig(config.learning_rate, config.num_epochs, config.warmup_ratio, config.layer_decay)
    # Prepared as for evaluation, so that the model is not wrapped: gradients are summed over processes once a step.
    model = accelerator.prepare_model(encoder.model, evaluation_mode=True)
    optimizer, schedule = training.create_optimizer(model, plan, len(batches))
    optimizer, checkpoint = accelerator.prepare(optimizer), checkpoints["retriever"]
    state = training.TrainerState(accelerator, model, optimizer, schedule, [batches], lengths, checkpoint, config.seed)
    objective = training.Objective(config.temperature, config.reduction, processes)
    for remaining in state.remaining_epochs():
        for indices, random in state.steps(remaining):
            batch = queries.batch(indices, config.negatives, random, state.progress.mined)
            loss = objective.cached(encoder, batch, config.chunk_tokens, accelerator.backward)
            processes.sum_gradients(model)
            accelerator.clip_grad_norm_(model.parameters(), plan.max_grad_norm)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
            state.advance(loss.item())
            if state.epoch_ends or state.progress.step % mine_every == 0:
                scores, mined = processes.run_once(lambda: evaluate(config, data, queries, encoder))
                if state.record(scores, *BEST_BY):
                    best = {name: weight.clone() for name, weight in training.trained(model).items()}
                    state.progress = replace(state.progress, best=best)
                state.progress = replace(state.progress, mined=mined)
                shown = ", ".join(f"{name} {value:.1%}" for name, value in scores.items())
                accelerator.print(f"step {state.progress.step}: {shown}")
        state.save()
    training.restore_weights(model, state.progress.best)
    accelerator.unwrap_model(model, keep_fp32_wrapper=False)
    if processes.is_first:
        save(config, data, encoder, state.progress)
        checkpoints.delete()
    accelerator.print(f"saved to {config.out}")
    return state.progress


def load_queries(config: Config, data: Data) -> Queries:
    """The windows of train; there must be something to learn, and on dev to score."""
    queries = Queries.of(data.train, data.entries, config.window, config.stride).ignoring_alternatives()
    linked = sum(mention.link.id is not None for document in data.dev for mention in document.mentions)
    for split, count in (("train", sum(map(len, queries.right))), ("dev", linked)):
        if not count:
            where = ", ".join(map(str, config.data))
            fix = "convert a corpus with links, and see that --entities holds them"
            raise ConfigError(f"{split} names no entity to be found", where=where, got="0 links", fix=fix)
    return queries.ignoring_namesakes() if config.namesakes == "ignored" else queries


def load_encoder(config: Config) -> TextEncoder:
    """The encoder to fine-tune, with adapters if they are wanted."""
    settings = {"query_prefix": "", "passage_prefix": ""} if config.prefixes == "none" else {}
    try:
        encoder = TextEncoder.from_pretrained(config.encoder, batch_size=128, **settings)
    except ModelError as error:
        where, got = f"--encoder {config.encoder}", f"{error.what}: {error.got}"
        fix = "name a folder that holds tokenizer.json and safetensors (docs/guides/train.md), or use --preset small"
        raise ConfigError("the encoder cannot be loaded", where=where, got=got, fix=fix) from error
    config.peft.prepare(encoder.model)
    return encoder


def plan_batches(config: Config, lengths: list[int]) -> tuple[list[list[int]], int]:
    """The windows of every step, and the number of steps from one mining to the next."""
    seeds = range(config.seed, config.seed + config.num_epochs)
    epochs = (training.shuffled_batches(lengths, config.tokens_per_step, Random(seed)) for seed in seeds)
    batches = list(chain.from_iterable(epochs))
    mine_every = max(1, round(len(batches) / config.num_epochs * config.mine_every))
    return batches[: config.max_steps or None], mine_every


def evaluate(
    config: Config, data: Data, queries: Queries, encoder: TextEncoder
) -> tuple[dict[str, float], Tensor | None]:
    """Recall on dev by vector alone, and the hard negatives of the next steps."""
    vectors = entry_vectors(queries.entries, encoder)
    views = [view for document in data.dev for view in windows(document, config.window, config.stride)]
    found = dense_recall(encoder.queries([view.text for view in views]), vectors, views, [*data.known, *data.own])
    mined = queries.mine(encoder, vectors, config.hard_negatives) if config.hard_negatives else None
    return {"coverage": found.coverage, **{f"recall@{k}": found.at(k) for k in KS}}, mined


def entry_vectors(entries: Sequence[Entry], encoder: PassageEncoder) -> Vectors:
    """The vectors of all entries (N, D), float16."""
    chunks = (entries[start : start + CHUNK] for start in range(0, len(entries), CHUNK))
    return Vectors.join([Vectors.pack(encoder.passages([*map(passage, chunk)]), "float16") for chunk in chunks])


def dense_recall(queries: Floats, vectors: Vectors, views: Iterable[Window], entities: Sequence[Entry]) -> Recall:
    """How many linked mentions have their entity among the first k of a window that holds them, by vector alone.

    ``queries`` (Q, D) belong to the ``views``; the first rows of ``vectors`` are those of the ``entities``.
    """
    ids = [entity.id for entity in entities]
    ranked, _ = vectors.nearest(queries, max(KS), np.arange(len(ids)))
    known, total = frozenset(ids), Recall(dict.fromkeys(KS, 0))
    for view, rows in zip(views, ranked, strict=True):
        links = [mention.link for mention in cut(view).mentions if mention.link.id]
        found = [ids[row] for row in rows]
        total += recall([(link.id or "", *link.alternatives) for link in links], [found] * len(links), known)
    return total


def save(config: Config, data: Data, encoder: TextEncoder, progress: Progress) -> None:
    """Write adapters alone, then the encoder with adapters merged, its index and its scores."""
    training.keep_adapters(config.out, encoder.model, "retriever")
    merge_adapters(encoder.model)
    scores = {"losses": progress.losses, "dev": progress.measured}
    with atomic_folder(config.out, FORMAT.wrote) as partial:
        encoder.save_pretrained(partial)
        training.build_index(data, encoder, partial / "index", "float16")
        (partial / "scores.json").write_text(json.dumps(scores, indent=1) + "\n", encoding="utf-8")
        write_manifest(partial, FORMAT, {"encoder": encoder.fingerprint})


def main(args: list[str] | None = None) -> None:
    """Train with the flags of the command line."""
    PRESETS.run(train, __doc__, args)


if __name__ == "__main__":
    main()
