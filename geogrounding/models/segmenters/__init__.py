"""Segmenters draw what models found with boxes. Importing this does not import torch."""
