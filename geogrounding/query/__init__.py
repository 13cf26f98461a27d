"""The query language: words, parser, plan, evaluation, explanation."""
