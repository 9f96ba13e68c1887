"""What the service says of itself: /openapi.json, whose examples are what the embedded model really answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from relik_ml import Relik

for package in ("fastapi_offline", "httpx2", "prometheus_client", "rdflib", "uvicorn"):
    pytest.importorskip(package, reason="the service needs the extras relik-ml[serve,dev]")
from starlette.testclient import TestClient  # noqa: E402

from relik_ml.serve import create_app  # noqa: E402

if TYPE_CHECKING:
    from tests.serve.conftest import Client


@pytest.fixture(scope="module")
def embedded() -> Iterator[TestClient]:
    """The service as it starts without options."""
    relik = Relik.from_pretrained()
    with TestClient(create_app(relik.annotate, relik.settings.languages)) as client:
        yield client


def near(value: Any) -> Any:
    """A JSON value whose floats equal those that another processor computes."""
    match value:
        case dict():
            return {key: near(each) for key, each in value.items()}
        case list():
            return [near(each) for each in value]
        case float():
            return pytest.approx(value, abs=0.02)
    return value


def records(text: str) -> list[Any]:
    """Of JSON or JSON Lines every record, of Turtle every line but those of scores."""
    if text.startswith("{"):
        return [json.loads(line) for line in text.splitlines()]
    return [line for line in text.splitlines() if "taConfidence" not in line]


@pytest.mark.parametrize("path", ["/annotate", "/stream", "/nif"])
def test_examples_are_true(embedded: TestClient, path: str) -> None:
    post = embedded.get("/openapi.json").json()["paths"][path]["post"]
    ((kind, asked),) = post["requestBody"]["content"].items()
    ((answered_kind, answered),) = post["responses"]["200"]["content"].items()
    assert asked["examples"].keys() == answered["examples"].keys() != set()
    for name, example in asked["examples"].items():
        body, expected = example["value"], answered["examples"][name]["value"]
        content = body if isinstance(body, str) else json.dumps(body)
        answer = embedded.post(path, content=content.encode(), headers={"Content-Type": kind})
        assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (200, answered_kind)
        wanted = records(expected if isinstance(expected, str) else json.dumps(expected))
        assert records(answer.text) == near(wanted), "the model has changed: annotate serve/assets/example.jsonl again"


def test_the_example_of_a_refusal_is_true(client: Client) -> None:
    asked = client(max_texts=2)
    example = asked.get("/openapi.json").json()["components"]["schemas"]["Refusal"]["example"]
    assert asked.post("/annotate", json={"texts": [{"text": "a"}] * 3}).json() == example


def test_the_page_of_the_api_loads_its_files_from_the_service(client: Client) -> None:
    asked = client(api_key="k")
    page = asked.get("/docs")
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; ")
    assert not [word for word in ("unsafe", "http", "*") if word in policy]
    for file, kind in (("swagger-ui-bundle.js", "javascript"), ("docs.js", "javascript"), ("swagger-ui.css", "css")):
        assert f"docs/{file}" in page.text
        answer = asked.get(f"/docs/{file}")
        assert (answer.status_code, kind in answer.headers["content-type"]) == (200, True)
