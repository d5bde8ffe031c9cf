"""The files that tools/make_facts.py writes."""
