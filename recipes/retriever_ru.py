"""A retriever of entities and relations, trained on windows of annotated documents in one command.

::

    relik-ml convert nerel --out data/nerel
    accelerate launch recipes/retriever_ru.py --preset base --data data/nerel --entities entities.jsonl.gz --out runs/e5
    accelerate launch --cpu recipes/retriever_ru.py --preset small --precision no --entities entities.jsonl.gz

``small``, ``base`` and ``large`` fine-tune multilingual-E5 of that size, or what ``--encoder`` names.
``--out`` becomes a folder for ``relik-ml index build --encoder``, with an
``index`` in it. What to expect, and in what memory, is in docs/guides/train-retriever.md.

The loss is the paper's (ReLiK, Orlando et al. 2024, section 3.1) over in-batch, mined and random negatives. Batches of
any size go through the encoder in chunks (GradCache, Gao et al. 2021). Everything random is a function of the seed and
the number of the step, so a run that was killed and goes on with ``--resume`` ends with the weights of an unbroken one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any, Literal

from accelerate import Accelerator
from torch import Tensor

from relik_ml.errors import ConfigError, ModelError
from relik_ml.models import Reduction, merge_adapters
from relik_ml.retriever import TextEncoder
from relik_ml.score import KS
from relik_ml.text import windows
from relik_ml.training import (
    INTERRUPTION,
    Data,
    EntityTable,
    Objective,
    Optimisation,
    Order,
    Progress,
    Questions,
    Run,
    Stages,
    Way,
    accelerated,
    dense_recall,
    entry_vectors,
    keep_adapters,
    read_data,
    recipe,
    refuse_other,
    restore_weights,
    save_retriever,
    shuffled_batches,
    sound,
    stage_states,
    trained,
)


@dataclass(frozen=True)
class Config:
    """Every field is a flag of the command."""

    preset: Literal["small", "base", "large"] = "base"
    data: tuple[Path, ...] = (Path("data/nerel"),)
    """Folder of train.jsonl and dev.jsonl, as ``relik-ml convert`` writes it; of more folders train joins in."""
    entities: tuple[Path, ...] = ()
    """Entity table (see indexes/jsonl.py), and more to join in; without one only those of train can be found."""
    skip: str = ""
    """Sources, with commas: entities that no other source lists are left out."""
    derived: str = ""
    """Sources of labels, with commas, whose names were derived by rule."""
    out: Path = Path("runs/retriever_ru")
    seed: int = 1
    resume: bool = False
    """Go on from the checkpoint of a run that was cut off."""
    back: int = 0
    """With ``--resume``: how many checkpoints before the newest to go on from, if that is damaged; two are kept."""
    tracker: Literal["none", "tensorboard", "wandb", "clearml"] = "none"
    """Where losses, rates and scores on dev are logged besides; its package must be installed."""
    encoder: str = "intfloat/multilingual-e5-base"
    """A folder, or a name on the Hugging Face Hub, of any encoder that AutoModel loads."""
    prefixes: Literal["saved", "none"] = "saved"
    """Before questions and passages: what the encoder's folder says, E5's where it says nothing; or nothing."""
    window: int = 128
    stride: int = 96
    epochs: int = 4
    steps: int = 0
    """Stop after so many steps, for a trial; 0 runs all epochs."""
    rate: float = 2e-5
    batch_tokens: int = 4096
    """Tokens of the windows of a batch, padding included."""
    chunk_tokens: int = 8192
    """Tokens that go through the encoder at once, padding included. This bounds memory and changes nothing else."""
    drawn: int = 100
    """Passages drawn at random for each batch, besides those of its windows."""
    mined: int = 15
    """Hard negatives of each window: what the retriever ranks first among the wrong; 0 mines none."""
    mine_every: float = 0.5
    """Epochs from one mining to the next; at each dev is measured, too."""
    namesakes: Literal["negatives", "ignored"] = "negatives"
    """What other entities called like a right one are for its window."""
    temperature: float = 0.01
    reduction: Reduction = "sum"
    """Over the right passages of a window: ``sum`` as in the paper, or their ``mean``."""
    lora: int = 0
    """Rank of LoRA adapters, merged when the model is saved; 0 trains all weights."""
    gradient_checkpointing: bool = False
    """Compute each layer again in the backward pass instead of keeping it: longer chunks, more time."""
    layer_decay: float = 1.0
    """What is left of the rate from each layer to the one below; 1 moves all alike."""
    precision: Literal["no", "bf16"] = "bf16"
    checkpoint: int = 500
    """Steps from one checkpoint to the next; 0 makes none."""


PRESETS: dict[str, dict[str, Any]] = {
    "small": {"preset": "small", "encoder": "intfloat/multilingual-e5-small", "rate": 5e-5, "chunk_tokens": 16384},
    "base": {"preset": "base"},
    "large": {"preset": "large", "encoder": "intfloat/multilingual-e5-large", "rate": 1e-5, "chunk_tokens": 4096},
}  # fmt: skip

MOVABLE = INTERRUPTION | {"data", "entities", "out", "chunk_tokens", "gradient_checkpointing"}
"""Fields in which a resumed run may differ: places, and what does not change the weights."""


def main(config: Config) -> Progress:
    """The whole path."""
    state = check(config)
    accelerator = accelerated(config, config.precision)
    data = read_data(config.data, EntityTable(config.entities, config.skip, config.derived))
    questions = ask(config, data)
    encoder = pretrained(config)
    progress = train(accelerator, config, data, questions, encoder, state)
    restore_weights(encoder.model, progress.best)
    if accelerator.is_main_process:
        keep_adapters(config.out, encoder.model, "retriever")
    accelerator.unwrap_model(encoder.model, keep_fp32_wrapper=False)
    merge_adapters(encoder.model)
    scores = {"losses": progress.losses, "dev": progress.measured}
    if accelerator.is_main_process:
        save_retriever(config.out, data, encoder, "float16", scores)
        state.forget()
    accelerator.print(f"saved to {config.out}")
    return progress


# Before training


def check(config: Config) -> Stages:
    """Refuse what cannot work or would lose something, before anything is loaded."""
    refuse_other(config.out)
    sound(config, PRESETS)
    return stage_states(config, MOVABLE, ("retriever",), config.entities)


def ask(config: Config, data: Data) -> Questions:
    """The windows of train; there must be something to learn, and on dev to measure."""
    questions = Questions.of(data.train, data.entries, config.window, config.stride).sparing_alternatives()
    linked = sum(mention.link.id is not None for document in data.dev for mention in document.mentions)
    for split, count in (("train", sum(map(len, questions.right))), ("dev", linked)):
        if not count:
            fix = "convert a corpus with links, and see that --entities holds them"
            raise ConfigError(
                f"{split} names no entity to be found", where=", ".join(map(str, config.data)), got="0 links", fix=fix
            )
    return questions.sparing_namesakes() if config.namesakes == "ignored" else questions


def pretrained(config: Config) -> TextEncoder:
    """The encoder to fine-tune, with adapters if they are wanted."""
    settings = {"query_prefix": "", "passage_prefix": ""} if config.prefixes == "none" else {}
    try:
        encoder = TextEncoder.from_pretrained(config.encoder, batch_size=128, **settings)
    except ModelError as error:
        fix = "name a folder that holds tokenizer.json and safetensors (docs/guides/train.md), or use --preset small"
        got = f"{error.what}: {error.got}"
        raise ConfigError(
            "the encoder cannot be loaded", where=f"--encoder {config.encoder}", got=got, fix=fix
        ) from error
    Way(config.lora, config.gradient_checkpointing).prepare(encoder.model)
    return encoder


# Training (section 3.1)


def train(
    accelerator: Accelerator, config: Config, data: Data, questions: Questions, encoder: TextEncoder, state: Stages
) -> Progress:
    """All steps that are left; every fraction of an epoch dev is measured and hard negatives are mined."""
    lengths = encoder.query_lengths(questions.texts)
    batches, each = plan_batches(config, lengths)
    plan = Optimisation(config.rate, config.epochs, layer_decay=config.layer_decay)
    run = Run(accelerator, encoder.model, plan, Order([batches], lengths), config.seed, state["retriever"])
    objective = Objective(config.temperature, config.reduction, run.processes)
    for places, random in run.steps("retriever"):
        batch = questions.batch(places, config.drawn, random, run.progress.mined)
        run.follow(objective.cached(encoder, batch, config.chunk_tokens, accelerator.backward).item())
        if run.epoch_ends or run.progress.step % each == 0:
            found, mined = run.processes.once(lambda: measure(config, data, questions, encoder))
            run.progress = noted(run.progress, encoder, found, mined)
            accelerator.print(f"step {run.progress.step}: {line(run.progress)}")
    return run.progress


def plan_batches(config: Config, lengths: list[int]) -> tuple[list[list[int]], int]:
    """The windows of every step, and the number of steps from one mining to the next."""
    epochs = (shuffled_batches(lengths, config.batch_tokens, Random(config.seed + e)) for e in range(config.epochs))
    batches = [batch for epoch in epochs for batch in epoch]
    each = max(1, round(len(batches) / config.epochs * config.mine_every))
    return batches[: config.steps or None], each


def measure(
    config: Config, data: Data, questions: Questions, encoder: TextEncoder
) -> tuple[dict[str, float], Tensor | None]:
    """Recall on dev, and the hard negatives of the next steps."""
    vectors = entry_vectors(questions.entries, encoder)
    views = [view for document in data.dev for view in windows(document, config.window, config.stride)]
    queries = encoder.queries([view.text for view in views])
    found = dense_recall(queries, vectors, views, [*data.known, *data.own])
    mined = questions.mine(encoder, vectors, config.mined) if config.mined else None
    return {"coverage": found.coverage, **{f"recall@{k}": found.at(k) for k in KS}}, mined


def noted(progress: Progress, encoder: TextEncoder, found: dict[str, float], mined: Tensor | None) -> Progress:
    """With what was measured and mined, and the best weights so far."""
    measured = (*progress.measured, {"step": progress.step, **found})
    best = max(measured, key=lambda each: [each[f"recall@{k}"] for k in (50, 10, 1)])
    if best is measured[-1] or not progress.best:
        progress = replace(progress, best={name: weight.clone() for name, weight in trained(encoder.model).items()})
    return replace(progress, measured=measured, mined=mined)


def line(progress: Progress) -> str:
    """The last measurement, for people."""
    return ", ".join(f"{name} {value:.1%}" for name, value in progress.measured[-1].items() if name != "step")


command = recipe(
    __doc__, Config, PRESETS, main, prefixes=["saved", "none"], namesakes=["negatives", "ignored"],
    reduction=["sum", "mean"], precision=["no", "bf16"],
)  # fmt: skip

if __name__ == "__main__":
    command()
