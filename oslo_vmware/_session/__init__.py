"""What a session is made of: when to repeat, how to wait, who asks the server for all."""
