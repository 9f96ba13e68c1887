"""Packages that only an extra of relik-ml installs."""

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from relik_ml.errors import ConfigError, install


def installed(module: str) -> bool:
    """Whether a module can be found. That of a package that is not there cannot."""
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def load_extra(module: str, extra: str, instead: str = "") -> Any:
    """Import a module that an extra of relik-ml installs.

    ``instead`` is added to the advice of the error: what to do without the package.

    Raises:
        ConfigError: the module, or one that it imports, is not installed.
    """
    try:
        return import_module(module)
    except ImportError as error:
        fix = ", ".join(filter(None, (install(extra), instead)))
        raise ConfigError(f"this needs {module}, which cannot be imported", got=str(error), fix=fix) from None
