"""The project's own source as data: what the guards look at."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

MAPPED = ("converters", "indexes", "recipes")


@dataclass(frozen=True)
class Import:
    """One imported module, with the line, and whether it happens when the module is loaded."""

    module: str
    line: int
    at_load: bool


@dataclass(frozen=True)
class Module:
    """A source file: its path in the repository, its dotted name and its syntax tree."""

    path: str
    name: str
    lines: int
    tree: ast.Module

    @property
    def part(self) -> str:
        """The name the layers go by: the second component of the dotted name, `relik_ml` for the package itself."""
        return [*self.name.split("."), ""][1] or "relik_ml"

    def imports(self) -> Iterator[Import]:
        """Everything imported, also inside functions, but not what only a type checker reads."""
        yield from self._imports(self.tree, at_load=True)

    def _imports(self, node: ast.AST, at_load: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                yield from (Import(alias.name, child.lineno, at_load) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                for module in self._targets(child):
                    yield Import(module, child.lineno, at_load)
            elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
                continue
            else:
                inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
                yield from self._imports(child, at_load and not inside)

    def _targets(self, node: ast.ImportFrom) -> list[str]:
        base = node.module or ""
        if node.level:
            package = self.name if self.path.endswith("__init__.py") else self.name.rpartition(".")[0]
            for _ in range(node.level - 1):
                package = package.rpartition(".")[0]
            base = f"{package}.{base}".rstrip(".")
        whole_packages = {"relik_ml", *MAPPED}
        return [f"{base}.{alias.name}" for alias in node.names] if base in whole_packages else [base]


def _read(root: Path, path: Path) -> Module:
    relative = path.relative_to(root)
    parts = list(relative.with_suffix("").parts)
    if parts[-1] == "__init__":
        parts.pop()
    if parts[0] in MAPPED:
        parts.insert(0, "relik_ml")
    text = path.read_text(encoding="utf-8")
    return Module(relative.as_posix(), ".".join(parts), len(text.splitlines()), ast.parse(text))


@pytest.fixture(scope="session")
def modules(root: Path) -> list[Module]:
    """Every module of the four code folders."""
    folders = ("relik_ml", *MAPPED)
    return [_read(root, path) for folder in folders for path in sorted((root / folder).rglob("*.py"))]


@pytest.fixture(scope="session")
def pyproject(root: Path) -> dict[str, Any]:
    """pyproject.toml, parsed."""
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
