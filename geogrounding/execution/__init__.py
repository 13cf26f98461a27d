"""Runs: scan plan, journal, results, provenance."""
