"""The rules by which the emulator answers as AWS does. `rules.json` describes them, and `DEPLOYER_LOCAL_OFF` turns some off."""

import json
import os

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "rules.json"), encoding="utf-8") as table:
    NAMES = {rule["name"] for rule in json.load(table)}
# Functions inherit the environment.
OFF = set(os.environ.pop("DEPLOYER_LOCAL_OFF", "").split(","))


def on(name):
    """Tells whether a rule is on. The table has every rule."""
    if name not in NAMES:
        raise KeyError(name)
    return name not in OFF
