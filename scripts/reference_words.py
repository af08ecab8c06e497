"""What the reference says of each setting, field and metric, beside what the code says itself."""

from __future__ import annotations

SETTINGS = {
    "data_dir": "Where the database of SQLite, the sealing key and, by default, the sockets live. "
    "Mode 0700.",
    "runtime_dir": "Sockets and Envoy's files; `data_dir`/run when unset. Keep it short: a "
    "socket's path may have 108 characters.",
    "database_url": "`postgresql://user:password@host/name` for PostgreSQL; empty for SQLite in "
    "`data_dir`.",
    "sealing_key_file": "The key that seals secrets at rest; `data_dir`/seal.key when unset.",
    "listen.host": "Address of the public listener.",
    "listen.port": "Port of the public listener.",
    "listen.tls_certificate": "PEM file: certificate and chain. Read again when it changes.",
    "listen.tls_key": "PEM file: the certificate's private key.",
    "forward_auth.host": "Address of the listener that foreign proxies ask.",
    "forward_auth.port": "Its port. Off while unset.",
    "forward_auth.tls_certificate": "PEM file, for TLS between the foreign proxy and Vestibule.",
    "forward_auth.tls_key": "PEM file: its private key.",
    "monitoring.host": "Address of health and metrics: a private one.",
    "monitoring.port": "Health and metrics of the gateway and of Envoy.",
    "monitoring.control_plane_port": "Health and metrics of the control plane.",
    "trusted_hops": "How many proxies of yours stand in front of the public listener. Their "
    "`X-Forwarded-For` and `X-Forwarded-Proto` are believed; with 0 nobody's are.",
    "geoip_database": "A MaxMind country database (`.mmdb`). Without it no country is known, and "
    "rules about countries count against the visitor.",
    "outbound.allow": "Hosts (`host`, `host:port`) and ranges (CIDR) that Vestibule may call "
    "although they are private or plain http.",
    "outbound.ca_file": "PEM file with authorities of your own, for calls to providers.",
    "outbound.timeout": "Seconds that one call may take.",
    "smtp.host": "The mail relay for approval requests. Off while empty.",
    "smtp.port": "Its port.",
    "smtp.username": "Its user; none while empty.",
    "smtp.password_file": "File that holds the password.",
    "smtp.starttls": "Refuse to send without TLS.",
    "smtp.sender": "The From address.",
    "log_level": "How much the processes say.",
    "log_format": "`json`: a line for each event; `console`: for people.",
    "envoy_concurrency": "Envoy's worker threads; 0 takes one for each core.",
    "control_plane_aliases": "Further Host names answered as the team domain.",
    "allow_plain_http": "Serve without TLS on an address that others reach. Only where TLS ends "
    "in front of Vestibule, together with `trusted_hops`.",
}

SECTIONS = {
    "organization": "The one tenant: its team domain, its defaults, its looks.",
    "identity_providers": "Where people sign in. `config` and `secrets` depend on the `type`: see "
    "[Connect Okta](../how-to/okta.md) and [any OpenID Connect provider](../how-to/oidc.md).",
    "lists": "Named lists of e-mail addresses or IP ranges, for `email_list` and `ip_list`.",
    "groups": "Rule groups: a reusable Include, Require, Exclude. Not a provider's groups.",
    "policies": "A decision with rules: any of `include`, all of `require`, none of `exclude`.",
    "applications": "What is protected, and by which policies, in order of precedence.",
    "origins": "Which service stands behind a hostname and path.",
    "service_tokens": "Credentials of machines. `apply` shows the client id and secret of a new "
    "one, once.",
    "mtls_certificates": "Authorities whose client certificates count on some hostnames.",
    "forward_auth_clients": "Foreign proxies that may ask the forward-auth listener.",
}

