"""The command group: how failures end, and how subcommands are found."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import click
import pytest
from click.testing import CliRunner

from relik_ml import __version__, errors
from relik_ml.cli import Commands, main

PROGRAM = """
import click, sys, time
from relik_ml.cli import Commands

class One(Commands):
    def list_commands(self, ctx):
        return ["go"]

    def get_command(self, ctx, name):
        return go

@click.command()
def go():
    {body}

One("relik-ml")(["go"])
"""


def group(failure: BaseException) -> Commands:
    """A group with one subcommand, ``go``, that fails."""

    class One(Commands):
        def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
            @click.command()
            def go() -> None:
                raise failure

            return go

    return One("relik-ml")


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (errors.RelikError, 1), (errors.DataError, 3), (errors.CorpusNotFound, 4), (errors.ModelError, 5),
        (errors.OutputError, 6), (errors.ConfigError, 7),
    ],
)  # fmt: skip
def test_an_error_is_a_message_and_its_exit_code(failure: type[errors.RelikError], code: int) -> None:
    error = failure("нет такого файла", where="data/x.jsonl", got="nothing", fix="create it")
    result = CliRunner().invoke(group(error), ["go"])
    assert result.exit_code == code == failure.exit_code
    assert result.stdout == ""
    assert result.stderr == (
        "error: нет такого файла\n  where: data/x.jsonl\n  got:   nothing\n  fix:   create it\n"
    )


def test_the_help_names_every_exit_code() -> None:
    text = " ".join(CliRunner().invoke(main, ["--help"]).stdout.split())
    classes = [errors.DataError, errors.CorpusNotFound, errors.ModelError, errors.OutputError, errors.ConfigError]
    for number in (0, 1, 2, 130, *(each.exit_code for each in classes)):
        assert f" {number} " in text.partition("Exit codes:")[2]


def test_a_fault_of_ours_is_not_hidden() -> None:
    result = CliRunner().invoke(group(ZeroDivisionError()), ["go"])
    assert isinstance(result.exception, ZeroDivisionError)


def test_an_interrupt_in_a_command_exits_130() -> None:
    result = CliRunner().invoke(group(KeyboardInterrupt()), ["go"])
    assert (result.exit_code, result.stderr) == (130, "interrupted\n")


def start(body: str) -> subprocess.Popen[bytes]:
    """A new process whose one subcommand runs ``body``."""
    code = PROGRAM.format(body=body)
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_ctrl_c_ends_without_a_traceback() -> None:
    process = start('click.echo("ready"); sys.stdout.flush(); time.sleep(60)')
    assert process.stdout is not None
    assert process.stdout.readline().strip() == b"ready"
    time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert (process.returncode, said.strip()) == (130, b"interrupted")


@pytest.mark.skipif(os.name == "nt", reason="pipes break differently on Windows")
@pytest.mark.parametrize("lines", [1, 100_000], ids=["still buffered", "while writing"])
def test_a_closed_pipe_ends_quietly(lines: int) -> None:
    process = start(f'sys.stdin.read(); [print("строка", i) for i in range({lines})]')
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    said = process.stderr.read()
    assert (process.wait(timeout=30), said) == (141, b"")


def test_an_unknown_command_is_wrong_usage() -> None:
    result = CliRunner().invoke(main, ["анотация"])
    assert result.exit_code == 2
    assert "No such command" in result.stderr


def test_the_version_is_the_package_s() -> None:
    assert CliRunner().invoke(main, ["--version"]).stdout == f"relik-ml, version {__version__}\n"


def test_every_command_says_what_it_does() -> None:
    context = click.Context(main)
    for name in main.list_commands(context):
        command = main.get_command(context, name)
        assert command is not None
        assert command.get_short_help_str(), f"{name} has no help"


def test_python_m_is_the_same_command() -> None:
    done = subprocess.run([sys.executable, "-m", "relik_ml", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"relik-ml, version {__version__}\n"
