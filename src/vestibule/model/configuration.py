"""Everything that an operator configures, as one value at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from vestibule.model.application import Application, Origin
from vestibule.model.identity import IdentityProvider
from vestibule.model.machine import ForwardAuthClient, MtlsCertificate, ServiceToken
from vestibule.model.organization import Organization
from vestibule.model.rules import Policy, RuleGroup, ValueList


@dataclass(frozen=True, slots=True)
class Configuration:
    """The whole configuration, each kind by id, in the order it was created.

    `revision` grows with every change that was committed.
    """

    revision: int
    organization: Organization
    identity_providers: Mapping[str, IdentityProvider] = field(
        default_factory=dict[str, IdentityProvider]
    )
    applications: Mapping[str, Application] = field(default_factory=dict[str, Application])
    policies: Mapping[str, Policy] = field(default_factory=dict[str, Policy])
    groups: Mapping[str, RuleGroup] = field(default_factory=dict[str, RuleGroup])
    lists: Mapping[str, ValueList] = field(default_factory=dict[str, ValueList])
    origins: Mapping[str, Origin] = field(default_factory=dict[str, Origin])
    service_tokens: Mapping[str, ServiceToken] = field(default_factory=dict[str, ServiceToken])
    mtls_certificates: Mapping[str, MtlsCertificate] = field(
        default_factory=dict[str, MtlsCertificate]
    )
    forward_auth_clients: Mapping[str, ForwardAuthClient] = field(
        default_factory=dict[str, ForwardAuthClient]
    )

    def policies_of(self, application: Application) -> tuple[Policy, ...]:
        """The application's policies in order of precedence; raises KeyError for a lost one."""
        return tuple(self.policies[policy_id] for policy_id in application.policy_ids)
