"""What the documentation names exists: commands, options, make targets, files."""

from __future__ import annotations

import ast
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from relik_ml.cli import main
from relik_ml.data import check, document_from_json

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
NAMES = [page.relative_to(ROOT).as_posix() for page in PAGES]
FENCE = re.compile(r"^```(?:bash|console|sh|shell)\n(.*?)^```", re.DOTALL | re.MULTILINE)
INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")


def lines(text: str) -> Iterator[str]:
    """The command lines of a page: fenced shell lines, continued ones joined, and inline code."""
    for block in FENCE.findall(text):
        yield from (line.removeprefix("$ ") for line in block.replace("\\\n", " ").splitlines())
    yield from INLINE.findall(FENCE.sub("", text))


def calls(text: str, program: str) -> Iterator[list[str]]:
    """The words after a program's name, wherever it is called, up to the end of the call."""
    for line in lines(text):
        for call in re.split(r"[|;&]+", line.partition(" #")[0]):
            words = [word for word in shlex.split(call.replace("…", " ")) if "=" not in word or word.startswith("-")]
            if words and words[0] == program:
                yield words[1:]


def wrong(words: list[str]) -> str | None:
    """What a `relik-ml` call asks for that does not exist; None when all of it does."""
    context = click.Context(main, info_name="relik-ml")
    command: click.Command = main
    for word in words:
        if isinstance(command, click.Group) and not word.startswith("-"):
            found = command.get_command(context, word)
            if found is None:
                return f"no command {word!r}"
            command, context = found, click.Context(found, parent=context, info_name=word)
        elif word.startswith("-") and word != "-":
            known = {option for param in command.get_params(context) for option in (*param.opts, *param.secondary_opts)}
            if word.partition("=")[0] not in known:
                return f"no option {word!r}"
    return None


@pytest.mark.parametrize("page", NAMES)
def test_commands_and_options_exist(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    faults = [f"relik-ml {shlex.join(words)}: {fault}" for words in calls(text, "relik-ml") if (fault := wrong(words))]
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("page", NAMES)
def test_make_targets_exist(page: str) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    text = (ROOT / page).read_text(encoding="utf-8")
    assert {word for words in calls(text, "make") for word in words} <= targets


@pytest.mark.parametrize("page", NAMES)
def test_recipes_and_their_options_exist(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    for words in calls(text, "accelerate"):
        (place,) = (place for place, word in enumerate(words) if word.startswith("recipes/"))
        recipe = ROOT / words[place]
        assert recipe.is_file(), f"{page} starts {recipe.name}, which does not exist"
        missing = [word for word in words[place:] if word.startswith("--") and word not in recipe_options(recipe)]
        assert not missing, f"{recipe.name} has no {missing}"


@pytest.mark.parametrize("page", NAMES)
def test_links_lead_somewhere(page: str) -> None:
    folder = (ROOT / page).parent
    text = (ROOT / page).read_text(encoding="utf-8")
    dead = [link for link in LINK.findall(text) if ":" not in link and not (folder / link).exists()]
    assert not dead


def commands(command: click.Command = main) -> Iterator[click.Command]:
    """A command and everything below it."""
    yield command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from commands(below)


def test_examples_in_the_help_texts_are_right() -> None:
    """Every command shows an example, and what it shows exists."""
    for command in commands():
        examples = re.findall(r"^ +(?:.*\| )?relik-ml (.+)$", command.help or "", re.MULTILINE)
        assert examples, f"{command.name} shows no example"
        for example in examples:
            assert wrong(next(calls(f"`relik-ml {example}`", "relik-ml"))) is None, example


def recipe_options(recipe: Path) -> set[str]:
    """The fields of a recipe's Config are its options, and ``--config``; off the tree: importing wants accelerate."""
    tree = ast.parse(recipe.read_text(encoding="utf-8"))
    (config,) = (node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Config")
    targets = (each.target for each in config.body if isinstance(each, ast.AnnAssign))
    return {"--config"} | {"--" + target.id.replace("_", "-") for target in targets if isinstance(target, ast.Name)}


def test_single_options_in_the_text_exist() -> None:
    """An option in inline code belongs to some command or recipe of ours."""
    known = {'"--help"'}
    for command in commands():
        params = command.get_params(click.Context(command))
        known |= {f'"{name}"' for param in params for name in (*param.opts, *param.secondary_opts)}
    for recipe in (ROOT / "recipes").glob("[a-z]*.py"):
        known |= {f'"{option}"' for option in recipe_options(recipe)}
    named = {
        f'"{word}"'
        for page in PAGES
        for code in INLINE.findall(FENCE.sub("", page.read_text(encoding="utf-8")))
        for word in re.findall(r"^--[a-z][a-z-]*", code)
    }
    assert named <= known, sorted(named - known)


def test_readmes_show_the_two_commands_first() -> None:
    for page in ("README.md", "README.ru.md"):
        first_screen = (ROOT / page).read_text(encoding="utf-8").splitlines()[:30]
        assert {"make demo", "make test"} <= {line.partition("#")[0].strip() for line in first_screen}, page


def test_the_readmes_say_the_same_commands() -> None:
    english, russian = (
        {shlex.join(words) for words in calls((ROOT / page).read_text(encoding="utf-8"), "relik-ml")}
        for page in ("README.md", "README.ru.md")
    )
    assert english == russian


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (["--help"], None),
        (["--colour"], "no option '--colour'"),
        (["anotate", "x.txt"], "no command 'anotate'"),
        (["annotate", "--lang", "ru", "-"], None),
        (["annotate", "--language=ru"], "no option '--language=ru'"),
    ],
)
def test_the_checker_sees(words: list[str], fault: str | None) -> None:
    assert wrong(words) == fault


@pytest.mark.parametrize("page", ["README.md", "README.ru.md"])
def test_the_example_document_is_one(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    (example,) = re.findall(r"^```json\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    document = document_from_json(json.loads(example), page)
    assert check(document) == []
    assert [document.surface(mention) for mention in document.mentions] == ["Юрий Гагарин", "Клушино"]
