"""Texts of many requests joined for one model: a bounded queue, and the one thread that reads from it."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from math import ceil
from threading import Condition, Thread
from time import perf_counter
from typing import NamedTuple, TypeVar

from relik_ml.serve.metrics import Metrics
from relik_ml.serve.settings import Limits
from relik_ml.types import Document

T = TypeVar("T")
Annotate = Callable[[Iterable[Document]], Iterator[Document]]
"""Gives the documents with what was found in them, in order and as a stream, like ``Relik.annotate``."""


class Full(Exception):
    """There is no room for so many texts; there may be after ``seconds``."""

    def __init__(self, waiting: int, seconds: int) -> None:
        super().__init__(f"{waiting} texts are waiting")
        self.waiting, self.seconds = waiting, seconds


class Closed(Exception):
    """Nothing new is taken any more."""


class Job(NamedTuple):
    """The texts of one request, and where their answer goes. Nobody wants the answer of a cancelled future."""

    documents: Sequence[Document]
    answer: Future[list[Document]]


class Batcher:
    """Gives the texts that wait to the model, those of several requests together, in the order in which they came.

    A failure is the failure of one request: when a batch fails, those of its requests without an answer are read again,
    each alone. A request that was cancelled is not read.
    """

    def __init__(self, annotate: Annotate, limits: Limits, metrics: Metrics) -> None:
        self._annotate, self._limits, self._metrics = annotate, limits, metrics
        self._changed = Condition()
        self._jobs: deque[Job] = deque()
        self._pace = 0.05  # seconds a text, a moving mean
        self._closed = False
        self._thread = Thread(target=self._work, name="model", daemon=True)
        self._thread.start()

    @property
    def ready(self) -> bool:
        """Whether texts are taken."""
        return not self._closed and self._thread.is_alive()

    def submit(self, documents: Sequence[Document]) -> Future[list[Document]]:
        """Queue the texts of one request. Full or Closed when there is no place for them."""
        with self._changed:
            if not self.ready:
                raise Closed
            waiting = self._drop_cancelled()
            if waiting + len(documents) > self._limits.queue:
                raise Full(waiting, min(60, max(1, ceil(waiting * self._pace))))
            job = Job(documents, Future())
            self._jobs.append(job)
            self._metrics.waiting.set(waiting + len(documents))
            self._changed.notify()
            return job.answer

    def close(self) -> None:
        """Take nothing more; what was taken is still read."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def join(self, seconds: float | None = None) -> None:
        """Wait, at most so long, until a closed batcher has read everything."""
        self._thread.join(seconds)

    def _drop_cancelled(self) -> int:
        """How many texts wait, after those that nobody wants any more have been let go."""
        self._jobs = deque(job for job in self._jobs if not job.answer.cancelled())
        return sum(len(job.documents) for job in self._jobs)

    def _work(self) -> None:
        while jobs := self._next():
            self._read(jobs)

    def _next(self) -> list[Job]:
        """The jobs to read together, at least one; none when nothing is left and nothing more will come."""
        with self._changed:
            self._changed.wait_for(lambda: self._jobs or self._closed)
            jobs: list[Job] = []
            room = self._limits.together
            while self._jobs and (not jobs or len(self._jobs[0].documents) <= room):
                jobs.append(self._jobs.popleft())
                room -= len(jobs[-1].documents)
            self._metrics.waiting.set(self._drop_cancelled())
            return jobs

    def _read(self, jobs: Sequence[Job]) -> None:
        started = perf_counter()
        try:
            texts = self._answer(jobs)
        except Exception as error:
            if len(jobs) == 1:
                _settle(jobs[0].answer.set_exception, error)
                return
            for job in jobs:
                if not job.answer.done():
                    self._read([job])
        else:
            self._note(texts, perf_counter() - started)

    def _answer(self, jobs: Sequence[Job]) -> int:
        """Answer each job as soon as its last document is read; how many documents were."""
        pulled: deque[int] = deque()
        found: defaultdict[int, list[Document]] = defaultdict(list)
        for document in self._annotate(self._wanted(jobs, pulled)):
            place = pulled.popleft()
            found[place].append(document)
            if len(found[place]) == len(jobs[place].documents):
                self._metrics.texts.inc(len(found[place]))  # first, so that whoever has an answer finds it counted
                _settle(jobs[place].answer.set_result, found[place])
        return sum(map(len, found.values()))

    def _wanted(self, jobs: Sequence[Job], pulled: deque[int]) -> Iterator[Document]:
        """The documents of those jobs that are not cancelled by the time they are pulled; their jobs' places beside."""
        for place, job in enumerate(jobs):
            for document in job.documents:
                if job.answer.cancelled():
                    break
                pulled.append(place)
                self._metrics.characters.inc(len(document.text))
                yield document

    def _note(self, texts: int, seconds: float) -> None:
        if texts:
            self._pace += 0.2 * (seconds / texts - self._pace)
            self._metrics.batch.observe(texts)
            self._metrics.work.observe(seconds)


def _settle(settle: Callable[[T], None], value: T) -> None:
    """Answer, unless the one who asked has gone."""
    with suppress(InvalidStateError):
        settle(value)
