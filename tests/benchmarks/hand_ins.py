"""What the benchmarks hand in: an export of invented posts, noise behind a video's first bytes, sites in folders, a consent."""

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from tests.consent_samples import document

HANDLE = "bench.fx"
FIRST = datetime(2018, 1, 1, tzinfo=UTC)
MP4 = b"\x00\x00\x00\x18ftypisom"
PIECE = 8 * 1024 * 1024


def export(folder: Path, posts: int) -> Path:
    """A ZIP with as many posts, an hour apart, each with some words and a link."""
    listed = [
        {
            "Date": f"{posted(number):%Y-%m-%d %H:%M:%S}",
            "Link": f"https://video.tiktokv.com/storage/v1/video-{number}?x-tos-expires=1760000000",
            "Likes": str(number % 1000),
            "WhoCanView": "Everyone",
            "Title": f"{number} posts of wool and yarn, and what became of them 🧶 #knitting #crochet",
            "Sound": "original sound",
            "AllowComments": "Yes",
        }
        for number in range(posts)
    ]
    data = {"Post": {"Posts": {"VideoList": listed}}, "Profile": {"Profile Info": {"ProfileMap": {"userName": HANDLE}}}}
    path = folder / "TikTok_Data_1748855647.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.writestr("user_data_tiktok.json", json.dumps(data))
    return path


def posted(number: int) -> datetime:
    """When a post was posted."""
    return FIRST + timedelta(hours=number)


def media(folder: Path, sizes: Sequence[int]) -> Path:
    """A folder of files of these sizes, named by the second of the post that each belongs to."""
    folder.mkdir()
    for number, size in enumerate(sizes):
        with (folder / f"{posted(number):%Y-%m-%d-%H-%M-%S}.mp4").open("wb") as out:
            out.write(MP4)
            left = size - len(MP4)
            while left > 0:
                left -= out.write(os.urandom(min(left, PIECE)))
    return folder


def settle(work: Path) -> None:
    """Sites and the consent."""
    (work / "configs").mkdir()
    sites = "".join(
        f'[[site]]\nname = "{name}"\nkind = "directory"\npath = "sites/{name}"\n' for name in ("alpha", "beta", "gamma")
    )
    (work / "configs" / "sites.toml").write_text(sites)
    (work / "consent.json").write_text(json.dumps(document(handle=HANDLE)))


class Took(NamedTuple):
    """What a step took."""

    seconds: float
    cpu_seconds: float
    peak_mb: float


def child(work: Path, *what: str) -> Took:
    """One step in a process of its own (`one_step`)."""
    environment = {**os.environ, "KEEPSAKE_HOME": str(work / "home"), "KEEPSAKE_CONFIGS": str(work / "configs")}
    environment.pop("PREFECT_API_URL", None)
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.one_step", *what], env=environment, check=True, stdout=subprocess.PIPE
    )
    return Took(**json.loads(done.stdout.splitlines()[-1]))
