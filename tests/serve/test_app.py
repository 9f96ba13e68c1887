from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from time import monotonic, sleep

import pytest

from relik_ml.data import check, document_from_json
from relik_ml.serve.settings import Access, Limits
from tests.serve.conftest import Client
from tests.serve.fake import POISON, Fake

TEXT = "🚀 Она родилась в Одессе."


def wait_until(true: object) -> None:
    """Wait for something another thread does."""
    end = monotonic() + 10
    while not true():  # type: ignore[operator]
        assert monotonic() < end, "it never came true"
        sleep(0.005)


def counted(client: object, name: str) -> float:
    """The sum of the samples of one name in /metrics."""
    lines = client.get("/metrics").text.splitlines()  # type: ignore[attr-defined]
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))


# Answers


def test_a_text_comes_back_as_a_document(client: Client) -> None:
    answer = client().post("/annotate", json={"text": TEXT, "id": "a"})
    assert answer.status_code == 200
    (record,) = answer.json()["documents"]
    document = document_from_json(record, "answer")
    assert check(document) == []
    assert (document.id, document.text, document.lang) == ("a", TEXT, "ru")
    assert [document.surface(mention) for mention in document.mentions] == ["Одессе"]


def test_several_texts_come_back_in_order(client: Client) -> None:
    texts = [{"text": f"текст {n}"} for n in range(5)] + [{"id": "last", "text": "end", "lang": "en"}]
    found = client().post("/annotate", json={"texts": texts}).json()["documents"]
    assert [each["text"] for each in found] == [each["text"] for each in texts]
    assert [each["id"] for each in found] == ["text-1", "text-2", "text-3", "text-4", "text-5", "last"]


def test_offsets_in_utf16_on_request(client: Client) -> None:
    asked = client()
    points, units = (
        asked.post("/annotate", json={"text": TEXT, "offsets": offsets}).json()["documents"][0]
        for offsets in ("code-points", "utf-16")
    )
    assert units["offsets"] == "utf-16"
    assert units["mentions"][0]["start"] == points["mentions"][0]["start"] + 1
    assert "offsets" not in points


def test_what_the_model_is_less_sure_of_is_left_out(client: Client) -> None:
    asked = client()
    found = [
        asked.post("/annotate", json={"text": TEXT, "min_score": score}).json()["documents"][0]["mentions"]
        for score in (0.9, 0.91)
    ]
    assert [len(each) for each in found] == [1, 0]


def test_half_a_surrogate_pair_survives(client: Client) -> None:
    data = json.dumps({"text": "a\ud800 Одесса"}).encode()
    for path in ("/annotate", "/page"):
        answer = client().post(path, content=data, headers={"Content-Type": "application/json"})
        assert (answer.status_code, b"a\\ud800" in answer.content) == (200, True)


def test_the_page_and_what_it_asks(client: Client) -> None:
    asked = client()
    page = asked.get("/")
    assert page.headers["content-type"].startswith("text/html")
    assert "/page" in page.text
    drawn = asked.post("/page", json={"text": TEXT, "lang": "ru", "min_score": 0.0}).json()
    assert [view["document"]["text"] for view in drawn["documents"]] == [TEXT]


def test_health_readiness_and_counts(client: Client) -> None:
    asked = client()
    assert asked.get("/healthz").json()["status"] == "ok"
    assert asked.get("/readyz").json()["status"] == "ready"
    asked.post("/annotate", json={"text": TEXT})
    assert counted(asked, "relik_texts_total") == 1
    assert counted(asked, "relik_characters_total") == len(TEXT)
    assert counted(asked, 'relik_requests_total{path="/annotate",status="200"}') == 1
    asked.get("/no/such/path")
    assert counted(asked, 'relik_requests_total{path="other",status="404"}') == 1


def test_openapi_says_what_is_taken(client: Client) -> None:
    described = client(Limits(characters=77, texts=3)).get("/openapi.json").json()
    parts = described["components"]["schemas"]
    assert parts["One"]["properties"]["text"]["maxLength"] == 77
    assert parts["Many"]["properties"]["texts"]["maxItems"] == 3
    assert parts["Text"]["properties"]["lang"]["enum"] == ["ru", "en"]
    assert parts["One"]["examples"]
    assert set(described["paths"]) == {"/", "/annotate", "/nif", "/healthz", "/readyz", "/metrics"}


