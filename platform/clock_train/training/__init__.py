"""The training loop and what it is made of: plain PyTorch, no platform, no judge."""
