"""What to install for a package that is missing."""

from pathlib import Path

import pytest

from relik_ml.data import load_extra
from relik_ml.errors import ConfigError, install


def test_a_checkout_is_installed_from_its_folder(tmp_path: Path) -> None:
    assert install("train", root=tmp_path) == 'pip install "relik-ml[train]"'
    (tmp_path / "pyproject.toml").touch()
    assert install("train", root=tmp_path) == f'pip install "relik-ml[train] @ {tmp_path.as_uri()}"'


def test_a_missing_package_names_its_extra() -> None:
    with pytest.raises(ConfigError, match="no_such_package") as error:
        load_extra("no_such_package", "graph", "or do without")
    assert error.value.fix == f"{install('graph')}, or do without"
