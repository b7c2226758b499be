"""Blind listening tests: people judge sounds without knowing whose they are; what they said is kept and reported."""
