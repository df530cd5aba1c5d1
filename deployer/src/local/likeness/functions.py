"""Functions as AWS runs them: log format in the environment, code of each version, weighted aliases, and processes that finish
their request."""

import json
import random
import threading
import time

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

from . import rules

# How often to look whether a retired process has answered its request.
LOOK_S = 0.1

worker_environment = lambda_svc._provided_worker_env
get_function = lambda_svc._get_function
serve_function_code = lambda_svc.serve_function_code
record_for_reference = lambda_svc._get_func_record_for_ref
run_batch = lambda_svc._run_sqs_batch
invoke = lambda_svc._invoke
emit_metrics = lambda_svc._emit_lambda_metrics
dispatch = lambda_svc._execute_function_dispatch


def with_log_format(config, code_dir, port):
    """The environment of a function's process, with the variables by which Lambda tells runtimes how to log."""
    environment = worker_environment(config, code_dir, port)
    # Runtimes colour text for a terminal, which the log is not.
    environment.setdefault("NO_COLOR", "1")
    logging = config.get("LoggingConfig") or {}
    environment["AWS_LAMBDA_LOG_FORMAT"] = logging.get("LogFormat") or "Text"
    if environment["AWS_LAMBDA_LOG_FORMAT"] == "JSON":
        environment["AWS_LAMBDA_LOG_LEVEL"] = logging.get("ApplicationLogLevel") or "INFO"
    return environment


def with_code_of_version(name, qualifier=None):
    """GetFunction. The emulator answers with the address of the newest code, whatever version was requested."""
    status, headers, body = get_function(name, qualifier)
    answer = json.loads(body)
    version = answer.get("Configuration", {}).get("Version", "$LATEST")
    if status == 200 and version != "$LATEST" and "Location" in answer["Code"]:
        answer["Code"]["Location"] = lambda_svc._presigned_code_url(f"{name}:{version}")
        body = json.dumps(answer).encode()
    return status, headers, body


def serve_version(name, account_id=None, region=None):
    """The zip of `NAME:VERSION`, or of the newest code of `NAME`."""
    name, _, version = name.partition(":")
    if not version:
        return serve_function_code(name, account_id=account_id, region=region)
    function = lambda_svc._functions.get_scoped(account_id, region, name) or {}
    code = function.get("versions", {}).get(version, {}).get("code_zip")
    if not code:
        return 404, {"Content-Type": "text/plain"}, b"Version not found"
    return 200, {"Content-Type": "application/zip"}, code


def retire(func_name, qualifier=None, account=None, region=None):
    """Takes a function's processes out of service. Each ends once its request is answered; the emulator kills them at once."""
    wanted = (account, region, func_name, qualifier)
    with lambda_runtime._lock:
        keys = [key for key in lambda_runtime._workers if matches(key.split(":"), wanted)]
        retired = [worker for key in keys for worker in lambda_runtime._workers.pop(key)]
    if retired:
        threading.Thread(target=end, args=(retired,), daemon=True).start()


def matches(key, wanted):
    return len(key) == len(wanted) and all(want in (None, part) for part, want in zip(key, wanted))


def end(workers):
    longest = max(float(worker.config.get("Timeout") or 0) for worker in workers)
    until = time.monotonic() + longest + LOOK_S
    while workers:
        late = time.monotonic() >= until
        ready = [worker for worker in workers if late or not worker.in_use]
        lambda_runtime.kill_workers(ready)
        workers = [worker for worker in workers if worker not in ready]
        if workers:
            time.sleep(LOOK_S)


def by_weight(function, qualifier):
    """The version that gets a call of an alias, if it is the alias's second one; else the qualifier itself."""
    alias = (function or {}).get("aliases", {}).get(qualifier) or {}
    weights = (alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
    return next((version for version, weight in weights.items() if random.random() < weight), qualifier)


def weighted_reference(reference):
    """The record, configuration and name of a function that a topic, alarm or route calls."""
    function, _, name = lambda_svc._get_base_func_record_for_ref(reference)
    qualifier = lambda_svc._resolve_name_and_qualifier(reference)[1]
    version = by_weight(function, qualifier)
    if version == qualifier:
        return record_for_reference(reference)
    return *lambda_svc._effective_func_record_for_qualifier(function, version), name


def run_weighted_batch(mapping, record, *batch):
    function = lambda_svc._functions.get(mapping["FunctionName"])
    version = by_weight(function, mapping.get("Qualifier"))
    if version != mapping.get("Qualifier"):
        record = lambda_svc._effective_func_record_for_qualifier(function, version)[0] or record
    return run_batch(mapping, record, *batch)


async def invoke_weighted(name, event, headers, path_qualifier=None, query_params=None):
    qualifier = lambda_svc._qualifier_from_path_or_query(path_qualifier, query_params)
    version = by_weight(lambda_svc._functions.get(name), qualifier)
    return await invoke(name, event, headers, version, query_params)


def measured_dispatch(function, config, event, request_id, started):
    """Runs a function and counts the call, whoever made it. The emulator counts only calls of Invoke."""
    result = dispatch(function, config, event, request_id, started)
    emit_metrics(config["FunctionName"], (time.time() - started) * 1000, bool(result.get("error")), False)
    return result


def emit_throttles(name, duration_ms, error, throttle):
    """Counts a call that did not run. Calls that ran are counted where they did."""
    if throttle and not duration_ms:
        emit_metrics(name, duration_ms, error, throttle)


if rules.on("log-format"):
    lambda_svc._provided_worker_env = with_log_format
if rules.on("version-code"):
    lambda_svc._get_function = with_code_of_version
    lambda_svc.serve_function_code = serve_version
if rules.on("finished-requests"):
    lambda_svc.invalidate_worker = retire
if rules.on("function-metrics"):
    lambda_svc._execute_function_dispatch = measured_dispatch
    lambda_svc._emit_lambda_metrics = emit_throttles
if rules.on("alias-weights"):
    lambda_svc._get_func_record_for_ref = weighted_reference
    lambda_svc._run_sqs_batch = run_weighted_batch
    lambda_svc._invoke = invoke_weighted
