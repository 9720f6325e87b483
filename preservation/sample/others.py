"""Everything else the export holds: other people's words and names, and the creator's own sensitive data.

None of it is to be taken in. It is here so that leaving it out can be seen.
"""

import random
from datetime import datetime, timedelta
from typing import Any

from preservation.sample import HANDLE

Part = dict[str, Any]
FOLLOWERS = ("tove.spinner.fx", "nils.reed.fx", "bo.bobbin.fx", "tidal.dyer.fx", "astrid.carder.fx", "gift.giver.fx")


def other_sections() -> Part:
    """All top-level parts but `Post`, as the platform names them."""
    return {
        "Ads and data": _ads(),
        "App Settings": _app_settings(),
        "Comment": {"Comments": {"App": 1, "CommentsList": _comments()}},
        "Direct Message": {"Direct Messages": {"ChatHistory": _chats()}, "Group Chat": {"GroupChat": None}},
        "Income Plus Wallet Transactions": {"Transaction History": {"TransactionsList": None}},
        "Location Review": {"Location Reviews": {"ReviewsList": None}},
        "Profile": _profile(),
        "TikTok Shop": _shop(),
        "Tiktok Live": _live(),
        "Your Activity": _activity(),
    }


def _chats() -> Part:
    return {
        "Chat History with tove.spinner.fx:": [
            _said("2025-05-28 20:14:30", "tove.spinner.fx", "Door code for the studio is blue-kettle-1947, do not lose it again"),
            _said("2025-05-28 20:15:02", HANDLE, "I lost it once!! 🙈"),
            _said("2025-05-29 06:40:11", "tove.spinner.fx", "Mum's results come on Thursday. Not a word to the others."),
        ],
        "Chat History with astrid.carder.fx:": [
            _said("2025-04-02 18:01:45", HANDLE, "there are moths in the spare room, please bring cedar"),
            _said("2025-04-02 18:09:20", "astrid.carder.fx", "bringing two bags and my whole sympathy"),
        ],
    }


def _said(at: str, who: str, words: str) -> Part:
    return {"Date": at, "From": who, "Content": words}


def _comments() -> list[Part]:
    return [
        {"date": "2025-05-20 19:30:12", "comment": "what sett did you use? it drapes like water", "photo": "N/A", "url": ""},
        {"date": "2025-02-03 07:12:44", "comment": "tack snälla 🧡", "photo": "N/A", "url": ""},
    ]


def _profile() -> Part:
    return {
        "AI-Moji": {"CreateDate": "", "AIMojiList": None},
        "Autofill": dict.fromkeys(
            ("PhoneNumber", "Email", "FirstName", "LastName", "Address", "ZipCode", "City", "Country"), "N/A"
        ),
        "Profile Info": {
            "App": 1,
            "ProfileMap": {
                "PlatformInfo": [],
                "bioDescription": "Handweaver. Four shafts, one cat, too much wool. 🧶",
                "birthDate": "09-Feb-1988",
                "emailAddress": "runa.lind@example.org",
                "likesReceived": "45961",
                "profilePhoto": "https://p16-sign-useast2a.tiktokcdn.com/tos-useast2a-avt-0068-euttp/0d4b2f6a9c~c5_1080x1080.jpeg"
                "?x-expires=1749028447&x-signature=Zm9yZGVtb25vdHJlYWw%3D",
                "profileVideo": "None",
                "telephoneNumber": "+46700000117",
                "userName": HANDLE,
            },
        },
    }


def _app_settings() -> Part:
    blocked = [{"Date": "2025-01-30 22:10:07", "UserName": "wooltroll.fx"}]
    settings = {
        "Allow DownLoad": "Everyone",
        "Allow Others to Find Me": "Enabled",
        "App Language": "English",
        "Family Content Preferences": {},
        "Filter Comments": "Enabled",
        "Personalized Ads": "Disabled",
        "Private Account": "Disabled",
        "Who Can Duet With Me": "Everyone",
        "Who Can Post Comments": "Everyone",
        "Who Can Send Me Message": "Friends",
        "Who can see your following list::": "Myself",
    }
    return {"Block List": {"App": 1, "BlockList": blocked}, "Settings": {"App": 1, "SettingsMap": settings}}


def _ads() -> Part:
    return {
        "Ad Interests": {"AdInterestCategories": "Arts & Crafts|Home Textiles"},
        "Instant Form Ads Responses": {"ResponsesList": None},
        "Off TikTok Activity": {
            "OffTikTokActivityDataList": [
                {"TimeStamp": "2025-05-12 08:00:00", "Source": "yarn-shop.example.org", "Event": "ViewContent"}
            ]
        },
    }


def _shop() -> Part:
    return {
        "Communication With Shops": {"CommunicationHistories": None},
        "Current Payment Information": {"PayCard": None},
        "Order History": {"OrderHistories": None},
        "Product Browsing History": {
            "ProductBrowsingHistories": [
                {"browsing_date": "2025-05-02 12:12:12", "shop_name": "Skein & Co", "product_name": "cedar balls, 24"}
            ]
        },
        "Product Reviews": {"ProductReviewHistories": None},
        "Saved Address Information": {
            "SavedAddress": [
                {"receiver_name": "Runa Lind", "masked_phone_number": "+46*****117", "adress_info": "Spindelgatan 99, Uppsala"}
            ]
        },
        "Shopping Cart List": {"ShoppingCart": None},
        "Vouchers": {"Vouchers": None},
    }


