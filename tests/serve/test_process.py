"""The command itself, as a process with a model: what signals and several workers do."""

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from time import sleep
from urllib.error import URLError
from urllib.request import Request, urlopen

import pytest

from relik_ml.serve import Client

for package in ("fastapi_offline", "prometheus_client", "rdflib", "uvicorn"):
    pytest.importorskip(package, reason="the service needs the extra relik-ml[serve]")

TEXT = "Анна Ахматова родилась в Одессе. "
Served = tuple[subprocess.Popen[bytes], int]


def ask(port: int, path: str, body: object = None) -> str:
    """The body of an answer, which must not be a refusal."""
    data = None if body is None else json.dumps(body).encode()
    request = Request(f"http://127.0.0.1:{port}{path}", data, {"Content-Type": "application/json"})
    with urlopen(request, timeout=600) as answer:
        text: str = answer.read().decode()
        return text


@pytest.fixture
def serve(tiny_folder: Path) -> Iterator[Callable[..., Served]]:
    """Starts the command with the model that was trained on twenty documents, and waits until it is ready."""
    with ExitStack() as stack:

        def started(*options: str) -> Served:
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                port = free.getsockname()[1]
            command = ["serve", "--model", str(tiny_folder), "--port", str(port), *options]
            process = stack.enter_context(subprocess.Popen([sys.executable, "-m", "relik_ml", *command]))
            stack.callback(process.kill)
            while process.poll() is None:
                try:
                    ask(port, "/readyz")
                    return process, port
                except URLError:
                    sleep(0.1)
            raise AssertionError("the service did not start")

        yield started


def test_sigterm_finishes_what_was_taken(serve: Callable[..., Served]) -> None:
    process, port = serve("--timeout", "600")
    with ThreadPoolExecutor(1) as pool:
        taken = pool.submit(ask, port, "/annotate", {"texts": [{"text": TEXT * 50}] * 32})
        while "relik_characters_total 0.0" in ask(port, "/metrics"):
            sleep(0.01)
        process.send_signal(signal.SIGTERM)
        assert len(json.loads(taken.result())["documents"]) == 32
    assert process.wait(60) in (0, -signal.SIGTERM)


def test_a_client_streams_any_number_of_texts(serve: Callable[..., Served]) -> None:
    _, port = serve("--queue", "8", "--max-texts", "8")
    client = Client(f"http://127.0.0.1:{port}")
    texts = ({"id": str(number), "text": TEXT} for number in range(100))
    found = [document.id for document in client.stream(texts)]
    assert found == [str(number) for number in range(100)]
    assert client(TEXT).text == TEXT


@pytest.mark.slow
def test_workers_count_together(serve: Callable[..., Served]) -> None:
    process, port = serve("--workers", "2")
    for _ in range(10):
        ask(port, "/annotate", {"text": TEXT})
    assert "relik_texts_total 10.0" in ask(port, "/metrics")
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) in (0, -signal.SIGTERM)


@pytest.mark.parametrize(
    ("options", "code"), [(["--model", "none"], 5), (["--queue", "1"], 7), (["--api-key", "ключ"], 7)]
)
def test_what_cannot_work_is_refused_at_once(tmp_path: Path, options: list[str], code: int) -> None:
    command = [sys.executable, "-m", "relik_ml", "serve", *options]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, "fix:" in done.stderr) == (code, True)


@pytest.mark.slow
def test_it_holds_under_load(tiny_folder: Path, root: Path) -> None:
    script = [sys.executable, str(root / "benchmarks" / "serve.py"), "--seconds", "20", "--model", str(tiny_folder)]
    done = subprocess.run(script, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_answers_are_what_openapi_says(serve: Callable[..., Served], tmp_path: Path) -> None:
    pytest.importorskip("schemathesis", reason="schemathesis is not installed")
    _, port = serve("--max-characters", "5000")
    rules = str(Path(__file__).with_name("schemathesis.toml"))
    asking = "import schemathesis.cli; schemathesis.cli.schemathesis()"
    words = ["--config-file", rules, "run", f"http://127.0.0.1:{port}/openapi.json", "--seed", "1"]
    done = subprocess.run(
        [sys.executable, "-c", asking, *words], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=600
    )
    assert done.returncode == 0, done.stdout
