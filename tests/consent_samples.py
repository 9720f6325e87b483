"""A consent document to call small: `document(handle="ada.fx", access={"level": "open"})`. All of it is invented."""

import hashlib
from typing import Any

from preservation.model.identifiers import derive_id

DIGEST = "0" * 64
SIGNED_AT = "2026-11-01T00:00:00Z"
_INVENTED = b"invented"


def account_ref(handle: str = "ada.fx", platform: str = "tiktok") -> str:
    """The account reference `document` uses for this handle."""
    return derive_id(_INVENTED, "account", f"{platform}:{handle}")


def record_id(handle: str = "ada.fx", platform: str = "tiktok") -> str:
    """The record id `document` uses for this handle."""
    return derive_id(_INVENTED, "record", f"{platform}:{handle}")


def affirmation(at: str = SIGNED_AT, **overrides: Any) -> dict[str, Any]:
    """A signature."""
    return {
        "method": "web_form_typed_name",
        "statement_sha256": DIGEST,
        "at": at,
        "separate_ticks": ["consent", "deposit-agreement"],
        "understood_withdrawal": True,
        "understood_copies_already_given": True,
        **overrides,
    }


def purposes(*granted: str) -> list[dict[str, Any]]:
    """These purposes with a yes."""
    return [
        {
            "purpose": name,
            "dpv_purpose": "https://w3id.org/dpv#PublicBenefit",
            "granted": True,
            "core": name in {"preserve", "catalogue"},
        }
        for name in granted
    ]


def document(handle: str = "ada.fx", platform: str = "tiktok", state: str = "active", **overrides: Any) -> dict[str, Any]:
    """A whole consent document for one public account, all rights clear, everything public offered to everyone.

    `overrides` are fields of the record; an object is merged into the default one, anything else replaces it. Ready for
    `json.dumps` and `parse_document`.
    """
    ref = account_ref(handle, platform)
    fields = _record(ref, record_id(handle, platform), platform, state)
    for name, value in overrides.items():
        base = fields.get(name)
        fields[name] = {**base, **value} if isinstance(base, dict) and isinstance(value, dict) else value
    identity = {
        "creator": {
            "name": f"Person behind {handle}",
            "contact": f"{hashlib.sha256(handle.encode()).hexdigest()[:8]}@example.org",
        },
        "accounts": [{"account_ref": ref, "platform": platform, "handle": handle}],
    }
    return {"record": fields, "identity": identity}


def _record(ref: str, record: str, platform: str, state: str) -> dict[str, Any]:
    person = derive_id(_INVENTED, "creator", record)
    proof = {"method": "archivist_review", "checked_at": SIGNED_AT, "result": "matched", "evidence_sha256": DIGEST}
    return {
        "record_id": record,
        "revision": 1,
        "state": state,
        "pending": "narrowing" if state == "amended" else None,
        "jurisdictions": ["EU", "NL"],
        "form": {
            "form_id": "deposit",
            "version": "1.0",
            "language": "en",
            "sha256": DIGEST,
            "privacy_notice_sha256": DIGEST,
            "deposit_agreement_sha256": DIGEST,
        },
        "parties": [
            {
                "party_id": "archive",
                "name": "The archive",
                "role": "controller",
                "party_type": "archive",
                "address": "1 Shelf Street",
                "contact": "privacy@example.org",
            }
        ],
        "subject": {
            "creator_id": person,
            "age_band": "18+",
            "age_check": "self_declared",
            "country": "NL",
            "contact_ref": person,
        },
        "accounts": [
            {
                "account_ref": ref,
                "platform": platform,
                "platform_visibility": "public",
                "platform_downloads": "everyone",
                "proof": proof,
            }
        ],
        "scopes": [{"account_ref": ref, "include_visibility": ["public"]}],
        "sections": [
            {"section": section, "decision": "in", "access": "open"}
            for section in ("posts_media", "posts_metadata", "posts_counts")
        ]
        + [{"section": "profile_public", "decision": "in", "access": "registered"}],
        "purposes": purposes("preserve", "catalogue", "access"),
        "access": {"level": "open"},
        "rights": {"rights_statement": "http://rightsstatements.org/vocab/InC/1.0/", "creator_is_rightsholder": "yes"},
        "third_party": {
            "music": "own",
            "music_access": "with_sound",
            "other_people": "none",
            "stitched_or_duetted": "none",
            "minors_shown": "none",
        },
        "storage_locations": ["site-a", "site-b", "site-c"],
        "withdrawal_method": "https://archive.example/withdraw",
        "privacy_rights": "https://archive.example/rights",
        "authority": "Data protection authority",
        "valid_from": SIGNED_AT,
        "affirmation": None if state == "draft" else affirmation(),
    }
