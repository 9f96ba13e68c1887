from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

pytest.importorskip("fastapi", reason="the service needs the extra relik-ml[serve]")
pytest.importorskip("prometheus_client", reason="the service needs the extra relik-ml[serve]")

from starlette.testclient import TestClient

from relik_ml.serve.app import create_app
from relik_ml.serve.settings import Access, Limits
from tests.serve.fake import Fake

Client = Callable[..., TestClient]


@pytest.fixture
def fake() -> Fake:
    return Fake()


@pytest.fixture
def client(fake: Fake) -> Iterator[Client]:
    """Makes a client of a service with the fake model; whatever holds the model up ends with the test."""
    with ExitStack() as stack:

        def made(limits: Limits = Limits(), access: Access = Access()) -> TestClient:
            app = create_app(fake, ("ru", "en"), limits, access)
            return stack.enter_context(TestClient(app, raise_server_exceptions=False))

        yield made
        fake.free.set()
