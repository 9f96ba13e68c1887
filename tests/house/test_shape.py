"""Size, names and safety of the code, read off the syntax trees."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

LINES = {"converters": 170, "recipes": 300}
MODULE_LINES = 500
FUNCTION_LINES = 80
COMMAND_LINES = 25
VAGUE = {"common", "helper", "helpers", "misc", "tools", "util", "utils"}
PICKLES = {"cPickle", "cloudpickle", "dill", "joblib", "marshal", "pickle", "shelve"}


def functions(module: Any) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """All functions and methods of a module, nested ones included."""
    return (node for node in ast.walk(module.tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def test_modules_fit_their_limit(modules: list[Any]) -> None:
    limits = [(module, LINES.get(module.part, MODULE_LINES)) for module in modules]
    long = [f"{module.path}: {module.lines} > {limit} lines" for module, limit in limits if module.lines > limit]
    assert not long, "\n".join(long)


def test_functions_fit_a_screen(modules: list[Any]) -> None:
    long = [
        f"{module.path}:{node.lineno} {node.name}: {size} lines"
        for module in modules
        for node in functions(module)
        if (size := (node.end_lineno or node.lineno) - node.lineno + 1) > FUNCTION_LINES
    ]
    assert not long, "\n".join(long)


def is_command(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a function is decorated as a click command or group."""
    calls = [decorator.func if isinstance(decorator, ast.Call) else decorator for decorator in node.decorator_list]
    return any(isinstance(call, ast.Attribute) and call.attr in ("command", "group") for call in calls)


def body_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function's body, its docstring left out."""
    body = node.body[1:] if ast.get_docstring(node) is not None else node.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def test_commands_only_wire_things_together(modules: list[Any]) -> None:
    long = [
        f"{module.path}:{node.lineno} {node.name}: {body_lines(node)} lines"
        for module in modules
        if module.part == "cli"
        for node in functions(module)
        if is_command(node) and body_lines(node) > COMMAND_LINES
    ]
    assert not long, "\n".join(long)


def test_every_module_of_the_command_line_is_a_command(modules: list[Any]) -> None:
    names = [module for module in modules if module.name.startswith("relik_ml.cli.")]
    for module in (module for module in names if not module.name.rpartition(".")[2].startswith("_")):
        assigned = {node.name for node in functions(module)} | {
            target.id
            for node in ast.walk(module.tree)
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        assert "command" in assigned, f"{module.path} holds no `command`; start its name with _ if it is none"


def test_names_say_what_they_hold(modules: list[Any]) -> None:
    vague = [module.path for module in modules if VAGUE & {PurePosixPath(module.path).stem.strip("_")}]
    assert not vague


def dangers(module: Any) -> Iterator[str]:
    """Places that could run code out of data."""
    for found in module.imports():
        if found.module.partition(".")[0] in PICKLES:
            yield f"{module.path}:{found.line} imports {found.module}"
    for node in ast.walk(module.tree):
        name = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
        if name in ("torch.load", "eval", "exec", "yaml.load", "yaml.unsafe_load"):
            yield f"{module.path}:{node.lineno} calls {name}"
        if isinstance(node, ast.ImportFrom) and node.module == "torch" and "load" in {a.name for a in node.names}:
            yield f"{module.path}:{node.lineno} imports torch.load"
        risky = isinstance(node, ast.keyword) and node.arg in ("trust_remote_code", "allow_pickle")
        if risky and ast.unparse(node.value) != "False":
            yield f"{module.path}:{node.lineno} sets {node.arg}"
        if isinstance(node, ast.Constant) and node.value == "trust_remote_code":
            yield f"{module.path}:{node.lineno} names trust_remote_code"


def test_no_data_is_ever_run(modules: list[Any]) -> None:
    found = [danger for module in modules for danger in dangers(module)]
    assert not found, "\n".join(found)


def test_the_danger_guard_sees(modules: list[Any]) -> None:
    """The guard above finds each of the things it is there for."""
    planted = """
import pickle
from torch import load
torch.load(path, weights_only=True)
AutoModel.from_pretrained(name, trust_remote_code=asked)
AutoModel.from_pretrained(name, **{"trust_remote_code": True})
numpy.load(path, allow_pickle=True)
numpy.load(path, allow_pickle=False)
AutoModel.from_pretrained(name, trust_remote_code=False)
eval(text)
"""
    example = type(modules[0])("x.py", "relik_ml.x", 1, ast.parse(planted))
    assert len(list(dangers(example))) == 7
