"""The one reader of the environment and of `configs/*.toml`. Everything else is handed what it needs.

Every setting is described in docs/settings.md; a test compares that page with this module.
"""

import os
import tomllib
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from preservation.errors import SettingsWrong
from preservation.model.policy import Policy, SiteConfig

M = TypeVar("M", bound=BaseModel)

CONFIGS = Path(__file__).resolve().parents[1] / "configs"
POWERS = ("read", "put", "advance", "replace", "erase")


def _default_home() -> Path:
    data = os.environ.get("XDG_DATA_HOME")
    return (Path(data) if data else Path.home() / ".local" / "share") / "keepsake"


class Settings(BaseSettings):
    """Where this archive lives. Each field is read from KEEPSAKE_<NAME>."""

    model_config = SettingsConfigDict(env_prefix="KEEPSAKE_", frozen=True)

    home: Path = Field(
        default_factory=_default_home, description="the data directory: catalogue, keys, quarantine, staging, local sites"
    )
    configs: Path = Field(default=CONFIGS, description="the folder with policy.toml and sites.toml")
    catalogue_url: str = Field(
        default="", description="SQLAlchemy URL of the catalogue; empty: a SQLite file in the data directory"
    )
    server_port: int = Field(
        default=4200, ge=1, le=65535, description="port of Prefect's server and UI under `keepsake up`, on 127.0.0.1"
    )

    def database_url(self) -> str:
        """The catalogue's URL."""
        return self.catalogue_url or f"sqlite:///{self.home.resolve() / 'catalogue.sqlite'}"

    def policy(self) -> Policy:
        """`policy.toml`, or the defaults if there is no such file."""
        found = _read_toml(self.configs / "policy.toml")
        return _parse(Policy, found, self.configs / "policy.toml")

    def sites(self) -> tuple[SiteConfig, ...]:
        """`sites.toml`; paths in it are relative to the data directory."""
        path = self.configs / "sites.toml"
        listed = _read_toml(path).get("site", [])
        sites = tuple(_parse(SiteConfig, site, path) for site in listed)
        names = [site.name for site in sites]
        if not sites or len(set(names)) != len(names):
            raise SettingsWrong(
                "sites", f"{path} names no sites, or one twice", remedy="give each site a [[site]] table and a name of its own"
            )
        return tuple(site.model_copy(update={"path": self.home / site.path}) if site.path else site for site in sites)


def credentials(prefix: str, power: str) -> tuple[str, str] | None:
    """Access key and secret for one power over a site: <PREFIX>_<POWER>_ACCESS_KEY_ID, else <PREFIX>_ACCESS_KEY_ID."""
    for stem in (f"{prefix}_{power.upper()}", prefix):
        key, secret = os.environ.get(f"{stem}_ACCESS_KEY_ID"), os.environ.get(f"{stem}_SECRET_ACCESS_KEY")
        if key and secret:
            return key, secret
    return None


def load_settings(**overrides: Any) -> Settings:
    """Read the environment; `overrides` (from the command line) win."""
    try:
        return Settings(**overrides)
    except ValidationError as failure:
        raise _wrong("the environment (KEEPSAKE_…)", failure) from None


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as failure:
        raise SettingsWrong(
            "config-syntax", f"{path} is not valid TOML: {failure}", remedy="mend the file at that place"
        ) from None


def _parse(model: type[M], found: dict[str, Any], path: Path) -> M:
    try:
        return model.model_validate(found)
    except ValidationError as failure:
        raise _wrong(str(path), failure) from None


def _wrong(where: str, failure: ValidationError) -> SettingsWrong:
    places = "; ".join(f"{'.'.join(map(str, error['loc']))}: {error['msg']}" for error in failure.errors(include_input=False))
    return SettingsWrong("config-value", f"{where}: {places}", remedy="see docs/settings.md for what each setting takes")
