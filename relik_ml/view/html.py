"""The page as one HTML file: style, script and data inside, and a policy that lets nothing in from elsewhere."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from hashlib import sha256
from html import escape
from importlib.resources import files
from typing import Any

from relik_ml.types import Document
from relik_ml.view.labels import labels
from relik_ml.view.view import view

SCRIPTS = (
    "words", "elements", "state", "text", "canvas", "graph", "mindmap", "facts", "card", "downloads", "ask", "main",
)  # fmt: skip
"""The parts of the script, each a file, in the order in which they need each other."""

_PLACE = re.compile(r"\{\{(\w+)\}\}")
_UNSAFE = re.compile("[<>&\u2028\u2029\ud800-\udfff\ufeff\ufdd0-\ufdef\ufffe\uffff\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class Service:
    """Where the page sends texts, if a service is behind it.

    The script posts ``{"text", "lang", "min_score"}`` to ``endpoint`` and expects what ``answer`` gives. With
    ``key_header`` it asks for a key and sends it under that name. ``characters`` is the longest text taken.
    """

    endpoint: str = "/annotate"
    languages: tuple[str, ...] = ("ru",)
    characters: int = 100_000
    key_header: str | None = None


def report(documents: Iterable[Document], *, title: str = "relik-ml", left_out: int = 0) -> str:
    """A self-contained page of documents that asks nothing of any machine.

    ``left_out`` is how many documents there are that the page does not hold; it says so.
    """
    return _page({"documents": [view(document) for document in documents], "left_out": left_out}, title, "'none'")


def service_page(service: Service = Service()) -> str:
    """The page of a service: without documents, and with a form that posts to the server that it came from."""
    return _page({"documents": [], "service": asdict(service)}, "relik-ml", "'self'")


def answer(documents: Iterable[Document]) -> dict[str, Any]:
    """What a service answers to the page, ready for JSON."""
    return {"documents": [view(document) for document in documents]}


def frame(document: Document, *, height: int = 560) -> str:
    """The page of one document for a notebook: in a frame of its own, so that neither can reach into the other."""
    held = escape(report([document], title=document.id))
    rights = "allow-scripts allow-downloads allow-popups"
    style = f"width:100%;height:{height}px;border:0;border-radius:8px"
    return f'<iframe title="relik-ml" sandbox="{rights}" srcdoc="{held}" style="{style}"></iframe>'


def policy(connect: str) -> str:
    """The Content-Security-Policy: our own style and script by their digests, requests to ``connect`` alone."""
    return (
        f"default-src 'none'; script-src '{_digest(_script())}'; style-src '{_digest(_style())}'; img-src data:; "
        f"connect-src {connect}; base-uri 'none'; form-action 'none'"
    )


def embedded(data: Any) -> str:
    r"""JSON that may stand in a script element: no tag can begin in it, and every character survives.

    >>> embedded("</script>\u2028")
    '"\\u003c/script\\u003e\\u2028"'
    """
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return _UNSAFE.sub(lambda char: f"\\u{ord(char[0]):04x}", text)


def _page(data: Mapping[str, Any], title: str, connect: str) -> str:
    held = {"service": None, "left_out": 0, "labels": labels()} | dict(data)
    shown = title.encode("utf-8", "replace").decode().replace("\0", "\ufffd")
    parts = {
        "policy": escape(policy(connect)),
        "title": escape(shown),
        "style": _style(),
        "script": _script(),
        "data": embedded(held),
    }
    return _PLACE.sub(lambda place: parts[place[1]], _asset("page.html"))


def _digest(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"


@cache
def _style() -> str:
    return _asset("style.css")


@cache
def _script() -> str:
    parts = "\n".join(_asset(f"{name}.js") for name in SCRIPTS)
    return f'"use strict";\n(() => {{\n{parts}}})();\n'


def _asset(name: str) -> str:
    return (files("relik_ml.view") / "assets" / name).read_text(encoding="utf-8")
