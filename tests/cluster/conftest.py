"""The control plane that this folder's tests share."""

from harness.fixtures import control_plane, namespace

__all__ = ["control_plane", "namespace"]
