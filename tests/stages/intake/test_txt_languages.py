"""Text exports in other languages: what they are, and that their posts are told from those of other years."""

from preservation.stages.intake.reading import read_exports
from tests.stages.intake.building import document, export, in_memory, post, zipped
from tests.stages.intake.txt_building import read

LINK = "https://v77-cold.tiktokcdn-eu.com/storage/v1/tos-no1a-v-2774/a?mime_type=video_mp4"
POST = "Data: {} 10:00:00\nLink: " + LINK + "\nMi piace: 3\nChi può vedere: Tutti\nConsenti commenti: Sì\nTitolo: ciao\n"
HISTORY = "Fecha: 2025-05-01 10:00:00\nEnlace: https://www.tiktokv.com/share/video/6803173946889009045/\n\n"


def italian(year: int) -> dict[str, str]:
    """An export with four posts."""
    return {
        "TikTok/Post/Post.txt": "\n".join(POST.format(f"{year}-05-0{day}") for day in (1, 2, 3, 4)),
        "TikTok/Profilo e impostazioni/Informazioni profilo.txt": "Nome utente: ada.fx\nBiografia: ciao\nData di nascita: 05-mag-1971\n",
    }


def test_records_as_rich_as_of_2024_are_not_taken_for_older_ones() -> None:
    """Their labels are not understood, but how many there are tells."""
    assert [read(italian(year)).generation for year in (2024, 2025, 2026)] == ["txt-2024", "txt-2025", "txt-2026"]


def test_an_export_that_is_newer_than_its_name_says_is_dated_by_its_posts() -> None:
    """No post is later than the export it is in."""
    utc = {"TikTok/Posts/Posts.txt": f"Date: 2026-03-01 10:00:00 UTC\nLink: {LINK}\n"}
    assert read(utc, "TikTok_Data_1746093600.zip").generation == "txt-2026"


def test_a_language_is_heard_even_where_there_are_no_posts() -> None:
    """An empty section and a history in Spanish: the creator is told to ask for JSON. English files nobody has mapped are not."""
    spanish = {
        "TikTok/Publicaciones/Publicaciones.txt": "No hay datos en esta sección\n",
        "TikTok/Tu actividad/Historial.txt": HISTORY,
    }
    for files in (dict([item]) for item in spanish.items()):
        report = read({**files, "TikTok/Mensajes directos/Mensajes directos.txt": ">>> Historial con bea.fx::\n"})
        assert "txt-language-partly-understood" in {note.code for note in report.warnings}
    english = {
        "TikTok/New Part/New Part.txt": "You have no data in this section\n",
        "TikTok/Odd.txt": "Date: 2025-05-01 10:00:00\nX: y\n",
    }
    assert "txt-language-partly-understood" not in {note.code for note in read(english).warnings}


def test_an_export_in_another_language_joins_the_json_of_its_account() -> None:
    """Its profile names the account; what the JSON knew of a post's words stays, its audience does not: it was said, and not read."""
    files = [(path, said.encode()) for path, said in italian(2025).items()]
    newer = in_memory("TikTok_Data_1759138200.zip", zipped(files))
    older = export(document([post("2025-05-01 10:00:00", title="ciao")]), "TikTok_Data_1750000000.zip")
    (report,) = read_exports([newer, older])
    (known,) = [found for found in report.posts if len(found.seen_in) == 2]
    assert len(report.posts) == 4 and known.caption == "ciao" and known.visibility.value == "unknown"
    assert "1971" not in report.model_dump_json()
