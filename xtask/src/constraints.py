"""Writes the table of AWS's own constraints on requests, from botocore's service models: one line a service, compressed.

Arguments: the wheel, its version and hash, the table, the directory of the sources that call AWS.
"""

import json
import pathlib
import re
import sys
import zipfile
import zlib

wheel, version, digest, table, sources = sys.argv[1:]

# The models of the services whose SDK the deployer links.
SERVICES = [
    "apigateway", "apigatewayv2", "bedrock", "cloudwatch", "dynamodb", "events", "iam", "lambda", "logs", "resourcegroupstaggingapi", "s3", "scheduler",
    "secretsmanager", "sns", "sqs", "ssm", "sts",
]
PROTOCOLS = {"smithy-rpc-v2-cbor": "json", "json": "json", "query": "query", "rest-json": "rest-json", "rest-xml": "rest-xml"}


def called():
    """The methods without arguments that the sources call: among them every operation of an SDK's client."""
    found = set()
    # The rules of the local cloud ask an emulator, whose keys and names AWS's models would refuse.
    paths = (path for path in pathlib.Path(sources).rglob("*.rs") if "strict" not in path.parts)
    for path in paths:
        found |= set(re.findall(r"\.\s*([a-z][a-z0-9_]+)\(\)", path.read_text()))
    return found


def snake(name):
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def compact(shape):
    """The parts of a shape that a check needs."""
    kind = {"character": "string"}.get(shape["type"], shape["type"])
    kept = {"type": kind, **{key: shape[key] for key in ("min", "max", "pattern", "enum", "required", "payload", "flattened") if shape.get(key)}}
    # A minimum of 0 says nothing, and is left out with the other empty values.
    if kind == "structure":
        facts = ("shape", "location", "locationName", "queryName", "flattened")
        kept["members"] = [[name, {key: member[key] for key in facts if key in member}] for name, member in shape["members"].items()]
    for side, name in (("member", "item"), ("key", "keyName"), ("value", "valueName")):
        if side in shape:
            kept[side] = shape[side]["shape"]
            if "locationName" in shape[side]:
                kept[name] = shape[side]["locationName"]
    return kept


def reachable(shapes, start):
    found, todo = {}, [start]
    while todo:
        name = todo.pop()
        if name in found:
            continue
        shape = shapes[name]
        found[name] = compact(shape)
        todo += [member["shape"] for member in shape.get("members", {}).values()]
        todo += [shape[side]["shape"] for side in ("member", "key", "value") if side in shape]
    return found


names = called()
lines, count = [f"# PyPI botocore {version}, sha256 {digest}"], 0
with zipfile.ZipFile(wheel) as package:
    for service in SERVICES:
        prefix = f"botocore/data/{service}/"
        latest = max(name for name in package.namelist() if name.startswith(prefix) and "/service-2.json" in name)
        raw = package.read(latest)
        model = json.loads(zlib.decompress(raw, 31) if latest.endswith(".gz") else raw)
        meta, operations, shapes = model["metadata"], {}, {}
        for name, operation in model["operations"].items():
            if snake(name) in names and "input" in operation:
                start = operation["input"]["shape"]
                http = operation["http"]
                operations[name] = {"method": http["method"], "uri": http["requestUri"], "input": start}
                shapes |= reachable(model["shapes"], start)
        count += len(operations)
        protocol = PROTOCOLS[meta.get("protocols", [meta["protocol"]])[0]]
        signing = meta.get("signingName", meta["endpointPrefix"])
        part = {"protocol": protocol, "signing": signing, "operations": operations, "shapes": shapes}
        lines.append(f"{meta['serviceId']}\t{json.dumps(part, separators=(',', ':'), sort_keys=True)}")
with open(table, "wb") as file:
    file.write(zlib.compress("\n".join(lines).encode(), 9))
print(f"{len(lines) - 1} services, {count} operations")
