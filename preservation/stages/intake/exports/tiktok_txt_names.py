"""What the folders and files of a text export are called, 2020 to 2026, and where each belongs in the JSON's vocabulary.

A file counts by its own name under any folder, for people re-zip and unpack; the folder decides where all it holds is of one kind
(shop, wallet, reviews). Dutch and Italian names are those that parsers of real exports look for. Nothing here is content: what
is not in these tables is never shown, for a name somebody gave may be a person's.
"""

import re
from dataclasses import dataclass, replace

from preservation.stages.intake.exports import tiktok_sections as table
from preservation.stages.intake.exports.tiktok_accounting import WITHHELD
from preservation.stages.intake.exports.tiktok_txt_lines import folded
from preservation.stages.intake.exports.values import says_nothing

ROOTS = {"tiktok"}

# Folders, under any name they had, and the JSON's top-level key.
FOLDERS = {
    "activity": "Your Activity",
    "youractivity": "Your Activity",
    "jeactiviteit": "Your Activity",
    "likesandfavorites": "Likes and Favorites",
    "likesandfavourites": "Likes and Favorites",
    "likesenfavorieten": "Likes and Favorites",
    "adsanddata": "Ads and data",
    "appsettings": "App Settings",
    "comment": "Comment",
    "comments": "Comment",
    "reacties": "Comment",
    "directmessage": "Direct Message",
    "directmessages": "Direct Message",
    "directeberichten": "Direct Message",
    "post": "Post",
    "posts": "Post",
    "video": "Post",
    "videos": "Post",
    "berichten": "Post",
    "profile": "Profile",
    "profileandsettings": "Profile And Settings",
    "profieleninstellingen": "Profile And Settings",
    "tiktoklive": "TikTok Live",
    "poireview": "Location Review",
    "locationreview": "Location Review",
    "locationreviews": "Location Review",
    "tiktokshop": "TikTok Shop",
    "tiktokshopping": "TikTok Shop",
    "incomewallet": "Income+ Wallet",
    "incomewallettransactions": "Income+ Wallet",
    "incomepluswallettransactions": "Income+ Wallet",
}

