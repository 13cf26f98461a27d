"""Language and pictures: prompts, models, and what their text means."""
