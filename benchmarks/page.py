"""Time the page with many documents in a headless Chromium: ``python -m benchmarks.page``.

It prints the size of the page, when its text and its graph are there, and how long a frame takes while the graph or a
dot is dragged. Needs selenium, chromium and chromedriver.
"""

from __future__ import annotations

import argparse
import random
import shutil
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from relik_ml.types import Document, Link, Mention, Property, Span, Triple
from relik_ml.view import report

NAMES = ("Анна", "Борис", "Вера", "Глеб", "Дарья", "Егор", "Жанна", "Захар", "Инна", "Кирилл", "Лидия", "Марк", "Нина")
SURNAMES = (
    "Седых",
    "Долгих",
    "Черных",
    "Белых",
    "Гончаренко",
    "Шевчук",
    "Бондарь",
    "Ткач",
    "Коваль",
    "Мельник",
    "Швец",
)
TOWNS = ("Омск", "Тара", "Бийск", "Псков", "Тверь", "Ржев", "Клин", "Орёл", "Елец", "Ливны", "Курск", "Льгов", "Суджа")
RELATIONS = (("PLACE_OF_BIRTH", "P19"), ("PLACE_RESIDES_IN", "P551"), ("WORKPLACE", "P108"))
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--disable-quic", "--no-first-run")
SIZE = {"width": 1440, "height": 900, "deviceScaleFactor": 1, "mobile": False}

GRAPH = "document.getElementById('graph')._cyreg?.cy"
DRAG = """const [what, done] = arguments, graph = document.getElementById('graph')._cyreg.cy, frames = [];
const pane = graph.container().firstElementChild, box = pane.getBoundingClientRect();
const dot = graph.nodes().max((node) => node.degree()).ele;
const start = what === 'dot' ? dot.renderedPosition() : {x: 12, y: 12};
const place = () => JSON.stringify([graph.pan(), dot.position()]);
const fire = (type, step) => (type === 'mousedown' ? pane : window).dispatchEvent(new MouseEvent(type, {bubbles: true,
  cancelable: true, view: window, button: 0, buttons: 1,
  clientX: box.left + start.x + 4 * step, clientY: box.top + start.y + 2 * step}));
const before = place();
let last = performance.now();
fire('mousedown', 0);
requestAnimationFrame(function step(now) {
  frames.push(now - last);
  last = now;
  fire('mousemove', frames.length);
  if (frames.length < 60) return requestAnimationFrame(step);
  fire('mouseup', frames.length);
  done(before === place() ? null : frames.slice(1));
});"""


def crowd(count: int, facts: int, seed: int = 0) -> list[Document]:
    """``count`` documents with ``facts`` facts each about people and towns; three of ten people are in several."""
    dice = random.Random(seed)
    return [_document(number, facts, dice) for number in range(1, count + 1)]


def _document(number: int, facts: int, dice: random.Random) -> Document:
    text, mentions, triples = "", [], []
    for index in range(facts):
        person = dice.randrange(400) if dice.random() < 0.3 else 1000 * number + index
        name = f"{NAMES[person % len(NAMES)]} {SURNAMES[person // 7 % len(SURNAMES)]}"
        town = f"{dice.choice(TOWNS)}-{dice.randrange(60)}"
        relation, property = dice.choice(RELATIONS)
        start, sentence = len(text), f"{name} из города {town}. "
        home = start + sentence.index(town)
        link = Link("linked", f"Q{person + 1}", name, score=0.9)
        mentions.append(Mention(f"T{2 * index}", start, start + len(name), "PERSON", link=link, score=0.9))
        mentions.append(Mention(f"T{2 * index + 1}", home, home + len(town), "CITY", link=Link("nil"), score=0.8))
        evidence = (Span(start, start + len(sentence) - 1),)
        triples.append(Triple(f"T{2 * index}", relation, f"T{2 * index + 1}", Property(property), evidence, 0.7))
        text += sentence + "\n" * (index % 4 == 3)
    return Document(f"документ-{number}", text, "ru", tuple(mentions), (), tuple(triples))


def opened() -> Any:
    """A Chromium without a window."""
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    for flag in FLAGS:
        options.add_argument(flag)
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", SIZE)
    return browser


def timed(browser: Any, page: Path) -> tuple[float, float]:
    """Milliseconds until the text is painted and until the graph is."""
    browser.get("about:blank")
    browser.get(page.as_uri())
    while not browser.execute_script(f"return {GRAPH}?.nodes().length > 0"):
        time.sleep(0.02)
    graph = browser.execute_async_script("requestAnimationFrame(() => arguments[0](performance.now()))")
    paint = browser.execute_script("return performance.getEntriesByName('first-contentful-paint')[0].startTime")
    return float(paint), float(graph)


def main() -> None:
    """Write a page of a crowd, open it several times, and drag."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=50)
    parser.add_argument("--facts", type=int, default=32, help="facts of a document")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    browser = opened()
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "crowd.html"
        began = time.perf_counter()
        page.write_text(report(crowd(given.documents, given.facts)), encoding="utf-8")
        print(f"page: {page.stat().st_size / 1e6:.1f} MB in {time.perf_counter() - began:.1f} s")
        paints, graphs = zip(*(timed(browser, page) for _ in range(given.rounds)), strict=True)
        print("nodes, edges:", browser.execute_script(f"return [{GRAPH}.nodes().length, {GRAPH}.edges().length]"))
        print(f"first paint, with the text: {median(paints):.0f} ms; the graph: {median(graphs):.0f} ms")
        time.sleep(2)
        for what in ("graph", "dot"):
            frames = sorted(browser.execute_async_script(DRAG, what))
            late = frames[int(len(frames) * 0.95)]
            print(f"drag the {what}: median {median(frames):.0f} ms a frame, 95 % {late:.0f} ms")
    browser.quit()


if __name__ == "__main__":
    main()
