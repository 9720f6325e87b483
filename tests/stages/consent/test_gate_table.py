"""The whole table of state, act, section, visibility and origin, walked once."""

import json
from datetime import UTC, datetime
from itertools import product

from preservation.model.clearance import Act
from preservation.model.consent import ConsentRecord
from preservation.model.consent_words import Access, State
from preservation.model.export import Visibility
from preservation.model.item import ItemFacts, Origin
from preservation.model.sections import SECTION_DEFAULT, Default, Section
from preservation.stages.consent.documents import parse_document
from preservation.stages.consent.gate import decide
from tests.consent_samples import account_ref, document, purposes

NOW = datetime(2026, 11, 2, tzinfo=UTC)
SERVES_THE_CREATOR = {Act.erase, Act.export_to_creator}
LAWFUL = {Origin.creator_export, Origin.creator_upload, Origin.portability_api, Origin.export_link}
CARE = {Act.verify_fixity, Act.repair, Act.restore_test}
SHOWING = {Act.give_out, Act.download, Act.exhibit, Act.research_compute}
HELD = {State.active, State.amended, State.suspended, State.expired}
OFFERED = {Visibility.public, Visibility.unknown}
SECTIONS = (  # of each default some: on, off, never; posts and others
    Section.posts_media,
    Section.posts_metadata,
    Section.profile_public,
    Section.hashtags_used,
    Section.stories,
    Section.watch_history,
    Section.direct_messages,
    Section.unknown,
)


def _record(state: State) -> ConsentRecord:
    """Gives all it can: every section with a box, public posts and those of unknown visibility, all purposes, downloads."""
    given = document(
        state=state.value,
        scopes=[{"account_ref": account_ref(), "include_visibility": sorted(OFFERED)}],
        sections=[
            {"section": section, "decision": "in", "access": "open"}
            for section, default in SECTION_DEFAULT.items()
            if default is not Default.never
        ],
        purposes=purposes("preserve", "catalogue", "access", "research", "exhibition"),
        access={"level": "open", "download": True},
    )
    return parse_document(json.dumps(given).encode()).record


def test_nothing_is_allowed_that_any_single_rule_forbids() -> None:
    """Over 60 000 combinations: a yes means that state, section, origin and visibility each say yes."""
    walked = allowed = 0
    records = {state: _record(state) for state in State}
    wanted = {act: Access.onsite if act in SHOWING else Access.closed for act in Act}
    facts = [
        ItemFacts(item_id="a" * 26, account_ref=account_ref(), section=section, visibility=visibility, origin=origin)
        for section, visibility, origin in product(SECTIONS, Visibility, Origin)
    ]
    for state, act, item in product(State, Act, facts):
        walked += 1
        if not decide(records[state], act, item, NOW, wanted[act]).allow:
            assert act not in SERVES_THE_CREATOR
            continue
        allowed += 1
        if act in SERVES_THE_CREATOR or act is Act.contact:
            continue
        assert state is State.active or (act in CARE and state in HELD) or act in {Act.receive, Act.extract}
        assert state not in {State.draft, State.withdrawn, State.refused}
        assert SECTION_DEFAULT[item.section] is not Default.never
        assert item.origin in LAWFUL
        assert item.visibility in OFFERED or not item.section.startswith(("posts", "stories", "deleted", "live_own"))
        assert act not in SHOWING or item.visibility is not Visibility.unknown
    assert walked > 60_000
    assert allowed > 10_000


def test_no_section_without_a_box_comes_in_whatever_is_asked() -> None:
    """All sections, with a consent that gives all it can."""
    given = _record(State.active)
    for section, act in product(Section, set(Act) - SERVES_THE_CREATOR - SHOWING - {Act.contact}):
        item = ItemFacts(
            item_id="a" * 26,
            account_ref=account_ref(),
            section=section,
            visibility=Visibility.public,
            origin=Origin.creator_export,
        )
        refused = f"section-{section}-not-given" in decide(given, act, item, NOW).reasons
        assert refused is (SECTION_DEFAULT[section] is Default.never)
