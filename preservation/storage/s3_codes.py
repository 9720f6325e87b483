"""What the error codes of S3 mean to us. No SDK here: code and status in, our refusal out.

Source: "Error responses" in the Amazon S3 API reference; what Ceph, Swift, MiniStack and moto say instead was seen in the tests.
"""

from preservation.errors import ArchiveError
from preservation.storage.refusals import full, missing, not_reachable, refused_by_site, unreadable

PRECONDITION_FAILED = {"PreconditionFailed", "412"}
RACED = {"ConditionalRequestConflict", "OperationAborted"}
NOT_KNOWN_HERE = {"NotImplemented", "501", "MethodNotAllowed", "405"}

# What a site may answer to a condition; 404 is Amazon's answer to If-Match where there is nothing.
CONDITIONAL = PRECONDITION_FAILED | RACED | NOT_KNOWN_HERE | {"NoSuchKey", "404"}

_MISSING = {"NoSuchKey", "NoSuchVersion", "404", "NotFound"}
_NO_BUCKET = {"NoSuchBucket", "InvalidBucketName"}
_COLD = {"InvalidObjectState"}
_NO_ROOM = {"QuotaExceeded", "InsufficientStorage", "XMinioStorageFull", "507"}
_ON_THE_WAY = {"BadDigest", "XAmzContentSHA256Mismatch", "IncompleteBody", "RequestTimeout", "NoSuchUpload", "InvalidPart"}
_TRY_AGAIN = {
    "SlowDown",
    "ServiceUnavailable",
    "InternalError",
    "InternalFailure",
    "Throttling",
    "ThrottlingException",
    "RequestLimitExceeded",
    "TooManyRequests",
    "TooManyRequestsException",
    "BandwidthLimitExceeded",
    "RestoreAlreadyInProgress",
    "429",
    "408",
}
_CLOCK = {"RequestTimeTooSkewed", "RequestExpired"}
_CREDENTIALS = {
    "AccessDenied",
    "AccountProblem",
    "AllAccessDisabled",
    "AuthorizationHeaderMalformed",
    "ExpiredToken",
    "Forbidden",
    "InvalidAccessKeyId",
    "InvalidSecurity",
    "InvalidToken",
    "NotSignedUp",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
    "401",
    "403",
}


def meaning(code: str, status: int, site: str, key: str) -> ArchiveError:
    """The refusal for one error answer. An unknown code is judged by its status: 5xx is worth another try, the rest is not."""
    said = f"{code} (HTTP {status})"
    if code in _MISSING:
        return missing(site, key)
    if code in _COLD:
        return unreadable(site, key, "it lies in a cold class and must be restored first", code="archived")
    if code in _NO_ROOM:
        return full(site)
    if code in _ON_THE_WAY:
        return not_reachable(site, f"{said}: a request was damaged or lost on the way", code="damaged-on-the-way")
    if code in PRECONDITION_FAILED | RACED:
        return not_reachable(site, f"{said}: another program writes the same key", code="put-raced")
    if code in NOT_KNOWN_HERE:
        return refused_by_site(
            site, said, "this site lacks a call the archive needs; look at the site's probe", code="not-supported"
        )
    if code in _TRY_AGAIN or status >= 500:
        return not_reachable(site, said)
    return _operators_fault(code, said, site)


def _operators_fault(code: str, said: str, site: str) -> ArchiveError:
    if code in _NO_BUCKET:
        return refused_by_site(
            site, said, "create the bucket, or correct its name in the configuration of sites", code="no-such-bucket"
        )
    if code in _CLOCK:
        return refused_by_site(site, said, "set this machine's clock", code="clock-wrong")
    if code in _CREDENTIALS:
        remedy = "look at this site's credentials, what they may do, and whether a lock or a policy forbids it"
        return refused_by_site(site, said, remedy, code="access-denied")
    return refused_by_site(site, said, "look the code up in the site's manual and correct the configuration", code="site-refused")
