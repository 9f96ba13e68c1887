"""Views of documents: an HTML page with text, graph, facts, timeline and mind map, and a text view for terminals.

``page`` makes the HTML page, ``drawing`` the data for its script. ``show`` displays a document in a
notebook. The page loads nothing from other servers.
"""

from relik_ml.view.drawing import drawing
from relik_ml.view.labels import labels
from relik_ml.view.page import Service, answer, asset, descriptions, other_page, report, service_page, show
from relik_ml.view.terminal import legend, printable, render

__all__ = [
    "Service", "answer", "asset", "descriptions", "drawing", "labels", "legend", "other_page", "printable", "render",
    "report", "service_page", "show",
]  # fmt: skip
