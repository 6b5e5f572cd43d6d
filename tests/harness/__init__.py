"""What integration and end-to-end tests stand on: servers, processes, HTTP, the log of Kafka."""
