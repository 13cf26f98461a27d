"""The engine with models that do as requested, in processes of their own."""
