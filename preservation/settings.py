"""The one reader of the environment and of `configs/*.toml`. Everything else is handed what it needs.

Every setting is described in docs/settings.md; a test compares that page with this module.
"""

import os
import tomllib
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from preservation.errors import SettingsWrong
from preservation.model.base import Word
from preservation.model.policy import Policy, SiteConfig, SiteKind

M = TypeVar("M", bound=BaseModel)

CONFIGS = Path(__file__).resolve().parents[1] / "configs"
LOCAL = "local"
POWERS = ("read", "put", "advance", "replace", "erase")


def _default_home() -> Path:
    data = os.environ.get("XDG_DATA_HOME")
    return (Path(data) if data else Path.home() / ".local" / "share") / "keepsake"


class Settings(BaseSettings):
    """Where this archive lives. Each field is read from KEEPSAKE_<NAME>, else from the profile `configs/<profile>.toml`."""

    model_config = SettingsConfigDict(env_prefix="KEEPSAKE_", frozen=True)

    profile: str = Field(
        default=LOCAL, pattern=r"^[a-z][a-z0-9-]*$", description="which configs/<profile>.toml: local or production"
    )
    home: Path = Field(
        default_factory=_default_home, description="the data directory: catalogue, keys, quarantine, staging, local sites"
    )
    configs: Path = Field(default=CONFIGS, description="the folder with the profiles, policy and sites")
    policy_file: Path = Field(
        default=Path("policy.toml"), description="what the archive has decided; relative to the folder above"
    )
    sites_file: Path = Field(default=Path("sites.toml"), description="the sites that keep replicas; relative to the same folder")
    catalogue_url: str = Field(
        default="", description="SQLAlchemy URL of the catalogue; empty: a SQLite file in the data directory"
    )
    clamd: str = Field(
        default="",
        pattern=r"^(/.*|tcp://(\[[0-9A-Fa-f:.]+\]|[^\s:/\[\]]+):\d{1,5})?$",
        description="the malware scanner: clamd's socket, as a path or tcp://127.0.0.1:3310; empty: none",
    )
    server_port: int = Field(
        default=4200, ge=1, le=65535, description="port of Prefect's server and UI under `keepsake up`, on 127.0.0.1"
    )
    health_port: int = Field(
        default=4280, ge=1, le=65535, description="port of the health page under `keepsake up`, on 127.0.0.1"
    )
    worker_limit: int = Field(default=4, ge=1, le=64, description="how many procedures run at once under `keepsake up`")
    withdrawals_file: Path | None = Field(
        default=None, description="a second list of the withdrawn consent records, on another disk than the data directory"
    )
    keep_backups_days: int = Field(default=30, ge=1, description="days after which a backup is said to be due for destruction")
    keep_runs_days: int = Field(
        default=90, ge=1, description="days after which Prefect forgets a finished run; the ledger keeps all"
    )

    @field_validator("home", "configs", "policy_file", "sites_file", "withdrawals_file")
    @classmethod
    def _at_home(cls, path: Path | None) -> Path | None:
        return path.expanduser() if path else None

    def database_url(self) -> str:
        """The catalogue's URL."""
        return self.catalogue_url or f"sqlite:///{self.home.resolve() / 'catalogue.sqlite'}"

    def profile_path(self) -> Path:
        """The file of the profile."""
        return self.configs / f"{self.profile}.toml"

    def policy(self) -> Policy:
        """What `policy_file` says, or the defaults if there is no `policy.toml`. Raises SettingsWrong."""
        path = self.configs / self.policy_file
        return _parse(Policy, _read_toml(path, required=path.name != "policy.toml"), path)

    def sites(self) -> tuple[SiteConfig, ...]:
        """What `sites_file` lists; paths in it are relative to the data directory. Raises SettingsWrong."""
        path = self.configs / self.sites_file
        sites = _parse(_Sites, _read_toml(path), path).site
        if not sites:
            raise SettingsWrong("sites", f"{path} names no sites", remedy="describe each site in a [[site]] table")
        _require_once(path, "name", [site.name for site in sites])
        sites = tuple(site.model_copy(update={"path": self.home / site.path}) if site.path else site for site in sites)
        _require_once(path, "place", [_place(site) for site in sites])
        return sites


class _Sites(Word):
    site: tuple[SiteConfig, ...] = ()


def _place(site: SiteConfig) -> tuple[str, ...]:
    """Where its bytes lie: two sites there would be one copy counted twice. A site that lacks what it needs is refused on opening."""
    if site.kind is SiteKind.directory:
        return (str(site.path.resolve()) if site.path else site.name,)
    return site.endpoint or "", site.bucket or site.name, site.prefix.strip("/")


def _require_once(path: Path, what: str, values: Sequence[Hashable]) -> None:
    if len(set(values)) != len(values):
        raise SettingsWrong(
            "sites",
            f"{path}: two sites have the same {what}",
            remedy=f"give each [[site]] a {what} of its own, or it is no second copy",
        )


def credentials(prefix: str, power: str) -> tuple[str, str] | None:
    """Access key and secret for one power over a site: <PREFIX>_<POWER>_ACCESS_KEY_ID, else <PREFIX>_ACCESS_KEY_ID."""
    for stem in (f"{prefix}_{power.upper()}", prefix):
        key, secret = os.environ.get(f"{stem}_ACCESS_KEY_ID"), os.environ.get(f"{stem}_SECRET_ACCESS_KEY")
        if key and secret:
            return key, secret
    return None


def load_settings(**overrides: Any) -> Settings:
    """Read the environment, then what it leaves open from the profile's file; `overrides` win. Raises SettingsWrong."""
    said = _settings("the environment (KEEPSAKE_…)", overrides)
    path = said.profile_path()
    found = _read_toml(path, required=said.profile != LOCAL)
    if misplaced := found.keys() & {"profile", "configs"}:
        raise SettingsWrong(
            "config-value",
            f"{path}: {', '.join(sorted(misplaced))}: chooses the file, so it cannot stand in it",
            remedy="remove it",
        )
    return _settings(str(path), found | said.model_dump(include=said.model_fields_set))


def _settings(where: str, given: dict[str, Any]) -> Settings:
    try:
        return Settings(**given)
    except ValidationError as failure:
        raise _wrong(where, failure) from None


def _read_toml(path: Path, *, required: bool = False) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if required:
            raise SettingsWrong("config-missing", f"there is no file {path}", remedy="make it, or correct the name") from None
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as failure:
        raise SettingsWrong(
            "config-syntax", f"{path} is not valid TOML: {failure}", remedy="mend the file at that place"
        ) from None
    except OSError as failure:
        raise SettingsWrong(
            "config-unreadable", f"{path} cannot be read: {failure.strerror}", remedy="give this user the right to read it"
        ) from None


def _parse(model: type[M], found: dict[str, Any], path: Path) -> M:
    try:
        return model.model_validate(found)
    except ValidationError as failure:
        raise _wrong(str(path), failure) from None


def _wrong(where: str, failure: ValidationError) -> SettingsWrong:
    places = "; ".join(f"{'.'.join(map(str, error['loc']))}: {error['msg']}" for error in failure.errors(include_input=False))
    return SettingsWrong("config-value", f"{where}: {places}", remedy="see docs/settings.md for what each setting takes")
