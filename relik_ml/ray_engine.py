"""Annotation of shards by the actors of a Ray cluster.

A task reads the inputs and yields shards, actors that have each loaded the model annotate them. Both are steps of Ray
Data, which places them, limits what waits between them, and repeats what was lost with a process or a machine.
"""

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from typing import Any

from relik_ml.data import Record, load_extra
from relik_ml.errors import ConfigError, RelikError
from relik_ml.shards import Shard
from relik_ml.workers import Message, Serve

Enter = Callable[[], None]
_COLUMN = "message"


def ray_results(
    start: Callable[[], Serve], shards: Callable[[], Iterator[Shard]], finished: Callable[[Shard], bool],
    jobs: int | None = None, gpu: bool = False,
) -> Iterator[Message]:  # fmt: skip
    """The report on each shard, in any order; None for those that were finished before. Shards have lost their texts.

    ``jobs`` is the number of actors, by default one for each CPU or GPU of the cluster.

    Raises:
        RelikError: what an actor raised, or that Ray failed.
        ConfigError: Ray is not installed, or the cluster has no such processor.
    """
    with _ray() as ray:
        kind = "GPU" if gpu else "CPU"
        number = jobs or int(ray.cluster_resources().get(kind, 0))
        if not number:
            raise ConfigError(f"the Ray cluster has no {kind}", fix="give --jobs if it gets some on demand")
        enter = partial(_enter, os.getcwd(), version("relik-ml"))
        read = ray.data.from_items([0]).map_batches(_read, fn_args=(enter, shards, finished), num_cpus=0)
        annotated = read.map_batches(
            _Actor, fn_constructor_args=(enter, start), batch_size=1, batch_format="pandas",
            num_cpus=1, num_gpus=int(gpu), compute=ray.data.ActorPoolStrategy(size=number),
        )  # fmt: skip
        try:
            for row in annotated.iter_rows():
                message = row[_COLUMN]
                if isinstance(message.value, RelikError):
                    raise message.value
                yield message
        except ray.exceptions.RayError as error:
            fix = "see the messages of Ray, and go on with --resume"
            raise RelikError("Ray could not annotate all shards", got=str(error)[-500:], fix=fix) from error


@contextmanager
def _ray() -> Iterator[Any]:
    """Ray, connected to the cluster of RAY_ADDRESS, or of this machine, which is started if there is none."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it would send them to its maker
    ray, data = load_extra("ray", "ray"), load_extra("ray.data", "ray")
    ours = not ray.is_initialized()
    if ours:
        ray.init(include_dashboard=False, logging_level=logging.ERROR)
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    context = data.DataContext.get_current().copy()
    context.enable_progress_bars = False
    context.target_max_block_size = 1  # a shard is a block, which any actor may take at once
    try:
        with data.DataContext.current(context):
            yield ray
    finally:
        if ours:
            ray.shutdown()


def _enter(folder: str, wanted: str) -> None:
    """Prepare a process of the cluster: the folder that the command was started in, the same library."""
    logging.getLogger("ray.data").setLevel(logging.ERROR)  # it warns of columns that are no type of Arrow
    try:
        os.chdir(folder)
    except OSError as error:
        fix = "mount the inputs, the output and this folder at the same paths on all machines"
        raise ConfigError("no such folder", where=os.uname().nodename, got=str(error), fix=fix) from None
    if (found := version("relik-ml")) != wanted:
        fix = f"install relik-ml {wanted} on all machines"
        raise ConfigError("another version of relik-ml", where=os.uname().nodename, got=found, fix=fix)


def _read(
    _: object, enter: Enter, shards: Callable[[], Iterator[Shard]], finished: Callable[[Shard], bool]
) -> Iterator[Any]:
    """Yield the shards one at a time, as Ray has room for them."""
    try:
        enter()
        for shard in shards():
            done = finished(shard)
            yield _rows(Message(_without_texts(shard) if done else shard, None, done))
    except RelikError as error:
        yield _rows(Message(None, error, True))


class _Actor:
    """Loads the model when it gets its first shard, so that an error reaches the command like that of a shard."""

    def __init__(self, enter: Enter, start: Callable[[], Serve]) -> None:
        self.enter, self.start = enter, start
        self.serve: Serve | None = None

    def __call__(self, rows: Any) -> Any:
        (message,) = rows[_COLUMN]
        return rows if message.done else _rows(Message(_without_texts(message.task), self._report(message.task), True))

    def _report(self, shard: Shard) -> Any:
        try:
            if self.serve is None:
                self.enter()
                self.serve = self.start()
            return self.serve(shard, lambda _: None)
        except RelikError as error:
            return error


def _rows(message: Message) -> Any:
    return load_extra("pandas", "ray").DataFrame({_COLUMN: [message]})


def _without_texts(shard: Shard) -> Shard:
    return replace(shard, records=[Record(record.where, size=record.size) for record in shard.records])
