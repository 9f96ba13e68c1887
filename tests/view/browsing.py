"""Documents for the tests of the page, and what they do with it in a browser."""

import base64
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from relik_ml.types import Document, Link, LinkCandidate, Mention, Property, Span, Triple

TEXT = (
    "🚀 Анна Ахматова родилась в Одессе 👩‍🚀. Гага\u0301рин и Титов летали.\nЕё сын Лев жил в Ленинградском общежитии."
)


def span(part: str) -> tuple[int, int]:
    start = TEXT.index(part)
    return start, start + len(part)


def example() -> Document:
    """Nested, crossing and discontinuous mentions, a pair of facts, emoji and a combining accent."""
    torn = (Span(*span("Гага\u0301рин")), Span(*span("летали")))
    odessas = (LinkCandidate("Q1874", "Одесса", 0.6), LinkCandidate("Q128361", "Одесса", 0.2))
    mentions = (
        Mention("T1", *span("Анна Ахматова"), "PERSON", link=Link("linked", "Q80440", "Анна Ахматова"), score=0.99),
        Mention("T2", *span("Одессе"), "CITY", link=Link("linked", "Q1874", "Одесса", candidates=odessas), score=0.4),
        Mention("T3", torn[0].start, torn[1].stop, "WORK_OF_ART", torn),
        Mention("T4", *span("рин и Титов"), "PERSON", link=Link("nil")),
        Mention("T5", *span("Лев"), "PERSON", link=Link("nil"), score=0.8),
        Mention("T6", *span("Ленинградском общежитии"), "ORGANIZATION"),
        Mention("T7", *span("Ленинградском"), "CITY", link=Link("linked", "Q656", "Санкт-Петербург"), score=0.9),
    )
    facts = (
        Triple("T1", "PLACE_OF_BIRTH", "T2", Property("P19"), (Span(0, TEXT.index(". ") + 1),), 0.96),
        Triple("T5", "PLACE_RESIDES_IN", "T6", Property("P551"), (Span(TEXT.index("Её"), len(TEXT)),), 0.3),
        Triple("T5", "PARENT_OF", "T1", Property("P40", inverse=True), (Span(TEXT.index("Её"), len(TEXT)),), 0.7),
    )
    return Document("example", TEXT, "ru", mentions, (), facts)


DESCRIBED = {"Q80440": "русская поэтесса", "Q128361": "город в Техасе"}
PLACED = """document.getElementById('main').dataset.tab === 'text'
    || !document.getElementById('graph-hint').textContent.endsWith('…')"""


def graph(browser: Any, script: str, *values: Any) -> Any:
    """What a script says about ``g``, the graph as Cytoscape holds it."""
    return browser.execute_script(f"const g = document.getElementById('graph')._cyreg.cy; {script}", *values)


def names(browser: Any, selector: str = "node") -> list[str]:
    found = "return g.elements(arguments[0]).not('.gone').map((each) => each.data('name')).sort()"
    return [str(name) for name in graph(browser, found, selector)]


def tap(browser: Any, name: str) -> None:
    graph(browser, "g.elements().filter((each) => each.data('name') === arguments[0]).first().emit('tap')", name)


def one(browser: Any, selector: str) -> Any:
    return browser.find_element("css selector", selector)


def text_of(browser: Any, selector: str) -> str:
    """All text of what a selector finds, exactly."""
    script = "return Array.from(document.querySelectorAll(arguments[0]), (each) => each.textContent).join('')"
    return str(browser.execute_script(script, selector))


def wait(browser: Any, condition: str) -> None:
    for _ in range(100):
        if browser.execute_script(f"return Boolean({condition})"):
            return
        time.sleep(0.05)
    notices = [each.text for each in browser.find_elements("css selector", "#notice")]
    raise AssertionError(f"never came true: {condition}; notice: {notices}")


def saved_bytes(browser: Any, button: str) -> bytes:
    """What a button would save: the blob is read in place of being downloaded."""
    script = """const [button, done] = arguments, reader = new FileReader();
    reader.onload = () => done(reader.result.split(",")[1]);
    URL.createObjectURL = (blob) => { reader.readAsDataURL(blob); return "#"; };
    document.getElementById(button).click();"""
    return base64.b64decode(browser.execute_async_script(script, button))


def saved(browser: Any, button: str) -> str:
    return saved_bytes(browser, button).decode("utf-8")


def crowd(count: int) -> list[Document]:
    """Documents that name one linked person, one person who is not in the index, and a town each."""
    return [_meeting(number) for number in range(count)]


def _meeting(number: int) -> Document:
    text = f"Анна Ахматова и Марк Седых{'ов' if number % 2 else ''} были в городе Тара-{number}."
    found = []
    ends = (("Анна Ахматова", "PERSON"), (text[16 : text.index(" были")], "PERSON"), (f"Тара-{number}", "CITY"))
    for index, (name, kind) in enumerate(ends):
        start = text.index(name)
        link = Link("linked", "Q80440", "Анна Ахматова") if index == 0 else Link("nil")
        found.append(Mention(f"T{index}", start, start + len(name), kind, link=link, score=0.9))
    facts = [Triple("T0", "SPOUSE", "T1", None, (Span(0, len(text)),), 0.5)]
    facts += [Triple(f"T{index}", "PLACE_RESIDES_IN", "T2", None, (Span(0, len(text)),), 0.9) for index in (0, 1)]
    return Document(f"встреча {number}", text, "ru", tuple(found), (), tuple(facts))


def flight() -> Document:
    """An event with its date, a date of birth, and a fact between two dates."""
    text = "12 апреля 1961 года Гагарин взлетел. Гагарин родился 9 марта 1934 года. Отряд собрали в 1960 году."
    places = {"T1": ("Гагарин", "PERSON"), "T2": ("взлетел", "EVENT"), "T3": ("12 апреля 1961 года", "DATE"),
              "T4": ("9 марта 1934 года", "DATE"), "T5": ("в 1960 году", "DATE")}  # fmt: skip
    found = {id: (text.index(name), name, kind) for id, (name, kind) in places.items()}
    links = {"DATE": Link("unlinkable")}
    mentions = tuple(
        Mention(id, start, start + len(name), kind, link=links.get(kind, Link()))
        for id, (start, name, kind) in found.items()
    )
    ends = [at + 1 for at, char in enumerate(text) if char == "."]
    first, second, third = (
        Span(start, stop) for start, stop in zip([0, *(end + 1 for end in ends)], ends, strict=False)
    )
    facts = (
        Triple("T2", "POINT_IN_TIME", "T3", None, (first,)), Triple("T1", "PARTICIPANT_IN", "T2", None, (first,)),
        Triple("T1", "DATE_OF_BIRTH", "T4", None, (second,)), Triple("T4", "START_TIME", "T5", None, (third,)),
    )  # fmt: skip
    return Document("flight", text, "ru", mentions, (), facts)


@contextmanager
def served(app: Any) -> Iterator[str]:
    """The address of an app while it is served."""
    import uvicorn

    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until = time.monotonic() + 20
    while not server.started:
        assert time.monotonic() < until
        time.sleep(0.02)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(20)
