"""The small shapes that pass between the archive and S3."""

from typing import NamedTuple, Protocol, TypedDict


class Version(NamedTuple):
    """One version or delete marker of a key, as a site lists them."""

    key: str
    kind: str
    reference: str
    latest: bool


class Place(TypedDict):
    """Where S3 has an object."""

    Bucket: str
    Key: str


class Part(TypedDict):
    """An uploaded part, as completing wants it."""

    PartNumber: int
    ETag: str


class Body(Protocol):
    """The body of an answer while it arrives."""

    def read(self, amount: int, /) -> bytes:
        """At most `amount` bytes; b"" at the end."""


class Keys(Protocol):
    """What a client signs with. `opening.Credentials` is one."""

    @property
    def access_key_id(self) -> str:
        """Public half."""

    @property
    def secret_access_key(self) -> str:
        """Secret half."""

    @property
    def session_token(self) -> str | None:
        """Present where the keys are lent for a while."""
