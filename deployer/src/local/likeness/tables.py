"""Tables with all of their settings, some of which the emulator accepts and forgets."""

import json

from ministack.services import dynamodb, lambda_svc

from . import rules

create_table = dynamodb._create_table
update_table = dynamodb._update_table
delete_table = dynamodb._delete_table
update_backups = dynamodb._update_continuous_backups
describe_backups = dynamodb._describe_continuous_backups
update_insights = dynamodb._update_contributor_insights
describe_insights = dynamodb._describe_contributor_insights
list_insights = dynamodb._list_contributor_insights

create_mapping = lambda_svc._create_esm
update_mapping = lambda_svc._update_esm

# What AWS has for a table or index unless it was told otherwise.
RECOVERY_DAYS = 35
ALL_KEYS = "ACCESSED_AND_THROTTLED_KEYS"
WARM_ON_DEMAND = {"ReadUnitsPerSecond": 12000, "WriteUnitsPerSecond": 4000}


def name_of(data):
    return dynamodb._normalize_table_name(data.get("TableName") or "")


def succeeded(answer):
    return answer[0] == 200


def changed(answer, change):
    """The answer with `change` made in its body."""
    status, headers, body = answer
    content = json.loads(body)
    change(content)
    return status, headers, json.dumps(content).encode()


def keep_warm(table, wanted):
    """DynamoDB never lowers the warm throughput of a table."""
    warm = table.get("WarmThroughput") or dict(WARM_ON_DEMAND)
    for unit, value in (wanted or {}).items():
        warm[unit] = max(value, warm.get(unit, 0))
    table["WarmThroughput"] = {**warm, "Status": "ACTIVE"}


def create(data):
    answer = create_table(data)
    table = dynamodb._tables.get(name_of(data))
    if not succeeded(answer) or table is None:
        return answer
    keep_warm(table, data.get("WarmThroughput"))
    if data.get("ResourcePolicy"):
        dynamodb._put_resource_policy({"ResourceArn": table["TableArn"], "Policy": data["ResourcePolicy"]})
    return dynamodb.json_response({"TableDescription": dynamodb._table_description(name_of(data))})


def update(data):
    answer = update_table(data)
    table = dynamodb._tables.get(name_of(data))
    if not succeeded(answer) or table is None:
        return answer
    if "WarmThroughput" in data:
        keep_warm(table, data["WarmThroughput"])
    for change in data.get("GlobalSecondaryIndexUpdates") or []:
        wanted = change.get("Update") or {}
        for index in table.get("GlobalSecondaryIndexes", []):
            if index["IndexName"] == wanted.get("IndexName") and "OnDemandThroughput" in wanted:
                index["OnDemandThroughput"] = wanted["OnDemandThroughput"]
    if not (data.get("StreamSpecification") or {"StreamEnabled": True}).get("StreamEnabled"):
        # AWS tells no specification of a stream that is off.
        table["StreamSpecification"] = None
    return dynamodb.json_response({"TableDescription": dynamodb._table_description(name_of(data))})


def delete(data):
    name = name_of(data)
    arn = (dynamodb._tables.get(name) or {}).get("TableArn")
    answer = delete_table(data)
    if succeeded(answer):
        dynamodb._resource_policies.pop(arn, None)
        for key in [key for key in dynamodb._contributor_insights if key.partition("/index/")[0] == name]:
            dynamodb._contributor_insights.pop(key, None)
    return answer


def set_backups(data):
    answer = update_backups(data)
    wanted = data.get("PointInTimeRecoverySpecification") or {}
    if succeeded(answer) and wanted.get("PointInTimeRecoveryEnabled"):
        # True as before, and the days besides.
        dynamodb._pitr_settings[name_of(data)] = wanted.get("RecoveryPeriodInDays") or RECOVERY_DAYS
    return answer


def get_backups(data):
    answer = describe_backups(data)
    days = dynamodb._pitr_settings.get(name_of(data), False)
    if not succeeded(answer) or not days:
        return answer

    def tell(content):
        told = content["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
        told["RecoveryPeriodInDays"] = RECOVERY_DAYS if days is True else days
    return changed(answer, tell)


def set_insights(data):
    answer = update_insights(data)
    if succeeded(answer) and data.get("ContributorInsightsAction") == "ENABLE":
        entry = dynamodb._contributor_insights[dynamodb._ci_key(name_of(data), data.get("IndexName"))]
        entry["Mode"] = data.get("ContributorInsightsMode") or ALL_KEYS
    return answer


def mode_of(name, index):
    return (dynamodb._contributor_insights.get(dynamodb._ci_key(name, index)) or {}).get("Mode") or ALL_KEYS


def get_insights(data):
    answer = describe_insights(data)
    if not succeeded(answer):
        return answer
    return changed(answer, lambda told: told.update(ContributorInsightsMode=mode_of(name_of(data), data.get("IndexName"))))


def get_all_insights(data):
    answer = list_insights(data)
    if not succeeded(answer):
        return answer

    def tell(content):
        for summary in content["ContributorInsightsSummaries"]:
            summary["ContributorInsightsMode"] = mode_of(summary["TableName"], summary.get("IndexName"))
    return changed(answer, tell)


def keep_window(answer, data):
    """Keeps the tumbling window of a mapping, and the answer with it."""
    if answer[0] not in (200, 202) or "TumblingWindowInSeconds" not in data:
        return answer
    window = data["TumblingWindowInSeconds"]
    lambda_svc._esms[json.loads(answer[2])["UUID"]]["TumblingWindowInSeconds"] = window
    return changed(answer, lambda told: told.update(TumblingWindowInSeconds=window))


def create_with_window(data):
    return keep_window(create_mapping(data), data)


def update_with_window(mapping_id, data):
    return keep_window(update_mapping(mapping_id, data), data)


if rules.on("stream-settings"):
    lambda_svc._create_esm = create_with_window
    lambda_svc._update_esm = update_with_window
if rules.on("table-settings"):
    dynamodb._create_table = create
    dynamodb._update_table = update
    dynamodb._delete_table = delete
    dynamodb._update_continuous_backups = set_backups
    dynamodb._describe_continuous_backups = get_backups
    dynamodb._update_contributor_insights = set_insights
    dynamodb._describe_contributor_insights = get_insights
    dynamodb._list_contributor_insights = get_all_insights
