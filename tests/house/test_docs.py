"""What the documentation names exists: commands, options, make targets, files, Python names; and the site builds."""

import ast
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from itertools import groupby
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
PYTHON = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\(([^)#\s]*)(?:#([^)\s]+))?\)")


def lines(text: str) -> Iterator[str]:
    """The command lines of a page: fenced shell lines, continued ones joined, and inline code."""
    for block in FENCE.findall(text):
        yield from (line.removeprefix("$ ") for line in block.replace("\\\n", " ").splitlines())
    yield from INLINE.findall(FENCE.sub("", text))


def calls(text: str, program: str) -> Iterator[list[str]]:
    """The words after a program's name, wherever it is called, up to the end of the call."""
    for line in lines(text):
        lexer = shlex.shlex(line.partition(" #")[0].replace("…", " "), posix=True, punctuation_chars="|;&")
        lexer.whitespace_split, lexer.commenters = True, ""
        for between, call in groupby(lexer, lambda word: set(word) <= set("|;&")):
            words = [word for word in call if "=" not in word or word.startswith("-")]
            if words and words[0] == program and not between:
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
        (start,) = (index for index, word in enumerate(words) if re.match(r"recipes/\w+[.]py$", word))
        recipe = ROOT / words[start]
        assert recipe.is_file(), f"{page} starts {recipe.name}, which does not exist"
        missing = [word for word in words[start:] if word.startswith("--") and word not in recipe_options(recipe)]
        assert not missing, f"{recipe.name} has no {missing}"


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as Markdown's toc extension and code hosts make them."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", heading).strip().lower()) for heading in headings}


@pytest.mark.parametrize("page", NAMES)
def test_links_and_anchors_lead_somewhere(page: str) -> None:
    source = ROOT / page
    for link, anchor in LINK.findall(source.read_text(encoding="utf-8")):
        target = source.parent / link if link else source
        if ":" not in link:
            assert target.exists(), link
            assert not anchor or anchor in anchors(target.read_text(encoding="utf-8")), f"{link}#{anchor}"


def test_pages_named_in_code_exist() -> None:
    for folder in ("relik_ml", "converters", "indexes", "recipes", "benchmarks", "tests"):
        for source in (ROOT / folder).rglob("*.py"):
            for page in re.findall(r"\bdocs/[\w/-]+\.md\b", source.read_text(encoding="utf-8")):
                assert (ROOT / page).is_file(), f"{source.relative_to(ROOT)} names {page}"


@pytest.mark.parametrize("page", [page for page in NAMES if page.startswith("docs/")])
def test_pages_are_in_the_navigation(page: str) -> None:
    assert f" {page.removeprefix('docs/')}\n" in (ROOT / "mkdocs.yml").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", NAMES)
def test_imports_of_python_examples_exist(page: str) -> None:
    for example in PYTHON.findall((ROOT / page).read_text(encoding="utf-8")):
        for node in ast.walk(ast.parse(example)):
            if isinstance(node, ast.ImportFrom) and node.level == 0 and (node.module or "").startswith("relik_ml"):
                module = pytest.importorskip(node.module or "", exc_type=ImportError)
                missing = [alias.name for alias in node.names if not hasattr(module, alias.name)]
                assert not missing, f"{node.module} has no {missing}"


def test_api_reference_covers_every_public_package() -> None:
    listed = re.findall(r"^::: (\S+)$", (ROOT / "docs/reference/api.md").read_text(encoding="utf-8"), re.MULTILINE)
    folders = (init.parent for init in (ROOT / "relik_ml").glob("**/__init__.py"))
    packages = {".".join(folder.relative_to(ROOT).parts) for folder in folders}
    assert {name for name in packages if hasattr(import_module(name), "__all__")} <= set(listed)
    for name in listed:
        import_module(name)


@pytest.mark.slow
def test_the_site_builds_and_loads_nothing_from_the_network(tmp_path: Path) -> None:
    pytest.importorskip("mkdocs")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    for page in tmp_path.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        tags = re.findall(r"<(?:script|img|iframe|link)[^>]*>", text)
        assert not [tag for tag in tags if re.search(r'(?:src|href)="?(?:https?:)?//', tag)], page.name
    reference = (tmp_path / "reference/cli.html").read_text(encoding="utf-8")
    assert all(f'id="relik-ml-{name}"' in reference for name in main.list_commands(click.Context(main)))


def commands(command: click.Command = main) -> Iterator[click.Command]:
    """A command and everything below it."""
    yield command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from commands(below)


def test_every_help_text_has_a_correct_example() -> None:
    """Every command shows an example, and what it shows exists."""
    for command in commands():
        examples = re.findall(r"^ +(?:.*\| )?relik-ml (.+)$", command.help or "", re.MULTILINE)
        assert examples, f"{command.name} shows no example"
        for example in examples:
            assert wrong(next(calls(f"`relik-ml {example}`", "relik-ml"))) is None, example


def recipe_options(recipe: Path) -> set[str]:
    """The options of a recipe: the fields of its Config and of the base class, read without importing accelerate."""
    options = set()
    for path in (recipe, ROOT / "relik_ml" / "training" / "recipe_config.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and node.name in ("Config", "RecipeConfig"):
                targets = (each.target for each in node.body if isinstance(each, ast.AnnAssign))
                options |= {"--" + target.id.replace("_", "-") for target in targets if isinstance(target, ast.Name)}
    return options


def test_options_in_inline_code_exist() -> None:
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


def test_readmes_show_the_same_commands() -> None:
    english, russian = (
        {program: sorted(calls((ROOT / page).read_text(encoding="utf-8"), program)) for program in ("relik-ml", "make")}
        for page in ("README.md", "README.ru.md")
    )
    assert english == russian


@pytest.mark.parametrize(("words", "fault"), [
    (["--help"], None),
    (["--colour"], "no option '--colour'"),
    (["anotate", "x.txt"], "no command 'anotate'"),
    (["annotate", "--lang", "ru", "-"], None),
    (["annotate", "--language=ru"], "no option '--language=ru'"),
])  # fmt: skip
def test_checker_finds_unknown_commands_and_options(words: list[str], fault: str | None) -> None:
    assert wrong(words) == fault


def test_example_document_follows_the_schema() -> None:
    text = (ROOT / "docs/concepts/documents.md").read_text(encoding="utf-8")
    example = re.findall(r"^```json\n(.*?)^```", text, re.DOTALL | re.MULTILINE)[0]
    document = document_from_json(json.loads(example), "the example")
    assert check(document) == []
    assert [document.surface(mention) for mention in document.mentions] == ["Анна Ахматова", "Одессе"]


@pytest.mark.parametrize("page", ["README.md", "README.ru.md"])
def test_readmes_repeat_the_figures_of_the_results(page: str) -> None:
    readme = (ROOT / page).read_text(encoding="utf-8").replace(",", ".")
    results = (ROOT / "docs/results/embedded-model.md").read_text(encoding="utf-8")
    names = ("`ner` micro", "`el.inkb`", "`re.document.boundaries`", "`cie.triples`")
    table = [re.search(rf"^\| {name} \|.*?\| ([\d.]+) \(.*?\| ([\d.]+) \(", results, re.MULTILINE) for name in names]
    for column, model in enumerate(("accurate", "fast"), 1):
        shown = re.search(rf"^\| `{model}`.*?((?: \| [\d.]+)+) \|$", readme, re.MULTILINE)
        assert shown is not None
        assert shown[1].split(" | ")[1:] == [row[column] for row in table if row]
    (size,) = re.findall(r"Everything together takes ([\d.]+) MB", results)
    assert any(f" {size} {unit}" in readme for unit in ("MB", "МБ"))
