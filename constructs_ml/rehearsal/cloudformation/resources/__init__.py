"""The types of resources: most are rows of one table."""
