"""The resources of ``clocktrain.dev``: their types, and reading them from files."""
