"""The commands of docs/guides/graph.md, run as they are written, print what the page shows."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("pyoxigraph", reason="a store needs the extra relik-ml[graph]")

PAIR = re.compile(r"^```bash\n([^`]*)^```\n\n```text\n(.*?)^```", re.DOTALL | re.MULTILINE)


def test_the_guide_shows_what_its_commands_print(root: Path, tmp_path: Path) -> None:
    (tmp_path / "examples").symlink_to(root / "examples")
    programs = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    pairs = PAIR.findall((root / "docs/guides/graph.md").read_text("utf-8"))
    assert len(pairs) >= 15
    for command, shown in pairs:
        done = subprocess.run(
            ["bash", "-ec", command], cwd=tmp_path, env={**os.environ, "PATH": programs}, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        # The order of prefixes in Turtle is not fixed.
        assert sorted(done.stdout.splitlines()) == sorted(shown.splitlines()), command
