"""From a configured site to its store."""

from dataclasses import dataclass, field

from preservation.errors import SettingsWrong
from preservation.model.policy import SiteConfig, SiteKind
from preservation.storage.local import LocalStore
from preservation.storage.store import Store


@dataclass(frozen=True)
class Credentials:
    """What a site knows us by. The secrets stay out of `repr`, and so out of logs."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


def open_store(config: SiteConfig, credentials: Credentials | None) -> Store:
    """The store of a site, not yet asked anything; raises SettingsWrong if the configuration cannot mean one.

    A directory must exist: `keepsake` never makes a site's root, so that an unmounted disk is not taken for an empty site.
    """
    if config.kind is SiteKind.directory:
        return _directory(config)
    return _bucket(config, credentials)


def _directory(config: SiteConfig) -> Store:
    if config.path is None:
        raise _incomplete(config, "path")
    return LocalStore(config.path / config.prefix.strip("/"), config.name)


def _bucket(config: SiteConfig, credentials: Credentials | None) -> Store:
    if not config.bucket:
        raise _incomplete(config, "bucket")
    if config.credentials and credentials is None:
        raise _incomplete(config, f"{config.credentials}_ACCESS_KEY_ID and {config.credentials}_SECRET_ACCESS_KEY")
    from preservation.storage.s3 import S3Store, connect  # a quarter of a second, only where a site needs it

    client = connect(config.name, config.endpoint, config.region, credentials)
    return S3Store(client, config.bucket, site=config.name, prefix=config.prefix, storage_class=config.storage_class)


def _incomplete(config: SiteConfig, what: str) -> SettingsWrong:
    return SettingsWrong(
        "site-incomplete", f"site {config.name} lacks {what}", remedy=f"give {what} for this site, see docs/settings.md"
    )
