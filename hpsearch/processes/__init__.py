"""Trial processes from outside: started, supervised, asked."""
