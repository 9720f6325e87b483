"""Refusals carry four things, and keep them across a process border."""

import pickle

import pytest

from preservation.errors import ArchiveError, DepositUnusable, Refused, SettingsWrong, ShelfConflict, StoreUnavailable
from preservation.storage.store import ObjectMissing, ObjectUnreadable

KINDS = (ArchiveError, Refused, DepositUnusable, ShelfConflict, StoreUnavailable, SettingsWrong, ObjectMissing, ObjectUnreadable)


@pytest.mark.parametrize("kind", KINDS)
def test_a_refusal_keeps_everything_across_a_process_border(kind: type[ArchiveError]) -> None:
    before = kind("a-code", "what and where", remedy="what to do", for_creator="a sentence")
    after = pickle.loads(pickle.dumps(before))
    assert type(after) is kind
    assert (after.code, after.message, after.remedy, after.for_creator) == (
        "a-code",
        "what and where",
        "what to do",
        "a sentence",
    )
    assert str(after) == "what and where [a-code]"


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_sentence_for_the_creator(kind: type[ArchiveError]) -> None:
    sentence = kind("a-code", "what", remedy="do").for_creator
    assert sentence == kind.creators_sentence
    assert sentence.endswith(".")
    assert "a-code" not in sentence


def test_the_kinds_speak_differently_to_the_creator() -> None:
    told = [kind.creators_sentence for kind in (Refused, DepositUnusable, ShelfConflict, StoreUnavailable, SettingsWrong)]
    assert len(set(told)) == len(told)
