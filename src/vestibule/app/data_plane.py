"""The data plane: Envoy, what publishes its files, and the agent of open streams."""

from __future__ import annotations

import logging
import time

from vestibule.app.installation import Installation, alone, open_installation, run_directory
from vestibule.dataplane.gateway import Gateway, GatewayOptions, ListenAt
from vestibule.model.errors import StoreUnavailable
from vestibule.settings import Settings
from vestibule.telemetry.logs import configure_logs

_log = logging.getLogger("vestibule.gateway")


def run_gateway(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT. Raises `VestibuleError` when it cannot start."""
    configure_logs(level=settings.log_level, format=settings.log_format, process="gateway")
    forward_auth = settings.forward_auth
    options = GatewayOptions(
        run_dir=run_directory(settings),
        public=ListenAt(
            settings.listen.host,
            settings.listen.port,
            settings.listen.tls_certificate,
            settings.listen.tls_key,
        ),
        forward_auth=(
            None
            if forward_auth.port is None
            else ListenAt(
                forward_auth.host,
                forward_auth.port,
                forward_auth.tls_certificate,
                forward_auth.tls_key,
            )
        ),
        monitoring=ListenAt(settings.monitoring.host, settings.monitoring.port),
        trusted_hops=settings.trusted_hops,
        geoip_database=settings.geoip_database,
        aliases=settings.control_plane_aliases,
        concurrency=settings.envoy_concurrency,
    )
    installation = _opened(settings)
    try:
        with alone(options.run_dir, "gateway"):
            Gateway(options, installation.store).run()
    finally:
        installation.store.close()


def _opened(settings: Settings) -> Installation:
    """The installation, waiting for its database as long as it takes: it may start later."""
    while True:
        try:
            return open_installation(settings)
        except StoreUnavailable as error:
            if error.code == "schema_not_current":
                raise
            _log.warning("waiting for the store: %s", error.message)
            time.sleep(1.0)
