"""Who may ask for speech, how much of it, and what was used: API keys, quotas and metering of a gateway.

One store holds all of it for every replica: a SQLite file on a laptop, PostgreSQL in a cluster.
"""
