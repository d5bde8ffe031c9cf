"""The constructs: thin shells that fill the slots of compiled specs and bring them into the CDK tree."""
