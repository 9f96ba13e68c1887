"""``relik-ml serve``: annotate texts over HTTP (extra ``serve``).

A request passes the middleware (metrics, API key, size and time limits) and waits for the batcher, which calls the
model. All error responses are JSON.
"""

from relik_ml.serve.app import create_app, serve
from relik_ml.serve.middleware import ServiceConfig

__all__ = ["ServiceConfig", "create_app", "serve"]
