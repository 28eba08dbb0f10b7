"""Plots among the documents show the figures that lie beside them."""

import json
from pathlib import Path

import pytest

from benchmarks.scale import MEASURED, draw

POINTS = sorted(MEASURED.glob("scale-*.json"))


@pytest.mark.parametrize("points", POINTS, ids=lambda path: path.stem)
def test_a_plot_is_drawn_from_its_points(points: Path) -> None:
    """A plot that was touched up, or left behind by a later run, is another one."""
    told = json.loads(points.read_text(encoding="utf-8"))

    assert points.with_suffix(".svg").read_text(encoding="utf-8") == draw(told)
    assert draw(told) != draw([{**told[0], "cpu_s": told[0]["cpu_s"] * 2}, *told[1:]])
