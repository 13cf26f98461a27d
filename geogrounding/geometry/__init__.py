"""Boxes and geodesy: pure geometry, without files or models."""
