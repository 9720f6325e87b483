"""metadata/premis.xml and bag-info.txt of a version: facts by opaque id, none of a person."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from preservation.formats.premis import Agent, Event, FileObject, Rights, premis_pieces
from preservation.model.fixity import Fixity
from preservation.model.identifiers import derive_id
from preservation.model.malware import WORDS, ScanOutcome, ScanReport, counts_said, scanner_said
from preservation.stages.packaging.records import PROFILE
from preservation.stages.packaging.request import AssemblyRequest

_FORMATS = {
    "warc": ("WARC", "1.1", "fmt/1281"),
    "jsonl": ("JSON Lines", "", "fmt/2054"),
    "json": ("JSON Data Interchange Format", "", "fmt/817"),
    "txt": ("Plain Text", "", "x-fmt/111"),
}
_SOFTWARE, _ARCHIVE = "keepsake", "archive"
_ACTS = ("preserve", "replicate", "verify fixity", "repair")  # what consent to package and replicate lets us do with the files


def premis_of(request: AssemblyRequest, payload: Mapping[str, Fixity], history: Mapping[int, str]) -> Iterator[bytes]:
    """PREMIS, piece by piece, for everything in the state. `history`: version -> when its deposit was received, ISO 8601, this one
    included.

    Identifiers of files are their paths in the bag, which are opaque ids and fixed words.
    """
    files = (_file(path, payload[path]) for path in sorted(payload))
    units = tuple(path for path in sorted(payload) if path.startswith("data/units/"))
    events = [_accession(request, number, moment) for number, moment in sorted(history.items())]
    events.append(_virus_check(request))
    events.append(
        _event(request, "mes", "message digest calculation", "SHA-256 and SHA-512 computed while the files were written", units)
    )
    agents = [
        Agent(_SOFTWARE, "Keepsake", "software", f"package profile {PROFILE.rpartition('/')[2]}"),
        Agent(_ARCHIVE, request.policy.archive_name, "organization"),
    ]
    return premis_pieces(files, events, agents, [_rights(request)])


def bag_info_of(request: AssemblyRequest, object_id: str) -> list[tuple[str, str]]:
    """bag-info.txt, in order; Payload-Oxum is added by the bag itself."""
    received: datetime = request.deposit.received_at
    return [
        ("Source-Organization", request.policy.archive_name),
        ("External-Identifier", object_id),
        ("Internal-Sender-Identifier", request.deposit.deposit_id),
        ("Bagging-Date", received.date().isoformat()),
        ("Internal-Sender-Description", "What the archive holds of one account, as of this version; data/README.txt explains"),
    ]


def _file(path: str, fixity: Fixity) -> FileObject:
    name, version, key = _FORMATS.get(path.rpartition(".")[2], ("unknown", "", ""))
    return FileObject(path, fixity, name, version, key)


def _event(request: AssemblyRequest, code: str, label: str, detail: str, objects: tuple[str, ...]) -> Event:
    identifier = derive_id(request.secret, "event", f"{request.number}/{code}")
    return Event(identifier, code, label, request.deposit.received_at, detail, _SOFTWARE, objects)


def _virus_check(request: AssemblyRequest) -> Event:
    """What the scanner said of the deposit, in counts; that nobody asked one is said too. The scan's own date stays outside."""
    scan = request.received.scan or ScanReport(outcome=ScanOutcome.not_scanned)
    detail = f"scan of the deposit that became version {request.number}: {scanner_said(scan)}"
    event = _event(request, "vir", "virus check", detail, ())
    note = WORDS[scan.outcome] + (f": {counts_said(scan)}" if scan.counts else "")
    return replace(event, outcome="success" if scan.outcome is ScanOutcome.clean else "warning", note=note)


def _accession(request: AssemblyRequest, number: int, moment: str) -> Event:
    identifier = derive_id(request.secret, "event", f"{number}/ing")
    detail = f"accession of version {number}: a deposit of the creator's own export"
    return Event(identifier, "ing", "ingestion", datetime.fromisoformat(moment), detail, _ARCHIVE, ())


def _rights(request: AssemblyRequest) -> Rights:
    consent = request.consent
    document = f"{consent.record_id}/{consent.revision}"
    note = (
        f"consent record {consent.record_id}, revision {consent.revision}, sha256 {consent.sha256}; a copy is in data/description"
    )
    return Rights(derive_id(request.secret, "rights", document), document, note, _ACTS, request.package_id)
