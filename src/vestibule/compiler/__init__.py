"""Turns the configuration into Envoy's files: snapshot -> plan -> resources. Pure."""
