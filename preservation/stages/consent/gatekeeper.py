"""Asks the gate with what is on record: the revision in force and the facts of the items concerned. Stages are handed one of these.

The catalogue says which revision is in force, by digest; the identity store has its words. If they disagree, the answer is no.
After a restore from backup the consent on record may be older than a withdrawal: until an archivist has said which came since,
the archive is held, and the answer is no to everything but looking and erasing.
"""

from collections.abc import Callable, Iterable
from datetime import datetime

from preservation.catalogue.deposits import Deposits
from preservation.catalogue.holdings import Holdings
from preservation.catalogue.identity import IdentityStore
from preservation.errors import Refused
from preservation.model.clearance import Act, Clearance
from preservation.model.consent import ConsentRecord
from preservation.model.item import ItemFacts
from preservation.stages.consent import gate

WHILE_HELD = frozenset({Act.verify_fixity, Act.erase})


class RecordGatekeeper:
    """The gatekeeper over the archive's own records."""

    def __init__(
        self,
        deposits: Deposits,
        holdings: Holdings,
        identity: IdentityStore,
        now: Callable[[], datetime],
        held: Callable[[], bool] = lambda: False,
    ) -> None:
        """`held` is asked each time: whether this archive was restored and its withdrawals since are not confirmed yet."""
        self._held = held
        self._deposits = deposits
        self._holdings = holdings
        self._identity = identity
        self._now = now
        self._last: tuple[bytes, ConsentRecord] | None = None

    def record_in_force(self, record_id: str, known: ConsentRecord | None = None) -> ConsentRecord | None:
        """The newest revision's words; None if there is no such record; Refused if its words are not the ones recorded.

        Which revision is in force is asked each time. `known` is believed to be its words if it has their digest: whoever asks
        item by item has them read once.
        """
        in_force = self._deposits.consent_in_force(record_id)
        if in_force is None:
            return None
        if known is not None and (known.record_id, known.sha256()) == (record_id, in_force.sha256):
            return known
        document = self._identity.document(record_id, in_force.revision)
        record = self._parsed(document) if document else None
        if record is None or record.sha256() != in_force.sha256:
            raise Refused(
                "consent-record-damaged",
                f"the words of consent record {record_id}, revision {in_force.revision}, are not the ones recorded",
                remedy="restore the identity store from its backup; until then nothing is done under this record",
            )
        return record

    def _parsed(self, document: bytes) -> ConsentRecord:
        """The document as a record; the last one is kept, because a deposit asks for the same words file by file."""
        last = self._last  # read once: steps of other sites ask at the same time
        if last is None or last[0] != document:
            last = self._last = document, ConsentRecord.model_validate_json(document)
        return last[1]

    def clear(self, act: Act, subject: str) -> Clearance:
        """Clearance for `act` on a package or a unit by id; raises Refused."""
        self._require_not_held(act)
        found = self._holdings.facts_of(subject)
        if found is None or (found[0].state != "held" and act is not Act.erase):
            raise Refused(
                "nothing-held",
                f"the archive holds no package or unit {subject}, or it was withdrawn",
                remedy="list what is held with: keepsake list",
            )
        package, facts = found
        return gate.require_unit(self.record_in_force(package.record_id), act, subject, facts, self._now())

    def clear_deposit(self, act: Act, record_id: str, deposit_id: str, account_ref: str, *, follow_up: bool = False) -> Clearance:
        """Clearance to receive or extract a deposit of one account; raises Refused."""
        self._require_not_held(act)
        record = self.record_in_force(record_id)
        return gate.require_deposit(record, act, deposit_id, self._now(), account_ref=account_ref, follow_up=follow_up)

    def for_items(self, record_id: str, facts: Iterable[ItemFacts]) -> "ItemGatekeeper":
        """A gatekeeper for items that are not in the catalogue yet. Facts may carry dates: this is asked in quarantine.

        Refused at once while the archive is held: item by item it would look as if consent left them out.
        """
        self._require_not_held(Act.package)
        by_id = {item.item_id: item for item in facts}
        return ItemGatekeeper(by_id, lambda known: self.record_in_force(record_id, known), self._now)

    def _require_not_held(self, act: Act) -> None:
        if act not in WHILE_HELD and self._held():
            raise Refused(
                "archive-held",
                f"this archive was restored from a backup, so {act} waits until the withdrawals since then are confirmed",
                remedy="say which consents were withdrawn since: keepsake backup confirm --withdrawn-since FILE (or: none)",
            )


class ItemGatekeeper:
    """Decides about items by facts that are known in quarantine only."""

    def __init__(
        self,
        facts: dict[str, ItemFacts],
        record_in_force: Callable[[ConsentRecord | None], ConsentRecord | None],
        now: Callable[[], datetime],
    ) -> None:
        """`record_in_force` is given the record it returned last, which may be in force still."""
        self._facts = facts
        self._record_in_force = record_in_force
        self._now = now
        self._record: ConsentRecord | None = None

    def clear(self, act: Act, subject: str) -> Clearance:
        """Clearance for `act` on one of the items; raises Refused."""
        self._record = self._record_in_force(self._record)
        return gate.require(self._record, act, self._facts[subject], self._now())
