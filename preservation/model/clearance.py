"""Clearance: proof that the consent in force covers one act on one thing now. The gate alone makes one.

`stages/consent/gate.py` is the only module that calls `_issue`; tests/tree holds that. A function that acts takes a
`Clearance` and begins with `clearance.require(...)`: without the right one, fresh, it does not go on.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol, Self

from preservation.errors import Refused

LIFETIME = timedelta(seconds=60)  # DESIGN 3.1: a clearance lives at most a minute


class Act(StrEnum):
    """What the archive may do with an item, each asked for by name."""

    receive = "receive"
    extract = "extract"
    package = "package"
    seal = "seal"
    replicate = "replicate"
    repair = "repair"
    restore_test = "restore_test"
    verify_fixity = "verify_fixity"
    migrate = "migrate"
    describe = "describe"
    restore = "restore"
    give_out = "give_out"
    download = "download"
    exhibit = "exhibit"
    research_compute = "research_compute"
    count_use = "count_use"
    contact = "contact"
    ai_train = "ai_train"
    ai_generative_train = "ai_generative_train"
    ai_inference = "ai_inference"
    data_mining = "data_mining"
    erase = "erase"
    export_to_creator = "export_to_creator"


class _NoPublicConstructor(type):
    """Calling the class is a TypeError: a clearance is issued, never made."""

    def __call__(cls, *_args: Any, **_fields: Any) -> Any:
        raise TypeError(f"{cls.__name__} is issued by the consent gate alone")

    def _issue(cls, **fields: Any) -> Any:
        return super().__call__(**fields)


@dataclass(frozen=True, slots=True)
class Clearance(metaclass=_NoPublicConstructor):
    """One act on one subject (a deposit, an item or a unit), under one revision, at one moment."""

    act: Act
    subject: str
    record_id: str
    revision: int
    record_sha256: str
    at: datetime

    def require(self, act: Act, subject: str, now: datetime) -> Self:
        """Return self if this clearance is for `act` on `subject` and still fresh at `now`; raise Refused otherwise."""
        if (self.act, self.subject) != (act, subject):
            raise Refused(
                "clearance-for-another-act",
                f"a clearance to {self.act} {self.subject} was shown for {act} on {subject}",
                remedy="this is a fault in the program: report it with this message",
            )
        if not timedelta(0) <= now - self.at <= LIFETIME:
            raise Refused(
                "clearance-stale",
                f"the clearance to {act} {subject} was issued at {self.at.isoformat()}, over a minute before {now.isoformat()}",
                remedy="run the step again; it asks the gate anew",
            )
        return self


class Gatekeeper(Protocol):
    """Asks the gate with the consent in force and the facts on record. Stages are handed one; they never see the gate."""

    def clear(self, act: Act, subject: str) -> Clearance:
        """Clearance for `act` on a deposit, unit or package by id; raises Refused."""
