"""The file an archivist imports a consent from: the record, and apart from it whom it is of.

    {"record": {…}, "identity": {"creator": {"name", "contact"}, "accounts": [{"account_ref", "platform", "handle"}]}}

Names, contacts and handles stand under `identity` only, which goes to the identity store; the record knows references.
"""

import json
from typing import Annotated, Any, Self

from pydantic import Field, StringConstraints, model_validator

from preservation.model.consent import ConsentRecord
from preservation.model.consent_words import ConsentWord, PlatformName
from preservation.model.identifiers import AccountRef
from preservation.stages.consent.validation import checked, refusal

MOST_BYTES = 16 * 1024 * 1024  # item ids of some 200 000 posts; beyond that it is no consent form
_UNREADABLE = "consent-document-unreadable"
_WRONG = "consent-document-wrong"
_Personal = Annotated[str, StringConstraints(min_length=1, max_length=500)]


class CreatorIdentity(ConsentWord):
    """Who gave the consent. Kept out of every printed form of this object."""

    name: _Personal = Field(repr=False)
    contact: _Personal = Field(repr=False)


class AccountIdentity(ConsentWord):
    """Which handle an account reference stands for."""

    account_ref: AccountRef
    platform: PlatformName
    handle: _Personal = Field(repr=False)


class Identity(ConsentWord):
    """What only the identity store may keep."""

    creator: CreatorIdentity
    accounts: tuple[AccountIdentity, ...]


class ConsentDocument(ConsentWord):
    """A consent record with the identity that belongs to it: the same accounts in both."""

    record: ConsentRecord
    identity: Identity

    @model_validator(mode="after")
    def _same_accounts(self) -> Self:
        recorded = sorted((account.account_ref, account.platform) for account in self.record.accounts)
        identified = sorted((account.account_ref, account.platform) for account in self.identity.accounts)
        if recorded != identified:
            raise ValueError("accounts-of-record-and-identity-differ")
        return self


def parse_document(data: bytes) -> ConsentDocument:
    """Read a consent document. `data` is UTF-8 JSON without repeated keys.

    Raises Refused("consent-document-unreadable") when it is not JSON, with the line and column, and
    Refused("consent-document-wrong") naming every wrong field. Neither quotes a value.
    """
    fields = _read_json(data)
    return checked(_WRONG, lambda: ConsentDocument.model_validate(fields))


def _read_json(data: bytes) -> Any:
    """Parsed JSON. Raised outside the handlers: their errors hold the text."""
    if len(data) > MOST_BYTES:
        raise refusal(_UNREADABLE, f"the document has {len(data)} bytes, more than {MOST_BYTES}")
    try:
        return json.loads(data.decode("utf-8-sig"), object_pairs_hook=_no_repeats, parse_constant=_no_constants)
    except UnicodeDecodeError as error:
        why = f"not UTF-8 at byte {error.start}"
    except json.JSONDecodeError as error:
        why = f"not JSON at line {error.lineno}, column {error.colno}"
    except RecursionError:
        why = "nested too deep"
    except _Ambiguous:
        why = "a key occurs twice in one object, or a number is not a number"
    raise refusal(_UNREADABLE, why)


class _Ambiguous(Exception):
    """JSON that different readers understand differently."""


def _no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Two answers to one question are no answer: the last one must not win in silence."""
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise _Ambiguous
    return fields


def _no_constants(_: str) -> Any:
    raise _Ambiguous
