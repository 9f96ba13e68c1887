"""What a service says of itself: its OpenAPI document, with limits and true examples, and the page that shows it.

The page is Swagger UI, whose files are those of the package fastapi-offline. It loads nothing from other machines.
"""

from collections.abc import Iterable, Iterator, Sequence
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import fastapi_offline
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

from relik_ml import __version__
from relik_ml.data import document_to_json, json_bytes, read_documents
from relik_ml.export.iris import NIF
from relik_ml.export.rdf import TURTLE, write_nif
from relik_ml.serve.middleware import SHAPE, Problem, ServiceConfig
from relik_ml.serve.text_stream import NDJSON

DOCS = "/docs"
DOCS_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}

_ASSETS = Path(__file__).with_name("assets")


def docs_page() -> str:
    """The page of the API."""
    return (_ASSETS / "docs.html").read_text(encoding="utf-8")


def docs_files() -> StaticFiles:
    """The files that the page loads."""
    return StaticFiles(directory=_ASSETS, packages=[(fastapi_offline.__name__, "static")])


def text_in_and_out(kind: str) -> dict[str, Any]:
    """The arguments of a route that takes and returns text of this media type."""
    content = {kind: {"schema": {"type": "string"}}}
    return {
        "openapi_extra": {"requestBody": {"required": True, "content": deepcopy(content)}},
        "responses": {200: {"content": content}},
        "response_class": Response,
    }


def described(schema: dict[str, Any], config: ServiceConfig, languages: Sequence[str]) -> dict[str, Any]:
    """Add the limits and languages of this service to its OpenAPI document, and examples."""
    parts, paths = schema["components"]["schemas"], schema["paths"]
    for name in ("One", "Text"):
        fields = parts[name]["properties"]
        fields["text"]["maxLength"] = config.max_characters
        fields["lang"]["enum"] = [*languages, None]
    parts["Many"]["properties"]["texts"]["maxItems"] = config.max_texts
    parts["Document"]["properties"] |= {"schema": {"const": "relik-ml/1"}, "offsets": {"const": "utf-16"}}
    got, fix = f"{config.max_texts + 1} texts", f"send at most {config.max_texts} at once"
    parts["Refusal"]["example"] = Problem(422, "too many texts in one request", got, fix).record()
    paths["/nif"]["post"]["parameters"][0]["schema"]["enum"] = list(languages)
    paths["/healthz"]["get"]["responses"]["200"]["content"]["application/json"]["example"] = {
        "status": "ok",
        "version": __version__,
    }
    for path, kind, asked, found in _examples():
        post = paths[path]["post"]
        post["requestBody"]["content"][kind]["examples"] = {name: {"value": value} for name, value in asked.items()}
        post["responses"]["200"]["content"][kind]["examples"] = {
            name: {"value": value} for name, value in found.items()
        }
    return schema


def _examples() -> Iterator[tuple[str, str, dict[str, Any], dict[str, Any]]]:
    """Paths with the media type, requests by name, and what the embedded model answers to each."""
    documents = list(read_documents(_ASSETS / "example.jsonl"))
    texts = [{"id": document.id, "text": document.text} for document in documents]
    records = [document_to_json(document) for document in documents]
    asked = {"one text": texts[0], "several texts": {"texts": texts}}
    yield "/annotate", "application/json", asked, {name: {"documents": records[:n]} for n, name in enumerate(asked, 1)}

    wrong = Problem(422, "the request has the wrong shape", "text: Input should be a valid string", SHAPE)
    error = {"error": {"status": wrong.status_code, **wrong.record()}, "line": len(texts) + 1}
    yield "/stream", NDJSON[0], {"lines": _lines([*texts, {"text": 5}])}, {"lines": _lines([*records, error])}

    text, iri = documents[0].text, f"https://example.org/1#char=0,{len(documents[0].text)}"
    turtle = f'@prefix nif: <{NIF}> .\n<{iri}> a nif:Context ; nif:isString "{text}" .\n'
    answer = write_nif([replace(documents[0], id=iri)]).decode()
    yield "/nif", TURTLE[0], {"a context": turtle}, {"a context": answer}


def _lines(records: Iterable[Any]) -> str:
    return "".join(json_bytes(record).decode() + "\n" for record in records)
