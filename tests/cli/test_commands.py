"""The command group: how failures end, and how subcommands are found."""

import os
import signal
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner, Result

from relik_ml import errors
from relik_ml.cli import Commands, main

PROGRAM = """
import click, sys, time
from relik_ml.cli import Commands

class One(Commands):
    def get_command(self, ctx, name):
        return click.Command("go", callback=go)

def go():
    {body}

One("relik-ml")(["go"])
"""


def failing(failure: BaseException) -> Result:
    """What a subcommand that fails ends with."""

    class One(Commands):
        def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
            def fail() -> None:
                raise failure

            return click.Command("go", callback=fail)

    return CliRunner().invoke(One("relik-ml"), ["go"])


@pytest.mark.parametrize(("kind", "code"), [
    (errors.RelikError, 1), (errors.DataError, 3), (errors.CorpusNotFound, 4), (errors.ModelError, 5),
    (errors.OutputError, 6), (errors.ConfigError, 7),
])  # fmt: skip
def test_an_error_is_a_message_and_its_exit_code(kind: type[errors.RelikError], code: int) -> None:
    result = failing(kind("нет такого файла", where="data/x.jsonl", got="nothing", fix="create it"))
    message = "error: нет такого файла\n  where: data/x.jsonl\n  got:   nothing\n  fix:   create it\n"
    assert (result.exit_code, result.stdout, result.stderr) == (code, "", message)
    assert f" {code} " in " ".join(CliRunner().invoke(main, ["--help"]).stdout.partition("Exit codes:")[2].split())


def test_other_failures() -> None:
    assert isinstance(failing(ZeroDivisionError()).exception, ZeroDivisionError), "a fault of ours is not hidden"
    assert (failing(KeyboardInterrupt()).exit_code, failing(OSError("disk")).exit_code) == (130, 1)


def start(body: str) -> subprocess.Popen[bytes]:
    """A new process whose one subcommand runs ``body``."""
    code = PROGRAM.format(body=body)
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_ctrl_c_ends_without_a_traceback() -> None:
    # Shells start background jobs with SIGINT ignored, and children inherit that.
    heard = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    process = start(f'{heard}; click.echo("ready"); sys.stdout.flush(); time.sleep(60)')
    assert process.stdout is not None
    assert process.stdout.readline().strip() == b"ready"
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert (process.returncode, said.strip()) == (130, b"interrupted")


@pytest.mark.skipif(os.name == "nt", reason="pipes break differently on Windows")
@pytest.mark.parametrize("lines", [1, 100_000], ids=["still buffered", "while writing"])
def test_a_closed_pipe_ends_quietly(lines: int) -> None:
    process = start(f'[print("строка", i) for i in range({lines})]')
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    said = process.stderr.read()
    assert (process.wait(timeout=30), said) == (141, b"")


def test_an_unknown_command_is_wrong_usage() -> None:
    result = CliRunner().invoke(main, ["анотация"])
    assert (result.exit_code, "No such command" in result.stderr) == (2, True)
    result = CliRunner().invoke(main, ["anotate"])
    assert (result.exit_code, "Did you mean 'annotate'?" in result.stderr) == (2, True)
