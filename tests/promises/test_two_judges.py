"""The shelf stands up before judges that are not ours, and comes out the same when it is made twice."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from preservation import sample
from preservation.formats.ocfl import package_root
from preservation.steps.accession import secret_name
from tests import archives
from tests.archives import HandIn, Home, files_below, make_home

SCRIPTS = Path(sys.executable).parent
KEEPSAKE = "from preservation.cli import main; main()"


@pytest.fixture(scope="module")
def waiting(tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, str]:
    """An archive in which the sample deposit waits, its package's secret drawn; and the deposit's id."""
    home = make_home(tmp_path_factory.mktemp("sample"), own_unit_from=1_048_576)
    with home.opened() as archive:
        deposit = archives.a_deposit(archive, HandIn(sample.EXPORT, sample.MEDIA, sample.CONSENT.read_bytes()))
        archive.keys.get_or_make(secret_name(deposit.account_ref))
    return home, deposit.deposit_id


def accessioned_apart(waiting: tuple[Home, str], to: Path, seed: str) -> Home:
    """A copy of the home, and the accession in it by a program of its own."""
    home = waiting[0].copy(to)
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT")}
    environment = {**clean, **home.environment(), "PYTHONHASHSEED": seed}
    words = [sys.executable, "-c", KEEPSAKE, "accession", waiting[1]]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=200, cwd=Path(__file__).parents[2])
    assert done.returncode == 0, done.stdout + done.stderr
    return home


@pytest.fixture(scope="module")
def shelf(waiting: tuple[Home, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Site alpha with the sample on it."""
    return accessioned_apart(waiting, tmp_path_factory.mktemp("shelf"), "1").data / "sites" / "alpha"


def judge(name: str, *words: object) -> subprocess.CompletedProcess[str]:
    """Run somebody else's checker."""
    program = shutil.which(name, path=str(SCRIPTS)) or shutil.which(name)
    if program is None:
        pytest.skip(f"{name} is not installed; `pip install .[dev]` brings it")
    return subprocess.run([program, *map(str, words)], capture_output=True, text=True, timeout=120)


def the_object(shelf: Path) -> Path:
    (inventory,) = (path for path in shelf.glob("*/*/*/*/inventory.json"))
    return inventory.parent


def test_the_state_of_the_version_is_a_bag_to_bagit_python(shelf: Path) -> None:
    """Of a first version the content folder is the whole bag."""
    done = judge("bagit.py", "--validate", the_object(shelf) / "v1" / "content")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_package_is_an_ocfl_object_to_ocfl_py(shelf: Path) -> None:
    done = judge("ocfl-validate.py", the_object(shelf))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "INVALID" not in done.stdout + done.stderr


def test_the_site_is_an_ocfl_storage_root_to_ocfl_py(shelf: Path) -> None:
    """Layout, declaration and every object below."""
    done = judge("ocfl-root.py", "validate", "--root", shelf)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_unit_is_a_warc_to_warcio(shelf: Path) -> None:
    """Digests of every record are right."""
    units = sorted((the_object(shelf) / "v1/content/data/units").glob("*.warc"))
    assert len(units) >= 3
    done = judge("warcio", "check", *units)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_judge_that_is_shown_damage_says_no(shelf: Path, tmp_path: Path) -> None:
    """The judges above are awake."""
    spoilt = tmp_path / "object"
    shutil.copytree(the_object(shelf), spoilt)
    unit = sorted((spoilt / "v1/content/data/units").glob("*.warc"))[0]
    data = bytearray(unit.read_bytes())
    data[-40] ^= 1
    unit.write_bytes(data)
    assert judge("bagit.py", "--validate", spoilt / "v1" / "content").returncode != 0
    assert judge("ocfl-validate.py", spoilt).returncode != 0
    assert judge("warcio", "check", unit).returncode != 0


def test_made_twice_it_is_the_same_to_the_byte(waiting: tuple[Home, str], shelf: Path, tmp_path: Path) -> None:
    """Another process, another time, other hash seeds: the same files with the same bytes."""
    other = accessioned_apart(waiting, tmp_path, "4242").data / "sites" / "alpha"
    assert files_below(other) == files_below(shelf)
    differing = [path for path in files_below(shelf) if (shelf / path).read_bytes() != (other / path).read_bytes()]
    assert differing == []
    assert package_root(the_object(shelf).name) == the_object(shelf).relative_to(shelf).as_posix()
