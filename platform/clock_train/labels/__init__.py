"""Labels that a file carries beside its sound: a signed claim of its origin, and the fields that laws ask for."""
