"""Which settings are refused, whatever recipe has them."""

from __future__ import annotations

from dataclasses import fields, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from relik_ml.errors import ConfigError
from relik_ml.training import sound
from relik_ml.training.settings import LARGE, MAY_BE_ZERO, SMALL

pytest.importorskip("accelerate", reason="recipes need the extra relik-ml[train]")
OTHER: dict[type, Any] = {int: 3, float: 0.25, str: "x", bool: True, tuple: (Path("x"),)}
RECIPES = [import_module(f"relik_ml.recipes.{name}") for name in ("cie_ru", "el_ru", "re_ru", "retriever_ru")]


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_preset_is_sound_and_no_number_is_below_zero(recipe: Any) -> None:
    for values in recipe.PRESETS.values():
        config = recipe.Config(**values)
        sound(config, recipe.PRESETS)
        numbers = [field.name for field in fields(config) if type(getattr(config, field.name)) in (int, float)]
        assert len(numbers) > 12
        for name in numbers:
            for wrong in (-1, float("nan"), float("inf"), *([] if name in MAY_BE_ZERO else [0])):
                with pytest.raises(ConfigError, match=r"above zero|below zero") as error:
                    sound(replace(config, **{name: wrong}), recipe.PRESETS)
                assert name in str(error.value.got)


def test_every_name_is_some_recipes() -> None:
    """A field that is renamed must not slip through."""
    names = {field.name for recipe in RECIPES for field in fields(recipe.Config)}
    assert names >= MAY_BE_ZERO | LARGE | SMALL


@pytest.mark.parametrize("recipe", RECIPES)
def test_what_a_preset_has_no_use_for(recipe: Any) -> None:
    """The retriever's presets differ in nothing but numbers."""
    for preset, values in recipe.PRESETS.items():
        config = recipe.Config(**values)
        names = {field.name for field in fields(config)}
        for name in names & (LARGE if preset == "small" else SMALL):
            changed = replace(config, **{name: OTHER.get(type(getattr(config, name)), Path("x"))})
            if "full" not in recipe.PRESETS:
                sound(changed, recipe.PRESETS)
                continue
            with pytest.raises(ConfigError, match=f"the preset {preset} has no use") as error:
                sound(changed, recipe.PRESETS)
            assert f"--{name.replace('_', '-')} " in error.value.got
