"""Opaque identifiers: 128 bits in lower-case base32 (26 characters), the same each time for those who hold the secret.

Lower case because SURT and some bucket listings fold case; no padding because `=` is unsafe in keys; derived by HMAC so that
nobody without the package secret can tell which post an id stands for (docs/design.md, "Ids").
"""

import base64
import hashlib
import hmac
from collections.abc import Iterable
from typing import Annotated

from pydantic import StringConstraints

PATTERN = r"^[a-z2-7]{26}$"
OpaqueId = Annotated[str, StringConstraints(pattern=PATTERN)]

PackageId = OpaqueId
DepositId = OpaqueId
ItemId = OpaqueId
UnitId = OpaqueId
RecordId = OpaqueId
AccountRef = OpaqueId
CreatorId = OpaqueId

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Sha512 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{128}$")]


def encode_id(sixteen_bytes: bytes) -> OpaqueId:
    """Spell 16 bytes as an opaque id."""
    if len(sixteen_bytes) != 16:
        raise ValueError("an opaque id is made of exactly 16 bytes")
    return base64.b32encode(sixteen_bytes).decode("ascii").rstrip("=").lower()


def derive_id(secret: bytes, kind: str, identity: str) -> OpaqueId:
    """The id of `identity` among things of one `kind`, under a package's `secret`.

    `kind` and `identity` are joined by a unit separator, which no kind contains, so that ("a", "bc") and ("ab", "c") differ.
    """
    message = f"{kind}\x1f{identity}".encode("utf-8", "surrogatepass")
    return encode_id(hmac.new(secret, message, hashlib.sha256).digest()[:16])


def derive_id_of_pieces(secret: bytes, kind: str, identity: Iterable[bytes]) -> OpaqueId:
    """The same id as `derive_id` of these pieces joined (UTF-8), for an identity too large to be held at once."""
    return encode_id(_keyed(secret, kind, identity).digest()[:16])


def keyed_digest(secret: bytes, kind: str, identity: str) -> Sha256:
    """The whole HMAC-SHA256 in hex: recognises a value again without telling what it is."""
    message = f"{kind}\x1f{identity}".encode("utf-8", "surrogatepass")
    return hmac.new(secret, message, hashlib.sha256).hexdigest()


def keyed_digest_of_pieces(secret: bytes, kind: str, identity: Iterable[bytes]) -> Sha256:
    """The same digest as `keyed_digest` of these pieces joined (UTF-8)."""
    return _keyed(secret, kind, identity).hexdigest()


def _keyed(secret: bytes, kind: str, identity: Iterable[bytes]) -> hmac.HMAC:
    digest = hmac.new(secret, f"{kind}\x1f".encode(), hashlib.sha256)
    for piece in identity:
        digest.update(piece)
    return digest
