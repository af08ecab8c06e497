"""Runs Envoy: writes its files, supervises it, watches over open streams, reads its counters."""