# Refusals


@pytest.mark.parametrize(
    ("body", "got"),
    [
        ({}, "text"),
        ({"text": 5}, "text"),
        ({"text": "a", "more": 1}, "more"),
        ({"text": "a", "texts": [{"text": "b"}]}, "text"),
        ({"texts": []}, "texts"),
        ({"texts": [{"text": "a"}] * 5}, "5 texts"),
        ({"text": "a", "lang": "tlh"}, "tlh"),
        ({"text": "a", "lang": "\ud800"}, ""),
        ({"text": "a", "min_score": 2}, "min_score"),
        ({"text": "a", "min_score": True}, "min_score"),
        ({"text": "a", "offsets": "bytes"}, "offsets"),
        ({"text": "a" * 101}, "101 characters"),
        ([], ""),
        ("text", ""),
    ],
)
def test_wrong_requests_are_told_what_is_wrong(client: Client, body: object, got: str) -> None:
    data = json.dumps(body).encode()
    asked = client(Limits(characters=100, texts=4))
    answer = asked.post("/annotate", content=data, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    refusal = answer.json()
    assert set(refusal) == {"detail", "what", "got", "fix"}
    assert got in refusal["got"]
    assert refusal["what"] in refusal["detail"]


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b'{"text": NaN}', b"[" * 100_000])
def test_what_is_no_json_is_refused(client: Client, body: bytes) -> None:
    answer = client().post("/annotate", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422)
    assert set(answer.json()) == {"detail", "what", "got", "fix"}


@pytest.mark.parametrize("path", ["/annotate", "/page"])
def test_json_that_is_sent_as_something_else_is_told_how_to_be_sent(client: Client, path: str) -> None:
    asked = client()
    for kind in ("application/x-www-form-urlencoded", "text/json", ""):
        answer = asked.post(path, content=b'{"text": "a"}', headers={"Content-Type": kind})
        assert (answer.status_code, answer.json()["fix"]) == (415, "send the header Content-Type: application/json")
    as_json = {"Content-Type": "application/json; charset=utf-8"}
    assert asked.post(path, content=b'{"text": "a"}', headers=as_json).status_code == 200


def test_unknown_paths_and_methods_are_json_too(client: Client) -> None:
    asked = client()
    assert (asked.get("/docs").status_code, asked.get("/nothing").json()["what"]) == (404, "Not Found")
    wrong = asked.get("/annotate")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "POST")
    assert wrong.json()["fix"]


def test_a_body_that_says_it_is_too_large_is_refused(client: Client) -> None:
    answer = client(Limits(body=1000)).post("/annotate", content=b" " * 1001)
    assert (answer.status_code, answer.json()["got"]) == (413, "1,001 bytes")
    assert answer.headers["connection"] == "close"


def test_a_failure_of_the_model_is_the_failure_of_one_request(client: Client, fake: Fake) -> None:
    fake.free.clear()
    asked = client()
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(asked.post, "/annotate", json={"text": "первый"})
        assert fake.started.wait(10)
        rest = [pool.submit(asked.post, "/annotate", json={"text": text}) for text in ("второй", POISON, "третий")]
        wait_until(lambda: counted(asked, "relik_waiting_texts") == 3)
        fake.free.set()
        statuses = [first.result().status_code, *(each.result().status_code for each in rest)]
    assert statuses == [200, 200, 500, 200]
    assert asked.get("/readyz").status_code == 200


# Waiting


def test_requests_are_joined_for_the_model(client: Client, fake: Fake) -> None:
    fake.free.clear()
    asked = client(Limits(together=4))
    with ThreadPoolExecutor(7) as pool:
        first = pool.submit(asked.post, "/annotate", json={"text": "0"})
        assert fake.started.wait(10)
        rest = [pool.submit(asked.post, "/annotate", json={"text": str(n)}) for n in range(1, 7)]
        wait_until(lambda: counted(asked, "relik_waiting_texts") == 6)
        fake.free.set()
        texts = [each.result().json()["documents"][0]["text"] for each in (first, *rest)]
    assert texts == list("0123456")
    assert [len(batch) for batch in fake.batches] == [1, 4, 2]


