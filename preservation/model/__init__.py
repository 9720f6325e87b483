"""Words: frozen models of what the archive talks about. No I/O, no clock; identifiers are opaque."""
