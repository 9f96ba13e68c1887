"""Batches of texts from many requests: a bounded queue, and the thread that calls the model."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from math import ceil
from time import perf_counter

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from starlette.types import Receive

from relik_ml.serve.middleware import CLIENT_CLOSED, SECONDS, Problem, ServiceConfig
from relik_ml.types import Document

Annotate = Callable[[Iterable[Document]], Iterator[Document]]
"""Annotates a stream of documents in order, like ``Relik.annotate``."""


@dataclass(slots=True)
class Waiting:
    """The texts of one request, and a future for their documents, which is cancelled when the client has gone."""

    documents: Sequence[Document]
    answer: asyncio.Future[list[Document]]
    found: list[Document] = field(default_factory=list)

    def settle(self) -> None:
        """Set the result, unless the future is already done."""
        if not self.answer.done():
            self.answer.set_result(self.found)


class Batcher:
    """Passes waiting texts to the model in batches that may hold several requests, in the order of arrival.

    Texts of streams wait in a queue of their own. A batch takes from both, requests first, and gives neither less than
    half of its room while both wait. So a short request waits for the batch in progress, however long a stream is.

    When a batch fails, its unanswered requests are repeated one by one, so that only the faulty request fails. All
    methods run in the event loop, except ``_answer``, which runs in the thread of the model.
    """

    def __init__(self, annotate: Annotate, config: ServiceConfig, registry: CollectorRegistry) -> None:
        self._annotate, self._config = annotate, config
        self._requests: deque[Waiting] = deque()
        self._streams: deque[Waiting] = deque()
        self._arrived = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, "model")
        self._pace = 0.05  # seconds per text, a moving average
        texts = [2**n for n in range(8)]
        self._texts = Counter("relik_texts", "Texts that the model read", registry=registry)
        self._characters = Counter("relik_characters", "Code points that the model read", registry=registry)
        self._sizes = Histogram("relik_batch_texts", "Texts of a batch", buckets=texts, registry=registry)
        self._seconds = Histogram("relik_batch_seconds", "Time of a batch", buckets=SECONDS, registry=registry)
        self._gauge = Gauge("relik_waiting_texts", "Texts that wait", multiprocess_mode="livesum", registry=registry)

    @asynccontextmanager
    async def lifespan(self, app: object) -> AsyncIterator[None]:
        """Process the queue while the app runs."""
        running = asyncio.create_task(self._run())
        yield
        running.cancel()

    async def annotate(self, documents: Sequence[Document], receive: Receive) -> list[Document]:
        """The annotated documents. Problem when the queue is full or the client has gone."""
        self._refuse(len(documents))
        answer = self._add(self._requests, documents)
        left = asyncio.ensure_future(gone(receive))
        try:
            await asyncio.wait((answer, left), return_when=asyncio.FIRST_COMPLETED)
            if not answer.done():
                raise Problem(CLIENT_CLOSED, "the client has gone")
            return answer.result()
        finally:
            left.cancel()
            answer.cancel()

    def submit(self, document: Document) -> asyncio.Future[list[Document]]:
        """A future for the annotated text of a stream, for its owner to await or cancel. A stream limits itself."""
        return self._add(self._streams, [document])

    def _refuse(self, more: int) -> None:
        """Problem when the queue of requests has no room for so many texts more."""
        waiting = _texts(self._requests)
        if waiting + more > self._config.queue:
            seconds = min(60, max(1, ceil(waiting * self._pace)))
            got, fix = f"{waiting} texts are waiting", f"try again in {seconds} s"
            raise Problem(429, "too many texts are waiting", got, fix, {"Retry-After": str(seconds)})

    def _add(self, queue: deque[Waiting], documents: Sequence[Document]) -> asyncio.Future[list[Document]]:
        queue.append(Waiting(documents, asyncio.get_running_loop().create_future()))
        self._gauge.set(_texts(self._requests) + _texts(self._streams))
        self._arrived.set()
        return queue[-1].answer

    async def _run(self) -> None:
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while jobs := self._next():
                await self._read(jobs)

    def _next(self) -> list[Waiting]:
        """The next batch: requests, then texts of streams, each at least one if any is waiting."""
        room = self._config.together
        jobs = _take(self._requests, room - min(room // 2, _texts(self._streams)))
        jobs += _take(self._streams, max(room // 2, room - _texts(jobs)))
        self._gauge.set(_texts(self._requests) + _texts(self._streams))
        return jobs

    async def _read(self, jobs: Sequence[Waiting]) -> None:
        loop, started = asyncio.get_running_loop(), perf_counter()
        try:
            texts = await loop.run_in_executor(self._thread, self._answer, jobs, loop)
        except Exception as error:
            if len(jobs) > 1:
                for job in jobs:
                    await self._read([job])
            elif not jobs[0].answer.done():
                jobs[0].answer.set_exception(error)
            return
        if texts:
            seconds = perf_counter() - started
            self._pace += 0.2 * (seconds / texts - self._pace)
            self._sizes.observe(texts)
            self._seconds.observe(seconds)

    def _answer(self, jobs: Sequence[Waiting], loop: asyncio.AbstractEventLoop) -> int:
        """Answer each request after its last document, and return the number of annotated documents."""
        pulled: deque[Waiting] = deque()
        for document in self._annotate(self._wanted(jobs, pulled)):
            job = pulled.popleft()
            job.found.append(document)
            if len(job.found) == len(job.documents):
                self._texts.inc(len(job.found))  # before the answer, so that the metrics already count it
                loop.call_soon_threadsafe(job.settle)
        return sum(len(job.found) for job in jobs)

    def _wanted(self, jobs: Sequence[Waiting], pulled: deque[Waiting]) -> Iterator[Document]:
        """The documents of requests that still wait when the model pulls them; appends each request to ``pulled``."""
        for job in jobs:
            job.found.clear()  # results of a failed batch
            for document in job.documents:
                if job.answer.done():
                    break
                pulled.append(job)
                self._characters.inc(len(document.text))
                yield document


def _texts(jobs: Iterable[Waiting]) -> int:
    """The number of texts whose clients still wait."""
    return sum(len(job.documents) for job in jobs if not job.answer.done())


def _take(queue: deque[Waiting], room: int) -> list[Waiting]:
    """Take the first jobs of a queue: as many as fit, and at least one if any is waiting."""
    jobs: list[Waiting] = []
    while queue and (not jobs or len(queue[0].documents) <= room):
        job = queue.popleft()
        if not job.answer.done():
            jobs.append(job)
            room -= len(job.documents)
    return jobs


async def gone(receive: Receive) -> None:
    """Return when the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
