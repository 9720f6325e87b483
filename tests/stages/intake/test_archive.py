"""Safe reading: limits hold on real bytes, nothing is believed, every member opens again by its locator."""

import io
import json
import struct
import zipfile

import pytest

from preservation.errors import DepositUnusable
from preservation.model.policy import IntakePolicy
from preservation.stages.intake.archive import Budget, OverBudget, counted, survey
from preservation.stages.intake.openings import open_held
from preservation.stages.intake.reading import read_exports
from preservation.stages.intake.sources import Source
from tests.stages.intake.building import JPEG, MP4, document, export, in_memory, post, zipped


def test_every_member_opens_again_by_its_locator() -> None:
    """Loose, in an archive, in an archive within an archive, and of two sources of one name: the bytes surveyed, again."""
    inner = zipped([("a.bin", b"deep"), ("a.bin", b"deep twin")])
    sources = [
        in_memory("x.zip", zipped([("p.txt", b"one"), ("in.zip", inner), ("p.txt", b"two")])),
        in_memory("x.zip", zipped([("p.txt", b"three")])),
        in_memory("loose.mp4", MP4),
    ]
    contents = []
    for entry in survey(sources, IntakePolicy()):
        with open_held(sources, entry.locator) as stream:
            contents.append(stream.read())
    assert contents == [b"one", inner, b"deep", b"deep twin", b"two", b"three", MP4]


@pytest.mark.parametrize(
    "locator", ["", "7", "[]", '["x"]', '["x",-1]', '["x",0,"../a"]', '{"x":1}', '["gone",0]', '["x.zip",0,9]']
)
def test_a_locator_that_is_not_ours_is_refused(locator: str) -> None:
    """Nothing but positions is taken from a locator."""
    with pytest.raises(DepositUnusable), open_held([in_memory("x.zip", zipped([("a", b"a")]))], locator):
        pass


def test_archives_nested_deeper_than_the_policy_are_not_opened() -> None:
    """The archive at the limit is a refused member; what lies beside it is read."""
    packed = zipped([("user_data_tiktok.json", b"{}")])
    for _ in range(3):
        packed = zipped([("in.zip", packed), ("beside.txt", b"x")])
    problems = [entry.problem for entry in survey([in_memory("x.zip", packed)], IntakePolicy(max_depth=2))]
    assert problems.count("nested-too-deep") == 1
    assert len([problem for problem in problems if not problem]) == 5


def test_a_bomb_in_a_nested_archive_is_left_out_and_the_rest_read() -> None:
    """The ratio is held at every depth."""
    inner = zipped([("zeros.bin", bytes(8 * 1024 * 1024)), ("user_data_tiktok.json", b"{}")])
    problems = [entry.problem for entry in survey([in_memory("x.zip", zipped([("in.zip", inner)]))], IntakePolicy())]
    assert problems == ["", "bomb", ""]


def test_a_declared_bomb_is_not_read_at_all() -> None:
    """It takes nothing from what the members after it may use."""
    body = zipped([("zeros.bin", bytes(4 * 1024 * 1024)), ("a.txt", b"after")])
    problems = [entry.problem for entry in survey([in_memory("x.zip", body)], IntakePolicy(max_total=100))]
    assert problems == ["bomb", ""]


def test_a_bomb_that_lies_about_its_size_is_stopped_by_the_bytes_that_come_out() -> None:
    """The stream is cut as soon as the ratio is passed, whatever was declared."""
    budget, policy = Budget(10**9, 10), IntakePolicy(max_ratio=100)
    with pytest.raises(OverBudget) as over:
        for _ in counted(io.BytesIO(bytes(10**7)), 30_000, budget, policy):
            pass
    assert over.value.code == "bomb" and 10**9 - budget.left < 5 * 10**6


def test_members_sharing_their_bytes_cannot_unpack_without_end() -> None:
    """An archive whose members overlap is stopped by the limit on the whole, however modest each member is."""
    body = zipped([("a", b"\x00\x01" * 400_000)])
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        start, size = archive.start_dir, len(body) - archive.start_dir - 22
    directory = body[start : start + size] * 200
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 200, 200, len(directory), start, 0)
    problems = {
        entry.problem for entry in survey([in_memory("x.zip", body[:start] + directory + end)], IntakePolicy(max_ratio=1200))
    }
    assert problems & {"total-limit", "unreadable"}


def test_the_limit_on_unpacked_bytes_holds_over_all_sources() -> None:
    """What is left of the budget passes from one source to the next."""
    sources = [in_memory(f"{n}.zip", zipped([("a.bin", bytes(range(256)) * 400)], zipfile.ZIP_STORED)) for n in range(3)]
    problems = [entry.problem for entry in survey(sources, IntakePolicy(max_total=250_000))]
    assert problems == ["", "", "total-limit"]


def test_more_members_than_the_policy_allows_are_refused_before_they_are_loaded() -> None:
    """The count holds over all sources together."""
    many = zipped([(f"{n}", b"") for n in range(60)])
    with pytest.raises(DepositUnusable) as refused:
        survey([in_memory("a.zip", many), in_memory("b.zip", many)], IntakePolicy(max_members=100))
    assert refused.value.code == "too-many-members"


@pytest.mark.parametrize("offset", [8, 14, 18, 22, 30])
def test_a_member_whose_two_headers_disagree_is_left_out(offset: int) -> None:
    """Method, checksum, packed size, size or name: the local header says other than the directory."""
    body = bytearray(zipped([("picture.jpg", JPEG)], zipfile.ZIP_STORED))
    body[offset] ^= 1
    (entry,) = survey([in_memory("x.zip", bytes(body))], IntakePolicy())
    assert entry.problem == "header-mismatch"


def test_a_changed_byte_is_found_by_the_checksum() -> None:
    """One bit of a stored member."""
    body = bytearray(zipped([("picture.jpg", JPEG)], zipfile.ZIP_STORED))
    body[body.index(JPEG) + 20] ^= 1
    (entry,) = survey([in_memory("x.zip", bytes(body))], IntakePolicy())
    assert entry.problem == "crc-mismatch" and entry.sha256 is None


def test_every_cut_of_a_genuine_archive_is_refused() -> None:
    """A download cut off anywhere is never taken for a smaller export."""
    body = zipped([("user_data_tiktok.json", b"{}"), ("a.txt", b"text")])
    for length in range(5, len(body), 7):
        with pytest.raises(DepositUnusable):
            read_exports([in_memory("TikTok_Data_1759138200.zip", body[:length])])


def test_a_large_member_is_streamed() -> None:
    """No read gives more than a chunk: memory does not grow with the member."""
    given: list[int] = []

    class Watched(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            data = super().read(size)
            given.append(len(data))
            return data

    body = zipped([("a.bin", bytes(range(256)) * 20_000)], zipfile.ZIP_STORED)
    survey([Source("x.zip", len(body), lambda: Watched(body))], IntakePolicy())
    assert sum(given) > len(body) and max(given) <= 1024 * 1024


def test_bare_json_and_a_zip_read_the_same() -> None:
    """Users unpack their export and hand in the file alone."""
    doc = document([post(title="hello")])
    (packed,) = read_exports([export(doc)])
    (bare,) = read_exports([in_memory("user_data (1).json", json.dumps(doc).encode("utf-16"))])
    assert packed.posts == bare.posts and packed.account == bare.account


def test_debris_beside_an_export_is_ignored() -> None:
    """Even when it is empty or no file we read."""
    (report,) = read_exports([export(document([post()])), in_memory(".DS_Store", b""), in_memory("Thumbs.db", b"\xd0\xcf")])
    assert not report.errors and len(report.posts) == 1
