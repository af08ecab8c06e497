"""Whether this control plane can let people in; for the private listener only (H9)."""

from __future__ import annotations

from vestibule.flows.ports import Store
from vestibule.model.errors import VestibuleError
from vestibule.tokens.keys import current


def unready(store: Store) -> str:
    """Why nobody could be let in now, as one sentence; empty when all is well."""
    try:
        store.configuration()
        with store.reading() as records:
            current(records.signing_keys())
    except VestibuleError as error:
        return error.message
    return ""