# Files, and the JSON's second-level key. The JSON's own names stand in tiktok_sections and need no line here.
FILES = {
    "post": "Posts",
    "posts": "Posts",
    "video": "Posts",
    "videos": "Posts",
    "berichten": "Posts",
    "recentlydeletedposts": "Recently Deleted Posts",
    "recentlydeletedpost": "Recently Deleted Posts",
    "recentlydeletedvideos": "Recently Deleted Posts",
    "deletedposts": "Recently Deleted Posts",
    "onlangsverwijderdeberichten": "Recently Deleted Posts",
    "story": "Story",
    "stories": "Story",
    "profile": "Profile Info",
    "profileinfo": "Profile Info",
    "profileinformation": "Profile Info",
    "profielinformatie": "Profile Info",
    "appsettings": "Settings",
    "browsinghistory": "Watch History",
    "videobrowsing": "Watch History",
    "kijkgeschiedenis": "Watch History",
    "cronologiavisualizzazioni": "Watch History",
    "likes": "Like List",
    "likelijst": "Like List",
    "sharing": "Share History",
    "shares": "Share History",
    "repost": "Reposts",
    "hashtags": "Hashtag",
    "search": "Searches",
    "comment": "Comments",
    "reacties": "Comments",
    "volger": "Follower",
    "volgers": "Follower",
    "volgend": "Following",
    "blocked": "Block List",
    "blockedaccounts": "Block List",
    "directmessage": "Direct Messages",
    "directeberichten": "Direct Messages",
    "groupmessages": "Group Chat",
    "deviceinformation": "Status",
    "fundraisers": "Fundraiser",
    "donations": "Donation",
    "adsinterests": "Ad Interests",
    "locationdata": "Most Recent Location Data",
    "sticker": "Stickers",
    "transactionhistory": "Transaction History",
    "incomewallettransactions": "Transaction History",
    "incomepluswallettransaction": "Transaction History",
    "incomepluswallettransactions": "Transaction History",
    "poireview": "Location Reviews",
    "poireviews": "Location Reviews",
    "locationreview": "Location Reviews",
    "locationreviews": "Location Reviews",
    "communicationhistory": "Communication With Shops",
    "communicationwithshops": "Communication With Shops",
    "communicationwithshop": "Communication With Shops",
    "productreviewhistory": "Product Reviews",
    "productreviews": "Product Reviews",
    "returnandrefundhistory": "Returns and Refunds History",
    "returnsandrefundshistory": "Returns and Refunds History",
    "currentpaymentinformation": "Current Payment Information",
    "customersupporthistory": "Customer Support History",
    "orderdisputehistory": "Order Dispute History",
    "orderhistory": "Order History",
    "productbrowsinghistory": "Product Browsing History",
    "savedaddressinformation": "Saved Address Information",
    "shoppingcartlist": "Shopping Cart List",
    "voucher": "Vouchers",
    "vouchers": "Vouchers",
}
_TOP_OF = {
    "Posts": "Post",
    "Recently Deleted Posts": "Post",
    "Story": "Post",
    "Transaction History": "Income+ Wallet",
    "Location Reviews": "Location Review",
    "Communication With Shops": "TikTok Shop",
    "Product Reviews": "TikTok Shop",
    "Returns and Refunds History": "TikTok Shop",
    "Current Payment Information": "TikTok Shop",
    "Customer Support History": "TikTok Shop",
    "Order Dispute History": "TikTok Shop",
    "Order History": "TikTok Shop",
    "Product Browsing History": "TikTok Shop",
    "Saved Address Information": "TikTok Shop",
    "Shopping Cart List": "TikTok Shop",
    "Vouchers": "TikTok Shop",
}
_FAVORITE = re.compile(
    "favou?rite(?:videos?|sounds?|hashtags?|effects?|comments?|collections?|playlists?|places?|movies?|products?|books?|series|posts?)"
)
_ELSEWHERE = re.compile("usagedatafromthirdparty(?:apps?|and|websites?|sites?|partners?|services?)*")
_SUFFIX = re.compile(r"\.te?xt$", re.IGNORECASE)
# Names that only exports in other languages have.
FOREIGN = {
    "jeactiviteit",
    "likesenfavorieten",
    "reacties",
    "directeberichten",
    "berichten",
    "profieleninstellingen",
    "onlangsverwijderdeberichten",
    "profielinformatie",
    "kijkgeschiedenis",
    "cronologiavisualizzazioni",
    "likelijst",
    "volger",
    "volgers",
    "volgend",
}
_DELETED = re.compile(
    "delet|remov|verwijder|elimin|supprim|gelosch|exclui|apagad|usuni|silin|borrad|cancell|poiste|radera|slett|удал|видал|削除|删除|刪除"
)
_STORY = re.compile("stor(?:y|ies|ie|ia)$|verhalen|historias|историй|истории|ストーリー")
_COPY = re.compile(
    r"(?:[ _-]*(?:\(\d{1,3}\)|\[\d{1,3}\]|[ _-](?:copy|kopie|copia|copie)(?: ?\d{1,2})?|[ _-]\d{1,2}))+$", re.IGNORECASE
)
_COPY_OF = re.compile(r"^(?:copy of|kopie van|copia de|copia di|kopie von) ", re.IGNORECASE)

