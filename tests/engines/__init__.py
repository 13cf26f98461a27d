"""The engine with models that do as they are told, in processes of their own."""
