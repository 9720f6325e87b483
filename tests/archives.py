"""Whole archives to call small: a home with three sites, a deposit, an accession, and everything there is at the end.

The archive is the one that the flows find (`flows.desk.archive`), because KEEPSAKE_HOME and KEEPSAKE_CONFIGS say so.
"""

import io
import json
import os
import shutil
import signal
import sqlite3
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import flows  # noqa: F401  (its settings must stand before Prefect is imported)
from flows import desk
from flows.accession import AccessionReport, AccessionRequest
from flows.accession import accession as accession_flow
from flows.audit import AuditRequest, AuditSummary
from flows.audit import audit as audit_flow
from flows.repair import RepairRequest, RepairSummary
from flows.repair import repair as repair_flow
from flows.withdrawal import WithdrawalRequest, WithdrawalSummary
from flows.withdrawal import withdrawal as withdrawal_flow
from preservation import killpoints
from preservation.errors import ArchiveError
from preservation.model.consent_words import Role
from preservation.model.deposit import Deposit
from preservation.model.policy import CopiesPolicy, IntakePolicy, MalwarePolicy, PackagingPolicy
from preservation.steps.consenting import import_consent
from preservation.steps.receiving import receive
from preservation.steps.withdrawing import record_withdrawal
from preservation.storage.opening import Credentials
from preservation.storage.s3 import client_config, connect
from preservation.storage.site import Site
from preservation.storage.store import Store
from preservation.wiring import Archive
from tests import consent_samples
from tests.stages.intake.building import MP4, post
from tests.stages.intake.building import document as export_document

HANDLE = "ada.fx"
CAPTION = "orange kite over the harbour"  # begins every caption: to be looked for where no content belongs
SIGNED_AT = "2025-01-01T00:00:00Z"  # long ago, whatever this machine's clock says
SITES = ("alpha", "beta", "gamma")
OWN_UNIT_FROM = 4096
PREFIX = "SHELF"  # of the environment variables with the bucket's credentials
SECTIONS = {"packaging": PackagingPolicy, "intake": IntakePolicy, "copies": CopiesPolicy, "malware": MalwarePolicy}
MOMENTS = frozenset({"at", "opened_at", "done_at", "last_read_at", "erased_at", "withdrawn_at"})
OF_ONE_RUN = frozenset({"previous", "digest", "signature", "seq", "finding_id", "run_id", "run"})


@dataclass(frozen=True)
class Home:
    """Where an archive lives: its data directory, and the folder of its configuration."""

    data: Path
    configs: Path

    def environment(self) -> dict[str, str]:
        """What must be set so that every program finds this archive."""
        return {"KEEPSAKE_HOME": str(self.data), "KEEPSAKE_CONFIGS": str(self.configs)}

    def copy(self, to: Path) -> "Home":
        """The same archive, with the same ids and secrets, in another place. Nobody may have it open."""
        shutil.copytree(self.data, to / "home", symlinks=True)
        shutil.copytree(self.configs, to / "configs")
        return Home(to / "home", to / "configs")

    @contextmanager
    def opened(self) -> Iterator[Archive]:
        """This archive, as the flows of this process find it, closed afterwards."""
        before = {name: os.environ.get(name) for name in self.environment()}
        os.environ.update(self.environment())
        desk._opened.cache_clear()
        archive = desk.archive()
        try:
            yield archive
        finally:
            archive.close()
            desk._opened.cache_clear()
            for name, value in before.items():
                os.environ.pop(name, None) if value is None else os.environ.__setitem__(name, value)


def make_home(folder: Path, sites: int = 3, s3: str = "", **policy: Any) -> Home:
    """Write the configuration of an archive below `folder`. With `s3`, an endpoint, the last site is a bucket there.

    `policy` are fields of any part of the policy; the smallest medium that gets a unit of its own is 4 KiB unless told.
    """
    home = Home(folder / "home", folder / "configs")
    home.configs.mkdir(parents=True)
    tables = [_site(name, s3 if name == SITES[sites - 1] else "", folder) for name in SITES[:sites]]
    (home.configs / "sites.toml").write_text("\n".join(tables), encoding="utf-8")
    (home.configs / "policy.toml").write_text(_policy({"own_unit_from": OWN_UNIT_FROM, **policy}), encoding="utf-8")
    return home


def _site(name: str, endpoint: str, folder: Path) -> str:
    if not endpoint:
        return f'[[site]]\nname = "{name}"\nkind = "directory"\npath = "sites/{name}"\n'
    bucket = f"shelf-{sha256(str(folder).encode()).hexdigest()[:16]}"
    client = connect(name, endpoint, "us-east-1", Credentials("testing", "testing"), config=client_config(1))
    client.create_bucket(Bucket=bucket)
    os.environ.update({f"{PREFIX}_ACCESS_KEY_ID": "testing", f"{PREFIX}_SECRET_ACCESS_KEY": "testing"})
    where = f'endpoint = "{endpoint}"\nbucket = "{bucket}"\ncredentials = "{PREFIX}"'
    return f'[[site]]\nname = "{name}"\nkind = "s3"\n{where}\n'