def test_a_full_queue_says_when_to_come_again(client: Client, fake: Fake) -> None:
    fake.free.clear()
    asked = client(Limits(queue=2, texts=2))
    with ThreadPoolExecutor(3) as pool:
        held = [pool.submit(asked.post, "/annotate", json={"text": "a"})]
        assert fake.started.wait(10)
        held += [pool.submit(asked.post, "/annotate", json={"text": "b"}) for _ in range(2)]
        wait_until(lambda: counted(asked, "relik_waiting_texts") == 2)
        refused = asked.post("/annotate", json={"text": "c"})
        fake.free.set()
        assert [each.result().status_code for each in held] == [200, 200, 200]
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert refused.json()["fix"]
    assert asked.post("/annotate", json={"text": "c"}).status_code == 200


def test_nobody_waits_longer_than_the_limit(client: Client, fake: Fake) -> None:
    fake.free.clear()
    asked = client(Limits(seconds=0.1))
    late = asked.post("/annotate", json={"text": "a"})
    assert late.status_code == 504
    assert "0.1 s" in late.json()["got"]
    fake.free.set()
    wait_until(lambda: asked.post("/annotate", json={"text": "b"}).status_code == 200)
    assert all("a" not in batch for batch in fake.batches), "what nobody waits for is not read"


def test_the_event_loop_is_free_while_the_model_reads(client: Client, fake: Fake) -> None:
    fake.free.clear()
    asked = client()
    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(asked.post, "/annotate", json={"text": "a"})
        assert fake.started.wait(10)
        assert asked.get("/healthz").status_code == 200
        fake.free.set()
        assert held.result().status_code == 200


def test_closing_finishes_what_was_taken_and_refuses_what_comes(client: Client, fake: Fake) -> None:
    fake.free.clear()
    asked = client()
    batcher = asked.app.state.batcher  # type: ignore[attr-defined]
    closed = Event()
    with ThreadPoolExecutor(2) as pool:
        held = pool.submit(asked.post, "/annotate", json={"text": "a"})
        assert fake.started.wait(10)
        batcher.close()
        refused = asked.post("/annotate", json={"text": "b"})
        ready = asked.get("/readyz")
        assert asked.get("/healthz").status_code == 200
        pool.submit(lambda: (batcher.join(), closed.set()))
        assert not closed.wait(0.05)
        fake.free.set()
        assert held.result().status_code == 200
        assert closed.wait(10)
    assert (refused.status_code, ready.status_code) == (503, 503)
    assert refused.headers["retry-after"]


# Access


def test_the_key_is_asked_of_all_that_is_posted(client: Client) -> None:
    asked = client(access=Access(key="s3cret"))
    body = {"text": "a"}
    for path in ("/annotate", "/page", "/nif"):
        for headers in ({}, {"X-API-Key": "s3cre"}, {"X-API-Key": "s3cret0"}):
            answer = asked.post(path, json=body, headers=headers)
            assert (answer.status_code, answer.json()["what"]) == (401, "the API key is missing or wrong")
    assert asked.post("/annotate", json=body, headers={"X-API-Key": "s3cret"}).status_code == 200
    assert asked.get("/healthz").status_code == 200
    assert "X-API-Key" in asked.get("/").text
    assert asked.get("/openapi.json").json()["components"]["securitySchemes"]["APIKeyHeader"]["name"] == "X-API-Key"


def test_a_wrong_key_is_refused_before_the_body_is_read(client: Client) -> None:
    asked = client(Limits(body=10), Access(key="s3cret"))
    assert asked.post("/annotate", content=b" " * 1000).status_code == 401


def test_other_pages_may_ask_only_when_they_are_named(client: Client) -> None:
    origin = "https://example.org"
    ask = {"Origin": origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    closed, opened = client(), client(access=Access(key="k", origins=(origin,)))
    assert "access-control-allow-origin" not in closed.post("/annotate", json={"text": "a"}, headers=ask).headers
    assert closed.options("/annotate", headers=ask).status_code == 405
    assert opened.options("/annotate", headers=ask).headers["access-control-allow-origin"] == origin
    other = opened.options("/annotate", headers=ask | {"Origin": "https://example.net"})
    assert "access-control-allow-origin" not in other.headers
    refused = opened.post("/annotate", json={"text": "a"}, headers=ask)
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, origin)
