"""The process apart: one serves many files, hostile ones end it and nothing else, and it has nothing to give away."""

import io
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from preservation.errors import SettingsWrong
from preservation.formats import media_examiner
from preservation.formats.media_examiner import Examiner
from preservation.model.export import MediaKind
from preservation.model.media_facts import MediaFacts
from tests.formats import media_samples as samples

MIB = 1024 * 1024
GREETING = """
import json, os, signal, sys, time
from preservation.formats.media_child import ASKED, LENGTH, DONE, READ, _answer, confine
out = sys.stdout.buffer
def job():
    return json.loads(sys.stdin.buffer.read(LENGTH.unpack(sys.stdin.buffer.read(4))[0]))
_answer(out, {"tools": ["a tool 1.0"]})
"""


@pytest.fixture
def examiner() -> Iterator[Examiner]:
    with Examiner() as made:
        yield made


def _told(examiner: Examiner, data: bytes, extension: str = "", expected: MediaKind = MediaKind.unknown) -> MediaFacts:
    return MediaFacts(sha256="0" * 64, size=len(data), **examiner.examine(io.BytesIO(data), len(data), extension, expected))


def _behaving(script: str, seconds: float = 60.0) -> Examiner:
    """An examiner whose process does as the script says: what a decoder that was taken over may do."""
    return Examiner(seconds, (sys.executable, "-c", GREETING + textwrap.dedent(script)))


def test_a_film_is_identified_and_decoded(examiner: Examiner) -> None:
    found = _told(examiner, samples.film(), "mp4")
    assert (found.condition, found.kind, found.puid, found.mime_type) == ("whole", "video", "fmt/199", "application/mp4")
    assert (found.width, found.height, found.frames, found.video_codec, found.audio_codec) == (160, 120, 25, "h264", "aac")
    assert found.basis.startswith("byte match")


