"""The HTTP interface that docs/guides/serve.md describes."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from time import sleep
from typing import TYPE_CHECKING, Any

import pytest

from relik_ml.data import check, document_from_json
from tests.serve.conftest import POISON, Client, Fake

if TYPE_CHECKING:
    from starlette.testclient import TestClient

TEXT = "🚀 Она родилась в Одессе."
JSON = {"Content-Type": "application/json"}


def annotate(client: TestClient, **body: Any) -> Any:
    return client.post("/annotate", json={"text": TEXT} | body)


def counted(client: TestClient, name: str) -> float:
    """The sum of the samples of one name in /metrics."""
    lines = client.get("/metrics").text.splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))


def wait_for(client: TestClient, texts: int) -> None:
    """Wait until so many texts wait."""
    for _ in range(2000):
        if counted(client, "relik_waiting_texts") == texts:
            return
        sleep(0.005)
    raise AssertionError(f"never did {texts} texts wait")


# Answers


def test_a_text_comes_back_as_a_document(client: Client) -> None:
    answer = annotate(client(), id="a")
    (record,) = answer.json()["documents"]
    document = document_from_json(record, "answer")
    assert (answer.status_code, document.id, document.text, document.lang) == (200, "a", TEXT, "ru")
    assert [document.surface(mention) for mention in document.mentions] == ["Одессе"]
    assert check(document) == []


def test_several_texts_come_back_in_order(client: Client) -> None:
    texts = [{"text": f"текст {n}"} for n in range(5)] + [{"id": "last", "text": "end", "lang": "en"}]
    found = client().post("/annotate", json={"texts": texts}).json()["documents"]
    assert [each["text"] for each in found] == [each["text"] for each in texts]
    assert [each["id"] for each in found] == ["text-1", "text-2", "text-3", "text-4", "text-5", "last"]


def test_offsets_in_utf16_and_a_minimum_score_on_request(client: Client) -> None:
    points, units = (
        annotate(client(), offsets=offsets).json()["documents"][0] for offsets in ("code-points", "utf-16")
    )
    assert (points.get("offsets"), units["offsets"]) == (None, "utf-16")
    assert units["mentions"][0]["start"] == points["mentions"][0]["start"] + 1
    for score, kept in ((0.9, 1), (0.91, 0)):
        assert len(annotate(client(), min_score=score).json()["documents"][0]["mentions"]) == kept


def test_candidates_are_for_the_page_and_on_request(client: Client) -> None:
    for options, ids in (({}, None), ({"candidates": 1}, ["Q1874"])):
        link = annotate(client(), **options).json()["documents"][0]["mentions"][0]["link"]
        assert (link.get("candidates") and [each["id"] for each in link["candidates"]]) == ids
    (drawn,) = client().post("/page", json={"text": TEXT}).json()["documents"]
    assert len(drawn["document"]["mentions"][0]["link"]["candidates"]) == 2


@pytest.mark.parametrize("path", ["/annotate", "/page"])
def test_a_lone_surrogate_survives(client: Client, path: str) -> None:
    answer = client().post(path, content=b'{"text": "a\\ud800"}', headers=JSON)
    assert (answer.status_code, b"a\\ud800" in answer.content) == (200, True)


def test_the_page_and_what_it_asks(client: Client) -> None:
    asked = client()
    page = asked.get("/")
    assert page.headers["content-type"].startswith("text/html")
    assert "/page" in page.text
    drawn = asked.post("/page", json={"text": TEXT, "lang": "ru", "min_score": 0.0}).json()
    assert [view["document"]["text"] for view in drawn["documents"]] == [TEXT]


def test_health_and_metrics(client: Client) -> None:
    asked = client()
    annotate(asked)
    assert [asked.get(path).status_code for path in ("/healthz", "/readyz", "/no/such/path")] == [200, 200, 404]
    assert counted(asked, "relik_texts_total") == 1
    assert counted(asked, "relik_characters_total") == len(TEXT)
    assert counted(asked, 'relik_requests_total{path="/annotate",status="200"}') == 1
    assert counted(asked, 'relik_requests_total{path="other",status="404"}') == 1


def test_openapi_names_the_limits(client: Client) -> None:
    described = client(max_characters=77, max_texts=3).get("/openapi.json").json()
    parts = described["components"]["schemas"]
    assert parts["One"]["properties"]["text"]["maxLength"] == 77
    assert parts["Many"]["properties"]["texts"]["maxItems"] == 3
    assert parts["Text"]["properties"]["lang"]["enum"] == ["ru", "en", None]
    assert set(parts["Mention"]["properties"]) > {"start", "stop", "link"}
    assert set(described["paths"]) == {"/", "/annotate", "/stream", "/nif", "/healthz", "/readyz", "/metrics"}


# Refusals


@pytest.mark.parametrize(("body", "got"), [
    ({}, "text"), ({"text": 5}, "text"), ({"text": "a", "more": 1}, "more"), ([], ""), ("text", ""),
    ({"text": "a", "texts": [{"text": "b"}]}, "text"), ({"texts": []}, "texts"),
    ({"texts": [{"text": "a"}] * 5}, "5 texts"), ({"text": "a", "lang": "tlh"}, "tlh"),
    ({"text": "Gestern kam der Gouverneur nach Halle und eröffnete ein neues Werk."}, "de, "),
    ({"text": "a", "lang": "\ud800"}, ""), ({"text": "a", "min_score": 2}, "min_score"),
    ({"text": "a", "min_score": True}, "min_score"), ({"text": "a", "offsets": "bytes"}, "offsets"),
    ({"text": "a" * 101}, "101 characters"), (b"", ""), (b"{", ""), (b"\xff\xfe", ""), (b'{"text": NaN}', ""),
    (b"[" * 100_000, ""),
])  # fmt: skip
def test_a_wrong_request_is_refused_with_the_reason(client: Client, body: object, got: str) -> None:
    asked = client(max_characters=100, max_texts=4)
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = asked.post("/annotate", content=content, headers=JSON)
    refusal = answer.json()
    assert set(refusal) == {"detail", "what", "got", "fix"}
    assert answer.status_code == 422 or (answer.status_code == 400 and isinstance(body, bytes))
    assert got in refusal["got"]
    assert refusal["what"] in refusal["detail"]


@pytest.mark.parametrize("path", ["/annotate", "/page"])
@pytest.mark.parametrize(
    ("kind", "status"), [("text/plain", 415), ("text/json", 415), ("", 415), ("application/json; charset=utf-8", 200)]
)
def test_the_media_type_must_be_json(client: Client, path: str, kind: str, status: int) -> None:
    answer = client().post(path, content=b'{"text": "a"}', headers={"Content-Type": kind})
    assert answer.status_code == status


@pytest.mark.parametrize(("path", "status"), [("/redoc", 404), ("/docs/none.js", 404), ("/annotate", 405)])
def test_unknown_paths_and_methods_are_json_too(client: Client, path: str, status: int) -> None:
    answer = client().get(path)
    assert (answer.status_code, bool(answer.json()["fix"])) == (status, True)


def test_a_failing_text_fails_its_own_request_only(client: Client, fake: Fake) -> None:
    fake.free.clear()
    asked = client()
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(annotate, asked, text="первый")
        assert fake.started.wait(10)
        rest = [pool.submit(annotate, asked, text=text) for text in ("второй", POISON, "третий")]
        wait_for(asked, 3)
        fake.free.set()
        statuses = [each.result().status_code for each in (first, *rest)]
    assert statuses == [200, 200, 500, 200]
    assert annotate(asked).status_code == 200


# Waiting


def test_requests_are_joined_for_the_model(client: Client, fake: Fake) -> None:
    fake.free.clear()
    asked = client(together=4)
    with ThreadPoolExecutor(7) as pool:
        first = pool.submit(annotate, asked, text="0")
        assert fake.started.wait(10)
        rest = [pool.submit(annotate, asked, text=str(n)) for n in range(1, 7)]
        wait_for(asked, 6)
        assert asked.get("/healthz").status_code == 200, "the event loop is free while the model reads"
        fake.free.set()
        texts = [each.result().json()["documents"][0]["text"] for each in (first, *rest)]
    assert texts == list("0123456")
    assert [len(batch) for batch in fake.batches] == [1, 4, 2]


def test_a_full_queue_says_when_to_come_again(client: Client, fake: Fake) -> None:
    fake.free.clear()
    asked = client(queue=2, max_texts=2)
    with ThreadPoolExecutor(3) as pool:
        held = [pool.submit(annotate, asked)]
        assert fake.started.wait(10)
        held += [pool.submit(annotate, asked) for _ in range(2)]
        wait_for(asked, 2)
        refused = annotate(asked)
        fake.free.set()
        assert [each.result().status_code for each in held] == [200, 200, 200]
    assert (refused.status_code, bool(refused.json()["fix"])) == (429, True)
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert annotate(asked).status_code == 200


def test_a_request_waits_no_longer_than_the_limit(client: Client, fake: Fake) -> None:
    fake.free.clear()
    asked = client(timeout=0.1)
    late = [annotate(asked, text=text) for text in ("a", "b")]
    assert [answer.status_code for answer in late] == [504, 504]
    fake.free.set()
    while annotate(asked, text="c").status_code != 200:
        pass
    assert all("b" not in batch for batch in fake.batches), "a text whose client left is not read"


# Access


def test_the_key_is_asked_of_all_that_is_posted(client: Client) -> None:
    asked = client(api_key="s3cret")
    for path in ("/annotate", "/page", "/nif"):
        for headers in ({}, {"X-API-Key": "s3cre"}, {"X-API-Key": "s3cret0"}):
            assert asked.post(path, json={"text": "a"}, headers=headers).status_code == 401
    assert asked.post("/annotate", json={"text": "a"}, headers={"X-API-Key": "s3cret"}).status_code == 200
    assert asked.get("/healthz").status_code == 200
    assert "X-API-Key" in asked.get("/").text
    assert asked.get("/openapi.json").json()["components"]["securitySchemes"]["APIKeyHeader"]["name"] == "X-API-Key"


def test_other_pages_may_ask_only_when_they_are_named(client: Client) -> None:
    origin = "https://example.org"
    ask = {"Origin": origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    allowed = "access-control-allow-origin"
    closed, opened = client(), client(api_key="k", cors=(origin,))
    assert allowed not in closed.post("/annotate", json={"text": "a"}, headers=ask).headers
    assert closed.options("/annotate", headers=ask).status_code == 405
    assert opened.options("/annotate", headers=ask).headers[allowed] == origin
    assert allowed not in opened.options("/annotate", headers=ask | {"Origin": "https://example.net"}).headers
    refused = opened.post("/annotate", json={"text": "a"}, headers=ask)
    assert (refused.status_code, refused.headers[allowed]) == (401, origin)