# "You have no data in this section", as far as the languages go: what the sentence says of data, after folding.
_EMPTY_ELSEWHERE = tuple(
    map(
        folded,
        (
            "нет данных",
            "немає даних",
            "データがありません",
            "データはありません",
            "데이터가 없",
            "没有数据",
            "沒有資料",
            "暂无数据",
        ),
    )
)
_EMPTY = re.compile(
    "|".join(
        (
            "no(?:tiene|tienes|hay|hayningun|seencontraron)?(?:data|datos)",
            "nodatafound",
            "donthaveanydata",
            "geengegevens",
            "(?:keine|nochkeine)daten",
            "aucunedonnee",
            "pasdedonnee",
            "nessundato",
            "noncisonodati",
            "non(?:hai|sonopresenti|cisono)[a-z]*dati",
            "(?:sem|nenhum|naoha|naotem|naoexistem)dados?",
            "nenhumdado",
            "brakdanych",
            "niemasz[a-z]*danych",
            "(?:inga|ingen|ingen)data",
            "eitietoja",
            "nincs(?:enek)?adat",
            "zadn[ae]data",
            "nuexistadate",
            "veriyok",
            "veribulunm",
            "tidakadadata",
            "khongcodulieu",
            "noncontienedati",
            "nocontienedatos",
            "naocontemdados",
        )
    )
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a file belongs: keys of the JSON (`second` empty if nobody has mapped it), and its path as it may be shown."""

    top: str
    second: str
    shown: str
    foreign: bool = False  # the file or its folders have names that only exports in other languages have


def place_of(path: str) -> Place:
    """Where a file belongs by its name and its folders."""
    *above, name = re.split(r"!/|[/\\]", path)
    folders = [FOLDERS.get(folded(part), "") for part in above]
    top, second = next((top for top in reversed(folders) if top), ""), _second(stem(name))
    if second and not _whole(top):
        top = _TOP_OF.get(second) or (top if top != "Post" and _fits(top, second) else _any_top(second))
    foreign = not FOREIGN.isdisjoint([stem(name), *map(folded, above)])
    return Place(top, second, "/".join([*_known_folders(above), name if second else WITHHELD]), foreign)


def stem(path: str) -> str:
    """A file's name without its suffix and what browsers and people add: `Posts (1).txt` and `Copy of Posts.TXT` are `posts`."""
    name = re.split(r"[/\\]", path)[-1]
    return folded(_COPY.sub("", _COPY_OF.sub("", _SUFFIX.sub("", name.strip()))))


def _second(name: str) -> str:
    if name in FILES:
        return FILES[name]
    if name in table.SECOND:
        return name
    return name if _FAVORITE.fullmatch(name) or _ELSEWHERE.fullmatch(name) else ""


def _whole(top: str) -> bool:
    """Whether everything in a folder is of one kind."""
    return bool(top) and table.TOP.get(folded(top)) is not None


def _fits(top: str, second: str) -> bool:
    return bool(top) and table.section_of(folded(top), folded(second)).value != "unknown"


def _any_top(second: str) -> str:
    """A part has one meaning wherever it stands: any key under which it is known will do."""
    return "Profile And Settings" if second == "Profile Info" else "Your Activity"


def _known_folders(above: list[str]) -> list[str]:
    """The folders just above a file as far as all are known names; a wrapper may hold a handle."""
    known: list[str] = []
    for part in reversed(above):
        name = folded(part)
        if name in ROOTS:
            return [part, *known]
        if name not in FOLDERS:
            break
        known.insert(0, part)
    return known


def below_known_folder(path: str) -> bool:
    """Whether a file lies in a folder of a name we know."""
    above = re.split(r"!/|[/\\]", path)[:-1]
    return any(folded(part) in FOLDERS or folded(part) in ROOTS for part in above)


def root_of(path: str) -> str:
    """The folders a tree lies in, with a slash at the end: what stands before the first name we know."""
    above = path.replace("\\", "/").split("/")[:-1]
    kept = len(above) - len(_known_folders(above))
    return "".join(f"{part}/" for part in above[:kept])


def below_root(path: str) -> bool:
    """Whether a file lies in the platform's own outermost folder."""
    return any(folded(part) in ROOTS for part in re.split(r"!/|[/\\]", path)[:-1])


def moved(place: Place, second: str) -> Place:
    """The place of a file that its content tells; what its name says of the folder counts no more."""
    return replace(place, top=_TOP_OF.get(second) or _any_top(second), second=second)


def speaks_of_deleted(path: str) -> bool:
    """Whether a name in any language we have a word of speaks of deleted things."""
    return _DELETED.search(stem(path)) is not None


def speaks_of_stories(path: str) -> bool:
    """Whether a name speaks of stories."""
    return _STORY.search(stem(path)) is not None


def says_empty(line: str) -> bool:
    """Whether a line is the platform's sentence for a section without data."""
    said = folded(line) if len(line) < 200 else ""
    return _EMPTY.search(said) is not None or any(words in said for words in _EMPTY_ELSEWHERE)


def is_nothing(value: str) -> bool:
    """Whether a value is one of the words for none: empty, `N/A`, `n.v.t.`, `none`."""
    return says_nothing(value) or folded(value) in ("nvt", "none")
