"""The page as one HTML file with its style, script and data, and a policy that forbids loading anything else."""

import json
import re
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from hashlib import sha256
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

from relik_ml.index import PassageIndex
from relik_ml.types import Document
from relik_ml.view.drawing import drawing
from relik_ml.view.labels import labels

SCRIPTS = (
    "words", "elements", "state", "world", "tip", "text", "layout", "graph", "facts", "outline", "timeline", "card",
    "combobox", "search", "corrections", "fixing", "downloads", "address", "ask", "main",
)  # fmt: skip
"""The files of the script, in the order of their dependencies."""
LIBRARY = "cytoscape.min.js"
"""Cytoscape.js 3.34.4 (MIT), which draws the graph; see NOTICE."""

_PLACEHOLDER = re.compile(r"\{\{(\w+)\}\}")
_UNSAFE = re.compile("[<>&\u2028\u2029\ud800-\udfff\ufeff\ufdd0-\ufdef\ufffe\uffff\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class Service:
    """The service that the page sends texts to.

    The script posts ``{"text", "min_score"}``, and ``lang`` if one is chosen, to ``endpoint`` and expects the JSON of
    ``answer``. With ``key_header`` the page asks for a key and sends it in that header. ``characters`` is the maximum
    length of a text.
    """

    endpoint: str = "/annotate"
    languages: tuple[str, ...] = ("ru",)
    characters: int = 100_000
    key_header: str | None = None


def report(
    documents: Iterable[Document],
    *,
    title: str = "relik-ml",
    left_out: int = 0,
    descriptions: Mapping[str, str] | None = None,
) -> str:
    """A self-contained page of documents that makes no requests.

    The page shows ``left_out``, the number of documents that it does not contain, and on the cards of entities their
    ``descriptions`` by id.
    """
    data = {
        "documents": [drawing(document) for document in documents],
        "left_out": left_out,
        "descriptions": dict(descriptions or {}),
    }
    return _page(data, title, "'none'")


def service_page(service: Service = Service()) -> str:
    """The page of a service: no documents, but a form that posts to the server of the page."""
    return _page({"documents": [], "service": asdict(service)}, "relik-ml", "'self'")


def other_page(template: str, scripts: Sequence[str], styles: Sequence[str], data: Mapping[str, Any]) -> str:
    """Another page of the service, with the look and the graph of this one, that asks only the server of the page.

    ``template`` is HTML with the placeholders of ``page.html``; ``data`` is given to the ``scripts`` as JSON.
    """
    script, style = _wrapped(scripts), "\n".join(styles)
    return _assembled(template, script, style, {"labels": labels()} | dict(data), "relik-ml", "'self'")


def answer(documents: Iterable[Document], descriptions: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The response of a service to the page, ready for JSON."""
    return {"documents": [drawing(document) for document in documents], "descriptions": dict(descriptions or {})}


def descriptions(documents: Iterable[Document], index: PassageIndex | str | Path | None = None) -> dict[str, str]:
    """What an index says of the entities that documents link to, and of the candidates; by default the embedded index.

    ``index`` is one that is open, or a folder.
    """
    links = [mention.link for document in documents for mention in document.mentions]
    ids = {id for link in links for id in (link.id, *(each.id for each in link.candidates)) if id}
    if not ids:
        return {}
    if not isinstance(index, PassageIndex):
        from relik_ml.bundle import index_folder  # here, because the page alone needs no model

        index = _opened(index_folder(index))
    found = {id: index.entries[index.row(id)].text for id in sorted(ids) if id in index}
    return {id: text for id, text in found.items() if text}


class Frame(str):
    """HTML that a notebook renders."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        return self


@cache
def _opened(folder: Path) -> PassageIndex:
    """An index, kept: its first look-up takes a second, and a notebook shows many documents."""
    return PassageIndex.open(folder)


def show(document: Document, *, height: int = 560, index: PassageIndex | str | Path | None = None) -> Frame:
    """The page of a document for a notebook, in a sandboxed frame that cannot access the notebook.

    Cards describe entities from an ``index``, by default the embedded one.

    Example: ``show(relik("Анна Ахматова родилась в Одессе.", candidates=5))`` as the last line of a cell.
    """
    page = escape(report([document], title=document.id, descriptions=descriptions([document], index)))
    rights = "allow-scripts allow-downloads allow-popups"
    style = f"width:100%;height:{height}px;border:0;border-radius:8px"
    return Frame(f'<iframe title="relik-ml" sandbox="{rights}" srcdoc="{page}" style="{style}"></iframe>')


def _page(data: dict[str, Any], title: str, connect: str) -> str:
    data = {"service": None, "left_out": 0, "labels": labels()} | data
    return _assembled(asset("page.html"), _script(), asset("style.css"), data, title, connect)


def _assembled(template: str, script: str, style: str, data: Mapping[str, Any], title: str, connect: str) -> str:
    parts = {
        "policy": escape(_policy(script, style, connect)),
        "title": escape(title.encode("utf-8", "replace").decode().replace("\0", "\ufffd")),
        "style": style,
        "library": asset(LIBRARY),
        "script": script,
        "data": _embedded(data),
    }
    return _PLACEHOLDER.sub(lambda found: parts[found[1]], template)


def _policy(script: str, style: str, connect: str) -> str:
    """The Content-Security-Policy: the style and the scripts of the page, by digest, and requests to ``connect``."""
    library, script, style = map(_digest, (asset(LIBRARY), script, style))
    return (
        f"default-src 'none'; script-src '{library}' '{script}'; style-src '{style}'; img-src data:; "
        f"connect-src {connect}; base-uri 'none'; form-action 'none'"
    )


def _embedded(data: Any) -> str:
    r"""JSON for a script element, without characters that could start a tag.

    >>> _embedded("</script>\u2028")
    '"\\u003c/script\\u003e\\u2028"'
    """
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return _UNSAFE.sub(lambda char: f"\\u{ord(char[0]):04x}", text)


def _digest(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"


@cache
def _script() -> str:
    return _wrapped([asset(f"{name}.js") for name in SCRIPTS])


def _wrapped(scripts: Sequence[str]) -> str:
    parts = "\n".join(scripts)
    return f'"use strict";\n(() => {{\n{parts}}})();\n'


@cache
def asset(name: str) -> str:
    """A file of the page, such as ``graph.js``."""
    return (files("relik_ml.view") / "assets" / name).read_text(encoding="utf-8")
