"""The place where things are kept: keys, atomic objects, and commits that count only when whole."""
