"""Make the pictures of the page: ``python -m docs.pictures``. Needs selenium, chromium and chromedriver."""

import base64
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.page import crowd, opened
from relik_ml import Relik
from relik_ml.view import descriptions, report, service_page

ROOT = Path(__file__).parent.parent
PICTURES = ROOT / "docs" / "pictures"
TAP = "document.getElementById('graph')._cyreg.cy.nodes().filter((n) => n.data('name').includes('Меркель')).emit('tap')"
FOCUS = "document.querySelectorAll('#text .first')[3].focus()"
WRONG = """document.querySelectorAll('#text .first')[3].click();
document.querySelector('#card [data-wrong]').click()"""
RUSSIAN = "document.getElementById('language').click()"
DESK, PHONE = (1200, 740), (390, 780)
SHOTS = {
    "page-fact": ("examples", "light", DESK, "#doc=muzyka&fact=2", ""),
    "page-card": ("examples", "light", DESK, "#doc=kosmos", FOCUS),
    "page-wrong": ("examples", "light", DESK, "#doc=kosmos", WRONG),
    "page-graph-dark": ("examples", "dark", DESK, "", TAP),
    "page-facts-dark": ("examples", "dark", DESK, "#doc=novosti&tab=facts", ""),
    "page-timeline": ("examples", "light", DESK, "#doc=kosmos&tab=timeline", ""),
    "page-crowd": ("crowd", "light", DESK, "", ""),
    "page-phone": ("examples", "light", PHONE, "#doc=kosmos&tab=text", ""),
    "page-phone-dark": ("examples", "dark", PHONE, "#doc=kosmos&tab=graph", ""),
    "serve-page": ("service", "light", (1200, 420), "", RUSSIAN),
}
"""For each picture the page, its colours, its size, the address within it, and a script that runs before."""


def main() -> None:
    """Write the pages and take the pictures, or those that are named."""
    paths = sorted(ROOT.glob("examples/ru/*.txt"))
    texts = [{"id": path.stem, "text": path.read_text(encoding="utf-8")} for path in paths]
    documents = list(Relik.from_pretrained().annotate(texts, candidates=5))
    examples = report(documents, title="examples", descriptions=descriptions(documents))
    pages = {"examples": examples, "crowd": report(crowd(50, 32), title="crowd"), "service": service_page()}
    browser = opened()
    with tempfile.TemporaryDirectory() as folder:
        for name, page in pages.items():
            (Path(folder) / f"{name}.html").write_text(page, encoding="utf-8")
        for name in sys.argv[1:] or SHOTS:
            page, theme, size, address, script = SHOTS[name]
            shape = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": size == PHONE}
            browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", shape)
            scheme = [{"name": "prefers-color-scheme", "value": theme}]
            browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": scheme})
            browser.get("about:blank")
            browser.get((Path(folder) / f"{page}.html").as_uri() + address)
            (PICTURES / f"{name}.webp").write_bytes(taken(browser, script))
    browser.quit()


def taken(browser: Any, script: str) -> bytes:
    """What the page shows after a script."""
    for each in ("", script):
        browser.execute_script(each)
        browser.execute_async_script("setTimeout(arguments[0], 2000)")
    found = browser.execute_cdp_cmd("Page.captureScreenshot", {"format": "webp", "quality": 75})
    return base64.b64decode(found["data"])


if __name__ == "__main__":
    main()