FIELDS = {
    "id": "Kept across changes of the name; made when absent.",
    "name": "1 to 350 characters, unique in its section; other sections refer to it by this.",
    "enabled": "Switch it off without deleting it.",
    # organization
    "organization.name": "The organization's name.",
    "organization.auth_domain": "The team domain: login page, launcher, keys, callback. With its "
    "port where that is not the default.",
    "organization.session_duration": "How long a sign-in lasts: 15m to 730h.",
    "organization.auto_redirect_to_identity": "With one provider alone, skip the chooser.",
    "organization.deny_unmatched_requests": "Refuse hostnames that no application covers.",
    "organization.strict_service_token_auth": "Whoever presents service credentials is judged by "
    "them alone: 401 or 403, never a redirect.",
    "organization.key_rotation_interval_days": "How often the signing key changes. Nobody is "
    "signed out by it.",
    "organization.log_retention_days": "How long decisions are kept.",
    "organization.brand": "How the pages look.",
    "organization.default_locale": "The language of the pages where the browser asks for none.",
    "brand.organization_name": "Shown on every page.",
    "brand.logo_url": "https only.",
    "brand.header_text": "On the login page.",
    "brand.footer_text": "On the login page.",
    "brand.background_color": "`#rrggbb`.",
    "brand.text_color": "`#rrggbb`.",
    "brand.button_color": "`#rrggbb`.",
    "brand.footer_links": "Links at the foot of the launcher: `name` and `url`.",
    "brand.support_contact": "Whom a refused visitor may ask.",
    # identity providers
    "identity_providers.type": "`okta` or `oidc`.",
    "identity_providers.config": "What is not secret of it.",
    "identity_providers.secrets": "`client_secret`, and `api_token` for Okta: each a literal, "
    "`{env: NAME}` or `{file: PATH}`. One that is not written is kept. Never exported.",
    # lists
    "lists.kind": "What the items are.",
    "lists.items": "E-mail addresses, or addresses and CIDR ranges.",
    "lists.description": "For yourselves.",
    # rules
    "include": "Any of these must match. At least one is needed.",
    "require": "All of these must match as well.",
    "exclude": "None of these may match, nor be in doubt.",
    # policies
    "policies.decision": "What the policy says when it matches.",
    "policies.session_duration": "How long a token under this policy lasts; the application's "
    "when absent, `0` for one minute at most.",
    "policies.purpose_justification_required": "Ask the visitor for a reason first.",
    "policies.purpose_justification_prompt": "The question.",
    "policies.approval_required": "Wait until approvers agree.",
    "policies.approval_groups": "Who may agree, and how many of them must.",
    "policies.isolation_required": "Read for the sake of documents from elsewhere; there is no "
    "browser isolation here, so such a policy admits nobody.",
    "policies.reusable": "Whether several applications may use it.",
    "approval_groups.approvals_needed": "How many must agree.",
    "approval_groups.email_addresses": "Their addresses.",
    "approval_groups.email_list": "A list of addresses, by name.",
    # applications
    "applications.type": "`bookmark` is a tile in the launcher and protects nothing; "
    "`app_launcher` says who may see the launcher, and there is one at most.",
    "applications.destinations": "`host[/path]` patterns, [most specific first](../explanation/"
    "how-a-request-is-decided.md#which-application); a bookmark's is a URL.",
    "applications.policies": "Names of policies, in order of precedence. None admits nobody.",
    "applications.session_duration": "How long a token lasts: `0` (one minute at most) to 730h.",
    "applications.allowed_idps": "Providers that may be used; empty means all.",
    "applications.auto_redirect_to_identity": "Skip the chooser; needs exactly one `allowed_idps`.",
    "applications.app_launcher_visible": "Show a tile to those who may enter.",
    "applications.logo_url": "Of its tile; https only.",
    "applications.tags": "Words by which the launcher filters.",
    "applications.same_site": "The SameSite attribute of `CF_Authorization`.",
    "applications.http_only_cookie": "The HttpOnly attribute of `CF_Authorization`.",
    "applications.enable_binding_cookie": "Bind the token to a second cookie. Terminals cannot "
    "hold it, so `vestibule curl` and the like do not work then.",
    "applications.path_cookie": "Limit the cookie to the destination's path.",
    "applications.eager_redirect_cookie": "After a sign-in, visit every hostname once to leave its "
    "cookie there; off: each gets it at the first visit.",
    "applications.cors": "Answer preflight requests here; see [CORS and APIs](../how-to/cors.md).",
    "applications.options_preflight_bypass": "Let preflight requests through to the origin. Not "
    "beside `cors`.",
    "applications.service_auth_401_redirect": "401 instead of a redirect for programs without a "
    "service token, where a policy asks for one.",
    "applications.skip_interstitial": "Do not ask before a terminal is given a token.",
    "applications.custom_deny_message": "What a refused person reads.",
    "applications.custom_deny_url": "Where a refused person is sent instead.",
    "applications.custom_non_identity_deny_url": "Where a visitor is sent whom no sign-in helps.",
    "applications.allow_iframe": "Let the pages be framed.",
    "applications.read_service_tokens_from_header": "A header that holds both halves of a service "
    "token as JSON.",
    "applications.strip_authorization_cookie": "Keep the cookie `CF_Authorization` from the "
    "origin; it still gets the token as `Cf-Access-Jwt-Assertion`.",
    "applications.aud": "The AUD tag, 64 hex digits; made when absent and kept for life.",
    "cors.allowed_origins": "Origins, with scheme.",
    "cors.allowed_methods": "Methods.",
    "cors.allowed_headers": "Request headers.",
    "cors.allow_all_origins": "Not with `allow_credentials`.",
    "cors.allow_all_methods": "Instead of `allowed_methods`.",
    "cors.allow_all_headers": "Instead of `allowed_headers`.",
    "cors.allow_credentials": "Needed for requests that carry the cookie.",
    "cors.max_age": "Seconds that a browser may remember the answer.",
    # origins
    "origins.match": "A `host[/path]` pattern like a destination's.",
    "origins.urls": "`http://`, `https://` or `h2c://` with host and port, all of one scheme; "
    "balanced evenly.",
    "origins.host_header": "The Host that the origin sees; the visitor's when absent.",
    "origins.connect_timeout": "Seconds.",
    "origins.response_timeout": "Seconds until the answer is complete; 0: no limit.",
    "origins.health_check": "Ask each URL whether it is well, and leave out what is not.",
    "origins.tls": "How an `https://` origin proves itself.",
    "origins.http2": "Speak HTTP/2 to it.",
    "health_check.path": "What is asked for.",
    "health_check.interval": "Seconds between questions.",
    "health_check.timeout": "Seconds to answer in.",
    "health_check.unhealthy_threshold": "Failures in a row until it is left out.",
    "health_check.healthy_threshold": "Successes in a row until it is back.",
    "tls.verify": "Verify the certificate and its name.",
    "tls.server_name": "The name expected, and sent as SNI; the URL's host when absent.",
    "tls.ca_file": "PEM file; the system's authorities when absent.",
    "tls.client_certificate_file": "PEM file, where the origin asks for a certificate.",
    "tls.client_key_file": "PEM file: its key.",
    # machines
    "service_tokens.duration": "How long it is valid from its making.",
    "mtls_certificates.certificate_pem": "One or more CA certificates, PEM.",
    "mtls_certificates.hostnames": "Exact hostnames that ask for a client certificate.",
    "mtls_certificates.forward_client_certificate": "Kept; origins do not get it yet.",
    "forward_auth_clients.secret": "What the proxy shows: a literal, `{env: NAME}` or "
    "`{file: PATH}`. Never exported.",
}

