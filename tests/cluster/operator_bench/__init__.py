"""How fast and how frugal the operator is, on a real API server; the API server's audit log is the witness."""
