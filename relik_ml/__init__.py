"""Russian text in, a linked and cited graph out: mentions, Wikidata links and relations.

The names below are the public ones. Each is imported when it is first asked for, so that
``import relik_ml`` costs nothing: torch is loaded by the model, not by the package.

>>> import relik_ml
>>> relik_ml.Span(0, 6)
Span(start=0, stop=6)
>>> text = "Чехов родился в Таганроге."
>>> relik_ml.Document("d", text, mentions=(relik_ml.Mention("T1", 16, 25, "CITY"),)).text[16:25]
'Таганроге'
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from relik_ml.config import MinScores
    from relik_ml.errors import RelikError
    from relik_ml.export import to_frame
    from relik_ml.pipeline import Relik
    from relik_ml.plugins import load_converter, load_index
    from relik_ml.types import Argument, Document, Entry, Fact, Link, LinkCandidate, Mention, Span, Triple

__version__ = "0.1.0"

__all__ = [
    "Argument", "Document", "Entry", "Fact", "Link", "LinkCandidate", "Mention", "MinScores", "Relik", "RelikError",
    "Span", "Triple", "__version__", "load_converter", "load_index", "to_frame",
]  # fmt: skip

_HOME = {
    "Relik": "pipeline", "RelikError": "errors", "load_converter": "plugins", "load_index": "plugins",
    "MinScores": "config", "to_frame": "export",
}  # fmt: skip
"""The modules of the public names; all others are in ``types``."""


def __getattr__(name: str) -> Any:
    """Import the module that holds ``name`` and hand the object over (PEP 562)."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME.get(name, 'types')}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names, loaded or not."""
    return sorted({*globals(), *__all__})
