"""What a rehearsal tells: line by line while it runs, and as one page at its end."""
