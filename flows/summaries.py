"""What a run of each procedure comes to: ids, counts, sites and codes; shown by the CLI, reported to Prefect."""

from pydantic import BaseModel

from preservation.model.fixity import Finding
from preservation.model.withdrawal import Tombstone
from preservation.steps.integrity import AuditReport, MendReport


class AccessionReport(BaseModel):
    """How the accession ended: ids, counts and sites."""

    deposit_id: str
    package_id: str
    version: int
    items: int
    refused: dict[str, int]
    files: int
    bytes: int
    complete_sites: list[str]
    waiting: dict[str, str]  # site: why it has no copy yet, or why its root inventory lags behind
    malware: str = ""  # what the scanner said, in a sentence
    media: dict[str, int] = {}  # condition: how many media are in it
    examined_in: float = 0.0  # seconds it took to identify and decode them


class AuditSummary(BaseModel):
    """What a run found, site by site."""

    run_id: str
    sites: list[AuditReport]
    not_looked_at: dict[str, str]  # site: why

    @property
    def well(self) -> bool:
        """Whether everything was looked at and is intact."""
        return not self.not_looked_at and all(site.well for site in self.sites)


class RepairSummary(BaseModel):
    """What a run mended, package by package."""

    run_id: str
    packages: list[MendReport]
    roots: list[Finding] = []  # files of storage roots that were written again
    refused: dict[str, str]  # package or site: why

    @property
    def well(self) -> bool:
        """Whether everything was looked at and nothing is left damaged."""
        return not self.refused and not any(package.beyond_repair or package.not_looked_at for package in self.packages)


class WithdrawalSummary(BaseModel):
    """What went, what is still owed, what stays."""

    record_id: str
    erased: dict[str, int]  # "package @ site": objects
    still_open: dict[str, str]  # "package @ site": why
    tombstones: list[Tombstone]
