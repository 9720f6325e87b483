"""Every code a program or an operator may be shown has a paragraph of its own."""

import re

from tests.tree.codes import codes, unreadable
from tests.tree.source import ROOT

FROM_THE_REPORT = "preservation/steps/receiving.py"  # a hand-in is refused under the code of its export's first error


def test_every_code_of_a_refusal_has_a_paragraph_in_the_page() -> None:
    page = (ROOT / "docs" / "errors.md").read_text("utf-8")
    described = set(re.findall(r"^### `?([a-z0-9-]+)`?$", page, re.MULTILINE))
    assert {code: places for code, places in codes().items() if code not in described} == {}


def test_every_code_can_be_read_off_the_source() -> None:
    assert {place.split(":")[0] for place in unreadable()} <= {FROM_THE_REPORT}


def test_codes_are_found_wherever_they_are_named() -> None:
    """Directly, through a function that takes a code, by a default, by a local name."""
    assert {
        "no-such-package",
        "different-bytes",
        "consent-not-signed",
        "site-unavailable",
        "consent-chain-broken",
    } <= codes().keys()


def test_codes_are_lower_case_words_with_hyphens() -> None:
    assert [code for code in codes() if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", code)] == []
