"""The examples in converters and indexes run too; those of the core are collected by pytest itself."""

import doctest
from importlib import import_module
from pkgutil import iter_modules

import pytest
import relik_ml.converters
import relik_ml.indexes

NAMES = sorted(
    f"{package.__name__}.{module.name}"
    for package in (relik_ml.converters, relik_ml.indexes)
    for module in iter_modules(package.__path__)
)


@pytest.mark.parametrize("name", NAMES)
def test_examples_run(name: str) -> None:
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    result = doctest.testmod(import_module(name), optionflags=flags)
    assert result.failed == 0
