"""Looks at what a run was given."""


def handle(event, context):
    if event["mode"] == "refused":
        raise LookupError("no data for mode 'refused'")
    if event["mode"] == "keyless":
        return {"other": 1}
    return {"objects": 2}
