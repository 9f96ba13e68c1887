"""The project's own source as data: what the guards look at."""

import ast
import io
import re
import tokenize
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import pytest

MAPPED = ("converters", "indexes", "recipes")
NO_CODE = {
    tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER,
}  # fmt: skip


class Import(NamedTuple):
    """One imported name with its module, the line, and whether that happens when the importing module is loaded."""

    module: str
    name: str
    line: int
    at_load: bool

    @property
    def path(self) -> str:
        """Module and name: the name may be a module itself."""
        return f"{self.module}.{self.name}".rstrip(".")


@dataclass(frozen=True)
class Module:
    """A source file: its path in the repository, its dotted name, its text and its syntax tree."""

    path: str
    name: str
    text: str
    tree: ast.Module

    @property
    def room(self) -> str:
        """The name the floors go by: the second component of the dotted name, `relik_ml` for the package itself."""
        return [*self.name.split("."), ""][1] or "relik_ml"

    @property
    def is_package(self) -> bool:
        """Whether the file is an ``__init__.py``."""
        return self.path.endswith("__init__.py")

    @cached_property
    def code_lines(self) -> int:
        """Lines that are not blank, comment or docstring."""
        tokens = tokenize.generate_tokens(io.StringIO(self.text).readline)
        code = {line for token in tokens if token.type not in NO_CODE for line in _lines(token.start[0], token.end[0])}
        texts = (node for node in ast.walk(self.tree) if isinstance(node, ast.Expr))
        documents = (node for node in texts if isinstance(node.value, ast.Constant))
        return len(code - {line for node in documents for line in _lines(node.lineno, node.end_lineno or 0)})

    @cached_property
    def imports(self) -> list[Import]:
        """Everything imported, also inside functions or by a literal name, but not what only a type checker reads."""
        return list(self._imports(self.tree, at_load=True))

    def _imports(self, node: ast.AST, at_load: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
                continue
            if isinstance(child, ast.Import):
                yield from (Import(alias.name, "", child.lineno, at_load) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                yield from (Import(self._base(child), alias.name, child.lineno, at_load) for alias in child.names)
            elif isinstance(child, ast.Call) and (name := _imported_by_name(child)):
                yield Import(name, "", child.lineno, at_load)
            inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from self._imports(child, at_load and not inside)

    def _base(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        package = self.name.split(".") if self.is_package else self.name.split(".")[:-1]
        return ".".join([*package[: len(package) - node.level + 1], *filter(None, [node.module])])


def _lines(first: int, last: int) -> range:
    return range(first, last + 1)


def _imported_by_name(call: ast.Call) -> str | None:
    """The module of ``import_module("…")`` or ``importorskip("…")``."""
    function = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if function not in ("import_module", "importorskip", "__import__") or not call.args:
        return None
    argument = call.args[0]
    return argument.value if isinstance(argument, ast.Constant) and isinstance(argument.value, str) else None


def parse(path: str, text: str) -> Module:
    """The module that a file with this text at this path of the repository is."""
    name = re.sub(r"(/__init__)?\.py$", "", path).replace("/", ".")
    return Module(path, f"relik_ml.{name}" if name.split(".")[0] in MAPPED else name, text, ast.parse(text))


def read(root: Path, *folders: str) -> list[Module]:
    """Every module below these folders of the repository, sorted by path."""
    paths = [path for folder in folders for path in sorted((root / folder).rglob("*.py"))]
    return [parse(path.relative_to(root).as_posix(), path.read_text(encoding="utf-8")) for path in paths]


@pytest.fixture(scope="session")
def modules(root: Path) -> list[Module]:
    """Every module of the four code folders."""
    return read(root, "relik_ml", *MAPPED)


@pytest.fixture(scope="session")
def library(modules: list[Module]) -> list[Module]:
    """Every module of the library itself."""
    return [module for module in modules if module.path.startswith("relik_ml/")]


@pytest.fixture(scope="session")
def tests(root: Path) -> list[Module]:
    """Every module of the tests."""
    return read(root, "tests")


@pytest.fixture(scope="session")
def pyproject(root: Path) -> dict[str, Any]:
    """pyproject.toml, parsed."""
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
