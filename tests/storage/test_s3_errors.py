"""Every error of the SDK and every common code of S3 has a counterpart here, sorted by who must act."""

import inspect
from typing import Any

import pytest
from botocore import exceptions as boto
from botocore.exceptions import ClientError

from preservation.errors import ArchiveError, SettingsWrong, ShelfConflict, StoreUnavailable
from preservation.storage.s3_errors import translate, translated
from preservation.storage.store import ObjectMissing, ObjectUnreadable

SDK_ERRORS = [
    kind for _name, kind in inspect.getmembers(boto, inspect.isclass) if issubclass(kind, boto.BotoCoreError | ClientError)
]
CODES: dict[str, tuple[int, type[ArchiveError], str]] = {
    "NoSuchKey": (404, ObjectMissing, "object-missing"),
    "404": (404, ObjectMissing, "object-missing"),
    "NoSuchBucket": (404, SettingsWrong, "no-such-bucket"),
    "InvalidObjectState": (403, ObjectUnreadable, "archived"),
    "AccessDenied": (403, SettingsWrong, "access-denied"),
    "403": (403, SettingsWrong, "access-denied"),
    "SignatureDoesNotMatch": (403, SettingsWrong, "access-denied"),
    "InvalidAccessKeyId": (403, SettingsWrong, "access-denied"),
    "ExpiredToken": (400, SettingsWrong, "access-denied"),
    "RequestTimeTooSkewed": (403, SettingsWrong, "clock-wrong"),
    "PermanentRedirect": (301, SettingsWrong, "site-refused"),
    "EntityTooLarge": (400, SettingsWrong, "site-refused"),
    "InvalidStorageClass": (400, SettingsWrong, "site-refused"),
    "NotImplemented": (501, SettingsWrong, "not-supported"),
    "SlowDown": (503, StoreUnavailable, "site-unavailable"),
    "ServiceUnavailable": (503, StoreUnavailable, "site-unavailable"),
    "InternalError": (200, StoreUnavailable, "site-unavailable"),
    "TooManyRequests": (429, StoreUnavailable, "site-unavailable"),
    "500": (500, StoreUnavailable, "site-unavailable"),
    "ANewOne": (599, StoreUnavailable, "site-unavailable"),
    "AnotherNewOne": (418, SettingsWrong, "site-refused"),
    "RequestTimeout": (400, StoreUnavailable, "damaged-on-the-way"),
    "BadDigest": (400, StoreUnavailable, "damaged-on-the-way"),
    "XAmzContentSHA256Mismatch": (400, StoreUnavailable, "damaged-on-the-way"),
    "NoSuchUpload": (404, StoreUnavailable, "damaged-on-the-way"),
    "QuotaExceeded": (403, StoreUnavailable, "disk-full"),
    "InsufficientStorage": (507, StoreUnavailable, "disk-full"),
    "PreconditionFailed": (412, StoreUnavailable, "put-raced"),
    "ConditionalRequestConflict": (409, StoreUnavailable, "put-raced"),
}


def made(kind: type[Exception]) -> Exception:
    """An instance, whatever its constructor wants."""
    error = kind.__new__(kind)
    Exception.__init__(error, "https://secret.example/key")
    error.response = {"Error": {"Code": "SlowDown"}, "ResponseMetadata": {"HTTPStatusCode": 503}}  # type: ignore[attr-defined]
    return error


@pytest.mark.parametrize("kind", SDK_ERRORS, ids=lambda kind: kind.__name__)
def test_no_error_of_the_sdk_gets_out_as_itself(kind: type[Exception]) -> None:
    """And none brings the address it quotes."""
    with pytest.raises(ArchiveError) as refused, translated("here", "a/b"):
        raise made(kind)
    assert not isinstance(refused.value, ShelfConflict | ObjectMissing)
    assert "secret" not in str(refused.value)
    assert refused.value.remedy
    assert refused.value.__suppress_context__


@pytest.mark.parametrize(
    "kind",
    [
        boto.EndpointConnectionError,
        boto.ConnectTimeoutError,
        boto.ReadTimeoutError,
        boto.ConnectionClosedError,
        boto.SSLError,
        OSError,
    ],
)
def test_a_broken_connection_is_worth_another_try(kind: type[Exception]) -> None:
    assert type(translate(made(kind), "here", "a/b")) is StoreUnavailable


@pytest.mark.parametrize(
    "kind", [boto.NoCredentialsError, boto.ParamValidationError, boto.InvalidRegionError, boto.ProfileNotFound]
)
def test_wrong_settings_are_not(kind: type[Exception]) -> None:
    assert type(translate(made(kind), "here", "a/b")) is SettingsWrong


@pytest.mark.parametrize("code", CODES)
def test_a_code_of_s3_is_one_refusal(code: str) -> None:
    status, kind, ours = CODES[code]
    answer: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    refusal = translate(ClientError(answer, "GetObject"), "here", "a/b")
    assert (type(refusal), refusal.code) == (kind, ours)
    assert refusal.remedy
