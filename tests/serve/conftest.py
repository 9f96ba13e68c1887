from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from relik_ml.serve.settings import Access, Limits
from tests.serve.fake import Fake

if TYPE_CHECKING:
    from starlette.testclient import TestClient

Client = Callable[..., "TestClient"]


@pytest.fixture
def fake() -> Fake:
    return Fake()


@pytest.fixture
def client(fake: Fake) -> Iterator[Client]:
    """Makes a client of a service with the fake model; whatever holds the model up ends with the test."""
    for package in ("fastapi", "httpx2", "prometheus_client", "rdflib"):
        pytest.importorskip(package, reason="the service needs the extras relik-ml[serve,dev]")
    from starlette.testclient import TestClient

    from relik_ml.serve.app import create_app

    with ExitStack() as stack:

        def made(limits: Limits = Limits(), access: Access = Access()) -> TestClient:
            app = create_app(fake, ("ru", "en"), limits, access)
            return stack.enter_context(TestClient(app, raise_server_exceptions=False))

        yield made
        fake.free.set()
