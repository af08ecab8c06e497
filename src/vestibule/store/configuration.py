"""The configuration: one row for each resource, kept in the order they were created."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import delete, func, select

from vestibule.model.application import Application, Origin
from vestibule.model.configuration import Configuration
from vestibule.model.errors import InvalidConfiguration, NotFound
from vestibule.model.identity import IdentityProvider
from vestibule.model.machine import ForwardAuthClient, MtlsCertificate, ServiceToken
from vestibule.model.organization import Organization
from vestibule.model.rules import Policy, RuleGroup, ValueList
from vestibule.store import documents
from vestibule.store.tables import resources, service_token_uses, state
from vestibule.store.unit import RowBox, Unit, later, upsert

KINDS: Mapping[str, type[Any]] = {
    "applications": Application,
    "origins": Origin,
    "policies": Policy,
    "groups": RuleGroup,
    "lists": ValueList,
    "identity_providers": IdentityProvider,
    "service_tokens": ServiceToken,
    "mtls_certificates": MtlsCertificate,
    "forward_auth_clients": ForwardAuthClient,
}
"""Each kind by its field in `Configuration`, which is also what the column `kind` says."""

_ORGANIZATION = "organization"
_FIRST = ("position", "created_at")  # what a resource keeps from its creation
_NEXT = select(func.coalesce(func.max(resources.c.position), 0) + 1)
_TYPES: Mapping[str, type[Any]] = {**KINDS, _ORGANIZATION: Organization}
_FIELDS = {kind: field for field, kind in KINDS.items()}


class ConfigurationRecords(Unit):
    """The organization and the resources."""

    def configuration(self) -> Configuration:
        """The configuration as this transaction sees it; raises `NotFound` before `init`."""
        revision: int = self._connection.execute(select(state.c.configuration)).scalar_one()
        if self._known is None or self._known.revision != revision:
            self._known = self._load(revision)
        return self._with_uses(self._known)

    def put_organization(self, organization: Organization) -> None:
        """There is one; it replaces whatever was there."""
        self._put_document(_ORGANIZATION, _ORGANIZATION, organization.name, organization)

    def put(self, resource: Any) -> None:
        """Create or replace a resource by its id."""
        self._put_document(_FIELDS[type(resource)], resource.id, resource.name, resource)

    def delete(self, kind: type[Any], id: str) -> bool:
        """Delete it; False when it was not there."""
        gone = delete(resources).where(resources.c.kind == _FIELDS[kind], resources.c.id == id)
        self._known = None
        self._parsed.pop((_FIELDS[kind], id), None)
        return self._write(gone, "configuration") > 0

    def saw_service_token(self, id: str, at: datetime) -> None:
        """Kept beside the configuration, which a mere use must not change."""
        seen = self._row(
            select(service_token_uses.c.last_seen_at).where(service_token_uses.c.id == id)
        )
        latest = later(at, seen["last_seen_at"] if seen else None)
        self._put(service_token_uses, {"id": id, "last_seen_at": latest})

    def _put_document(self, kind: str, id: str, name: str, value: Any) -> None:
        now = datetime.now(UTC)
        row = {
            "kind": kind,
            "id": id,
            "position": self._connection.execute(_NEXT).scalar_one(),
            "name": name,
            "document": documents.dump(value, RowBox(self._seal, "resources", f"{kind}/{id}")),
            "created_at": now,
            "updated_at": now,
        }
        dialect = self._connection.dialect.name
        self._write(upsert(resources, dialect, _FIRST), "configuration", row=row)
        self._known = None  # the counter grows once only, so it cannot tell of a second change

    def _load(self, revision: int) -> Configuration:
        """Read every resource. One that does not read refuses the whole configuration (F6)."""
        organization: Organization | None = None
        held: dict[str, dict[str, Any]] = {field: {} for field in KINDS}
        columns = (resources.c.kind, resources.c.id, resources.c.document)
        for row in self._rows(select(*columns).order_by(resources.c.position)):
            kind, id = row["kind"], row["id"]
            value = self._read(kind, id, row["document"])
            if kind == _ORGANIZATION:
                organization = value
            else:
                held[kind][id] = value
        if organization is None:
            raise NotFound("nothing is configured yet: run `vestibule init`")
        return Configuration(revision=revision, organization=organization, **held)

    def _read(self, kind: str, id: str, document: str) -> Any:
        """The resource that `document` holds; remembered for as long as its text stays."""
        text, value = self._parsed.get((kind, id), ("", None))
        if text == document:
            return value
        if kind not in _TYPES:
            raise InvalidConfiguration(
                f"the store holds {kind}, which this version does not know: "
                "a newer version wrote it"
            )
        box = RowBox(self._seal, "resources", f"{kind}/{id}")
        try:
            value = documents.load(_TYPES[kind], document, box)
        except InvalidConfiguration as error:
            place = f"{kind}[{id}]" + (f".{error.path}" if error.path else "")
            raise InvalidConfiguration(error.message, path=place) from error
        self._parsed[kind, id] = (document, value)
        return value

    def _with_uses(self, configuration: Configuration) -> Configuration:
        """With the latest use of each service token."""
        uses: dict[str, datetime] = {
            row["id"]: row["last_seen_at"] for row in self._rows(select(service_token_uses))
        }
        if not uses:
            return configuration
        tokens = {
            key: replace(token, last_seen_at=later(token.last_seen_at, uses.get(key)))
            for key, token in configuration.service_tokens.items()
        }
        return replace(configuration, service_tokens=tokens)
