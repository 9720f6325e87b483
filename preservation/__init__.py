"""Keepsake's work: words, formats, stores, catalogue and stages. The procedures that string them together are in `flows`."""
