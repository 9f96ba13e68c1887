"""The command itself, as a process with a model: what signals and several workers do."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from http.client import HTTPConnection, RemoteDisconnected
from pathlib import Path

import pytest

for package in ("fastapi", "prometheus_client", "uvicorn"):
    pytest.importorskip(package, reason="the service needs the extra relik-ml[serve]")

ROOT = Path(__file__).resolve().parents[2]
Served = tuple[subprocess.Popen[bytes], int]


@pytest.fixture
def serve(tiny_folder: Path) -> Iterator[Callable[..., Served]]:
    """Starts the command with the model that knows twenty documents by heart, and waits until it is ready."""
    with ExitStack() as stack:

        def started(*options: str) -> Served:
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                port = free.getsockname()[1]
            command = ["serve", "--model", str(tiny_folder), "--port", str(port), *options]
            process = stack.enter_context(subprocess.Popen([sys.executable, "-m", "relik_ml", *command]))
            stack.callback(process.kill)
            until = time.monotonic() + 60
            while ask(port, "GET", "/readyz")[0] != 200:
                assert process.poll() is None
                assert time.monotonic() < until
                time.sleep(0.1)
            return process, port

        yield started


def ask(port: int, method: str, path: str, body: object = None) -> tuple[int, str]:
    """Status and body of an answer; status 0 when nobody listens any more."""
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        data = None if body is None else json.dumps(body).encode()
        connection.request(method, path, data, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    except (ConnectionError, RemoteDisconnected):
        return 0, ""
    finally:
        connection.close()


def test_what_was_taken_is_finished_when_it_is_told_to_end(serve: Callable[..., Served]) -> None:
    process, port = serve()
    texts = [{"text": "Анна Ахматова родилась в Одессе. " * 100}] * 32
    with ThreadPoolExecutor(1) as pool:
        taken = pool.submit(ask, port, "POST", "/annotate", {"texts": texts})
        until = time.monotonic() + 30
        while "relik_characters_total 0.0" in ask(port, "GET", "/metrics")[1]:
            assert time.monotonic() < until
        process.send_signal(signal.SIGTERM)
        seen = set()
        while not taken.done():
            seen.add(ask(port, "POST", "/annotate", {"text": "a"})[0])
            time.sleep(0.02)
        status, body = taken.result()
    assert status == 200
    assert len(json.loads(body)["documents"]) == 32
    assert 503 in seen, "who asks meanwhile is told"
    assert process.wait(20) in (0, -signal.SIGTERM)


@pytest.mark.slow
def test_workers_count_together(serve: Callable[..., Served]) -> None:
    process, port = serve("--workers", "2")
    for _ in range(10):
        assert ask(port, "POST", "/annotate", {"text": "Анна Ахматова родилась в Одессе."})[0] == 200
    assert "relik_texts_total 10.0" in ask(port, "GET", "/metrics")[1]
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) in (0, -signal.SIGTERM)


def test_a_model_that_is_none_is_refused_before_anything_is_served(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "relik_ml", "serve", "--model", str(tmp_path / "none")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 5
    assert "fix:" in done.stderr


@pytest.mark.slow
def test_it_holds_under_load(tiny_folder: Path) -> None:
    script = [sys.executable, str(ROOT / "benchmarks" / "serve.py"), "--seconds", "20", "--model", str(tiny_folder)]
    done = subprocess.run(script, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_openapi_holds_what_it_says(serve: Callable[..., Served], tmp_path: Path) -> None:
    pytest.importorskip("schemathesis", reason="schemathesis is not installed")
    _, port = serve("--max-characters", "5000")
    rules = str(Path(__file__).with_name("schemathesis.toml"))
    asking = "import schemathesis.cli; schemathesis.cli.schemathesis()"
    words = ["--config-file", rules, "run", f"http://127.0.0.1:{port}/openapi.json", "--seed", "1"]
    script = [sys.executable, "-c", asking, *words]
    done = subprocess.run(script, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stdout
