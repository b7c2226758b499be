"""The command line: each verb is one module, loaded when it is called."""