GATEWAY_METRICS = {
    "vestibule_envoy_restarts_total": "How often Envoy was started again.",
    "vestibule_open_streams": "Open WebSockets, event streams and gRPC streams under watch.",
    "vestibule_cut_streams_total": "Streams that a revocation ended.",
    "vestibule_rejected_configurations_total": "Configurations that were not applied; the last "
    "good one stayed.",
    "vestibule_applied_revision": "The revision of the configuration that Envoy serves.",
}

EXAMPLES = {
    "email": "email: {email: ada@example.com}",
    "email_domain": "email_domain: {domain: example.com}",
    "email_list": "email_list: {id: Trustees}",
    "everyone": "everyone: {}",
    "ip": "ip: {ip: 192.0.2.0/24}",
    "ip_list": "ip_list: {id: Offices}",
    "geo": "geo: {country_code: CH}",
    "certificate": "certificate: {}",
    "common_name": "common_name: {common_name: build.example.com}",
    "service_token": "service_token: {token_id: Deployer}",
    "any_valid_service_token": "any_valid_service_token: {}",
    "linked_app_token": "linked_app_token: {app_uid: Portal}",
    "login_method": "login_method: {id: Okta}",
    "auth_method": "auth_method: {auth_method: hwk}",
    "auth_context": "auth_context: {id: c1, ac_id: c1, identity_provider_id: Entra}",
    "okta": "okta: {name: engineering, identity_provider_id: Okta}",
    "azureAD": "azureAD: {id: 7ee2..., identity_provider_id: Entra}",
    "gsuite": "gsuite: {email: staff@example.com, identity_provider_id: Google}",
    "github-organization": "github-organization: {name: example, identity_provider_id: GitHub}",
    "saml": "saml: {attribute_name: dept, attribute_value: HR, identity_provider_id: ADFS}",
    "oidc": "oidc: {claim_name: team, claim_value: blue, identity_provider_id: Keycloak}",
    "external_evaluation": "external_evaluation: {evaluate_url: 'https://eval.example.com/', "
    "keys_url: 'https://eval.example.com/keys'}",
    "user_risk_score": "user_risk_score: {user_risk_score: [low, unscored]}",
    "group": "group: {id: Builders}",
}
