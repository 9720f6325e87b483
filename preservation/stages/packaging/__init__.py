"""Packaging: items become units, units and what describes them become a version: a BagIt bag in an OCFL object."""
