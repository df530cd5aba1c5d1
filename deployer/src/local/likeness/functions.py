"""Functions as AWS runs them: log format in the environment, code of each version, and processes that finish their request."""

import json
import threading
import time

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

# How often to look whether a retired process has answered its request.
LOOK_S = 0.1

worker_environment = lambda_svc._provided_worker_env
get_function = lambda_svc._get_function
serve_function_code = lambda_svc.serve_function_code


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


lambda_svc._provided_worker_env = with_log_format
lambda_svc._get_function = with_code_of_version
lambda_svc.serve_function_code = serve_version
lambda_svc.invalidate_worker = retire
