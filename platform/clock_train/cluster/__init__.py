"""The API server of a cluster, as a person with a kubeconfig reaches it."""
