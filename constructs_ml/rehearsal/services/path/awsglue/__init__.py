"""What scripts of Glue's Python shell jobs import of Glue here."""
