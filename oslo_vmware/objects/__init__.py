"""What a caller knows of an object on the server, as a value of its own."""
