"""The page with a service behind it: what is pasted or dropped is sent, and what stands in the way is said."""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from relik_ml.view import Service, answer, service_page
from tests.view.browsing import TEXT, example, one, text_of, wait

pytest.importorskip("selenium", reason="the page in a browser: selenium is not installed")
from selenium.webdriver.common.keys import Keys

PHONE = {"width": 390, "height": 780, "deviceScaleFactor": 1, "mobile": True}


class Server(ThreadingHTTPServer):
    """A service that gives the page and answers as it is told to."""

    daemon_threads = True
    status = 200
    answer: dict[str, Any] = {}  # noqa: RUF012
    asked: list[Any] = []  # noqa: RUF012
    delay = 0.0
    gone = False


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        page = service_page(Service(characters=200, key_header="X-API-Key"))
        self.give(page.encode(), "text/html; charset=utf-8", 200)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.gone:  # a connection that the browser opened ahead, which closing the server leaves open
            return
        self.server.asked.append((json.loads(body), self.headers["X-API-Key"]))
        time.sleep(self.server.delay)
        self.give(json.dumps(self.server.answer).encode(), "application/json", self.server.status)

    def give(self, body: bytes, kind: str, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def served(browser: Any) -> Iterator[tuple[Any, Server]]:
    server = Server(("127.0.0.1", 0), Handler)
    server.asked = []
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    size = {"width": 1360, "height": 860, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.get(f"http://127.0.0.1:{server.server_address[1]}/")
    yield browser, server
    server.shutdown()
    server.server_close()
    thread.join()
    browser.get("about:blank")
    browser.get_log("browser")


def fill_in(browser: Any, text: str) -> None:
    browser.execute_script("document.getElementById('ask-text').value = arguments[0]", text)
    one(browser, "#ask-send").click()


def test_a_pasted_text_is_sent_and_shown(served: tuple[Any, Server]) -> None:
    browser, server = served
    server.answer = answer([example()])
    server.delay = 0.3
    one(browser, "#ask-key").send_keys("key")
    browser.execute_script("document.getElementById('ask-score').value = 0.25")
    fill_in(browser, TEXT)
    one(browser, "#ask-text").send_keys(Keys.CONTROL, Keys.ENTER)  # sent once while it is read
    wait(browser, "document.querySelector('#notice.busy') && document.getElementById('ask-send').disabled")
    wait(browser, "document.getElementById('graph')._cyreg")
    assert text_of(browser, "#text") == TEXT
    assert server.asked == [({"text": TEXT, "min_score": 0.25}, "key")]
    assert not one(browser, "#notice").is_displayed()


def test_what_goes_wrong_is_said(served: tuple[Any, Server]) -> None:
    browser, server = served
    fill_in(browser, "  ")
    assert one(browser, "#notice").get_attribute("role") == "alert"
    fill_in(browser, "а" * 201)
    assert "201" in one(browser, "#notice").text
    assert server.asked == []
    server.status, server.answer = 429, {"detail": "<b>busy</b>"}
    fill_in(browser, "Анна")
    wait(browser, "document.querySelector('#notice').textContent.includes('429 <b>busy</b>')")
    server.gone = True
    server.shutdown()
    server.server_close()
    fill_in(browser, "Анна")
    wait(browser, "/не отвечает|does not answer/.test(document.querySelector('#notice').textContent)")
    assert one(browser, "#ask-send").is_enabled()


DROP = """const files = new DataTransfer();
files.items.add(new File([new Uint8Array(arguments[0])], arguments[1]));
document.dispatchEvent(new DragEvent("drop", {dataTransfer: files, cancelable: true, bubbles: true}));"""


def test_a_dropped_file_is_read(served: tuple[Any, Server]) -> None:
    browser, _ = served
    browser.execute_script(DROP, list("Анна 🚀".encode()), "a.txt")
    wait(browser, "document.getElementById('ask-text').value === 'Анна 🚀'")


@pytest.mark.parametrize(("name", "content", "said"), [
    ("a.txt", "Анна".encode("cp1251"), "UTF-8"),
    ("a.txt", b" \n", "Paste a text|Сначала вставьте"),
    ("a.txt", b"a" * 201, "201"),
    ("a.txt", b"a" * 900, "900"),
    ("out.jsonl", b"{" * 900, "relik-ml view"),
    ("out.txt", b'{"schema": "relik-ml/1", "id": "a"}\n', "relik-ml view"),
])  # fmt: skip
def test_a_file_that_cannot_be_sent_is_refused_at_once(
    served: tuple[Any, Server], name: str, content: bytes, said: str
) -> None:
    browser, server = served
    browser.execute_script("document.getElementById('ask-text').value = 'до этого'")
    browser.execute_script(DROP, list(content), name)
    wait(browser, f"/{said}/.test(document.querySelector('#notice.error')?.textContent)")
    kept = "до этого" if len(content) != 201 else content.decode()  # what is only a little too long can be cut there
    assert browser.execute_script("return document.getElementById('ask-text').value") == kept
    assert server.asked == []


def test_on_a_phone_the_form_and_the_filters_leave_room(served: tuple[Any, Server]) -> None:
    browser, server = served
    server.answer = answer([example()])
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", PHONE)
    browser.refresh()
    fill_in(browser, TEXT)
    wait(browser, "document.querySelector('#text .first') && scrollY > 0")
    assert one(browser, "#text .first").is_displayed()
    browser.execute_script("document.getElementById('filter-button').click()")
    assert browser.execute_script("return document.getElementById('text-pane').clientHeight") > 400
    assert browser.execute_script("return document.documentElement.scrollWidth") <= PHONE["width"]


def test_an_example_is_one_click(served: tuple[Any, Server]) -> None:
    browser, server = served
    server.answer = answer([example()])
    browser.execute_script("document.querySelector('#examples button').click()")
    wait(browser, "document.querySelector('#notice.error')")  # this service takes 200 characters
    assert "Гагарин" in browser.execute_script("return document.getElementById('ask-text').value")
