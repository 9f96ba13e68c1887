"""The ``relik-ml`` command: one module for each subcommand, which holds a click command named ``command``.

Subcommands are the modules of this package without a leading underscore. A group of commands, as ``relik-ml index``,
stands in ``index_commands.py``. Modules are imported on first use and import nothing heavy at the top, so that
``relik-ml --help`` is fast.
"""

import sys
from difflib import get_close_matches
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import click

from relik_ml import __version__
from relik_ml.errors import RelikError, leave_quietly

__all__ = ["Commands", "main"]

INTERRUPTED = 130  # 128 + SIGINT, what a shell reports for Ctrl-C


class Commands(click.Group):
    """A group whose subcommands are the modules of this package."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all subcommands, sorted."""
        return sorted(self._modules())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return the subcommand of that name. None when there is none."""
        if (module := self._modules().get(cmd_name)) is None:
            return None
        command = import_module(f"{__name__}.{module}").command
        assert isinstance(command, click.Command), f"{module} holds no click command"
        return command

    @staticmethod
    def _modules() -> dict[str, str]:
        """The module of each subcommand."""
        modules = [module.name for module in iter_modules(__path__) if module.name[0] != "_"]
        return {module.removesuffix("_commands"): module for module in modules}

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the subcommand. For an unknown one the error suggests the nearest name."""
        close = get_close_matches(args[0], self.list_commands(ctx), n=1)
        if close and close != args[:1] and not ctx.resilient_parsing:
            ctx.fail(f"No such command {args[0]!r}. Did you mean {close[0]!r}?")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a subcommand. Expected errors become a message on stderr and an exit code, without a traceback."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()  # raise BrokenPipeError here, not when the interpreter exits
            return result
        except RelikError as error:
            click.echo(f"error: {error}", err=True)
            ctx.exit(error.exit_code)
        except BrokenPipeError:
            leave_quietly()
        except OSError as error:
            click.echo(f"error: {error}\n  fix:   check the path and its permissions", err=True)
            ctx.exit(RelikError.exit_code)
        except KeyboardInterrupt:
            click.echo("interrupted", err=True)
            ctx.exit(INTERRUPTED)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="relik-ml")
def main() -> None:
    """Russian text in, a linked and cited graph out.

    \b
    Examples:
      relik-ml annotate --lang ru article.txt
      relik-ml convert nerel --out data/nerel
      relik-ml score gold.jsonl predicted.jsonl

    Exit codes: 0 success, 1 another failure, 2 wrong usage, 3 bad data, 4 corpus not found, 5 bad model or
    index, 6 output not written, 7 wrong settings, 130 interrupted.
    """
