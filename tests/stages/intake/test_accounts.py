"""Which parts are of one account: by its name, else by evidence; never by guessing."""

import json
from typing import Any

from preservation.model.export import ExportReport, MemberFate, Visibility
from preservation.stages.intake import reading
from preservation.stages.intake.reading import read_exports
from preservation.stages.intake.sources import Source
from tests.stages.intake.building import MP4, document, export, in_memory, post, zipped
from tests.stages.intake.txt_building import record, written

DAY = "2025-05-{:02} 10:00:00".format


def accounts(sources: list[Source]) -> list[tuple[str | None, int]]:
    """Handle and number of posts of every report."""
    return [(report.account.handle, len(report.posts)) for report in read_exports(sources)]


def part(day: int, handle: str | None = None) -> dict[str, Any]:
    """A piece of an export with a post of that day."""
    return document([post(DAY(day))], handle=handle)


def tree(handle: str, *days: int, who: str = "Everyone") -> dict[str, str]:
    """A text export of one account."""
    posts = written([record(Date=DAY(day), WhoCanView=who) for day in days])
    return {
        "TikTok/Posts/Posts.txt": posts,
        "TikTok/Profile and Settings/Profile Info.txt": f"Username: {handle}\nBio: bread\nEmail: a@example.org\n",
    }


def packed(*folders: tuple[str, dict[str, str]], name: str = "both.zip") -> Source:
    """Text exports, each in a folder of its own."""
    return in_memory(name, zipped([(folder + path, said.encode()) for folder, files in folders for path, said in files.items()]))


def test_numbered_pieces_are_one_export_wherever_they_lie() -> None:
    """Loose, or in several archives of one moment; only the first names the account."""
    loose = [export(part(1, "ada.fx"), "a.zip", "user_data_1.json"), export(part(2), "b.zip", "user_data_2.json")]
    stamped = [export(part(1, "ada.fx"), "TikTok_Data_1746093600_1.zip"), export(part(2), "TikTok_Data_1746093600_2.zip")]
    for sources in (loose, loose[::-1], stamped, stamped[::-1]):
        assert accounts(sources) == [("ada.fx", 2)]


def test_pieces_are_counted_together() -> None:
    """Two pieces of one export with a history each: the account has the rows of both."""
    likes = {"Your Activity": {"Like List": {"ItemFavoriteList": [{"date": DAY(1), "link": "x"}] * 3}}}
    sources = [export({**part(n, "ada.fx"), **likes}, f"TikTok_Data_1746093600_{n}.zip") for n in (1, 2)]
    (report,) = read_exports(sources)
    assert {section.name: section.records for section in report.sections}["Your Activity.Like List"] == 6


def test_an_account_without_a_name_joins_the_one_whose_posts_it_has() -> None:
    """A text export without its profile, beside the JSON of the same account; strangers stay strangers."""
    mine = export(document([post(DAY(n)) for n in (1, 2, 3)]), "a.zip")
    texts = [
        in_memory("Posts.txt", written([record(Date=DAY(n)) for n in days]).encode()) for days in ((2, 3, 4), (7, 8), (3, 7, 8))
    ]
    assert accounts([mine, texts[0]]) == [("ada.fx", 4)]
    assert accounts([mine, texts[1]]) == [("ada.fx", 3), (None, 2)]
    assert accounts([mine, texts[2]]) == [("ada.fx", 3), (None, 3)]


def test_a_piece_that_could_be_of_two_accounts_is_of_neither() -> None:
    """Two people's first pieces, and one second piece; or two pieces of the same number."""
    first = [export(part(n, handle), f"{n}.zip", "user_data_1.json") for n, handle in ((1, "ada.fx"), (2, "bea.fx"))]
    second = export(part(3), "c.zip", "user_data_2.json")
    assert accounts([*first, second]) == [("ada.fx", 1), ("bea.fx", 1), (None, 1)]
    assert accounts([first[0], export(part(3), "c.zip", "user_data_1.json")]) == [("ada.fx", 1), (None, 1)]


def test_text_exports_in_folders_of_their_own_are_exports_of_their_own() -> None:
    """Two of one account are merged; those of two accounts stay two."""
    (report,) = read_exports([packed(("older/", tree("ada.fx", 1, 2)), ("newer/", tree("ada.fx", 2, 3)))])
    assert len(report.posts) == 3 and len(report.exports) == 2 and report.errors == ()
    two = read_exports([packed(("a/", tree("ada.fx", 1, 2)), ("b/", tree("bea.fx", 5)))])
    assert [(each.account.handle, len(each.posts), each.errors) for each in two] == [("ada.fx", 2, ()), ("bea.fx", 1, ())]


def test_of_two_exports_of_one_moment_the_narrower_audience_counts() -> None:
    """The JSON and the text of one hour differ, and neither is the later."""
    name = "TikTok_Data_1759138200"
    for said, written_down in (("Everyone", "Friends"), ("Friends", "Everyone")):
        text = packed(("", tree("ada.fx", 1, who=written_down)), name=f"{name}.zip")
        data = export(document([post(DAY(1), WhoCanView=said)]), f"{name} (1).zip")
        for sources in ([data, text], [text, data]):
            (report,) = read_exports(sources)
            assert [found.visibility for found in report.posts] == [Visibility.friends] and len(report.exports) == 2


def test_however_many_accounts_lie_together_every_file_is_listed_once_or_by_each() -> None:
    """A few list each other's files; a crowd lists its own, and the first what is nobody's."""

    def reports(n: int) -> list[ExportReport]:
        files = [
            (f"{i}/user_data.json", document([post(DAY(1 + i % 28), Link=f"{i}/a.mp4")], handle=f"u{i}.fx")) for i in range(n)
        ]
        packed_files = [(name, json.dumps(doc).encode()) for name, doc in files]
        media = [(f"{i}/a.mp4", MP4 + bytes([i])) for i in range(n)]
        return read_exports([in_memory("all.zip", zipped([*packed_files, *media, ("notes.pdf", b"%PDF")]))])

    few, crowd = reports(2), reports(reading.MOST_TOGETHER + 1)
    assert all(len(report.members) == 5 for report in few)
    assert [len(report.members) for report in crowd] == [3] + [2] * reading.MOST_TOGETHER
    assert all({m.fate for m in report.members} >= {MemberFate.kept_in_part, MemberFate.kept} for report in crowd)


def test_a_piece_that_is_cut_off_is_an_error_of_the_account_it_was_packed_with() -> None:
    """One report, which says so, and not one more for an account that does not exist."""
    whole, cut = (json.dumps(part(n, "ada.fx")).encode() for n in (1, 2))
    packed_together = in_memory("x.zip", zipped([("user_data_1.json", whole), ("user_data_2.json", cut[:-20])]))
    (report,) = read_exports([packed_together])
    assert [note.code for note in report.errors] == ["json-truncated"] and len(report.posts) == 1
    assert [member.fate for member in report.members] == [MemberFate.kept_in_part, MemberFate.refused]
    assert "json-truncated" not in {note.code for note in report.warnings}
