"""The exceptions of botocore in our words."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

from botocore import exceptions as boto
from botocore.parsers import ResponseParserError
from urllib3.exceptions import HTTPError

from preservation.errors import ArchiveError
from preservation.storage.refusals import not_reachable, refused_by_site, unreadable
from preservation.storage.s3_codes import meaning

_CONNECTION = (
    boto.ConnectionError,
    boto.HTTPClientError,
    boto.IncompleteReadError,
    boto.ResponseStreamingError,
    ResponseParserError,  # an answer that is no S3, a proxy's error page for instance
    HTTPError,
    OSError,
)
IN_THE_BODY = (*_CONNECTION, boto.ChecksumError)  # what may end the reading of a body


def translate(error: Exception, site: str, key: str) -> ArchiveError:
    """The refusal that stands for an SDK error. Its text is dropped: it quotes addresses."""
    if isinstance(error, boto.ClientError):
        return meaning(code_of(error), status_of(error), site, key)
    kind = type(error).__name__
    if isinstance(error, _CONNECTION):
        return not_reachable(site, kind)
    if isinstance(error, boto.ChecksumError):
        return unreadable(site, key, kind, code="damaged-on-the-way")
    return refused_by_site(
        site, f"{kind}, before anything was sent", "look at this site's endpoint, region and credentials", code="client-unusable"
    )


@contextmanager
def translated(site: str, key: str, *, let_through: Collection[str] = ()) -> Iterator[None]:
    """Around one call of the SDK, never around a source or a reader of ours. Codes to be `let_through` stay ClientErrors."""
    try:
        yield
    except (boto.BotoCoreError, boto.ClientError, *_CONNECTION) as error:
        if isinstance(error, boto.ClientError) and code_of(error) in let_through:
            raise
        raise translate(error, site, key) from None


def code_of(error: boto.ClientError) -> str:
    """The code of an error answer, which for HEAD is only its status."""
    return str(error.response.get("Error", {}).get("Code", ""))


def status_of(error: boto.ClientError) -> int:
    """The HTTP status of an error answer."""
    return status_in(error.response)


def status_in(answer: Any) -> int:
    """The HTTP status of any answer."""
    return int(answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
