"""``relik-ml serve``: texts over HTTP in, documents out (extra ``serve``).

A request passes the middleware (count, key, size, time) and waits for the batcher, which alone calls the model. Every
refusal is JSON that says what is wrong, what was found and how to fix it.
"""

from __future__ import annotations

from relik_ml.serve.app import create_app, serve
from relik_ml.serve.middleware import ServiceConfig

__all__ = ["ServiceConfig", "create_app", "serve"]