@pytest.mark.parametrize(
    ("data", "condition", "note"),
    [
        (b"", "empty", ""),
        (samples.ERROR_PAGE, "not_media", "another-format"),
        (bytes(4000), "not_media", "unrecognised"),
        (samples.film()[:900], "damaged", "cut-off"),
        (samples.film("webm")[:9000], "damaged", "cut-off"),
        (samples.film()[:-5], "damaged", "cut-off"),
        (samples.picture()[:900], "damaged", "cut-off"),
        (samples.picture(), "whole", ""),
        (samples.film("m4a"), "whole", ""),
        (b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\n%%EOF\n", "not_media", "another-format"),
    ],
    ids=["empty", "web page", "zeros", "cut early", "cut webm", "cut late", "cut jpeg", "jpeg", "m4a", "pdf"],
)
def test_what_waits_is_sorted_into_conditions(examiner: Examiner, data: bytes, condition: str, note: str) -> None:
    """`expected` is what the first bytes look like; it helps where PRONOM cannot tell because the end is missing."""
    looks = (
        MediaKind.video
        if data[4:8] == b"ftyp" or data[:1] == b"\x1a"
        else MediaKind.image
        if data[:2] == b"\xff\xd8"
        else MediaKind.unknown
    )
    found = _told(examiner, data, "mp4", looks)
    assert (found.condition, found.note) == (condition, note)


def test_a_file_larger_than_what_is_held_at_once_is_read_piece_by_piece(examiner: Examiner) -> None:
    """24 MiB of free space before the index: read in pieces of at most a MiB, found whole."""
    asked: list[int] = []

    class Counting(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            asked.append(size or 0)
            return super().read(size)

    data = samples.film("mp4")
    at = data.rindex(b"moov") - 4
    grown = data[:at] + (24 * MIB).to_bytes(4, "big") + b"free" + bytes(24 * MIB - 8) + data[at:]
    found = examiner.examine(Counting(grown), len(grown), "mp4")
    assert (found["condition"], found["puid"]) == ("whole", "fmt/199")
    assert max(asked) <= MIB


def test_one_process_serves_many_files(examiner: Examiner) -> None:
    _told(examiner, samples.picture())
    first = examiner._child
    _told(examiner, samples.film()[:500])
    _told(examiner, samples.picture("PNG"))
    assert first is not None
    assert examiner._child is first


@pytest.mark.parametrize(
    ("script", "note"),
    [
        ("job(); os.kill(os.getpid(), signal.SIGSEGV)", "decoder-died"),
        ("job(); sys.exit(0)", "decoder-died"),
        ("job(); out.write(b'nonsense, and more of it than a header'); out.flush(); time.sleep(60)", "decoder-died"),
        ("job(); _answer(out, {'condition': 'x' * 2000})", "decoder-died"),
        ("job(); _answer(out, ['a list'])", "decoder-died"),
        ("job(); out.write(ASKED.pack(DONE, 0, 5) + b'{cut'); out.flush(); sys.exit(0)", "decoder-died"),
        ("job(); out.write(ASKED.pack(DONE, 0, 1 << 31)); out.flush(); time.sleep(60)", "decoder-died"),
        ("job(); out.write(ASKED.pack(READ, 0, 1 << 31)); out.flush(); time.sleep(60)", "decoder-died"),
        ("os.close(0); time.sleep(1)", "decoder-died"),
    ],
    ids=["crash", "leaves", "nonsense", "long word", "list", "half an answer", "endless answer", "endless question", "deaf"],
)
def test_whatever_the_process_does_is_an_outcome_and_the_next_file_gets_a_new_one(script: str, note: str) -> None:
    with _behaving(script, seconds=30) as examiner:
        for _ in range(2):
            found = _told(examiner, samples.film(), expected=MediaKind.video)
            assert (found.condition, found.kind, found.note) == ("not_decoded", "video", note)


@pytest.mark.parametrize(
    "script",
    ["job(); time.sleep(60)", "job()\nwhile True: pass", "job()\nwhile True: out.write(ASKED.pack(READ, 0, 9)); out.flush()"],
    ids=["sleeps", "spins", "asks and never listens"],
)
def test_a_file_that_takes_too_long_is_given_up(script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media_examiner, "SECONDS_PER_MB", 0.0)
    with _behaving(script, seconds=0.2) as examiner:
        found = _told(examiner, samples.film(), expected=MediaKind.video)
    assert (found.condition, found.note) == ("not_decoded", "took-too-long")


def test_a_source_that_breaks_is_an_outcome_and_harms_no_later_file(examiner: Examiner) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise OSError("the disk")

    found = examiner.examine(Broken(b"x" * 100), 100)
    assert (found["condition"], found["note"]) == ("not_decoded", "unreadable")
    assert _told(examiner, samples.picture()).condition == "whole"


def test_a_source_that_is_shorter_than_it_said_is_damaged(examiner: Examiner) -> None:
    data = samples.picture()
    assert examiner.examine(io.BytesIO(data[:500]), len(data), expected=MediaKind.image)["condition"] == "damaged"


def test_a_process_that_does_not_start_is_a_matter_of_the_installation() -> None:
    with (
        Examiner(command=(sys.executable, "-c", "raise SystemExit(3)")) as examiner,
        pytest.raises(SettingsWrong, match="examiner-does-not-start"),
    ):
        examiner.tools()


def test_limits_that_are_lower_than_ours_stand() -> None:
    """A service manager may have set them, and nobody may raise them again."""
    lower = ("/bin/sh", "-c", f'ulimit -f 10000; exec "$0" -P -m {media_examiner.MODULE}', sys.executable)
    with Examiner(command=lower) as examiner:
        assert _told(examiner, samples.film(), "mp4").condition == "whole"


def test_another_thread_can_end_it() -> None:
    with _behaving("job(); time.sleep(60)") as examiner:
        examiner.tools()
        timer = threading.Timer(0.2, examiner.abort)
        timer.start()
        assert _told(examiner, samples.film()).note == "decoder-died"
        timer.join()


def test_nothing_stays_behind() -> None:
    threads, files = threading.active_count(), len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0
    with Examiner() as examiner:
        _told(examiner, samples.picture())
        assert examiner._child is not None
        pid = examiner._child.pid
    assert threading.active_count() == threads
    assert not files or len(os.listdir("/proc/self/fd")) == files
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


# -- what the process may not do -------------------------------------------------------------------------------------------


def test_it_is_given_none_of_our_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELF_SECRET_ACCESS_KEY", "harbour")
    with Examiner(
        command=(sys.executable, "-c", GREETING.replace("a tool 1.0", "{}").replace('["{}"]', "list(os.environ)"))
    ) as examiner:
        assert "SHELF_SECRET_ACCESS_KEY" not in examiner.tools()


def _confined(act: str) -> int:
    script = f"from preservation.formats.media_child import confine\nconfine()\n{act}\n"
    return subprocess.run(
        [sys.executable, "-c", script], env=media_examiner._environment(), stderr=subprocess.DEVNULL, timeout=60, check=False
    ).returncode


@pytest.mark.skipif(sys.platform != "linux", reason="limits of other systems differ")
@pytest.mark.parametrize(
    "act",
    ["bytearray(3 << 30)", "import pathlib; pathlib.Path('/dev/shm/keepsake-test').open('wb').truncate(80 << 20)"],
    ids=["memory", "files"],
)
def test_it_cannot_flood_memory(act: str) -> None:
    try:
        assert _confined("pass") == 0
        assert _confined(act) not in (0, None)
    finally:
        Path("/dev/shm/keepsake-test").unlink(missing_ok=True)


@pytest.mark.skipif(sys.platform != "linux", reason="limits of other systems differ")
def test_its_memory_never_lands_on_a_disk_when_it_dies() -> None:
    act = "import ctypes, resource; raise SystemExit(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0) or resource.getrlimit(resource.RLIMIT_CORE)[0])"
    assert _confined(act) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc")
def test_it_ends_when_the_program_that_started_it_was_killed(tmp_path: Path) -> None:
    """Even in the middle of a job, when it asks for nothing and so would not notice."""
    begin = "import os\nfrom preservation.formats.media_child import _end_with\n_end_with(os.getppid())\n"
    script = begin + GREETING + "job()\nwhile True: pass"
    starter = (
        "import io, sys\n"
        "from preservation.formats.media_examiner import Examiner\n"
        "e = Examiner(command=(sys.executable, '-c', sys.argv[1])); e.tools()\n"
        "print(e._child.pid, flush=True)\n"
        "e.examine(io.BytesIO(b'x' * 9), 9)\n"
    )
    command = [sys.executable, "-c", starter, script]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=media_examiner._environment()) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
    _eventually(lambda: not _runs(pid))


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def _eventually(said: Callable[[], bool]) -> None:
    for _ in range(300):
        if said():
            return
        time.sleep(0.1)
    raise AssertionError("it never came about")


def test_importing_the_examiner_loads_no_decoder() -> None:
    """`keepsake --help` must not wait for libav and a Go runtime."""
    script = "import sys\nimport preservation.steps.examining\nprint([name for name in ('av', 'PIL', 'pygfried') if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, **media_examiner._environment()},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"
