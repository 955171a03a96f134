#!/usr/bin/env bash
# suds-community 1.2.0, zeep 4.3.3, pyvmomi 9.1.1.0
#
# Input:    the reply to CurrentTime of vSphere's interface, with an xsd:dateTime that XML Schema, part
#           2, 3.2.7.1 has: 2026-12-31T24:00:00Z, "the first instant of the following day".
# Expected: 2027-01-01 00:00 UTC, of all three.
# Happens:  pyVmomi gives that. suds fails the reply with ValueError. zeep gives None, for a value that
#           the description requires, and tells the log alone.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    suds-community==1.2.0 zeep==4.3.3 lxml==6.1.3 pyvmomi==9.1.1.0
cat > "$folder/time.wsdl" <<'WSDL'
<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:t="urn:vim25" targetNamespace="urn:vim25"
    xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:xsd="http://www.w3.org/2001/XMLSchema">
  <types><xsd:schema targetNamespace="urn:vim25" elementFormDefault="qualified">
    <xsd:element name="CurrentTime"><xsd:complexType><xsd:sequence>
      <xsd:element name="_this" type="xsd:string"/>
    </xsd:sequence></xsd:complexType></xsd:element>
    <xsd:element name="CurrentTimeResponse"><xsd:complexType><xsd:sequence>
      <xsd:element name="returnval" type="xsd:dateTime"/>
    </xsd:sequence></xsd:complexType></xsd:element>
  </xsd:schema></types>
  <message name="in"><part name="parameters" element="t:CurrentTime"/></message>
  <message name="out"><part name="parameters" element="t:CurrentTimeResponse"/></message>
  <portType name="P"><operation name="CurrentTime">
    <input message="t:in"/><output message="t:out"/>
  </operation></portType>
  <binding name="B" type="t:P">
    <soap:binding transport="http://schemas.xmlsoap.org/soap/http"/>
    <operation name="CurrentTime"><soap:operation soapAction="urn:vim25"/>
      <input><soap:body use="literal"/></input><output><soap:body use="literal"/></output>
    </operation>
  </binding>
  <service name="S"><port name="P" binding="t:B">
    <soap:address location="http://127.0.0.1/"/>
  </port></service>
</definitions>
WSDL
"$folder/venv/bin/python" - "$folder/time.wsdl" <<'PYTHON'
import datetime
import http.server
import importlib.metadata
import logging
import sys
import threading

import suds.client
import zeep
from pyVmomi import SoapStubAdapter, vim

REPLY = b"""<?xml version="1.0" encoding="UTF-8"?>
<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>
<CurrentTimeResponse xmlns="urn:vim25"><returnval>2026-12-31T24:00:00Z</returnval>
</CurrentTimeResponse></soapenv:Body></soapenv:Envelope>"""


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers['Content-Length']))
        self.send_response(200)
        self.send_header('Content-Type', 'text/xml; charset=utf-8')
        self.send_header('Content-Length', str(len(REPLY)))
        self.end_headers()
        self.wfile.write(REPLY)

    def log_message(self, *args):
        pass


server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f'http://127.0.0.1:{server.server_port}/sdk'
logging.disable()  # suds and zeep print the error


def by_suds():
    client = suds.client.Client(f'file://{sys.argv[1]}', location=url, cache=None)
    return client.service.CurrentTime('ServiceInstance')


def by_zeep():
    service = zeep.Client(sys.argv[1]).create_service('{urn:vim25}B', url)
    return service.CurrentTime('ServiceInstance')


def by_pyvmomi():
    # A negative port stands for plain HTTP.
    stub = SoapStubAdapter(host='127.0.0.1', port=-server.server_port, ns='vim25/8.0.0.0')
    return vim.ServiceInstance('ServiceInstance', stub).CurrentTime()


seen = []
for package, ask in (('suds-community', by_suds), ('zeep', by_zeep), ('pyvmomi', by_pyvmomi)):
    try:
        found = ask()
        shown = str(found)
    except ValueError as exc:
        found = type(exc)
        shown = f'ValueError: {exc}'
    seen.append(found)
    print(package, importlib.metadata.version(package), '->', shown)
right = datetime.datetime(2027, 1, 1, tzinfo=datetime.timezone.utc)
sys.exit(0 if seen == [ValueError, None, right] else 'This has changed.')
PYTHON
