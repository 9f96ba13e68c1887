"""axe-core (https://github.com/dequelabs/axe-core) finds no serious fault. It is fetched for the test: set AXE_CORE."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.view.browsing import crowd, example, tap

RUN = """const done = arguments[0];
axe.run(document).then(({violations}) => done(violations.map(({id, impact, nodes}) => [impact, id, nodes[0].html])));"""
TABS = ("text", "graph", "facts", "timeline", "map")


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_nothing_bars_anybody_from_the_page(show: Callable[..., Any], width: int, theme: str) -> None:
    if not (axe := os.environ.get("AXE_CORE")):
        pytest.skip("accessibility: set AXE_CORE to axe.min.js of the npm package axe-core")
    browser = show(example(), *crowd(3), width=width)
    browser.execute_script("document.documentElement.dataset.theme = arguments[0]", theme)
    browser.execute_script(Path(axe).read_text(encoding="utf-8"))
    browser.execute_script("document.getElementById('filter-button').click()")
    found = set()
    for tab in TABS:
        browser.execute_script("document.getElementById(`tab-${arguments[0]}`).click()", tab)
        if tab == "graph":
            tap(browser, "Одесса")
            browser.execute_script("document.querySelector('#card [data-wrong]').click()")
        found |= {tuple(each) for each in browser.execute_async_script(RUN)}
    assert not [each for each in found if each[0] in ("serious", "critical")]
