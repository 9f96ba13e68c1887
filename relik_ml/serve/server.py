"""Running the app: one process, or several that each load the model."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable
from functools import partial
from math import ceil
from tempfile import TemporaryDirectory

import uvicorn
from fastapi import FastAPI
from uvicorn.supervisors import Multiprocess

from relik_ml.pipeline import Relik
from relik_ml.serve.app import METRICS_FOLDER, create_app
from relik_ml.serve.middleware import ServiceConfig


def serve(load: Callable[[], Relik], config: ServiceConfig, host: str, port: int, workers: int = 1) -> None:
    """Serve until a signal comes. What ``load`` raises comes before anything is bound; with workers it is pickled."""
    start = partial(_start, load, config)
    setup = partial(
        uvicorn.Config, host=host, port=port, workers=workers, access_log=False, server_header=False,
        timeout_graceful_shutdown=ceil(config.timeout),
    )  # fmt: skip
    if workers == 1:
        uvicorn.Server(setup(start())).run()
        return
    load()  # or every worker would fail in turn
    with TemporaryDirectory() as folder:
        os.environ.setdefault(METRICS_FOLDER, folder)
        shared = setup(start, factory=True)
        Multiprocess(shared, [shared.bind_socket()]).run()


def _start(load: Callable[[], Relik], config: ServiceConfig) -> FastAPI:
    relik = load()
    gc.freeze()  # the model lives as long as the process
    return create_app(relik.annotate, relik.settings.languages, config)
