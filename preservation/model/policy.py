"""What the archive has decided about copies, sites and sizes. Passed in; only `settings` reads it from files."""

from enum import StrEnum
from pathlib import Path

from pydantic import Field

from preservation.model.base import Word

MIB = 1024 * 1024


class Sealing(StrEnum):
    """How units are stored. `none` leaves them readable."""

    none = "none"


class PackagingPolicy(Word):
    """Sizes and names of what is packaged."""

    sealing: Sealing = Sealing.none
    own_unit_from: int = Field(default=MIB, ge=1)  # below this, a PUT costs more than years of storage
    bundle_up_to: int = Field(default=64 * MIB, ge=MIB)
    namespace: str = "https://deposits.keepsake.invalid"  # the archive's own host: replays, and can never leak to a live one
    archive_name: str = "Keepsake"


class IntakePolicy(Word):
    """How much an export may cost us before we stop reading it."""

    max_members: int = 100_000
    max_depth: int = 2  # zip in zip
    max_ratio: int = 200  # unpacked : packed, beyond 1 MiB
    max_total: int = 200 * 1024 * MIB
    max_json: int = 2 * 1024 * MIB
    max_json_depth: int = 200


class MalwarePolicy(Word):
    """How the answers of the malware scanner are taken. Which scanner is a setting: `clamd`."""

    max_file: int = Field(default=25 * MIB, ge=1)  # bytes of which an OK is believed: clamd's own MaxFileSize, as Debian sets it
    required: bool = False  # whether a deposit that could not be scanned is refused
    timeout: int = Field(default=150, ge=1)  # seconds for one answer; Debian's MaxScanTime is 120
    attempts: int = Field(default=4, ge=1, le=8)  # waits of 1, 4, 16… seconds lie between
    allow_remote: bool = False


class CopiesPolicy(Word):
    """How many sites must hold a version, each file read back, before it exists."""

    required_sites: int = Field(default=3, ge=1)
    allow_remote_unsealed: bool = False


class Policy(Word):
    """Everything `configs/policy.toml` says."""

    packaging: PackagingPolicy = PackagingPolicy()
    intake: IntakePolicy = IntakePolicy()
    malware: MalwarePolicy = MalwarePolicy()
    copies: CopiesPolicy = CopiesPolicy()


class SiteKind(StrEnum):
    """What a site speaks."""

    directory = "directory"
    s3 = "s3"


class SiteConfig(Word):
    """One configured site. Holds no secrets: `credentials` names environment variables."""

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{0,30}$")
    kind: SiteKind
    path: Path | None = None  # directory
    endpoint: str | None = None  # s3
    bucket: str | None = None
    region: str = "us-east-1"
    storage_class: str | None = None
    prefix: str = ""
    credentials: str = ""  # prefix of <PREFIX>_ACCESS_KEY_ID and <PREFIX>_SECRET_ACCESS_KEY

    @property
    def on_this_machine(self) -> bool:
        """Whether its bytes stay on this machine: a directory, or a loopback endpoint."""
        if self.kind is SiteKind.directory:
            return True
        host = (self.endpoint or "").split("://")[-1].rsplit(":", 1)[0].strip("/[]")
        return host in {"127.0.0.1", "localhost", "::1"}
