"""What is wanted of each place of a TikTok export (rows.py says what a shape is): posts at once, everything else by its count.

`DOCUMENT.at(top, second, third)` is the shape of a part, under any of its names: lists of posts and deleted posts keep a `Post`
per record (records that are none are counted and not kept), stories of the shape of posts too; the list of live sessions keeps
one dict per session; the list of hashtags keeps their names; profile and privacy settings are kept as written.
"""

from typing import Any

from preservation.model.sections import Section
from preservation.stages.intake.exports import tiktok_posts as posts
from preservation.stages.intake.exports import tiktok_sections as table
from preservation.stages.intake.exports.values import get, plain, text
from preservation.stages.intake.rows import COUNTED, WHOLE, Shape


def document() -> Shape:
    """The shape of a whole data file, bare or within an object that has it under the name of its file."""
    return Shape(below=lambda key: document() if key.endswith(".json") else _top(key))


def _top(key: str) -> Shape:
    top = plain(key)
    return Shape(below=lambda second: _second(top, f"/{posts.escaped(key)}", second)) if top in table.TOP else COUNTED


def _second(top: str, pointer: str, key: str) -> Shape:
    second, here = plain(key), f"{pointer}/{posts.escaped(key)}"
    section = table.section_of(top, second)
    if section in table.HOLD_POSTS and top in table.POST_PARENTS:
        return _post_lists(section, here)
    if section is Section.profile_public:
        return Shape(below=_fields_of("profilemap", table.section_of_profile_field))
    if second == "settings" and section is Section.settings_other:
        return Shape(below=_fields_of("settingsmap", table.section_of_setting))
    if section is Section.live_own:
        return Shape(below=_lives, fields=True)
    if section is Section.hashtags_used:
        return Shape(below=lambda third: Shape(take=_hashtag) if plain(third) == "hashtaglist" else COUNTED)
    return Shape(below=lambda third: Shape(below=lambda _: COUNTED) if plain(third) == "sendgifts" else COUNTED)


def _post_lists(section: Section, pointer: str) -> Shape:
    """A list of posts, as the part itself or a step below; other lists there are told by their fields."""

    def below(key: str) -> Shape:
        if plain(key) in table.POST_LISTS or section is Section.stories:
            return posts_shape(section, f"{pointer}/{posts.escaped(key)}")
        return Shape(fields=True)

    return Shape(below=below, take=posts_shape(section, pointer).take, fields=True)


def posts_shape(section: Section, pointer: str) -> Shape:
    """A list of posts that stands at `pointer`."""
    is_post = posts.says_when_and_what if section is Section.stories else posts.says_when_or_what

    def take(record: Any, index: int) -> Any:
        return posts.read_post(record, f"{pointer}/{index}", section) if is_post(record) else None

    return Shape(take=take, fields=True)


def _fields_of(wanted: str, section_of: Any) -> Any:
    """The map of a profile or of settings: fields that may be taken are kept as written, of others whether they say something."""

    def field(key: str) -> Shape:
        return WHOLE if section_of(plain(key)) in (Section.profile_public, Section.settings_privacy) else COUNTED

    return lambda key: Shape(below=field) if plain(key) == wanted else COUNTED


def _lives(key: str) -> Shape:
    return Shape(take=_live if plain(key) == "golivelist" else None, fields=True)


def _live(record: Any, _: int) -> Any:
    return posts.live_session(record) if isinstance(record, dict) else None


def _hashtag(record: Any, _: int) -> Any:
    return text(get(record, "hashtagname"))


DOCUMENT = document()
