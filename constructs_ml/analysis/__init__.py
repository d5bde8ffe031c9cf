"""Code that runs inside jobs: contract, numpy and pandas alone, in the syntax of Python 3.9."""
