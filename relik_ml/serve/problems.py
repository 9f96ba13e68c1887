"""Everything that a service refuses, as an exception and as JSON: ``what``, ``got``, ``fix``, and all in ``detail``."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from relik_ml.errors import RelikError

MEDIA_TYPE = "application/json"
SHOWN = 200
"""Characters of a message of others that an answer repeats."""

_FIXES = {404: "see /openapi.json for what there is", 405: "use the method that /openapi.json names"}
_log = logging.getLogger("relik_ml.serve")


class Problem(Exception):
    """A refusal with its HTTP status."""

    def __init__(
        self, status: int, what: str, *, got: str = "", fix: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(what)
        self.status, self.what, self.got, self.fix, self.headers = status, what, got, fix, dict(headers or {})


def rendered(content: Any) -> bytes:
    """JSON in UTF-8; a lone surrogate is its escape, as in files."""
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode("utf-8", "backslashreplace")


def response(problem: Problem) -> Response:
    """The answer to a refused request."""
    detail = "; ".join(filter(None, (problem.what, problem.got, problem.fix)))
    content = {"detail": detail, "what": problem.what, "got": problem.got, "fix": problem.fix}
    return Response(rendered(content), problem.status, problem.headers, MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Let an app answer every failure in this form."""
    app.add_exception_handler(Problem, _ours)
    app.add_exception_handler(RelikError, _relik)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unforeseen)


async def _ours(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return response(error)


async def _relik(request: Request, error: Exception) -> Response:
    assert isinstance(error, RelikError)
    return response(Problem(422, error.what, got=" ".join(filter(None, (error.where, error.got))), fix=error.fix))


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    faults = (f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()[:3])
    return response(Problem(422, "the request has the wrong shape", got="; ".join(faults)[:SHOWN], fix=_FIXES[404]))


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = error.status_code
    fix = _FIXES.get(code, "send a whole request as /openapi.json describes it")
    return response(Problem(code, str(error.detail)[:SHOWN], got=request.method, fix=fix, headers=error.headers))


async def _unforeseen(request: Request, error: Exception) -> Response:
    _log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return response(Problem(500, "the service failed", fix="try another text; its log says more"))
