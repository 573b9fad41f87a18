"""What the end-to-end tests share: nodes to test against, a raw AMQP client and the test case base."""
