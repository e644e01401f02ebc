"""The observed examples: requests, the answers that are right, and the application that they were put to."""
