"""What a team sees of a run: entries kept on disk first, and sent to MLflow by a process of its own."""
