"""A process that answers SPARQL queries on a store, one at a time, and is killed by the system when one takes too long.

Nothing in Python can stop a query: Oxigraph computes it in native code. So the queries of a service run in processes of
their own. Such a process sets an alarm before each query and does not handle it: the kernel ends the process. It also
limits the memory that a query may take, and the bytes of an answer, which is complete before the first byte is sent.

    python -m relik_ml.serve.sparql_worker STORE SECONDS BYTES MEMORY

Each line of its input is a query in JSON: ``{"query", "default", "named", "results", "graph"}`` with the IRIs of a
dataset, and the names of a format for rows and of one for triples. The first line of its output says that it is ready.
Each answer is a line of JSON with ``type`` and
``size``, then the bytes; or with ``status``, ``what``, ``got`` and ``fix``.
"""

import io
import json
import signal
import sys
from pathlib import Path
from typing import Any, BinaryIO

from relik_ml.data import json_bytes, load_extra
from relik_ml.errors import ConfigError
from relik_ml.graph import GraphStore, ask, open_store


class _TooLarge(Exception):
    pass


class _Answer(io.BytesIO):
    """Bytes up to a limit."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.limit = limit

    def write(self, part: Any) -> int:
        """Add bytes; _TooLarge when they are too many."""
        if self.tell() + len(part) > self.limit:
            raise _TooLarge
        return super().write(part)


def main(store: str, seconds: str, limit: str, memory: str) -> None:
    """Answer until the input ends."""
    with open_store(Path(store)) as opened:
        _limit_memory(int(memory))
        _send(sys.stdout.buffer, {}, b"")
        for line in sys.stdin.buffer:
            signal.setitimer(signal.ITIMER_REAL, float(seconds))
            head, body = _answer(opened, json.loads(line), int(limit))
            signal.setitimer(signal.ITIMER_REAL, 0)
            _send(sys.stdout.buffer, head | {"size": len(body)}, body)


def _answer(store: GraphStore, asked: dict[str, Any], limit: int) -> tuple[dict[str, Any], bytes]:
    oxigraph, out = load_extra("pyoxigraph", "graph"), _Answer(limit)
    try:
        found: Any = ask(store, asked["query"], asked["default"], asked["named"])
        triples = isinstance(found, oxigraph.QueryTriples)
        name = asked["graph" if triples else "results"]
        if name is None:
            return _problem(406, "the answer has no format that you accept", _kind(triples), _fix(triples)), b""
        format = getattr(oxigraph.RdfFormat if triples else oxigraph.QueryResultsFormat, name)
        found.serialize(out, format)
    except _TooLarge:
        got, fix = f"more than {limit:,} bytes", "add LIMIT, or ask for fewer columns"
        return _problem(422, "the answer is too large", got, fix), b""
    except ConfigError as error:
        return _problem(400, error.what, f"{error.where} {error.got}".strip(), error.fix), b""
    except (OSError, RuntimeError, ValueError, SyntaxError) as error:
        return _problem(400, "the query failed", str(error)[:500], "simplify the query"), b""
    return {"type": format.media_type}, out.getvalue()


def _kind(triples: bool) -> str:
    return "triples" if triples else "rows, or yes or no"


def _fix(triples: bool) -> str:
    kinds = "text/turtle, application/n-triples" if triples else "application/sparql-results+json, text/csv"
    return f"accept for example {kinds}"


def _problem(status: int, what: str, got: str, fix: str) -> dict[str, Any]:
    return {"status": status, "what": what, "got": got, "fix": fix}


def _limit_memory(size: int) -> None:
    """Let this process allocate so many bytes more than it has; only Linux tells how many these are."""
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # what ends for want of memory leaves no file
        taken = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    except (ImportError, OSError):
        return
    resource.setrlimit(resource.RLIMIT_AS, (taken + size, taken + size))


def _send(out: BinaryIO, head: dict[str, Any], body: bytes) -> None:
    out.write(json_bytes(head) + b"\n" + body)
    out.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
