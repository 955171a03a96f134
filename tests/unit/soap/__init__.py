"""The compiled SOAP engine, part by part, without a network: what goes in, what comes out."""
