"""Digests made in one pass are the right ones, however the bytes come."""

import hashlib
import io
import time

import pytest

from preservation.formats import digests, media_types
from preservation.formats.canonical import canonical_json
from preservation.formats.digests import Digester, fixity_of, fixity_of_bytes, fixity_of_file

DATA = bytes(range(256)) * 5000


@pytest.mark.parametrize("piece", [1000, 256 * 1024, 1024 * 1024])
def test_pieces_of_any_size_give_the_digests_of_the_whole(piece):
    digester = Digester()
    for start in range(0, len(DATA), piece):
        digester.update(DATA[start : start + piece])
    found = digester.fixity()
    assert (found.size, found.sha256, found.sha512) == (
        len(DATA),
        hashlib.sha256(DATA).hexdigest(),
        hashlib.sha512(DATA).hexdigest(),
    )


def test_a_digest_waits_for_what_is_still_being_digested():
    for _ in range(2):
        digests._shared_pool().submit(time.sleep, 0.2)  # so that the background has no time for us yet
    digester = Digester()
    digester.update(DATA)
    assert digester.fixity().sha512 == hashlib.sha512(DATA).hexdigest()


def test_streams_files_and_bytes_agree(tmp_path):
    (tmp_path / "file").write_bytes(DATA)
    assert fixity_of(io.BytesIO(DATA)) == fixity_of_bytes(DATA) == fixity_of_file(tmp_path / "file")


def test_equal_values_have_equal_bytes():
    assert (
        canonical_json({"b": "ü", "a": [1, None]})
        == canonical_json({"a": [1, None], "b": "ü"})
        == '{"a":[1,null],"b":"ü"}'.encode()
    )
    assert canonical_json({"a": "\ud800"}) == b'{"a":"\\ud800"}'


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"\x00\x00\x00\x18ftypisom", "video/mp4"),
        (b"\x00\x00\x00\x18ftypheic", "image/heic"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp"),
        (b"<?xml version", "application/octet-stream"),
        (b"", "application/octet-stream"),
    ],
)
def test_the_type_of_a_medium_is_read_from_its_bytes(head, kind):
    assert media_types.sniff(head) == kind
