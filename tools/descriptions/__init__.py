"""Turn the type tables of pyvmomi into WSDL and XSD files.

Three steps, one module each: `tables` reads the tables as data, `model` decides what the
description of one service at one version contains, `writer` spells that out as XML.
`tools/generate_descriptions.py` is the command that joins them.
"""
