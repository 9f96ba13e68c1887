"""The command line, run in this process."""

from typing import Any

from click.testing import CliRunner, Result

from relik_ml.cli import main


def run(*words: object, **more: Any) -> Result:
    """The result of ``relik-ml WORDS…``."""
    return CliRunner().invoke(main, [*map(str, words)], **more)


def refused(result: Result, code: int, *parts: str) -> None:
    """The error has its exit code and names these parts, and nothing went to stdout."""
    assert (result.exit_code, result.stdout) == (code, ""), result.output
    assert "Traceback" not in result.stderr
    for part in ("error: ", "fix:", *parts):
        assert part in result.stderr, result.stderr
