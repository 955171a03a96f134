"""The host: its properties, its configuration, the models that hosts are bought as."""
