"""Recording consent: importing a document, and moving a record from state to state."""

from datetime import datetime

from preservation.catalogue.deposits import ConsentInForce
from preservation.errors import Refused
from preservation.model.consent import ConsentRecord
from preservation.model.consent_words import Role, State
from preservation.stages.consent import documents, ledger
from preservation.wiring import Archive


def import_consent(archive: Archive, document: bytes) -> ConsentRecord:
    """Record the first revision of a consent, and in the identity store whom it is of. The same again is a no-op."""
    parsed = documents.parse_document(document)
    record = ledger.first(parsed)
    if not _known(archive, record):
        for account in parsed.identity.accounts:
            archive.identity.record_account(account.account_ref, account.platform, account.handle)
        archive.identity.record_people(record.record_id, parsed.identity.creator.model_dump_json().encode())
        record_revision(archive, record, archive.now())
    return record


def change_state(archive: Archive, record_id: str, state: State, role: Role, reason: str | None = None) -> ConsentRecord:
    """Move a record to another state; the new revision. Being there already is a no-op."""
    record = require_record(archive, record_id)
    if record.state is state:
        return record
    at = archive.now()
    changed = ledger.transition(record, state, role, at, reason=reason)
    record_revision(archive, changed, at)
    return changed


def record_revision(archive: Archive, record: ConsentRecord, at: datetime) -> None:
    """The words first, then the catalogue's row that puts them in force: between the two, the old revision stands."""
    archive.identity.record_document(record.record_id, record.revision, record.canonical(), replace=not _known(archive, record))
    in_force = ConsentInForce(record_id=record.record_id, revision=record.revision, state=record.state, sha256=record.sha256())
    archive.catalogue.deposits.record_consent(in_force, record.previous_sha256, at)


def require_record(archive: Archive, record_id: str) -> ConsentRecord:
    """The revision in force; raises Refused if there is no such record."""
    record = archive.gatekeeper.record_in_force(record_id)
    if record is None:
        raise Refused(
            "no-such-consent", f"there is no consent record {record_id}", remedy="import it first: keepsake consent import FILE"
        )
    return record


def _known(archive: Archive, record: ConsentRecord) -> bool:
    in_force = archive.catalogue.deposits.consent_in_force(record.record_id)
    return in_force is not None and in_force.revision >= record.revision
