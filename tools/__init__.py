"""What the make targets run. None of it ever talks to a real account: credentials are forgotten at import."""

from tools.environment import forget_credentials

forget_credentials()
