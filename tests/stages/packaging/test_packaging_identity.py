"""Which item a post is does not depend on where it stands, nor on words that were edited."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from packaging_samples import SECRET, medium, post

from preservation.stages.packaging.bridging import bridged, known_items
from preservation.stages.packaging.identity import (
    KnownTwin,
    caption_digest,
    identify,
    identify_with_notes,
    identity_of,
    known_twins,
    ordinals_of,
)
from preservation.stages.packaging.words import fingerprint, without_places, words_of

captions = st.none() | st.text(max_size=5)
drafts = st.lists(st.tuples(st.integers(0, 4), captions), max_size=12)


def row(item_id, found, identity):
    """What items.jsonl would say of it."""
    published = found.created_at_utc.isoformat() if found.created_at_utc else None
    return {"item_id": item_id, "identity": identity, "published": published, "caption": found.caption, "kind": str(found.kind)}


def rows_of(posts):
    items = identify(posts, SECRET)
    ordinals = ordinals_of(items, SECRET)
    return [row(item_id, found, identity_of(found, ordinals.get(item_id))) for item_id, found in items]


@given(drafts, st.randoms())
def test_the_order_of_an_export_does_not_change_ids(found, random):
    posts = [post(seconds, caption) for seconds, caption in found]
    shuffled = list(posts)
    random.shuffle(shuffled)

    def ids(some):
        return sorted((item_id, one.caption or "", str(one.created_at_utc)) for item_id, one in identify(some, SECRET))

    assert ids(posts) == ids(shuffled)


@given(drafts)
def test_no_two_posts_share_an_id(found):
    items = identify([post(seconds, caption) for seconds, caption in found], SECRET)
    assert len({item_id for item_id, _ in items}) == len(items)


@given(st.lists(st.integers(0, 50), unique=True, min_size=1), st.data())
def test_an_edited_caption_keeps_the_id(seconds, data):
    posts = [post(at, f"caption {at}") for at in seconds]
    known = known_twins(rows_of(posts))
    edited = [replace(one, caption=data.draw(captions)) for one in posts]
    assert [item_id for item_id, _ in identify(edited, SECRET, known)] == [item_id for item_id, _ in identify(posts, SECRET)]


@given(drafts, st.randoms())
def test_a_newer_export_finds_every_item_again(found, random):
    """Also twins, and also when the new export has more of the same second."""
    posts = [post(seconds, f"{number}") for number, (seconds, _) in enumerate(found)]
    known = known_twins(rows_of(posts))
    ids = {one.caption: item_id for item_id, one in identify(posts, SECRET)}
    more = [*posts, *(post(seconds, f"new {seconds}") for seconds, _ in found[:3])]
    random.shuffle(more)
    again = {one.caption: item_id for item_id, one in identify(more, SECRET, known)}
    assert {caption: again[caption] for caption in ids} == ids


def test_a_twin_whose_caption_was_edited_is_known_when_the_other_was_not():
    twins = [post(0, "one"), post(0, "two")]
    known = known_twins(rows_of(twins))
    ids = [item_id for item_id, _ in identify(twins, SECRET)]
    items, notes = identify_with_notes([post(0, "edited"), post(0, "one")], SECRET, known)
    assert ([items[1][0], items[0][0]], notes) == (ids, [])


def test_the_only_post_of_a_second_stays_itself_when_its_kind_is_read_otherwise():
    known = known_twins(rows_of([post(0, "one")]))
    again = replace(post(0, "edited"), kind="photo_set")
    assert identify([again], SECRET, known)[0][0] == identify([post(0, "one")], SECRET)[0][0]


def test_twins_that_cannot_be_told_apart_are_new_items_with_a_warning():
    twins = [post(0, "one"), post(0, "two")]
    known = known_twins(rows_of(twins))
    items, notes = identify_with_notes([post(0, "other"), post(0, "another")], SECRET, known)
    assert [note.code for note in notes] == ["twins-ambiguous"]
    assert not {item_id for item_id, _ in items} & {item_id for item_id, _ in identify(twins, SECRET)}


def test_a_platform_id_decides_where_there_is_one():
    one, other = post(0, "one", platform_id="7"), post(9, "other", platform_id="7")
    assert identify([one], SECRET)[0][0] == identify([other], SECRET)[0][0] != identify([post(0, "one")], SECRET)[0][0]
    assert known_twins(rows_of([one])) == []


def test_a_platform_id_that_occurs_twice_is_two_items_and_a_warning():
    posts = [post(0, "one", platform_id="7"), post(0, "other", platform_id="7")]
    items, notes = identify_with_notes(posts, SECRET)
    assert (len({item_id for item_id, _ in items}), [note.code for note in notes]) == (2, ["platform-id-twice"])
    assert dict(items) == dict(identify(posts[::-1], SECRET))


def test_ids_tell_nothing_without_the_secret():
    assert identify([post(0)], SECRET)[0][0] != identify([post(0)], bytes(32))[0][0]


def test_what_changes_by_itself_is_not_compared():
    def print_of(found):
        return fingerprint(SECRET, words_of(found, "tiktok", with_location=False), [m.sha256 for m in found.media])

    before = post(0, media=[medium(b"a", "https://example.org/1")])
    moved = replace(before, observations={"likes": 9}, pointer="/Post/7", media=(medium(b"a", "https://example.org/2"),))
    assert print_of(before) == print_of(moved)
    for change in ({"caption": "other"}, {"visibility": "private"}, {"words": {}}, {"media": (medium(b"b"),)}):
        assert print_of(replace(before, **change)) != print_of(before)


def test_known_twins_come_from_rows():
    assert known_twins(rows_of([post(0, "one")])) == [KnownTwin("2021-06-07T15:00:00Z", 0, caption_digest("one"), "video")]


def test_fields_of_places_go_and_others_stay():
    kept = {"Text": "x", "template": 1, "Placeholder": 2, "Geometry": 3, "nested": [{"Title": "t"}]}
    places = {"Location": "x", "geoLocation": 1, "gps_lat": 2, "media_latitude": 3, "Coordinates": []}
    assert without_places(kept | places | {"nested": [{"Title": "t", "longitude": 1}]}) == kept


def test_a_post_is_one_item_whether_an_export_gives_the_platforms_id_or_not():
    """Exports of 2020 to 2022 give it, later ones do not; whichever was deposited first names the item."""
    with_id, without = post(0, None, platform_id="7"), post(0, "a caption")
    for first, later in ((with_id, without), (without, with_id)):
        [(item_id, _)] = identify([first], SECRET)
        assert bridged(identify([later], SECRET), known_items(rows_of([first]))) == [(item_id, later)]


def test_two_posts_or_two_items_of_a_second_are_never_bridged():
    one, other, late = post(0, "one"), post(0, "two"), post(0, None, platform_id="7")
    for now, before in (([late], [one, other]), ([late, one], [other]), ([replace(late, kind="photo_set")], [one])):
        known = rows_of(before)
        found = identify(now, SECRET, known_twins(known))
        assert bridged(found, known_items(known)) == found