def _policy(fields: Mapping[str, Any]) -> str:
    known = {name: section for section, model in SECTIONS.items() for name in model.model_fields}
    lines = []
    for section in SECTIONS:
        lines.append(f"[{section}]")
        lines += [f"{name} = {json.dumps(value)}" for name, value in fields.items() if known[name] == section]
    return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class HandIn:
    """What a creator hands in: an export, a folder of media beside it, and the consent document."""

    export: Path
    media: Path
    consent: bytes


def hand_in(
    folder: Path,
    handle: str = HANDLE,
    posts: int = 6,
    captions: Mapping[int, str] | None = None,
    left_out: Sequence[int] = (),
    consent: Mapping[str, Any] | None = None,
    fields: Mapping[int, Mapping[str, Any]] | None = None,
) -> HandIn:
    """An export with `posts` posts and tiny media; the first post's fills a unit of its own.

    `captions` replaces words, `left_out` drops posts by number: for a newer export of the same account. `fields` are further
    fields of a post's record, by number; `consent` fields of the consent record.
    """
    folder.mkdir(parents=True, exist_ok=True)
    media = folder / "media"
    media.mkdir(exist_ok=True)
    listed = []
    for number in range(posts):
        if number in left_out:
            continue
        day = f"2025-05-{number + 1:02d}"
        words = (captions or {}).get(number, f"{CAPTION} {number}")
        link = f"https://video.tiktokv.com/storage/v1/video-{number}?x-tos-expires=1760000000"
        listed.append(post(f"{day} 10:00:00", words, **{"Link": link, **(fields or {}).get(number, {})}))
        (media / f"{day}-10-00-00.mp4").write_bytes(medium(number))
    export = folder / "TikTok_Data_1759138200.zip"
    member = json.dumps(export_document(listed, handle)).encode()
    export.write_bytes(packed(member, method=zipfile.ZIP_STORED))
    return HandIn(export, media, consent_bytes(handle, **(consent or {})))


