"""Nothing that moto would send over the network is taken."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError


def test_a_stream_to_an_http_endpoint_is_refused(account):
    web = {
        "EndpointConfiguration": {"Url": "https://example.com"},
        "S3Configuration": {"RoleARN": "arn:aws:iam::111111111111:role/r", "BucketARN": "arn:aws:s3:::data"},
    }
    with account.running():
        client = account.client("firehose")
        with pytest.raises(ClientError, match="not rehearsed"):
            client.create_delivery_stream(DeliveryStreamName="s", HttpEndpointDestinationConfiguration=web)
        with pytest.raises(ClientError, match="not rehearsed"):
            client.update_destination(
                DeliveryStreamName="s",
                CurrentDeliveryStreamVersionId="1",
                DestinationId="d",
                HttpEndpointDestinationUpdate={"EndpointConfiguration": web["EndpointConfiguration"]},
            )
        assert client.list_delivery_streams()["DeliveryStreamNames"] == []


def test_a_subscription_over_http_is_refused_and_one_of_a_queue_is_not(account):
    with account.running():
        client = account.client("sns")
        topic = client.create_topic(Name="t")["TopicArn"]
        with pytest.raises(ClientError, match="not rehearsed"):
            client.subscribe(TopicArn=topic, Protocol="https", Endpoint="https://example.com/x")
        queue = account.client("sqs").create_queue(QueueName="q")["QueueUrl"]
        arn = account.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"][
            "QueueArn"
        ]
        client.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
        assert len(client.list_subscriptions()["Subscriptions"]) == 1
