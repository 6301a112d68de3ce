"""A double of AWS, which validates by botocore's models and runs what it is sent."""
