"""Kinds of real input that went wrong once, several inputs of each: see docs/input.md."""
