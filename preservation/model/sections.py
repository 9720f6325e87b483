"""The parts of an export, under platform-neutral names, and what happens to each unless the creator says otherwise.

An allow-list: a part nobody has mapped is `unknown`, and `unknown` is never taken in (docs/design.md, "Consent").
"""

from enum import StrEnum


class Section(StrEnum):
    """What a part of an export holds, whatever the platform calls it."""

    posts_media = "posts_media"
    posts_metadata = "posts_metadata"
    posts_counts = "posts_counts"
    stories = "stories"
    deleted_posts = "deleted_posts"
    live_own = "live_own"
    live_earnings = "live_earnings"
    profile_public = "profile_public"
    profile_contact = "profile_contact"
    profile_inferred = "profile_inferred"
    ai_likeness = "ai_likeness"
    settings_privacy = "settings_privacy"
    settings_other = "settings_other"
    own_comments = "own_comments"
    own_reviews = "own_reviews"
    reposts_shares = "reposts_shares"
    hashtags_used = "hashtags_used"
    likes_favourites = "likes_favourites"
    watch_history = "watch_history"
    search_history = "search_history"
    activity_summary = "activity_summary"
    live_watched = "live_watched"
    following = "following"
    followers = "followers"
    blocked = "blocked"
    profile_viewers = "profile_viewers"
    direct_messages = "direct_messages"
    group_chats = "group_chats"
    assistant_chats = "assistant_chats"
    others_comments = "others_comments"
    collaboration_posts = "collaboration_posts"
    login_ip_device = "login_ip_device"
    device_ids = "device_ids"
    location_recent = "location_recent"
    location_post = "location_post"
    ads = "ads"
    off_platform = "off_platform"
    shop = "shop"
    payments = "payments"
    gifts_wallet = "gifts_wallet"
    autofill = "autofill"
    unknown = "unknown"


class Default(StrEnum):
    """What happens to a section unless the creator decides otherwise."""

    on = "on"  # the deposit makes little sense without it; shown, explained, still removable
    off = "off"  # an unticked box: a separate yes
    never = "never"  # left out before anything is stored; no box is offered


_ON = {
    Section.posts_media,
    Section.posts_metadata,
    Section.posts_counts,
    Section.profile_public,
    Section.hashtags_used,
    Section.settings_privacy,  # evidence for access rules, never given out
}
_OFF = {
    Section.stories,
    Section.deleted_posts,
    Section.live_own,
    Section.own_comments,
    Section.own_reviews,
    Section.reposts_shares,
    Section.likes_favourites,
    Section.watch_history,
    Section.search_history,
    Section.activity_summary,
    Section.live_watched,
    Section.following,
    Section.location_post,
    Section.ai_likeness,
    Section.collaboration_posts,
    Section.assistant_chats,
}

SECTION_DEFAULT: dict[Section, Default] = {
    section: Default.on if section in _ON else Default.off if section in _OFF else Default.never for section in Section
}

# What stands for a post, and so is decided post by post rather than once for the account.
POST_SECTIONS = frozenset(
    {
        Section.posts_media,
        Section.posts_metadata,
        Section.posts_counts,
        Section.stories,
        Section.deleted_posts,
        Section.live_own,
    }
)
