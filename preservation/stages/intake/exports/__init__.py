"""One reader per platform."""
