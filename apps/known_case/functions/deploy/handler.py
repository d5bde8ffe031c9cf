"""Serves the model that was trained: a model, a configuration, and the endpoint, made or updated."""

import os


def handle(event, context):
    import boto3

    partition, account = (context.invoked_function_arn.split(":")[index] for index in (1, 4))
    client = boto3.client("sagemaker")
    trained = client.describe_training_job(TrainingJobName=event["job"])
    role = f"arn:{partition}:iam::{account}:role/{os.environ['ROLE']}"
    model, config = decide(event, trained, role, os.environ["INSTANCE_TYPE"])
    return apply(client, os.environ["ENDPOINT"], model, config)


def decide(event, trained, role, instance_type):
    """The requests of the model and of its configuration; it is served by the sibling of the image that trained it."""
    image = trained["AlgorithmSpecification"]["TrainingImage"].replace("-training:", "-inference:")
    name = event["job"]
    container = {"Image": image, "ModelDataUrl": event["model"]}
    variant = {"VariantName": "main", "ModelName": name, "InstanceType": instance_type, "InitialInstanceCount": 1}
    return (
        {"ModelName": name, "ExecutionRoleArn": role, "PrimaryContainer": container},
        {"EndpointConfigName": name, "ProductionVariants": [variant]},
    )


def apply(client, endpoint, model, config):
    """An attempt that comes again finds what the one before it made."""
    for create, request in ((client.create_model, model), (client.create_endpoint_config, config)):
        try:
            create(**request)
        except client.exceptions.ClientError as error:
            if "existing" not in str(error):
                raise
    change = client.update_endpoint if exists(client, endpoint) else client.create_endpoint
    change(EndpointName=endpoint, EndpointConfigName=config["EndpointConfigName"])
    return {"endpoint": endpoint, "model": model["ModelName"]}


def exists(client, endpoint):
    try:
        client.describe_endpoint(EndpointName=endpoint)
    except client.exceptions.ClientError as error:
        if "Could not find" not in str(error):
            raise
        return False
    return True
