"""Fixtures and settings for all tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent

# The same examples on every run and no deadline: a red test is a fault in the code, not a busy machine.
settings.register_profile("relik", deadline=None, derandomize=True)
settings.load_profile("relik")


@pytest.fixture(scope="session")
def root() -> Path:
    """The top folder of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real corpora beside the repository (see docs/index.md); tests that need it skip without it."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"real-data test: {folder} is not here")
    return folder
