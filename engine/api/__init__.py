"""API: the door over HTTP, for whatever speaks to Amazon ECS: boto3, aws-cli and what is built on them."""