def packed(member: bytes, comment: bytes = b"", method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """An export's ZIP; with ZIP_STORED its bytes depend on nothing but the data file and the comment."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(zipfile.ZipInfo("user_data_tiktok.json", (2025, 9, 29, 9, 30, 0)), member, method)
        archive.comment = comment
    return buffer.getvalue()


def unpacked(export: Path) -> bytes:
    """The data file of an export that was packed here."""
    with zipfile.ZipFile(export) as archive:
        return archive.read("user_data_tiktok.json")


def medium(number: int) -> bytes:
    """A tiny video; the first is large enough for a unit of its own."""
    return MP4 + f"film {number}".encode() + b"\x07" * (2 * OWN_UNIT_FROM if number == 0 else 64)


def consent_bytes(handle: str = HANDLE, state: str = "active", **overrides: Any) -> bytes:
    """A consent document, signed long ago; later exports may be added."""
    signed: dict[str, Any] = {"valid_from": SIGNED_AT}
    if state != "draft":
        signed["affirmation"] = consent_samples.affirmation(SIGNED_AT)
    ref = consent_samples.account_ref(handle)
    signed["scopes"] = [{"account_ref": ref, "include_visibility": ["public"], "follow_up_exports": True}]
    return json.dumps(consent_samples.document(handle, state=state, **{**signed, **overrides})).encode()


def a_deposit(archive: Archive, given: HandIn) -> Deposit:
    """Import the consent, if it is new, and hand in the export."""
    record = import_consent(archive, given.consent)
    return receive(archive, record.record_id, [given.export], given.media)


def accession(deposit: Deposit | str) -> AccessionReport:
    """Run the real procedure, in this process, on the archive of the environment."""
    deposit_id = deposit if isinstance(deposit, str) else deposit.deposit_id
    report: AccessionReport = accession_flow.fn(AccessionRequest(deposit=deposit_id))
    return report


def audit(site: str = "all") -> AuditSummary:
    """Look at everything, as the flow does."""
    summary: AuditSummary = audit_flow.fn(AuditRequest(site=site))
    return summary


def repair(package: str = "all") -> RepairSummary:
    """Mend everything, as the flow does."""
    summary: RepairSummary = repair_flow.fn(RepairRequest(package=package))
    return summary


def withdraw(archive: Archive, record_id: str) -> WithdrawalSummary:
    """The creator withdraws, and the flow carries it out: what `keepsake withdraw` does."""
    record_withdrawal(archive, record_id, Role.creator)
    summary: WithdrawalSummary = withdrawal_flow.fn(WithdrawalRequest(record=record_id))
    return summary


def replace_store(archive: Archive, site: str, wrapped: Callable[[Store], Any]) -> Any:
    """Put a wrapper (tests/faults.py) between the archive and one site, without retries and waits; the wrapper."""
    standing: Any = archive.sites[site].reader
    inner = getattr(standing, "_store", standing)
    wrapper = wrapped(inner)
    archive.sites[site] = Site.of(site, wrapper)
    return wrapper


def objects_at(site: Site) -> dict[str, str]:
    """Everything at a site, unfinished uploads and older versions included: key to sha256 (or the kind of leftover)."""
    found = {}
    for stored in site.reader.list(""):
        digest = sha256()
        try:
            with site.reader.read(stored.key) as chunks:
                for chunk in chunks:
                    digest.update(chunk)
        except ArchiveError as refusal:
            found[stored.key] = refusal.code
        else:
            found[stored.key] = digest.hexdigest()
    for leftover in site.reader.leftovers(""):
        found[f"{leftover.key} ({leftover.kind})"] = leftover.kind
    return found


def rows(database: Path, leaving_out: frozenset[str] = frozenset()) -> dict[str, list[str]]:
    """Every row of every table but the ledger, moments reduced to whether there is one; sorted."""
    with closing(sqlite3.connect(database)) as connection:
        connection.row_factory = sqlite3.Row
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        wanted = sorted({*names} - {"ledger", "alembic_version", "sqlite_sequence"} - leaving_out)
        return {name: sorted(_plain(dict(row)) for row in connection.execute(f'SELECT * FROM "{name}"')) for name in wanted}


def ledger_events(archive: Archive, leaving_out: frozenset[str] = frozenset()) -> dict[str, int]:
    """How often each event stands in the ledger, without moments, runs and digests of what holds moments."""
    told = [entry for entry in archive.catalogue.ledger_entries() if entry.event.value not in leaving_out]
    return dict(Counter(_plain({"event": e.event.value, "subject": e.subject, **e.detail}) for e in told))


def _plain(row: Mapping[str, Any]) -> str:
    revised = row.get("revision", 1) != 1  # a later revision of a consent holds the moment of the change
    kept = {}
    for name, value in row.items():
        if name in OF_ONE_RUN or (revised and name == "sha256"):
            continue
        kept[name] = value is not None if name in MOMENTS else value
    return json.dumps(kept, sort_keys=True, default=str)


def fingerprint_of_everything(
    archive: Archive, without_tables: frozenset[str] = frozenset(), without_events: frozenset[str] = frozenset()
) -> dict[str, Any]:
    """All that an archive is, in a form to compare two ends: sites, catalogue, names of keys, what waits, events, health."""
    data = archive.settings.home
    with closing(sqlite3.connect(data / "keys" / "keys.sqlite")) as keys:
        secrets = sorted(name for (name,) in keys.execute("SELECT name FROM secrets"))
    identity = {table: len(found) for table, found in rows(data / "identity.sqlite").items()}
    return {
        "sites": {name: objects_at(site) for name, site in archive.sites.items()},
        "catalogue": rows(data / "catalogue.sqlite", without_tables),
        "identity": identity,
        "secrets": secrets,
        "waiting": [path for path in files_below(data / "quarantine") if "/" in path],  # in a room, not beside
        "staging": files_below(data / "staging"),
        "ledger": ledger_events(archive, without_events),
        "broken": [problem.rule for problem in archive.catalogue.verify_ledger()],
    }


def files_below(folder: Path) -> list[str]:
    """Every file below a folder, by path."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def run_apart(home: Home, work: Callable[[Archive], object], kill_at: str = "") -> int:
    """Do `work` in a process of its own, which opens the archive itself; its exit code, or minus the signal that ended it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # fork with idle threads: the child uses none of them
        child = os.fork()
    if child == 0:
        _in_the_child(home, work, kill_at)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def die_at(point: str, archive: Archive, deposit: Deposit | str) -> None:
    """Run the accession in another process, which is killed at a point."""
    home = Home(archive.settings.home, archive.settings.configs)
    assert run_apart(home, lambda _: accession(deposit), kill_at=point) == -signal.SIGKILL


def _in_the_child(home: Home, work: Callable[[Archive], object], kill_at: str) -> None:
    """Never returns."""
    code = 70
    try:
        signal.alarm(60)  # a child that hangs ends by SIGALRM, which is not the death that is asked for
        desk._threads.cache_clear()  # threads do not survive a fork
        desk._opened.cache_clear()
        killpoints._passes.clear()
        os.environ[killpoints.VARIABLE] = kill_at
        with home.opened() as archive:
            work(archive)
        code = 0
    except BaseException as failure:
        print(f"{type(failure).__name__}: {failure}", flush=True)
    finally:
        os._exit(code)


def consent_record_id(document: bytes) -> str:
    """The record id within a consent document."""
    return str(json.loads(document)["record"]["record_id"])
