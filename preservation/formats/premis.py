"""PREMIS 3.0: what lies in a version, what was done to it, by whom, and by what right, by opaque id alone.

Element order is the schema's (premis-v3-0.xsd); the same facts give the same bytes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from lxml import etree

from preservation.model.fixity import Fixity

NAMESPACE = "http://www.loc.gov/premis/v3"
_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_EVENT_TYPES = "http://id.loc.gov/vocabulary/preservation/eventType"
_LOCAL = "local"


@dataclass(frozen=True, slots=True)
class FileObject:
    """A file of the version: its opaque identifier, what its bytes are, and its format (a PRONOM key where one is known)."""

    identifier: str
    fixity: Fixity
    format_name: str
    format_version: str = ""
    pronom: str = ""


@dataclass(frozen=True, slots=True)
class Agent:
    """A program or an organisation."""

    identifier: str
    name: str
    type: str  # "software" or "organization"
    version: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """Something done. `code` and `label` are those of the Library of Congress's event types; codes have changed meaning, so both."""

    identifier: str
    code: str
    label: str
    at: datetime
    detail: str
    agent: str
    objects: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rights:
    """By what right: a document by id, what it allows us to do, and to what."""

    identifier: str
    document: str
    note: str
    acts: tuple[str, ...]
    subject: str


def premis_xml(files: Sequence[FileObject], events: Sequence[Event], agents: Sequence[Agent], rights: Sequence[Rights]) -> bytes:
    """A PREMIS document, valid against the schema as long as there is at least one file."""
    root = etree.Element(_name("premis"), nsmap={"premis": NAMESPACE, "xsi": _XSI})
    root.set("version", "3.0")
    for file in files:
        _file(root, file)
    for event in events:
        _event(root, event)
    for agent in agents:
        _agent(root, agent)
    for right in rights:
        _rights(root, right)
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True))


def _name(tag: str) -> str:
    return f"{{{NAMESPACE}}}{tag}"


def _add(parent: etree._Element, tag: str, text: str = "") -> etree._Element:
    child = etree.SubElement(parent, _name(tag))
    if text:
        child.text = text
    return child


def _identifier(parent: etree._Element, tag: str, value: str) -> None:
    """`<tag><tagType>local</tagType><tagValue>…</tagValue></tag>`, the shape of all PREMIS identifiers."""
    element = _add(parent, tag)
    _add(element, f"{tag}Type", _LOCAL)
    _add(element, f"{tag}Value", value)


def _file(root: etree._Element, file: FileObject) -> None:
    element = _add(root, "object")
    element.set(f"{{{_XSI}}}type", "premis:file")
    _identifier(element, "objectIdentifier", file.identifier)
    characteristics = _add(element, "objectCharacteristics")
    for algorithm, digest in (("SHA-256", file.fixity.sha256), ("SHA-512", file.fixity.sha512)):
        fixity = _add(characteristics, "fixity")
        _add(fixity, "messageDigestAlgorithm", algorithm)
        _add(fixity, "messageDigest", digest)
    _add(characteristics, "size", str(file.fixity.size))
    form = _add(characteristics, "format")
    designation = _add(form, "formatDesignation")
    _add(designation, "formatName", file.format_name)
    if file.format_version:
        _add(designation, "formatVersion", file.format_version)
    if file.pronom:
        registry = _add(form, "formatRegistry")
        _add(registry, "formatRegistryName", "PRONOM")
        _add(registry, "formatRegistryKey", file.pronom)


def _event(root: etree._Element, event: Event) -> None:
    element = _add(root, "event")
    _identifier(element, "eventIdentifier", event.identifier)
    kind = _add(element, "eventType", event.label)
    kind.set("authority", "eventType")
    kind.set("authorityURI", _EVENT_TYPES)
    kind.set("valueURI", f"{_EVENT_TYPES}/{event.code}")
    _add(element, "eventDateTime", event.at.astimezone(UTC).isoformat())
    _add(_add(element, "eventDetailInformation"), "eventDetail", event.detail)
    _add(_add(element, "eventOutcomeInformation"), "eventOutcome", "success")
    _identifier(element, "linkingAgentIdentifier", event.agent)
    for identifier in event.objects:
        _identifier(element, "linkingObjectIdentifier", identifier)


def _agent(root: etree._Element, agent: Agent) -> None:
    element = _add(root, "agent")
    _identifier(element, "agentIdentifier", agent.identifier)
    _add(element, "agentName", agent.name)
    _add(element, "agentType", agent.type)
    if agent.version:
        _add(element, "agentVersion", agent.version)


def _rights(root: etree._Element, rights: Rights) -> None:
    statement = _add(_add(root, "rights"), "rightsStatement")
    _identifier(statement, "rightsStatementIdentifier", rights.identifier)
    _add(statement, "rightsBasis", "other")
    other = _add(statement, "otherRightsInformation")
    _identifier(other, "otherRightsDocumentationIdentifier", rights.document)
    _add(other, "otherRightsBasis", "consent of the creator")
    _add(other, "otherRightsNote", rights.note)
    for act in rights.acts:
        _add(_add(statement, "rightsGranted"), "act", act)
    _identifier(statement, "linkingObjectIdentifier", rights.subject)
