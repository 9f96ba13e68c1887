"""Running the app: one process, or several that each load the model."""

from __future__ import annotations

import gc
import os
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import uvicorn
from fastapi import FastAPI
from uvicorn.supervisors import Multiprocess

from relik_ml.pipeline import Relik
from relik_ml.serve.app import create_app
from relik_ml.serve.heads import PromptHeads
from relik_ml.serve.metrics import FOLDER
from relik_ml.serve.settings import Access, Limits


@dataclass(frozen=True, slots=True)
class Start:
    """Makes the app in a process of its own: picklable, for a worker is a fresh interpreter."""

    model: Path | None
    index: Path | None
    device: str
    limits: Limits
    access: Access

    def __call__(self) -> FastAPI:
        """Load the model and put the service around it. ModelError when it cannot be loaded."""
        relik = Relik.from_pretrained(self.model, index=self.index, device=self.device)
        gc.freeze()  # the model lives as long as the process
        return create_app(relik, relik.settings.languages, self.limits, self.access)


def run(start: Start, host: str, port: int, workers: int = 1) -> None:
    """Serve until a signal comes. ModelError before anything is bound when the model cannot be loaded."""
    if workers == 1:
        uvicorn.Server(_config(start(), host, port)).run()
        return
    Relik.from_pretrained(start.model, index=start.index, device=start.device)  # or every worker would fail in turn
    with TemporaryDirectory() as folder:
        os.environ.setdefault(FOLDER, folder)
        config = _config(start, host, port, workers)
        Multiprocess(config, [config.bind_socket()]).run()


def _config(app: FastAPI | Start, host: str, port: int, workers: int = 1) -> uvicorn.Config:
    return uvicorn.Config(
        app, host=host, port=port, workers=workers, factory=isinstance(app, Start), access_log=False,
        http=PromptHeads, server_header=False, timeout_graceful_shutdown=30,
    )  # fmt: skip
