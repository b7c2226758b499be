"""Labels that a file carries beside its sound: a signed claim of where it comes from, and the fields that laws ask for."""
