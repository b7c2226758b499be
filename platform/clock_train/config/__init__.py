"""The configuration of a run: values composed from ``conf/``, checked against the dataclasses that read them.

Only this package knows Hydra. A default has one home, the dataclass; ``conf/`` holds what differs from it.
"""
