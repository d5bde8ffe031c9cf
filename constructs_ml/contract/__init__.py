"""What both sides agree on: names, tags, events and settings. Standard library only, Python 3.9 syntax."""
