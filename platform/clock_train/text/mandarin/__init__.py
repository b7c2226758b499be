"""Mandarin: numbers and signs into characters, characters into syllables, syllables into phones."""
