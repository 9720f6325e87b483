"""Reading an export where it lies, for a look. Takes nothing in."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from preservation.errors import DepositUnusable
from preservation.model.export import ExportReport
from preservation.model.policy import IntakePolicy
from preservation.stages.intake.data_files import Progress
from preservation.stages.intake.reading import read_exports
from preservation.stages.intake.sources import Source
from preservation.stages.intake.zip_members import is_debris


def inspect(
    exports: Sequence[Path], media: Path | None, policy: IntakePolicy, at: datetime, progress: Progress | None = None
) -> list[ExportReport]:
    """One report per account; links that died before `at` are said to have. `progress` hears bytes read, of how many.

    Raises DepositUnusable.
    """
    beside = [_source(path) for path in media_files(media)]
    return read_exports([_source(path) for path in exports], beside, policy, at, progress)


def media_files(folder: Path | None) -> list[Path]:
    """What lies in the folder handed in beside the export, without operating systems' debris; links are not followed."""
    if folder is None:
        return []
    if not folder.is_dir():
        raise DepositUnusable("no-such-folder", "the media folder is not a folder", remedy="name the folder after --media")
    return sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink() and not is_debris(path.name))


def _source(path: Path) -> Source:
    return Source(path.name, path.stat().st_size, lambda: path.open("rb"))
