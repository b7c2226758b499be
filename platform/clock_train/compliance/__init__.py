"""Compliance: what must be so before a voice is trained, served or spoken with, and whether it is."""
