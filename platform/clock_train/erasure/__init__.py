"""Erasing a voice, a speaker or a clone: finding what is left, removing it, and a signed receipt that proves it."""
