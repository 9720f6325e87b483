"""What describes a version as a whole: files of plain text beside the units, and words for a stranger."""

from collections.abc import Iterable, Iterator, Sequence
from importlib import resources
from typing import Any

from preservation.formats.canonical import json_lines
from preservation.formats.ocfl import root_declarations
from preservation.model.base import Word
from preservation.model.identifiers import DepositId
from preservation.model.policy import PackagingPolicy
from preservation.stages.packaging.request import AssemblyRequest, PackagedItem, ReceivedFacts, Row

FOLDER = "data/description"


def description_files(request: AssemblyRequest, rows: Iterable[Row]) -> dict[str, Iterable[bytes]]:
    """Every file of data/description by its path in the bag, in pieces that are made when they are asked for; to be written in
    turn. Sealed as one unit where units are sealed: it holds words and names.
    """
    deposit_id = request.deposit.deposit_id
    return {
        f"{FOLDER}/items.jsonl": json_lines(rows),
        f"{FOLDER}/observations.jsonl": json_lines(_observations(request.items, deposit_id)),
        f"{FOLDER}/received.jsonl": json_lines(_received(request.received, deposit_id)),
        f"{FOLDER}/account.json": json_lines([dict(request.account)]),
        f"{FOLDER}/consent.json": [request.consent.document],
    }


def package_readme(policy: PackagingPolicy) -> bytes:
    """data/README.txt: what this is and how to read it with a text editor, or with Python alone."""
    return _text("package_readme.txt", policy)


def storage_root_files(policy: PackagingPolicy) -> dict[str, bytes]:
    """Files of a site's root by path: OCFL's declarations, and words for whoever finds it."""
    return root_declarations() | {"README.txt": _text("root_readme.txt", policy)}


def _text(name: str, policy: PackagingPolicy) -> bytes:
    text = resources.files(__package__).joinpath(name).read_text("utf-8")
    return text.replace("{archive}", policy.archive_name).encode("utf-8")


def _observations(items: Sequence[PackagedItem], deposit_id: DepositId) -> Iterator[dict[str, Any]]:
    """What changes by itself (counts, signed links), as this export had it; never compared."""
    for item in sorted(items, key=lambda item: item.item_id):
        yield {
            "item_id": item.item_id,
            "deposit": deposit_id,
            "seen_in": item.post.seen_in,
            "observations": item.post.observations,
            "media": [_reference(item, index) for index in range(len(item.post.media))],
        }


def _reference(item: PackagedItem, index: int) -> dict[str, Any]:
    medium = item.post.media[index]
    expires = medium.link_expires_at_utc
    return {"ref": medium.unsigned_ref, "status": medium.status, "link_expires_at_utc": expires.isoformat() if expires else None}


def _received(received: ReceivedFacts, deposit_id: DepositId) -> Iterator[dict[str, Any]]:
    """The export as received: what it was, every member and its fate, every section and what was decided of it."""
    yield {
        "line": "export",
        "deposit": deposit_id,
        "platform": received.platform,
        "generation": received.generation,
        "format": received.format,
        "exported_at": received.exported_at.isoformat() if received.exported_at else None,
    }
    lists: list[tuple[str, Sequence[Word]]] = [
        ("member", received.members),
        ("section", received.sections),
        ("third_party_section", received.third_party_sections),
        ("note", received.notes),
    ]
    for line, values in lists:
        for value in values:
            yield {"line": line, **value.model_dump(mode="json")}
