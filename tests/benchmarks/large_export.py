"""Makes a large TikTok export of invented data: `python tests/benchmarks/large_export.py OUT --posts 40000 --rows 1000000`.

Seeded, and written as a stream. `OUT` ending in `.zip` is packed as the platform packs it. `--megabytes` fills up with chats of
other people until the data file is that large. Generations: 2025 (`Post`, `Your Activity`) and 2026 (`Likes and Favorites`).
"""

import argparse
import io
import json
import random
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

WORDS = [
    "morning",
    "market",
    "recipe",
    "bread",
    "dance",
    "harbour",
    "winter",
    "garden",
    "train",
    "river",
    "🎶",
    "ça",
    "été",
    "straße",
]
START = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
Record = dict[str, Any]


def write_export(out: Path, *, posts: int, rows: int, generation: int = 2025, megabytes: int = 0, seed: int = 7) -> int:
    """Write an export of `posts` posts and `rows` rows of history; the size of its data file in bytes."""
    with _opened(out) as stream:
        text = io.TextIOWrapper(stream, "utf-8", write_through=True)
        size = _Sized(text.write)
        _write_document(size, random.Random(seed), posts, rows, generation, megabytes * 1_000_000)
        text.flush()
        text.detach()
    return size.bytes


class _Sized:
    """Writes, and counts bytes."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write, self.bytes = write, 0

    def __call__(self, text: str) -> None:
        self.bytes += len(text.encode())
        self._write(text)


@contextmanager
def _opened(out: Path) -> Iterator[Any]:
    if out.suffix != ".zip":
        with out.open("wb") as stream:
            yield stream
        return
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        info = zipfile.ZipInfo("user_data_tiktok.json", (2026, 3, 1, 12, 0, 0))
        info.compress_type = zipfile.ZIP_DEFLATED
        with archive.open(info, "w", force_zip64=True) as stream:
            yield stream


def _write_document(write: _Sized, luck: random.Random, posts: int, rows: int, generation: int, fill_to: int) -> None:
    newer = generation >= 2026
    likes = "Likes and Favorites" if newer else "Your Activity"
    shares = {"Watch History": 0.5, "Searches": 0.1, "Login History": 0.1}
    write("{")
    write('"Profile": {"Profile Info": {"App": 1, "ProfileMap": {"userName": "mia.invented", "bioDescription": "bread"}}}')
    write(f',"{likes}": {{"Like List": {{"IsFastLane": false, "ItemFavoriteList": ')
    _write_list(write, (_like(luck, n) for n in range(int(rows * 0.3))))
    write("}" if newer else "},")
    write('},"Your Activity": {' if newer else "")
    for number, (name, share) in enumerate(shares.items()):
        write(f'{"," if number else ""}"{name}": {{"{LISTS[name]}": ')
        _write_list(write, (MAKERS[name](luck, n) for n in range(int(rows * share))))
        write("}")
    write('},"Post": {"Posts": {"VideoList": ')
    _write_list(write, (_post(luck, n) for n in range(posts)))
    write('}, "Recently Deleted Posts": {"PostList": null}}')
    write(',"Direct Message": {"Direct Messages": {"ChatHistory": {')
    said = io.StringIO()
    _write_list(_Sized(said.write), (_message(luck, n) for n in range(400)))  # the same words for every friend
    chats = 0
    while chats < 20 or write.bytes < fill_to - 50_000:
        write(f'{"," if chats else ""}"Chat History with friend{chats:05}:": ')
        write(said.getvalue())
        chats += 1
    write("}}}}")


def _write_list(write: _Sized, records: Iterator[Record]) -> None:
    write("[")
    for number, record in enumerate(records):
        write(("," if number else "") + "\n" + json.dumps(record, ensure_ascii=False))
    write("]")


def _when(n: int, step: int) -> str:
    return f"{START - timedelta(seconds=n * step):%Y-%m-%d %H:%M:%S}"


def _words(luck: random.Random, least: int, most: int) -> str:
    return " ".join(luck.choices(WORDS, k=luck.randint(least, most)))


def _post(luck: random.Random, n: int) -> Record:
    key = f"{luck.getrandbits(128):032x}"
    link = (
        f"https://v77-invented.tiktokcdn-eu.com/storage/v1/tos-no1a-ve-2774/{key}?a=1233&mime_type=video_mp4"
        f"&l=20260301120000{key[:18].upper()}&x-tos-expires=1773230400&x-tos-signature={key[:27]}%3D"
    )
    return {
        "Date": _when(n, 4000),
        "Link": link,
        "Likes": str(luck.randint(0, 90_000)),
        "WhoCanView": luck.choice(["Everyone", "Everyone", "Friends", "Only me"]),
        "AllowComments": "Yes",
        "AllowStitches": "No",
        "AllowDuets": "Yes",
        "AllowStickers": "Yes",
        "AllowSharingToStory": "Yes",
        "ContentDisclosure": "",
        "AIGeneratedContent": "No",
        "Sound": "original sound - mia.invented" if luck.random() < 0.6 else f"{_words(luck, 1, 3)} - {_words(luck, 1, 2)}",
        "Location": "",
        "Title": _words(luck, 3, 30),
        "AddYoursText": "N/A",
    }


def _like(luck: random.Random, n: int) -> Record:
    return {"date": _when(n, 300), "link": f"https://www.tiktokv.com/share/video/{luck.getrandbits(62)}/"}


def _watched(luck: random.Random, n: int) -> Record:
    return {"Date": _when(n, 40), "Link": f"https://www.tiktokv.com/share/video/{luck.getrandbits(62)}/"}


def _searched(luck: random.Random, n: int) -> Record:
    return {"Date": _when(n, 900), "SearchTerm": _words(luck, 1, 4)}


def _logged_in(luck: random.Random, n: int) -> Record:
    address = ".".join(str(luck.randint(1, 254)) for _ in range(4))
    return {"Date": _when(n, 7200), "IP": address, "DeviceModel": "Invented 3", "DeviceSystem": "Android 15", "NetworkType": "4G"}


def _message(luck: random.Random, n: int) -> Record:
    return {"Date": _when(n, 60), "From": luck.choice(["friend", "mia.invented"]), "Content": _words(luck, 2, 25)}


LISTS = {"Watch History": "VideoList", "Searches": "SearchList", "Login History": "LoginHistoryList"}
MAKERS: dict[str, Callable[[random.Random, int], Record]] = {
    "Watch History": _watched,
    "Searches": _searched,
    "Login History": _logged_in,
}


def main() -> None:
    """From the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    for name, default in (("posts", 40_000), ("rows", 1_000_000), ("generation", 2025), ("megabytes", 0), ("seed", 7)):
        parser.add_argument(f"--{name}", type=int, default=default)
    given = parser.parse_args()
    size = write_export(
        given.out, posts=given.posts, rows=given.rows, generation=given.generation, megabytes=given.megabytes, seed=given.seed
    )
    print(f"{given.out}: a data file of {size / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
