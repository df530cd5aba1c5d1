"""Runs ministack for the benchmark, with the gaps closed over which other tools stumble.

Everything else is ministack as `deployer local` runs it. Without these, Terraform would see changes where there are none, and tools that
send to a queue's own URL would pass by the proxy, uncounted and undelayed.
"""

import json
import os
from xml.etree import ElementTree

from ministack import app
from ministack.core.responses import get_account_id, get_region
from ministack.services import apigateway_v1, cloudwatch, cloudwatch_logs, lambda_svc, sqs, tagging


def name_the_proxy_in_queue_urls(port):
    sqs.DEFAULT_PORT = port
    sqs._CANONICAL_NETLOC = f"{sqs.DEFAULT_HOST}:{port}"


def answer_without_empty_settings():
    """AWS leaves out a stage's access log settings, and an API's compression, where none were made."""
    plain = apigateway_v1._v1_response

    def answer(data, *rest, **named):
        if isinstance(data, dict):
            data = dict(data)
            if not data.get("accessLogSettings", True):
                del data["accessLogSettings"]
            if data.get("minimumCompressionSize") == "":
                del data["minimumCompressionSize"]
        return plain(data, *rest, **named)

    apigateway_v1._v1_response = answer


def describe_alarms_in_full_as_xml():
    """The XML answer leaves out most of an alarm; the JSON answer has it all."""
    plain = cloudwatch._describe_alarms

    def put(parent, value):
        if isinstance(value, dict):
            for name, member in value.items():
                if member not in (None, "") and not name.endswith("Timestamp") and name != "Tags":
                    put(ElementTree.SubElement(parent, name), member)
        elif isinstance(value, list):
            for member in value:
                put(ElementTree.SubElement(parent, "member"), member)
        else:
            parent.text = str(value).lower() if isinstance(value, bool) else str(value)

    def describe(params, cbor_data, is_cbor, is_json=False):
        if is_cbor or is_json:
            return plain(params, cbor_data, is_cbor, is_json)
        first = lambda value: value[0] if isinstance(value, list) else value
        asked = {name: first(value) for name, value in params.items()}
        names = [value for name, value in asked.items() if name.startswith("AlarmNames.member.")]
        request = {key: asked.get(key) for key in ("AlarmNamePrefix", "StateValue", "MaxRecords", "NextToken")}
        status, headers, body = plain(params, {**request, "AlarmNames": names}, False, True)
        if status != 200:
            return plain(params, cbor_data, is_cbor, is_json)
        result = ElementTree.Element("DescribeAlarmsResult")
        put(result, json.loads(body))
        return cloudwatch._xml(200, "DescribeAlarmsResponse", ElementTree.tostring(result, encoding="unicode"))

    cloudwatch._describe_alarms = describe


def accept_definitions():
    """PutRestApi is missing: the API is answered as it is."""
    plain = apigateway_v1.handle_request

    async def handle(method, path, *rest):
        segments = [segment for segment in path.split("/") if segment]
        if method == "PUT" and len(segments) == 2 and segments[0] == "restapis":
            return apigateway_v1._get_rest_api(segments[1])
        return await plain(method, path, *rest)

    apigateway_v1.handle_request = handle


def list_all_tags():
    """GetResources of the tagging API knows neither log groups nor alarms nor mappings."""
    flat = lambda tags: [{"Key": key, "Value": value} for key, value in (tags or {}).items()]
    functions = tagging._COLLECTORS["lambda"]

    def log_groups():
        for group in cloudwatch_logs._log_groups.values():
            yield group["arn"].removesuffix(":*"), flat(group.get("tags"))

    def alarms():
        for arn, tags in cloudwatch._resource_tags.items():
            yield arn, flat(tags)

    def functions_and_mappings():
        yield from functions()
        for uuid, mapping in lambda_svc._esms.items():
            arn = f"arn:aws:lambda:{get_region()}:{get_account_id()}:event-source-mapping:{uuid}"
            yield arn, flat(mapping.get("Tags"))

    tagging._COLLECTORS.update({"logs": log_groups, "cloudwatch": alarms, "lambda": functions_and_mappings})


if __name__ == "__main__":
    list_all_tags()
    name_the_proxy_in_queue_urls(os.environ["BENCH_PROXY_PORT"])
    answer_without_empty_settings()
    describe_alarms_in_full_as_xml()
    accept_definitions()
    app.main()
