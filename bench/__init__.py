"""Measures the data plane against Envoy without filters, side by side in one run."""
