"""WARC files: written as the standard says, and refused by the checker in every way they can be damaged."""

import io
import re
from datetime import UTC, datetime

import pytest

from preservation.formats.warc import Head, Payload, PayloadDiffers, WarcFile, payload_of_bytes, read_records
from preservation.formats.warc_check import check_warc

DATE = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
INFO, WORDS, FACTS = "a" * 26, "b" * 25 + "a", "c" * 25 + "a"
URI = "https://deposits.example.org/p/i/words.json"


def sample() -> bytes:
    """A file of three records."""
    out = io.BytesIO()
    warc = WarcFile(out)
    warc.warcinfo(Head(INFO, DATE), {"software": "keepsake"}, "u.warc")
    warc.resource(Head(WORDS, DATE), URI, "application/json", payload_of_bytes(b'{"a": 1}'))
    warc.metadata(Head(FACTS, DATE), URI, WORDS, {"pointer": "/Post/0"})
    return out.getvalue()


def rules(data: bytes) -> set[str]:
    """The rules a file breaks."""
    return {problem.rule for problem in check_warc(io.BytesIO(data))}


def test_what_is_written_has_nothing_wrong_with_it():
    assert check_warc(io.BytesIO(sample())) == []


def test_records_are_read_back_as_they_were_written():
    records = [
        (record.type, record.header("warc-target-uri"), record.block.read()) for record in read_records(io.BytesIO(sample()))
    ]
    assert records[1:] == [("resource", URI, b'{"a": 1}'), ("metadata", URI, b"pointer: /Post/0\r\n")]


def test_the_same_facts_give_the_same_bytes():
    assert sample() == sample()


def test_spans_lead_to_record_and_payload():
    out = io.BytesIO()
    warc = WarcFile(out)
    warc.warcinfo(Head(INFO, DATE), {"software": "keepsake"}, "u.warc")
    span = warc.resource(Head(WORDS, DATE), URI, "video/mp4", payload_of_bytes(b"moving pictures"))
    data = out.getvalue()
    assert data[span.offset :][: span.length] == b"moving pictures"
    assert data[span.record_offset :][:8] == b"WARC/1.1"
    assert span.record_offset + span.record_length == len(data) == warc.fixity().size


def test_fields_cannot_forge_other_fields():
    out = io.BytesIO()
    warc = WarcFile(out)
    warc.warcinfo(Head(INFO, DATE), {"note": "one\r\nsoftware: forged"}, "u.warc")
    assert b"note: one software: forged\r\n" in out.getvalue()
    with pytest.raises(ValueError, match="control character"):
        warc.resource(Head(WORDS, DATE), URI, "text/plain", payload_of_bytes(b""), "file:///a\r\nWARC-Type: x")


@pytest.mark.parametrize("given", [b"moving", b"moving pictures!", b"moving pictureS"])
def test_a_payload_that_is_not_as_announced_is_noticed(given):
    announced = payload_of_bytes(b"moving pictures")
    warc = WarcFile(io.BytesIO())
    warc.warcinfo(Head(INFO, DATE), {}, "u.warc")
    with pytest.raises(PayloadDiffers):
        warc.resource(Head(WORDS, DATE), URI, "video/mp4", Payload(announced.size, announced.sha256, lambda: io.BytesIO(given)))


def without(name: str) -> bytes:
    """The sample without a header, everywhere."""
    return re.sub(rb"(?i)\r\n" + name.encode() + rb": [^\r]*", b"", sample())


