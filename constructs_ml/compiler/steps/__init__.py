"""The steps of a pipeline as states and requests, one noun a file."""
