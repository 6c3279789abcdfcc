"""The real parts that tests run against: Docker engines, Compose and sglang's own parser."""
