"""Model servers: the user's inference script in a process, as AWS's serving containers run it."""
