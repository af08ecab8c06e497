"""Vestibule: a self-hosted identity-aware access gateway."""
