"""What a user says: frozen dataclasses, checked when built. No CDK, no tokens, no AWS calls."""
