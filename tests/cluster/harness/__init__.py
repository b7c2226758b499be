"""Real Kubernetes clusters for tests: started and stopped by process id, several side by side, nothing left behind."""
