"""The arguments of a job's run; https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-crawler-pyspark-extensions-get-resolved-options.html."""

import argparse


class GlueArgumentError(Exception):
    """A wanted argument was not given."""


class _Parser(argparse.ArgumentParser):
    def error(self, message):  # type: ignore[no-untyped-def]
        """Raise, where argparse would exit."""
        raise GlueArgumentError(message)


def getResolvedOptions(args, options):  # type: ignore[no-untyped-def] # noqa: N802 - Glue's name
    """The values of the wanted options, by their names without hyphens; others are left aside."""
    parser = _Parser(allow_abbrev=False)
    for option in options:
        parser.add_argument(f"--{option}", dest=option, required=True)
    found, _ = parser.parse_known_args(args[1:])
    return vars(found)
