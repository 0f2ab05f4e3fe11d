"""
``figuard demo``: every number it shows is checked, and a wrong one is seen.
"""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
import typer

from figuard.cli.console import Output
from figuard.cli.demo.command import perform, play
from figuard.cli.demo.scenes import SCENES, travel
from figuard.cli.demo.stage import Check


def test_the_whole_demo(figuard):
    ran = figuard("demo")

    assert ran.status == 0, ran.out
    assert "✓ 6 books, 666 entries: chain, balances and projections agree" in ran.out
    assert "40 × search 1…40" in ran.out
    assert not figuard.database.exists()


def test_the_demo_for_a_program(figuard):
    found = figuard("demo", "--json").json

    assert found["passed"] is True
    assert {check["passed"] for check in found["checks"]} == {True}
    assert len(found["checks"]) == 28


def test_the_books_of_the_demo_can_be_kept(figuard, tmp_path):
    kept = tmp_path / "demo.db"

    assert figuard("demo", "--keep", str(kept)).status == 0
    assert figuard("tree", "checker", "--database", str(kept)).out.splitlines()[2:] == [
        "├─ ✓ 250 × quality check 1…250  5.00  quality_checker",
        "└─ ✗ quality check 251          0.02  quality_checker  INSUFFICIENT_FUNDS",
    ]
    assert figuard("demo", "--keep", str(kept)).status == 1


def wrong(stage):
    travel(stage)
    stage.check("two and two", Decimal(5), Decimal(4))


def test_a_wrong_number_is_seen(tmp_path, capsys):
    passed = play(Output(), tmp_path / "demo.db", [wrong])

    said = capsys.readouterr().out
    assert not passed
    assert "must be 5.00, is 4.00" in said
    assert said.splitlines()[-1].split() == ["two", "and", "two", "5.00", "4.00"]


@pytest.mark.parametrize(("scenes", "status"), [([travel], 0), ([wrong], 1)], ids=["right", "wrong"])
def test_a_wrong_number_is_the_status_of_the_command(scenes, status, capsys):
    with pytest.raises(typer.Exit) as ended:
        perform(Output(as_json=True), None, scenes)

    assert ended.value.exit_code == status
    assert json.loads(capsys.readouterr().out)["passed"] is (status == 0)


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
def test_each_scene_stands_alone(tmp_path, scene, capsys):
    assert play(Output(as_json=True), tmp_path / "demo.db", [scene]), capsys.readouterr().out


def test_a_check_compares_amounts_not_their_digits():
    assert Check("money", Decimal(270), Decimal("270.00")).passed
    assert not Check("money", Decimal(270), Decimal("270.01")).passed
