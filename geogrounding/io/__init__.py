"""Reading and writing vector layers, and the preview image."""
