"""Worker processes that share a loaded model and take tasks one at a time.

With the start method ``fork`` the parent loads the model and its pages are shared; otherwise each worker loads its own
and only memory-mapped files are shared. A worker that is killed loses its task, which another one repeats once.
"""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection, wait
from threading import Thread
from types import FrameType
from typing import Any, NamedTuple, NoReturn

from relik_ml.errors import RelikError

Tell = Callable[[Any], object]
"""Sends a message about the progress of a task to the parent."""
Serve = Callable[[Any, Tell], Any]
"""Does a task and returns its result."""

_READY, _TOLD, _DONE, _FAILED = "ready", "told", "done", "failed"
_PATIENCE = 5.0  # seconds in which a worker that is stopped may remove its temporary file


class Message(NamedTuple):
    """What a worker reports: news about a task, or its result."""

    task: Any
    value: Any
    done: bool


@dataclass(eq=False)
class Workers:
    """Processes that ``start`` in the same way: it loads what they need and returns how a task is served.

    ``fork`` is for models on the CPU whose loading starts no threads.
    """

    start: Callable[[], Serve]
    jobs: int
    fork: bool
    _busy: dict[Connection, tuple[Any, Any]] = field(default_factory=dict)
    """The process at the other end of each pipe, and the task that it has or will have when it is ready."""
    _repeated: list[Any] = field(default_factory=list)
    _loaded: Serve | None = None

    def results(self, tasks: Iterator[Any]) -> Iterator[Message]:
        """Serve the tasks and report, as it happens. Tasks are read when a worker is free for them.

        Raises:
            RelikError: what a worker raised, or that a worker failed or was killed twice at the same task.
        """
        try:
            while len(self._busy) < self.jobs and (task := next(tasks, None)) is not None:
                self._launch(task)
            while self._busy:
                for pipe in wait(list(self._busy)):
                    assert isinstance(pipe, Connection)
                    yield from self._heard(pipe, tasks)
        finally:
            self._stop()

    def _launch(self, task: Any) -> None:
        context: Any = get_context("fork" if self.fork else "spawn")
        if self.fork and self._loaded is None:
            self._loaded = self.start()
        ours, theirs = context.Pipe()
        process = context.Process(target=_work, args=(self._loaded, self.start, theirs), daemon=True)
        process.start()
        theirs.close()
        self._busy[ours] = process, task

    def _heard(self, pipe: Connection, tasks: Iterator[Any]) -> Iterator[Message]:
        task = self._busy[pipe][1]
        try:
            kind, value = pipe.recv()
            if kind == _READY:
                pipe.send(task)
        except (EOFError, ConnectionError):
            self._lost(pipe)
            return
        if kind == _FAILED:
            raise value
        if kind in (_TOLD, _DONE):
            yield Message(task, value, kind == _DONE)
        if kind == _DONE:
            self._next(pipe, tasks)

    def _next(self, pipe: Connection, tasks: Iterator[Any]) -> None:
        process, _ = self._busy.pop(pipe)
        task = next(tasks, None)
        if task is not None:
            self._busy[pipe] = process, task
        try:
            pipe.send(task)
        except ConnectionError:  # it has been killed in the meantime
            if task is not None:
                self._lost(pipe)
        if task is None:
            process.join()

    def _lost(self, pipe: Connection) -> None:
        """Start another worker for the task of one that has ended."""
        process, task = self._busy.pop(pipe)
        pipe.close()
        process.join()
        got = f"exit code {process.exitcode}"
        if process.exitcode >= 0:
            raise RelikError("a worker process failed", where=str(task), got=got, fix="see the traceback above")
        if task in self._repeated:
            fix = "memory may have run out: use fewer --jobs and go on with --resume"
            raise RelikError("a worker process was killed again", where=str(task), got=got, fix=fix)
        print(f"warning: a worker process was killed ({got}); {task} is repeated", file=sys.stderr)
        self._repeated.append(task)
        self._launch(task)

    def _stop(self) -> None:
        for process, _ in self._busy.values():
            process.terminate()
        for process, _ in self._busy.values():
            process.join(_PATIENCE)
            process.kill()
            process.join()
        self._busy.clear()


def _work(loaded: Serve | None, start: Callable[[], Serve], pipe: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears Ctrl-C and stops its workers
    signal.signal(signal.SIGTERM, _exit)
    end_with_parent()
    try:
        serve = loaded or start()
        pipe.send((_READY, None))
        while (task := pipe.recv()) is not None:
            pipe.send((_DONE, serve(task, lambda value: pipe.send((_TOLD, value)))))
    except (EOFError, ConnectionError):  # the parent has ended
        return
    except RelikError as error:
        pipe.send((_FAILED, error))


def _exit(number: int, frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)  # so that temporary files are removed


def end_with_parent() -> None:
    """End when the parent process ends. A killed parent cannot stop its workers."""
    if parent := parent_process():
        Thread(target=_watch, args=(parent.sentinel,), daemon=True).start()


def _watch(sentinel: int) -> NoReturn:
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})  # it must interrupt the main thread
    wait([sentinel])
    os._exit(1)
