"""Runs over many processes and machines."""
