"""A real Chromium without a window. Skips, saying so, where there is no Chromium or no selenium."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from relik_ml.types import Document
from relik_ml.view import report
from tests.view.browsing import DESCRIBED, PLACED, wait


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    webdriver = pytest.importorskip("selenium.webdriver", reason="the page in a browser: selenium is not installed")
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    driver = shutil.which("chromedriver")
    if not (chromium and driver):
        pytest.skip("the page in a browser: no chromium and chromedriver")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    started = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield started
    started.quit()


@pytest.fixture
def show(browser: Any, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Opens a page of documents; at the end nothing may have gone wrong in it, nor been asked of any machine."""

    def opened(*documents: Document, width: int = 1360, height: int = 860, address: str = "") -> Any:
        path = tmp_path / "report.html"
        path.write_text(report(documents, descriptions=DESCRIBED), encoding="utf-8", newline="\n")
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 700}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        browser.get("about:blank")
        browser.get(path.as_uri() + address)
        if documents:
            wait(browser, PLACED)
        return browser

    yield opened
    assert browser.execute_script("return performance.getEntriesByType('resource').map((each) => each.name)") == []
    assert browser.execute_script("return window.hacked") is None
    assert [entry["message"] for entry in browser.get_log("browser")] == []
