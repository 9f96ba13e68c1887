"""From windows to candidates: by vector, by name, and the index that both search."""
