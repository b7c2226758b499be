"""What a spoken sound gets before it leaves: its mark, and its line in the log. No torch."""
