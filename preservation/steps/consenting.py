"""Recording consent: importing a document, and moving a record from state to state."""

from datetime import datetime

from preservation.catalogue.deposits import ConsentInForce
from preservation.errors import Refused
from preservation.model.consent import ConsentRecord
from preservation.model.consent_words import Role, State
from preservation.model.deposit import DepositState
from preservation.stages.consent import documents, ledger
from preservation.wiring import Archive


def import_consent(archive: Archive, document: bytes) -> ConsentRecord:
    """Record the first revision of a consent, and in the identity store whom it is of; the revision in force.

    The same document again is a no-op, whatever has become of the record since. Other terms under a known id are refused.
    """
    parsed = documents.parse_document(document)
    record = ledger.first(parsed)
    with archive.holding(record.record_id, alone=True):
        if archive.catalogue.deposits.consent_in_force(record.record_id) is not None:
            _require_same(archive, record)
        else:
            accounts = parsed.identity.accounts
            archive.identity.record_accounts((each.account_ref, each.platform, each.handle) for each in accounts)
            archive.identity.record_people(record.record_id, parsed.identity.creator.model_dump_json().encode())
            record_revision(archive, record, archive.now())
        return require_record(archive, record.record_id)


def change_state(archive: Archive, record_id: str, state: State, role: Role, reason: str | None = None) -> ConsentRecord:
    """Move a record to another state; the new revision. Being there already is a no-op.

    A consent that is refused takes what waits under it along: quarantine is wiped.
    """
    with archive.holding(record_id, alone=True):
        record = require_record(archive, record_id)
        if record.state is not state:
            at = archive.now()
            record = ledger.transition(record, state, role, at, reason=reason)
            record_revision(archive, record, at)
    if record.state is State.refused:
        wipe_waiting(archive, record_id, "consent-refused")
    return record


def wipe_waiting(archive: Archive, record_id: str, code: str) -> None:
    """Refuse every deposit that waits under a record, and wipe it."""
    for deposit in archive.catalogue.deposits.list(record_id):
        archive.quarantine.wipe(deposit.deposit_id)
        if deposit.state is DepositState.received:
            archive.catalogue.deposits.refuse(deposit.deposit_id, code, archive.now())


def _require_same(archive: Archive, record: ConsentRecord) -> None:
    if archive.identity.document(record.record_id, record.revision) != record.canonical():
        raise Refused(
            "consent-never-edited",
            f"consent record {record.record_id} is recorded already, with other words",
            remedy="a change of consent is a new revision of the record in force, or a record of its own with a new id",
        )


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
