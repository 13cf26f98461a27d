"""From a file to chips: open safely (scene, security), decide colours (stretch), cut (grid), read ahead (reader)."""