def _live() -> Part:
    evening = {
        "LiveStartTime": "2025-02-28 18:00:00",
        "LiveEndTime": "2025-02-28 19:10:00",
        "LiveDuration": "70",
        "RoomId": "7476600000000000311",
        "RoomTitle": "Threading the rosepath, ask me anything",
        "CoverUri": "tos-useast2a-i-fixture/cover1",
        "ReplayUrl": "",
        "TotalEarning": "0",
        "TotalLike": "2107",
        "TotalView": "389",
        "TotalGifter": "2",
        "QualitySetting": "480x864",
        "MutedList": ["wooltroll.fx"],
    }
    return {
        "Go Live History": {"GoLiveList": [evening]},
        "Go Live Settings": {"SettingsMap": {"Allow others to invite you to co-host in LIVE": "On"}},
        "Watch Live History": {"WatchLiveMap": {}},
        "Watch Live Settings": {"WatchLiveSettingsMap": {"app": "N/A", "web": "N/A"}},
    }


def _activity() -> Part:
    return {
        "Activity Summary": {
            "ActivitySummaryMap": {
                "note": "data may have delays of up to several days",
                "videosCommentedOnSinceAccountRegistration": 61,
                "videosSharedSinceAccountRegistration": 17,
                "videosWatchedToTheEndSinceAccountRegistration": 1204,
            }
        },
        "Favorite Effects": {"FavoriteEffectsList": None},
        "Favorite Hashtags": {"FavoriteHashtagList": None},
        "Favorite Sounds": {"FavoriteSoundList": None},
        "Favorite Videos": {"App": 1, "FavoriteVideoList": _seen("favourites", 9, "Date", "Link")},
        "Follower": {"App": 1, "IsFastLane": False, "FansList": [_person(day, name) for day, name in enumerate(FOLLOWERS, 3)]},
        "Following": {"App": 1, "IsFastLane": False, "Following": [_person(12, "tove.spinner.fx"), _person(13, "tidal.dyer.fx")]},
        "Hashtag": {"HashtagList": [_hashtag("handweaving", 4), _hashtag("vävning", 9)]},
        "Like List": {"App": 1, "ItemFavoriteList": _seen("likes", 30, "date", "link")},
        "Login History": {"LoginHistoryList": _logins()},
        "Most Recent Location Data": {"LocationData": {"Date": "2025-06-01", "GpsData": "N/A", "LastRegion": "SE"}},
        "Purchases": {
            "SendGifts": {"SendGifts": [{"Date": "2025-02-28 18:40:00", "GiftAmount": "1", "UserName": "gift.giver.fx"}]},
            "BuyGifts": {"BuyGifts": None},
        },
        "Searches": {"SearchList": [{"Date": "2025-05-30 21:00:41", "SearchTerm": "how to get moths out of wool"}]},
        "Share History": {
            "ShareHistoryList": [
                {"Date": "2025-05-11 09:09:30", "SharedContent": "share_video", "Link": _share(7), "Method": "chat_head"}
            ]
        },
        "Status": {"Status List": [_device()]},
        "Watch History": {"VideoList": _seen("watched", 80, "Date", "Link")},
    }


def _person(day: int, name: str) -> Part:
    return {"Date": f"2025-04-{day:02} 17:20:00", "UserName": name}


def _logins() -> list[Part]:
    phone = {"DeviceModel": "Fairphone 5", "DeviceSystem": "Android 14", "NetworkType": "Wi-Fi", "Carrier": ""}
    addresses = ("203.0.113.77", "198.51.100.23", "203.0.113.77", "192.0.2.140")
    return [{"Date": f"2025-06-0{2 - n // 3} {8 - n:02}:30:00", "IP": address, **phone} for n, address in enumerate(addresses)]


def _device() -> Part:
    device = "7D1C0A5E-51B0-4C8E-9F27-0B64E5D7A913"
    return {
        "Resolution": "1224*2700",
        "App Version": "39.8.4",
        "IDFA": "",
        "GAID": device,
        "Android ID": "",
        "IDFV": "",
        "Web ID": "",
    }


def _seen(kind: str, count: int, date_key: str, link_key: str) -> list[Part]:
    """Links to other people's works, newest first."""
    dice = random.Random(kind)
    at = datetime(2025, 6, 2, 8, 50)
    rows = []
    for _ in range(count):
        at -= timedelta(seconds=dice.randrange(40, 30_000))
        rows.append({date_key: f"{at:%Y-%m-%d %H:%M:%S}", link_key: _share(dice.randrange(10**9))})
    return rows


def _share(number: int) -> str:
    return f"https://www.tiktokv.com/share/video/{7_480_000_000_000_000_000 + number * 1_000_003}/"


def _hashtag(name: str, number: int) -> Part:
    return {"HashtagName": name, "HashtagLink": f"https://www.tiktok.com/share/challenge/{7_000_000_000_000_000_000 + number}/"}
