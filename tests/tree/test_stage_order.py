"""The stages, told in the same words and order wherever they are told."""

import importlib
import re

from preservation import stages
from preservation.model.events import Event
from tests.tree.codes import codes
from tests.tree.source import ROOT

ROW = re.compile(r"^\| ([a-z]+) \|(.+)\|$", re.MULTILINE)


def _table(text: str) -> dict[str, list[str]]:
    return {name: [cell.strip() for cell in cells.split("|")] for name, cells in ROW.findall(text) if name != "stage"}


def _told() -> dict[str, list[str]]:
    return _table(stages.__doc__ or "")


def test_the_table_names_every_folder_of_a_stage() -> None:
    folders = {path.parent.name for path in (ROOT / "preservation" / "stages").glob("*/*.py")}
    assert set(_told()) == folders


def test_the_stages_stand_in_the_order_of_the_work() -> None:
    assert list(_told()) == ["consent", "intake", "packaging", "replication", "integrity", "access", "withdrawal"]


def test_the_readme_has_the_same_table() -> None:
    assert _table((ROOT / "README.md").read_text("utf-8")).items() >= _told().items()
    readme = (ROOT / "README.md").read_text("utf-8")
    places = [readme.index(f"\n| {stage} |") for stage in _told()]
    assert places == sorted(places)


def test_the_table_names_events_and_codes_that_exist() -> None:
    events = {event.value for event in Event}
    described = (ROOT / "docs" / "errors.md").read_text("utf-8")
    for stage, (_takes, _gives, told, refusals) in _told().items():
        assert set(filter(None, told.split(", "))) <= events, stage
        for code in re.findall(r"`([a-z-]+)`", refusals):
            assert code in codes() or f"### {code}\n" in described, f"{stage}: {code}"


def test_every_stage_says_what_it_is() -> None:
    for stage in _told():
        assert importlib.import_module(f"preservation.stages.{stage}").__doc__
