"""Recordings to a corpus, and a corpus to the arrays that training reads."""
