"""What ``clocktrain bench`` measures, each in a process of its own, so that peak memory and CPU time are its own."""