DAMAGE = {
    "cut in a payload": (sample()[: sample().index(b'{"a"') + 3], "cut-short"),
    "cut after a payload": (sample()[:-2], "record-end"),
    "cut in the headers": (sample()[: sample().index(b"WARC-Target-URI")], "header-line"),
    "a byte of a payload": (sample().replace(b'{"a": 1}', b'{"a": 2}'), "digest-mismatch"),
    "no block digest": (without("WARC-Block-Digest"), "field-missing"),
    "no payload digest": (without("WARC-Payload-Digest"), "field-missing"),
    "no date": (without("WARC-Date"), "field-missing"),
    "no type": (without("WARC-Type"), "field-missing"),
    "no id": (without("WARC-Record-ID"), "field-missing"),
    "no target": (without("WARC-Target-URI"), "field-missing"),
    "no content type": (without("Content-Type"), "field-missing"),
    "no length": (without("Content-Length"), "content-length"),
    "no warcinfo id": (without("WARC-Warcinfo-ID"), "field-missing"),
    "no refers-to": (without("WARC-Refers-To"), "field-missing"),
    "another version": (sample().replace(b"WARC/1.1", b"WARC/1.0"), "not-a-record"),
    "bad date": (sample().replace(b"2026-03-04T", b"2026-02-30T"), "field-malformed"),
    "bad uri": (sample().replace(URI.encode(), b"not a uri"), "field-malformed"),
    "bare id": (re.sub(rb"WARC-Record-ID: <([^>]*)>", rb"WARC-Record-ID: \1", sample()), "field-malformed"),
    "bad media type": (sample().replace(b"application/json", b"application"), "field-malformed"),
    "a header twice": (
        sample().replace(b"WARC-Type: resource\r\n", b"WARC-Type: resource\r\nWARC-Type: resource\r\n"),
        "field-repeated",
    ),
    "an unknown type": (sample().replace(b"WARC-Type: resource", b"WARC-Type: ressource"), "type-unknown"),
    "an id twice": (sample() + sample(), "record-id-twice"),
    "a record without the one it refers to": (
        sample()[: sample().index(b"WARC/1.1\r\nWARC-Type: resource")]
        + sample()[sample().index(b"WARC/1.1\r\nWARC-Type: metadata") :],
        "dangling-reference",
    ),
    "no warcinfo first": (sample()[sample().index(b"WARC/1.1\r\nWARC-Type: resource") :], "first-record"),
    "a payload digest on metadata": (
        sample().replace(b"WARC-Refers-To:", b"WARC-Payload-Digest: sha256:" + b"0" * 64 + b"\r\nWARC-Refers-To:"),
        "field-not-allowed",
    ),
    "refers-to on a resource": (
        sample().replace(b"WARC-Payload-Digest:", b"WARC-Refers-To: <urn:uuid:1>\r\nWARC-Payload-Digest:"),
        "field-not-allowed",
    ),
    "base32 digests": (re.sub(rb"sha256:[0-9a-f]{64}", b"sha256:" + b"A" * 52, sample()), "digest-form"),
    "line ends": (sample().replace(b"\r\nWARC-Date", b"\nWARC-Date"), "header-line"),
    "a name with a space": (sample().replace(b"WARC-Date:", b"WARC Date:"), "header-line"),
    "an empty field": (re.sub(rb"WARC-Date: [^\r]*", b"WARC-Date:", sample()), "field-empty"),
    "rubbish after the end": (sample() + b"rubbish", "not-a-record"),
    "nothing at all": (b"", "no-records"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_no_damage_goes_unnoticed(damage):
    data, rule = DAMAGE[damage]
    assert data != sample()
    assert rule in rules(data)


def test_a_file_cut_anywhere_is_noticed():
    """Except between records, where nothing in the format can tell: manifests notice that."""
    data = sample()
    borders = {found.start() for found in re.finditer(rb"WARC/1\.1\r\n", data)}
    assert [at for at in range(1, len(data)) if at not in borders and not rules(data[:at])] == []


def test_the_digest_of_an_http_response_is_that_of_its_body():
    block = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
    body, whole = payload_of_bytes(b"hi").sha256, payload_of_bytes(block).sha256
    response = (
        sample()
        .replace(b"WARC-Type: resource", b"WARC-Type: response")
        .replace(b"application/json", b"application/http; msgtype=response")
    )
    digest = payload_of_bytes(b'{"a": 1}').sha256.encode()
    response = response.replace(b"WARC-Payload-Digest: sha256:" + digest, b"WARC-Payload-Digest: sha256:" + body.encode())
    response = response.replace(digest, whole.encode()).replace(b"Content-Length: 8\r\n", b"Content-Length: %d\r\n" % len(block))
    response = response.replace(b'{"a": 1}', block)
    assert rules(response) == set()
    assert rules(response.replace(b"\r\n\r\nhi", b"\r\n\r\nho")) == {"digest-mismatch"}
