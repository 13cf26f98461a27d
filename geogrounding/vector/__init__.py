"""What the model found, placed on the ground, merged, written and drawn."""
