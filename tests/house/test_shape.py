"""Size, names and safety of the code, read off the syntax trees."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import PurePosixPath

import pytest

from tests.house.conftest import Module, parse

LINES = {"converters": 170, "recipes": 350}  # of a file, all lines
CODE_LINES = 400  # of a module of the library
FUNCTION_LINES = 80
COMMAND_LINES = 25
SMALL = 40  # code lines below which a module belongs to its only caller
TOTALS = {"code lines of relik_ml/": 15_412, "lines of relik_ml/": 24_197, "lines of tests/": 22_242}
VAGUE = {"common", "helper", "helpers", "misc", "tools", "util", "utils"}
PICKLES = {"cPickle", "cloudpickle", "dill", "joblib", "marshal", "pickle", "shelve"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(module: Module) -> Iterator[Function]:
    """All functions and methods of a module, nested ones included."""
    return (node for node in ast.walk(module.tree) if isinstance(node, Function))


def stem(module: Module) -> str:
    """The name of a file without its suffix and a leading underscore."""
    return PurePosixPath(module.path).stem.strip("_")


# Size


def test_modules_fit_their_limit(modules: list[Module]) -> None:
    long = [f"{module.path}: {module.code_lines} code lines" for module in modules if module.code_lines > CODE_LINES]
    for module in modules:
        lines = len(module.text.splitlines())
        if lines > LINES.get(module.room, lines):
            long.append(f"{module.path}: {lines} lines")
    assert not long, "\n".join(long)


def test_functions_fit_a_screen(modules: list[Module]) -> None:
    long = [
        f"{module.path}:{node.lineno} {node.name}: {size} lines"
        for module in modules
        for node in functions(module)
        if (size := (node.end_lineno or node.lineno) - node.lineno + 1) > FUNCTION_LINES
    ]
    assert not long, "\n".join(long)


def is_command(node: Function) -> bool:
    """Whether a function is decorated as a click command or group."""
    calls = [decorator.func if isinstance(decorator, ast.Call) else decorator for decorator in node.decorator_list]
    return any(isinstance(call, ast.Attribute) and call.attr in ("command", "group") for call in calls)


def body_lines(node: Function) -> int:
    """Lines of a function's body, its docstring left out."""
    body = node.body[1:] if ast.get_docstring(node) is not None else node.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def test_commands_only_wire_things_together(library: list[Module]) -> None:
    long = [
        f"{module.path}:{node.lineno} {node.name}: {body_lines(node)} lines"
        for module in library
        for node in functions(module)
        if module.room == "cli" and is_command(node) and body_lines(node) > COMMAND_LINES
    ]
    assert not long, "\n".join(long)


@pytest.mark.parametrize("what", TOTALS)
def test_the_house_stays_small(library: list[Module], tests: list[Module], what: str) -> None:
    modules = tests if "tests" in what else library
    if what.startswith("code"):
        lines = sum(module.code_lines for module in modules)
    else:
        lines = sum(len(module.text.splitlines()) for module in modules)
    assert lines <= TOTALS[what]


def callers(modules: list[Module]) -> dict[str, set[str]]:
    """For every module, those that import it: directly, or a name of it from the package that exports it."""
    names = {module.name for module in modules}
    exported = {
        (module.name, found.name): found.module
        for module in modules
        if module.is_package
        for found in module.imports
        if found.module in names
    }
    found_in: dict[str, set[str]] = defaultdict(set)
    for module in modules:
        for found in () if module.is_package else module.imports:
            home = exported.get((found.module, found.name), found.path if found.path in names else found.module)
            found_in[home].add(module.name)
    return found_in


def test_a_small_module_has_several_callers(modules: list[Module], library: list[Module]) -> None:
    """A small module with one caller belongs into it. What is found by name has none, and a command one more."""
    calling = callers(modules)
    lonely = [
        f"{module.path}: {module.code_lines} code lines, called by {caller}"
        for module in library
        if module.code_lines < SMALL and not module.is_package and len(calling[module.name]) == 1
        if module.room != "cli" or PurePosixPath(module.path).name.startswith("_")
        for caller in calling[module.name]
    ]
    assert not lonely, "\n".join(lonely)


# Names


def test_a_file_name_occurs_once(library: list[Module]) -> None:
    paths = defaultdict(list)
    for module in library:
        if not module.is_package:
            paths[stem(module)].append(module.path)
    repeated = [" ".join(found) for found in paths.values() if len(found) > 1]
    assert not repeated, "\n".join(repeated)


def test_a_public_class_name_occurs_once(library: list[Module]) -> None:
    lines = defaultdict(list)
    for module in library:
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                lines[node.name].append(f"{module.path}:{node.lineno}")
    repeated = [f"{name}: {' '.join(found)}" for name, found in lines.items() if len(found) > 1]
    assert not repeated, "\n".join(repeated)


def test_names_say_what_they_hold(modules: list[Module]) -> None:
    assert [module.path for module in modules if stem(module) in VAGUE] == []


def test_every_module_of_the_command_line_is_a_command(library: list[Module]) -> None:
    for module in library:
        if module.room == "cli" and not module.is_package and stem(module) == PurePosixPath(module.path).stem:
            names = {node.name for node in functions(module)}
            names |= {node.id for node in ast.walk(module.tree) if isinstance(node, ast.Name)}
            assert "command" in names, f"{module.path} holds no `command`; start its name with _ if it is none"


# Safety


def dangers(module: Module) -> Iterator[str]:
    """Code that could run code out of data."""
    for found in module.imports:
        if found.module.partition(".")[0] in PICKLES:
            yield f"{module.path}:{found.line} imports {found.module}"
        if found.path == "torch.load":
            yield f"{module.path}:{found.line} imports torch.load"
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            if name in ("torch.load", "eval", "exec", "yaml.load", "yaml.unsafe_load"):
                yield f"{module.path}:{node.lineno} calls {name}"
            for keyword in node.keywords:
                risky = keyword.arg in ("trust_remote_code", "allow_pickle") and ast.unparse(keyword.value) != "False"
                yield from [f"{module.path}:{node.lineno} sets {keyword.arg}"] * risky
        if isinstance(node, ast.Constant) and node.value == "trust_remote_code":
            yield f"{module.path}:{node.lineno} names trust_remote_code"


def test_no_data_is_ever_run(modules: list[Module]) -> None:
    found = [danger for module in modules for danger in dangers(module)]
    assert not found, "\n".join(found)


def test_the_danger_guard_sees() -> None:
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
    assert len(list(dangers(parse("relik_ml/x.py", planted)))) == 7


def test_the_caller_guard_sees() -> None:
    planted = [
        parse("relik_ml/x/__init__.py", "from relik_ml.x.a import f"),
        parse("relik_ml/x/a.py", "def f(): ..."),
        parse("relik_ml/y.py", "from relik_ml.x import f"),
    ]
    assert callers(planted)["relik_ml.x.a"] == {"relik_ml.y"}
