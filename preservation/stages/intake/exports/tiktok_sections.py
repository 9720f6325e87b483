"""Which part of a TikTok export is what: an allow-list by key path, under every name since 2020.

Keys are compared in plain spelling (`values.plain`), so `Watch History`, `watchHistory` and `WATCH HISTORY` are one. A part
counts only below a top-level name we know; whatever is not in these tables is `unknown` and never taken in.
"""

from preservation.model.sections import Section as S
from preservation.stages.intake.exports.values import BOOKKEEPING as BOOKKEEPING

POST_PARENTS = {"video", "post"}
POSTS = {"videos", "posts"}
DELETED = {"recentlydeletedposts"}

# Every top-level name of 2020 to 2026, hybrids included. Those with a section of their own need no look inside.
TOP: dict[str, S | None] = {
    "activity": None,
    "youractivity": None,
    "likesandfavorites": None,
    "likesandfavourites": None,
    "adsanddata": None,
    "appsettings": None,
    "comment": None,
    "comments": None,
    "directmessage": None,
    "directmessages": None,
    "poireview": S.own_reviews,
    "locationreview": S.own_reviews,
    "profile": None,
    "profileandsettings": None,
    "tiktoklive": None,
    "live": None,
    "tiktokshop": S.shop,
    "tiktokshopping": S.shop,
    "incomewallet": S.gifts_wallet,
    "incomepluswallettransactions": S.gifts_wallet,
    "incomewallettransactions": S.gifts_wallet,
    "video": None,
    "post": None,
}

SECOND: dict[str, S] = {
    "videos": S.posts_metadata,
    "posts": S.posts_metadata,
    "recentlydeletedposts": S.deleted_posts,
    "story": S.stories,
    "stories": S.stories,
    "profileinformation": S.profile_public,
    "profileinfo": S.profile_public,
    "settings": S.settings_other,
    "likelist": S.likes_favourites,
    "collection": S.likes_favourites,
    "collections": S.likes_favourites,
    "reposts": S.reposts_shares,
    "sharehistory": S.reposts_shares,
    "hashtag": S.hashtags_used,
    "videobrowsinghistory": S.watch_history,
    "watchhistory": S.watch_history,
    "minidramawatchhistory": S.watch_history,
    "searchhistory": S.search_history,
    "searches": S.search_history,
    "activitysummary": S.activity_summary,
    "followerlist": S.followers,
    "follower": S.followers,
    "followers": S.followers,
    "followinglist": S.following,
    "following": S.following,
    "block": S.blocked,
    "blocklist": S.blocked,
    "profileviews": S.profile_viewers,
    "comments": S.own_comments,
    "chathistory": S.direct_messages,
    "directmessages": S.direct_messages,
    "groupchat": S.group_chats,
    "groupchats": S.group_chats,
    "takochathistory": S.assistant_chats,
    "loginhistory": S.login_ip_device,
    "status": S.device_ids,
    "mostrecentlocationdata": S.location_recent,
    "adinterests": S.ads,
    "instantformadsresponses": S.ads,
    "adsvisithistory": S.ads,
    "adsbasedondatareceivedfrompartners": S.ads,
    "offtiktokactivity": S.off_platform,
    "purchasehistory": S.gifts_wallet,
    "purchases": S.gifts_wallet,
    "donation": S.payments,
    "fundraiser": S.payments,
    "autofill": S.autofill,
    "aimoji": S.ai_likeness,
    "aiselfimage": S.ai_likeness,
    "stickers": S.settings_other,
    "golivehistory": S.live_own,
    "golivesettings": S.settings_other,
    "watchlivehistory": S.live_watched,
    "watchlivesettings": S.settings_other,
}
SECOND_BEGINS = {"favorite": S.likes_favourites, "favourite": S.likes_favourites, "usagedatafromthirdparty": S.off_platform}

PROFILE: dict[str, S] = {
    "username": S.profile_public,
    "displayname": S.profile_public,
    "biodescription": S.profile_public,
    "profilephoto": S.profile_public,
    "profilevideo": S.profile_public,
    "emailaddress": S.profile_contact,
    "telephonenumber": S.profile_contact,
    "birthdate": S.profile_contact,
    "platforminfo": S.profile_inferred,
    "inferredgender": S.profile_inferred,
    "accountregion": S.profile_inferred,
    "instagramlink": S.profile_inferred,
    "youtubelink": S.profile_inferred,
    "lemon8link": S.profile_inferred,
    "aiself": S.ai_likeness,
    "fundraiser": S.payments,
    "likesreceived": S.settings_other,
    "followercount": S.settings_other,
    "followingcount": S.settings_other,
}
PRIVACY_SETTINGS = {"privateaccount", "allowdownload"}
PRIVACY_BEGINS = ("whocan",)

# A post's own fields; `words` is what goes into its record, the rest is kept once per deposit as an observation.
POST_WORDS = {
    "date",
    "whocanview",
    "allowcomments",
    "allowstitches",
    "allowduets",
    "allowstickers",
    "allowsharingtostory",
    "contentdisclosure",
    "aigeneratedcontent",
    "sound",
    "location",
    "title",
    "addyourstext",
    "alternatetext",
    "datedeleted",
}
POST_LINKS = {"link", "videolink", "coverimage"}
POST_COUNTS = {"likes", "numberofcollections"}
POST_SPLIT = {"location": S.location_post, "likes": S.posts_counts, "numberofcollections": S.posts_counts}
LIVE_SPLIT = {"totalearning": S.live_earnings, "totalgifter": S.live_earnings, "mutedlist": S.blocked}
LIVE_WORDS = {
    "livestarttime",
    "liveendtime",
    "liveduration",
    "roomid",
    "roomtitle",
    "coveruri",
    "replayurl",
    "totallike",
    "totalview",
    "qualitysetting",
}
LISTS_OF_OTHERS = {
    "fanslist",
    "following",
    "followinglist",
    "blocklist",
    "profileviewlist",
    "chathistory",
    "groupchat",
    "sendgifts",
    "communicationhistories",
}
HOLD_POSTS = {S.posts_metadata, S.deleted_posts, S.stories}
POST_LISTS = {"videolist", "postlist", "postslist"}


def section_of(top: str, second: str) -> S:
    """The section of a part by its two topmost keys, in plain spelling; `unknown` unless both are on the list."""
    if top not in TOP:
        return S.unknown
    whole = TOP[top]
    if whole is not None:
        return whole
    if (second in POSTS | DELETED) and top not in POST_PARENTS:
        return S.unknown
    begins = next((section for start, section in SECOND_BEGINS.items() if second.startswith(start)), S.unknown)
    return SECOND.get(second, begins)


def section_of_profile_field(name: str) -> S:
    """The section of one field of the profile."""
    return PROFILE.get(name, S.unknown)


def section_of_setting(name: str) -> S:
    """Settings that say who may see or take what are evidence; all others are never taken."""
    privacy = name in PRIVACY_SETTINGS or name.startswith(PRIVACY_BEGINS)
    return S.settings_privacy if privacy else S.settings_other


def section_of_post_field(name: str, posts: S) -> S:
    """The section of one field of a post (or deleted post): some are decided apart from the post itself."""
    if name not in POST_WORDS | POST_LINKS | POST_COUNTS:
        return S.unknown
    if posts is S.posts_metadata:
        return POST_SPLIT.get(name, posts)
    return POST_SPLIT[name] if name == "location" else posts


def section_of_live_field(name: str) -> S:
    """The section of one field of a live session: earnings and other people's names are never taken."""
    return LIVE_SPLIT.get(name, S.live_own if name in LIVE_WORDS else S.unknown)
