"""``relik-ml serve``: annotate texts over HTTP (extra ``serve``), and a client in Python, which needs no extra.

A request passes the middleware (metrics, API key, size and time limits) and waits for the batcher, which calls the
model. All error responses are JSON.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from relik_ml.serve.client import Client

if TYPE_CHECKING:
    from relik_ml.serve.app import create_app, serve
    from relik_ml.serve.middleware import ServiceConfig

__all__ = ["Client", "ServiceConfig", "create_app", "serve"]


def __getattr__(name: str) -> Any:
    """Import the service when it is first asked for: a client has no use for fastapi."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("relik_ml.serve.app"), name)
