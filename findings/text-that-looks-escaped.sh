#!/usr/bin/env bash
# suds-community 1.2.0
#
# Input:    a text for an element of type xsd:string, such as a password: AT&amp;T, nine characters.
# Expected: the server reads these nine characters, whatever they are.
# Happens:  it reads AT&T. A text that holds &amp; &lt; &gt; &quot; or &apos; counts as escaped already,
#           and goes on the wire as it is; so does each such place in a text with other ampersands.
# Beside:   zeep 4.3.3 sends the nine characters.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    suds-community==1.2.0 zeep==4.3.3 lxml==6.1.3
cat > "$folder/login.wsdl" <<'WSDL'
<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:t="urn:t" targetNamespace="urn:t"
    xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:xsd="http://www.w3.org/2001/XMLSchema">
  <types><xsd:schema targetNamespace="urn:t" elementFormDefault="qualified">
    <xsd:element name="Login"><xsd:complexType><xsd:sequence>
      <xsd:element name="password" type="xsd:string"/>
    </xsd:sequence></xsd:complexType></xsd:element>
    <xsd:element name="LoginResponse"><xsd:complexType/></xsd:element>
  </xsd:schema></types>
  <message name="in"><part name="parameters" element="t:Login"/></message>
  <message name="out"><part name="parameters" element="t:LoginResponse"/></message>
  <portType name="P"><operation name="Login">
    <input message="t:in"/><output message="t:out"/>
  </operation></portType>
  <binding name="B" type="t:P">
    <soap:binding transport="http://schemas.xmlsoap.org/soap/http"/>
    <operation name="Login"><soap:operation soapAction=""/>
      <input><soap:body use="literal"/></input><output><soap:body use="literal"/></output>
    </operation>
  </binding>
  <service name="S"><port name="P" binding="t:B">
    <soap:address location="http://127.0.0.1/"/>
  </port></service>
</definitions>
WSDL
"$folder/venv/bin/python" - "$folder/login.wsdl" <<'PYTHON'
import sys

import suds
import suds.client
import zeep
from lxml import etree

path = sys.argv[1]
by_suds = suds.client.Client(f'file://{path}', nosend=True, cache=None)
by_zeep = zeep.Client(path)
print('suds-community', suds.__version__, 'zeep', zeep.__version__)
seen = []
for text in ('AT&T', 'AT&amp;T', 'a & b &lt; c'):
    read = [
        etree.fromstring(by_suds.service.Login(text).envelope).findtext('.//{urn:t}password'),
        by_zeep.create_message(by_zeep.service, 'Login', password=text).findtext(
            './/{urn:t}password'
        ),
    ]
    seen.append(read)
    print(f'given {text!r}: with suds the server reads {read[0]!r}, with zeep {read[1]!r}')
expected = [['AT&T', 'AT&T'], ['AT&T', 'AT&amp;T'], ['a & b < c', 'a & b &lt; c']]
sys.exit(0 if seen == expected else 'This has changed.')
PYTHON
