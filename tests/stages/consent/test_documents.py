"""Consent documents as an archivist hands them in."""

import json
import traceback
from typing import Any

import pytest

from preservation.errors import Refused
from preservation.stages.consent import documents
from preservation.stages.consent.documents import parse_document
from tests.consent_samples import account_ref, document

CANARY = "canary.4711.fx"


def refusal(data: bytes) -> Refused:
    with pytest.raises(Refused) as refused:
        parse_document(data)
    return refused.value


def broken(**changes: Any) -> Refused:
    return refusal(json.dumps(document(CANARY, **changes)).encode())


def test_names_and_handles_stay_out_of_the_record() -> None:
    given = parse_document(json.dumps(document(CANARY, platform="instagram")).encode())
    assert given.identity.accounts[0].handle == CANARY
    assert CANARY not in given.record.canonical().decode()
    assert CANARY not in repr(given)
    assert given.record.accounts[0].account_ref == account_ref(CANARY, "instagram")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"subject": {"country": CANARY}}, "record.subject.country: string-pattern-mismatch"),
        ({"subject": {CANARY: 1}}, "record.subject: a field nobody knows"),
        ({CANARY: 1}, "record: a field nobody knows"),
        ({"accounts": [{"account_ref": CANARY, "platform": "x"}]}, "record.accounts.0.account_ref: string-pattern-mismatch"),
        ({"state": CANARY}, "record.state: enum"),
        ({"access": {"download": CANARY}}, "record.access.download: bool-type"),
        ({"access": {"download": "true"}}, "record.access.download: bool-type"),
        ({"revision": 2}, "record: predecessor-missing-or-too-many"),
        ({"scopes": CANARY}, "record.scopes: tuple-type"),
    ],
)
def test_a_wrong_field_is_named_and_never_quoted(changes: dict[str, Any], field: str) -> None:
    error = broken(**changes) if "state" not in changes else refusal(json.dumps(document(CANARY, state=CANARY)).encode())
    assert error.code == "consent-document-wrong"
    assert field in error.message.split("; ")
    assert CANARY not in "".join(traceback.format_exception(error))
    assert error.__context__ is None


def test_every_wrong_field_is_named_at_once() -> None:
    assert broken(subject={"country": "x"}, authority="").message.count(";") == 1


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b'{"record": ' + CANARY.encode(), "not JSON at line 1, column 12"),
        (b"\xff" + CANARY.encode(), "not UTF-8 at byte 0"),
        (b"[" * 100_000, "nested too deep"),
        (b'{"state": "draft", "state": "active"}', "a key occurs twice in one object, or a number is not a number"),
        (b'{"revision": NaN}', "a key occurs twice in one object, or a number is not a number"),
    ],
)
def test_what_is_not_json_is_refused_without_quoting_it(data: bytes, why: str) -> None:
    error = refusal(data)
    assert (error.code, error.message) == ("consent-document-unreadable", why)
    assert CANARY not in "".join(traceback.format_exception(error))


def test_an_endless_document_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "MOST_BYTES", 10)
    assert refusal(b" " * 11).message == "the document has 11 bytes, more than 10"


def test_record_and_identity_are_about_the_same_accounts() -> None:
    given = document()
    given["identity"]["accounts"] = []
    assert "accounts-of-record-and-identity-differ" in refusal(json.dumps(given).encode()).message


@pytest.mark.parametrize("part", ["record", "identity"])
def test_both_parts_are_needed(part: str) -> None:
    given = document()
    del given[part]
    assert refusal(json.dumps(given).encode()).message == f"{part}: missing"
