"""A trained voice as ONNX graphs in a signed bundle. Writes; ``serving`` reads."""
