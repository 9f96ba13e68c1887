"""MkDocs hook: names the commands, and turns examples in help texts and doctests in docstrings into code blocks."""

from __future__ import annotations

import re
from typing import Any

import click
from markdown import Extension, Markdown
from markdown.preprocessors import Preprocessor

from relik_ml.cli import main

PRIORITY = 27  # after mkdocs-click (141), before pymdownx.superfences (25)
FENCE = re.compile(r"^\s*(```|~~~)")


class Examples(Preprocessor):
    """Fence the blocks that begin with click's ``\\b`` marker or with a doctest prompt."""

    def run(self, lines: list[str]) -> list[str]:
        """Return the lines with fences around every such block, up to the next blank line."""
        result: list[str] = []
        fenced, block = False, False
        for line in lines:
            if not block and FENCE.match(line):
                fenced = not fenced
            if block and not line.strip():
                result.append("```")
                block = False
            if fenced or block or not (line == "\b" or line.startswith(">>> ")):
                result.append(line)
                continue
            block = True
            result += ["", "```text" if line == "\b" else "```pycon", *([] if line == "\b" else [line])]
        return [*result, "```"] if block else result


class ExamplesExtension(Extension):
    """Register ``Examples`` between mkdocs-click and the fenced blocks."""

    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802
        """Called by Markdown."""
        md.preprocessors.register(Examples(md), "examples", PRIORITY)


def name_commands(group: click.Group) -> None:
    """Give each command the name it is called by; mkdocs-click prints ``command.name``, here a function's name."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        command.name = name
        if isinstance(command, click.Group):
            name_commands(command)


def on_config(config: Any, **_: Any) -> Any:
    """Name the commands, and add the extension to those of mkdocs.yml."""
    name_commands(main)
    config.markdown_extensions.append(ExamplesExtension())
    return config
