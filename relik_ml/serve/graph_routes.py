"""The page of a store under ``/graph``, and the records that it shows."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

from anyio.to_thread import run_sync
from fastapi import APIRouter, Query
from fastapi.params import Depends
from fastapi.responses import HTMLResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from relik_ml.data import json_bytes
from relik_ml.errors import DataError
from relik_ml.graph import Lookups
from relik_ml.serve.middleware import Problem
from relik_ml.view import asset, other_page

GRAPH = "/graph"
RECORDS = ("about", "search", "thing", "facts", "sources", "sentences", "neighbours")
GRAPH_PATHS = (GRAPH, *(f"{GRAPH}/{name}" for name in RECORDS))

_ASSETS = Path(__file__).with_name("assets")
_SHARED = ("words", "elements", "layout", "graph", "combobox")
_OWN = ("store_words", "store_state", "portrait", "surroundings", "store_main")

Iri = Annotated[str, Query(max_length=4000)]
Start = Annotated[int, Query(ge=0, le=1 << 31)]


class Around(BaseModel):
    """A node of a graph that is opened: its neighbours from `start` on, and the nodes that are shown already."""

    model_config = ConfigDict(extra="forbid")
    iri: str
    shown: list[str] = Field([], max_length=1000)
    start: int = Field(0, ge=0, le=1 << 31)


def store_page(key_header: str | None) -> str:
    """The page of a store: one HTML file that asks the service of its address."""
    scripts = [*(asset(f"{name}.js") for name in _SHARED), *(_own(f"{name}.js") for name in _OWN)]
    data = {"service": {"key_header": key_header}}
    return other_page(_own("store.html"), scripts, [asset("style.css"), _own("store.css")], data)


def _own(name: str) -> str:
    return (_ASSETS / name).read_text(encoding="utf-8")


def graph_routes(
    lookups: Lookups, key: Sequence[Depends], key_header: str | None, headers: dict[str, str]
) -> APIRouter:
    """The routes of a store; ``headers`` are those of a page."""
    router, page = APIRouter(tags=["graph"]), store_page(key_header)
    open_to: dict[str, Any] = {"dependencies": key, "response_class": Response}

    @router.get(GRAPH, response_class=HTMLResponse, summary="The page of the store")
    async def root() -> Response:
        """Search entities; see their facts, dates, sentences and neighbours."""
        return HTMLResponse(page, headers=headers)

    @router.get(f"{GRAPH}/about", summary="What the store holds", **open_to)
    async def about() -> Response:
        """Numbers of documents, facts and things, and the things that most documents name."""
        return await _answered(lookups.about)

    @router.get(f"{GRAPH}/search", summary="Entities by name", **open_to)
    async def search(q: Annotated[str, Query(max_length=200)]) -> Response:
        """Things with a name that begins so, in any inflection, or with this Wikidata item."""
        return await _answered(lambda: {"things": lookups.search(q)})

    @router.get(f"{GRAPH}/thing", summary="An entity", **open_to)
    async def thing(iri: Iri) -> Response:
        """Its relations with the first facts of each, its dates, what is mentioned beside it, and some sentences."""
        return await _answered(lambda: lookups.thing(iri))

    @router.get(f"{GRAPH}/facts", summary="Facts of a relation", **open_to)
    async def facts(iri: Iri, relation: str, outward: bool = True, hidden: bool = False, start: Start = 0) -> Response:
        """More facts of a relation of an entity, those of most documents first."""
        return await _answered(lambda: {"facts": lookups.facts(iri, relation, outward, hidden, start)})

    @router.get(f"{GRAPH}/sources", summary="The sources of a fact", **open_to)
    async def sources(fact: str, start: Start = 0) -> Response:
        """The sentences that state a fact, the likeliest first, and what its score is computed from."""
        return await _answered(lambda: lookups.sources(fact, start))

    @router.get(f"{GRAPH}/sentences", summary="Sentences that mention an entity", **open_to)
    async def sentences(iri: Iri, start: Start = 0) -> Response:
        """Each in pieces, with the mention marked."""
        return await _answered(lambda: {"sentences": lookups.sentences(iri, start)})

    @router.post(f"{GRAPH}/neighbours", summary="Neighbours of an entity", **open_to)
    async def neighbours(asked: Around) -> Response:
        """Things that facts join to an entity, and the facts among these and the nodes that are shown already."""
        return await _answered(lambda: lookups.neighbours(asked.iri, asked.shown, asked.start))

    return router


async def _answered(call: Callable[[], Any]) -> Response:
    """The record of a call as JSON; 404 where the store does not have what is asked for."""
    try:
        content = await run_sync(lambda: json_bytes(call()))
    except DataError as error:
        raise Problem(404, error.what, error.got, error.fix) from None
    except UnicodeEncodeError as error:
        raise Problem(422, "the request is not Unicode", error.reason, "send no halves of surrogate pairs") from None
    return Response(content, media_type="application/json")
