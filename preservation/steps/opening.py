"""Opening a package: plain files and a site for the creator, from whichever sites give the bytes intact."""

import io
import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from preservation.errors import Refused
from preservation.formats import ocfl
from preservation.model.clearance import Act
from preservation.model.package import StoredFile
from preservation.stages.access.lay_out import Opened, lay_out
from preservation.steps.shelf import fetch, saying_disk
from preservation.wiring import Archive

IN_MEMORY = 64 * 1024 * 1024


def open_package(archive: Archive, package_id: str, to: Path) -> Opened:
    """Lay a package's newest version out below `to`, which must not exist or be empty. Whole or not at all."""
    archive.gatekeeper.clear(Act.export_to_creator, package_id).require(Act.export_to_creator, package_id, archive.now())
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise Refused("folder-not-empty", f"{to} is there already and not empty", remedy="name a new folder after --to")
    shelf = _Shelf(archive, package_id)
    with saying_disk("laying out the package"):
        to.parent.mkdir(parents=True, exist_ok=True)
        building = Path(tempfile.mkdtemp(prefix=".opening-", dir=to.parent))
        try:
            opened = lay_out(shelf.rows(), shelf.open_unit, building, archive.policy.packaging.archive_name)
            building.chmod(0o755)
            if to.exists():
                to.rmdir()
            building.rename(to)
        except BaseException:
            shutil.rmtree(building, ignore_errors=True)
            raise
    return opened


class _Shelf:
    """The newest version of one package, file by file under its names in the bag."""

    def __init__(self, archive: Archive, package_id: str) -> None:
        self._archive, self._package_id = archive, package_id
        head = archive.catalogue.holdings.head(package_id)
        if head is None:
            raise Refused(
                "nothing-committed",
                f"package {package_id} has no committed version yet",
                remedy="finish its accession first: keepsake accession",
            )
        self._files = {file.path: file for file in archive.catalogue.holdings.files(package_id)}
        inventory = ocfl.parse_inventory(self._bytes(self._files[f"v{head.number}/inventory.json"]))
        self._paths = {logical: inventory.manifest[digest][0] for logical, digest in inventory.states[head.number].items()}

    def rows(self) -> list[dict[str, object]]:
        """items.jsonl."""
        data = self._bytes(self._files[self._paths["data/description/items.jsonl"]])
        return [json.loads(line) for line in data.splitlines()]

    @contextmanager
    def open_unit(self, path: str) -> Iterator[BinaryIO]:
        """A unit's bytes, proved before the first of them is used."""
        with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY) as target:
            fetch(self._archive.sites.values(), self._package_id, self._files[self._paths[path]], target)
            yield target  # type: ignore[misc]  # a spooled file reads and seeks as a BinaryIO does

    def _bytes(self, file: StoredFile) -> bytes:
        target = io.BytesIO()
        fetch(self._archive.sites.values(), self._package_id, file, target)
        return target.getvalue()
