"""Which customers will not buy again: a model on the CDNOW purchase log."""
