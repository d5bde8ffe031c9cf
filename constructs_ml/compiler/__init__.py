"""The compiler: a spec and an account in, CloudFormation as plain data out. No CDK, no tokens, no AWS calls."""
