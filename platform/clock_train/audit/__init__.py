"""The log of what was spoken: signed lines, each chained to the one before."""
