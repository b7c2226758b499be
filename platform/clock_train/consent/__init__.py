"""Who agreed to what: the records."""
