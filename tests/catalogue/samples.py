"""What the catalogue is told, to call small. All of it is invented."""

from datetime import UTC, datetime, timedelta
from typing import Any

from preservation.catalogue.catalogue import Catalogue
from preservation.catalogue.deposits import ConsentInForce
from preservation.catalogue.holdings import HeldItem
from preservation.model.deposit import Deposit, DepositState
from preservation.model.export import Visibility
from preservation.model.fixity import Depth, Finding, Fixity, Outcome
from preservation.model.identifiers import derive_id
from preservation.model.item import ItemFacts, Origin
from preservation.model.package import StagedVersion, StoredFile, Unit, UnitKind
from preservation.model.sections import Section

SIGNING_KEY = b"\x07" * 32
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
SITES = ("alpha", "beta", "gamma")


def later(hours: float) -> datetime:
    """So many hours after `AT`."""
    return AT + timedelta(hours=hours)


def an_id(*identity: object) -> str:
    """An opaque id that is the same each time."""
    return derive_id(b"catalogue samples", "any", "/".join(map(str, identity)))


RECORD, ACCOUNT, PACKAGE = an_id("record"), an_id("account"), an_id("package")


def consent(revision: int = 1, state: str = "active", record: str = RECORD) -> ConsentInForce:
    """A revision; its digest follows from its fields."""
    return ConsentInForce(record_id=record, revision=revision, state=state, sha256=_hex(record, revision, state))


def deposit(number: int = 1, **overrides: Any) -> Deposit:
    """The n-th deposit of the account."""
    fields: dict[str, Any] = {
        "deposit_id": an_id("deposit", number),
        "record_id": RECORD,
        "account_ref": ACCOUNT,
        "received_at": later(number),
        "state": DepositState.received,
        "bytes_received": 1000 * number,
        "files_received": number,
    }
    return Deposit(**{**fields, **overrides})


def recognised(number: int = 1) -> str:
    """The keyed digest of what the n-th deposit brought."""
    return _hex("bytes", number)


def staged(number: int = 1, package: str = PACKAGE) -> StagedVersion:
    """A version of three files: an item's unit, a description, and the inventory."""
    unit, description = an_id(package, number, "unit"), an_id(package, number, "description")
    paths = {f"v{number}/content/data/units/{unit}.warc": unit, f"v{number}/content/data/items.jsonl": description}
    files = [StoredFile(path=path, fixity=fixity(path), unit_id=unit_id) for path, unit_id in paths.items()]
    files.append(StoredFile(path=f"v{number}/inventory.json", fixity=fixity(f"inventory {number}")))
    first, second = paths
    return StagedVersion(
        package_id=package,
        number=number,
        deposit_id=an_id("deposit", number),
        received_at=later(number),
        files=tuple(files),
        units=(
            Unit(unit_id=unit, kind=UnitKind.item, path=first, item_ids=(item_id(1),)),
            Unit(unit_id=description, kind=UnitKind.description, path=second),
        ),
        inventory_sha512=_hex("inventory", number) * 2,
        items=1,
        media_held=1,
        media_missing=0,
    )


def held(number: int = 1, version: int = 1, **facts: Any) -> HeldItem:
    """An item as the catalogue knows it."""
    fields: dict[str, Any] = {"section": Section.posts_media, "visibility": Visibility.public, "origin": Origin.creator_export}
    known = ItemFacts(item_id=item_id(number), account_ref=ACCOUNT, scope_revision=1, **{**fields, **facts})
    return HeldItem(facts=known, version=version, fingerprint=_hex("item", number, version), status="held")


def item_id(number: int) -> str:
    """The id of the n-th item."""
    return an_id("item", number)


def fixity(what: str) -> Fixity:
    """Size and digests of bytes that nobody has."""
    return Fixity(size=len(what) + 1, sha256=_hex(what), sha512=_hex(what) * 2)


def finding(outcome: Outcome = Outcome.mismatched, key: str = "one", site: str = "alpha", package: str = PACKAGE) -> Finding:
    """A look at one object."""
    return Finding(site=site, package_id=package, key=key, outcome=outcome, depth=Depth.read, at=AT, expected="a", found="b")


def with_package(catalogue: Catalogue) -> Catalogue:
    """Consent, one deposit, and its package."""
    catalogue.deposits.record_consent(consent(), None, AT)
    catalogue.deposits.record_received(deposit(), recognised(), later(1))
    catalogue.holdings.open_package(PACKAGE, ACCOUNT, RECORD, later(2))
    return catalogue


def with_staged(catalogue: Catalogue) -> Catalogue:
    """A version whose bytes are at no site yet."""
    with_package(catalogue).holdings.plan_version(PACKAGE, deposit().deposit_id, later(2))
    catalogue.holdings.record_staged(staged(), [held()], SITES)
    return catalogue


def read_back(catalogue: Catalogue, *sites: str, number: int = 1, at: datetime = AT) -> None:
    """Every file of a version was read at these sites."""
    for site in sites:
        for file in staged(number).files:
            catalogue.holdings.record_read_back(PACKAGE, file.path, site, at)


def with_committed(catalogue: Catalogue) -> Catalogue:
    """A version that exists, at all three sites."""
    read_back(with_staged(catalogue), *SITES)
    assert catalogue.holdings.commit_version(PACKAGE, 1, 3, later(3))
    return catalogue


def withdrawn(catalogue: Catalogue) -> Catalogue:
    """A package that owes an erasure at each site."""
    with_committed(catalogue).erasing.open_erasures(PACKAGE, list(SITES), later(4))
    return catalogue


def _hex(*identity: object) -> str:
    from hashlib import sha256

    return sha256("/".join(map(str, identity)).encode()).hexdigest()
