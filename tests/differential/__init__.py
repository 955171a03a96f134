"""The compiled engine against suds: same requests for the same arguments, same replies."""
