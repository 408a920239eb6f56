"""Does with fhirpy what a script does with a FHIR server at BASE, and prints a line for each thing that was done."""

import sys

from fhirpy import SyncFHIRClient
from fhirpy.base.exceptions import OperationOutcome, ResourceNotFound

base = sys.argv[1]
client = SyncFHIRClient(base)

patient = client.resource("Patient", name=[{"family": "Py"}], birthDate="1971-03-04")
patient.save()
print("created", patient["meta"]["versionId"])
read = client.reference("Patient", patient.id).to_resource()
print("read", read["name"][0]["family"])
read["active"] = True
read.save()
print("updated", read["meta"]["versionId"])

patching = SyncFHIRClient(base, extra_headers={"Content-Type": "application/json-patch+json"})
change = [{"op": "replace", "path": "/name/0/family", "value": "Python"}]
patched = patching.execute(f"Patient/{patient.id}", method="patch", data=change)
print("patched", patched["name"][0]["family"])

entry = [
    {"resource": {"resourceType": "Patient", "name": [{"family": f"Snake{number}"}]},
     "request": {"method": "POST", "url": "Patient"}}
    for number in range(1, 6)
]
done = client.execute("", data={"resourceType": "Bundle", "type": "transaction", "entry": entry})
print("transaction", *[one["response"]["status"][:3] for one in done["entry"]])

found = client.resources("Patient").search(family="snake").sort("family").limit(2).fetch_all()
print("search", *[one["name"][0]["family"] for one in found])
try:
    # It says its condition in the address, which R4 does not know for a create: that must not make a second Python.
    client.resources("Patient").search(family="Python").get_or_create(
        client.resource("Patient", name=[{"family": "Python"}])
    )
except OperationOutcome as fault:
    print("get_or_create", fault.resource["issue"][0]["code"])

patient.delete()
try:
    client.reference("Patient", patient.id).to_resource()
except (OperationOutcome, ResourceNotFound) as fault:
    print("deleted", type(fault).__name__)
