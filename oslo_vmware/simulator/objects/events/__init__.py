"""What has happened on the server: how it is noticed, kept, described and read."""
