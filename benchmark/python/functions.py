"""Measures Lambda functions without Lambda: a stand-in for its Runtime API, and for S3 and Bedrock over TLS, on this machine alone.

Each measurement is a fresh process of the function. Prints one JSON object with medians. Needs the `openssl` program for the certificate.

  init    from the start of the process to its first request for an event
  first   from handing out the first event to its answer, less the time in which the model itself was at work
  warm    the same for later events
  peak    the most memory it held
  total   the first event with the model's own time
"""

import argparse
import base64
import json
import os
import queue
import random
import socket
import ssl
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
import zlib

BUCKET = "bench-pictures"
WARM_EVENTS = 10
DEADLINE_S = 60


def picture(side):
    """A PNG of random pixels, which no compression makes smaller."""
    noise = random.Random(1)
    rows = b"".join(b"\0" + noise.randbytes(3 * side) for _ in range(side))
    parts = ((b"IHDR", struct.pack(">2I5B", side, side, 8, 2, 0, 0, 0)), (b"IDAT", zlib.compress(rows, 0)), (b"IEND", b""))
    chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(kind, data) for kind, data in parts)


class Server:
    """Answers HTTP/1.1 on a free port, a thread for each connection."""

    def __init__(self, answer, tls=None):
        self.answer, self.tls = answer, tls
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            with self.tls.wrap_socket(connection, server_side=True) if self.tls else connection as stream:
                reader = stream.makefile("rb", 1 << 16)
                while line := reader.readline():
                    method, path, _ = line.decode().split()
                    head = {}
                    while (line := reader.readline().strip()):
                        name, _, value = line.decode().partition(":")
                        head[name.lower()] = value.strip()
                    if head.get("expect"):
                        stream.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
                    body = self.body(reader, head)
                    status, fields, content = self.answer(method, path.partition("?")[0], head, body)
                    fields = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
                    start = f"HTTP/1.1 {status} -\r\n{fields}content-length: {len(content)}\r\n\r\n".encode()
                    if len(content) < 1 << 14:
                        stream.sendall(start + content)
                    else:
                        stream.sendall(start)
                        stream.sendall(content)
        except (OSError, ValueError):
            pass  # the function has ended

    @staticmethod
    def body(reader, head):
        if "chunked" not in head.get("transfer-encoding", ""):
            return reader.read(int(head.get("content-length", 0)))
        parts = []
        while size := int(reader.readline().partition(b";")[0], 16):
            parts.append(reader.read(size))
            reader.readline()
        while reader.readline().strip():
            pass
        return b"".join(parts)


def without_frames(body):
    """The content of an upload that S3's clients sent in signed chunks."""
    parts, at = [], 0
    while True:
        end = body.index(b"\r\n", at)
        size = int(body[at:end].partition(b";")[0], 16)
        if not size:
            return b"".join(parts)
        parts.append(body[end + 2 : end + 2 + size])
        at = end + 4 + size


class World:
    """What the function talks to, and what it did."""

    def __init__(self, image, model_s):
        self.image, self.model_s = image, model_s
        self.drawing = json.dumps({"images": [base64.b64encode(image).decode()], "error": None}).encode()
        self.asked, self.events, self.answers = queue.Queue(), queue.Queue(), queue.Queue()
        self.handed = 0.0
        self.stored, self.spans = [], []

    def runtime(self, method, path, head, body):
        if method == "GET" and path.endswith("/invocation/next"):
            self.asked.put(time.perf_counter())
            number, event = self.events.get()
            fields = {
                "content-type": "application/json",
                "lambda-runtime-aws-request-id": f"00000000-0000-0000-0000-{number:012}",
                "lambda-runtime-deadline-ms": int((time.time() + DEADLINE_S) * 1000),
                "lambda-runtime-invoked-function-arn": "arn:aws:lambda:eu-west-1:000000000000:function:bench",
                "lambda-runtime-trace-id": "Root=1-00000000-000000000000000000000000;Sampled=0",
            }
            self.handed = time.perf_counter()
            return 200, fields, event
        self.answers.put((time.perf_counter(), path, body))
        return 202, {}, b"{}"

    def aws(self, method, path, head, body):
        if method == "POST":
            begin = time.perf_counter()
            time.sleep(self.model_s)
            self.spans.append((begin, time.perf_counter()))
            return 200, {"content-type": "application/json"}, self.drawing
        if "aws-chunked" in head.get("content-encoding", ""):
            body = without_frames(body)
        # The prompts' records are written beside the pictures.
        if path.endswith(".png"):
            self.stored.append(body == self.image)
        return 200, {"etag": '"0"'}, b""

    def model_time(self):
        """Seconds in which at least one drawing was being made."""
        total, until = 0.0, 0.0
        for begin, end in sorted(self.spans):
            total += max(0.0, end - max(begin, until))
            until = max(until, end)
        return total


def http_event():
    return {
        "resource": "/generate-image", "path": "/generate-image", "httpMethod": "POST",
        "headers": {"Content-Type": "application/json"}, "multiValueHeaders": {"Content-Type": ["application/json"]},
        "requestContext": {"httpMethod": "POST", "path": "/Prod/generate-image", "stage": "Prod", "identity": {}, "requestId": "bench"},
        "isBase64Encoded": False, "body": json.dumps({"prompt": "a couch on a mountain"}),
    }


def queue_event(records):
    record = lambda i: {
        "messageId": f"message-{i}", "receiptHandle": "handle", "body": f"couch number {i}", "md5OfBody": "",
        "attributes": {"ApproximateReceiveCount": "1"}, "messageAttributes": {}, "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-west-1:000000000000:bench", "awsRegion": "eu-west-1",
    }
    return {"Records": [record(i) for i in range(records)]}


def certificate(directory):
    """Makes a certificate for this machine; returns the server's side of TLS and the file that its clients trust."""
    key, cert = os.path.join(directory, "key.pem"), os.path.join(directory, "cert.pem")
    request = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=bench"]
    extensions = ["-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE"]
    subprocess.run(["openssl", "req", *request, *extensions, "-keyout", key, "-out", cert], check=True, capture_output=True)
    side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    side.load_cert_chain(cert, key)
    # As on Lambda, the function reads all of the system's certificates.
    trusted = os.path.join(directory, "trusted.pem")
    with open(trusted, "w") as out:
        for path in ("/etc/ssl/certs/ca-certificates.crt", cert):
            if os.path.exists(path):
                out.write(open(path).read() + "\n")
    return side, trusted


def environment(runtime_port, aws_url, trusted):
    return {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1",
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{runtime_port}", "AWS_LAMBDA_FUNCTION_NAME": "bench",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/bench", "AWS_LAMBDA_LOG_STREAM_NAME": "bench",
        "AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "none",
        "AWS_ENDPOINT_URL_S3": aws_url, "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": aws_url,
        "SSL_CERT_FILE": trusted, "AWS_CA_BUNDLE": trusted,
        "BUCKET": BUCKET, "PREFIX": "bench", "MODEL_ID": "amazon.titan-image-generator-v1", "MODEL_REGION": "us-east-1",
    }


class Bench:
    def __init__(self, directory):
        self.tls, self.trusted = certificate(directory)

    def measure(self, command, event, pictures, runs, side=16, model_s=0.0, warm=WARM_EVENTS):
        """Medians over fresh processes; fails on a wrong answer, as a fast wrong answer is no result."""
        image = picture(side)
        each = [self.once(command, event, pictures, image, model_s, warm) for _ in range(runs)]
        return {name: round(statistics.median(run[name] for run in each), 2) for name in each[0]}

    def once(self, command, event, pictures, image, model_s, warm):
        world = World(image, model_s)
        runtime, aws = Server(world.runtime), Server(world.aws, self.tls)
        env = environment(runtime.port, f"https://127.0.0.1:{aws.port}", self.trusted)
        begin = time.perf_counter()
        process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            init = self.wait(world.asked, process) - begin
            spent = []
            for number in range(1 + warm):
                world.spans.clear()
                world.stored.clear()
                world.events.put((number, json.dumps(event).encode()))
                end, path, body = self.wait(world.answers, process)
                spent.append((end - world.handed, world.model_time()))
                check(path, body, world.stored, pictures)
                self.wait(world.asked, process)
            result = {"init_ms": init * 1e3, "first_ms": (spent[0][0] - spent[0][1]) * 1e3, "total_ms": spent[0][0] * 1e3}
            if warm:
                result["warm_ms"] = statistics.median(all - model for all, model in spent[1:]) * 1e3
            result["peak_mib"] = peak_mib(process.pid)
            return result
        finally:
            process.kill()
            process.wait()
            runtime.listener.close()
            aws.listener.close()

    @staticmethod
    def wait(events, process):
        for _ in range(DEADLINE_S * 2):
            try:
                return events.get(timeout=0.5)
            except queue.Empty:
                if process.poll() is not None:
                    break
        sys.exit(f"the function does not go on; exit status: {process.poll()}")


def check(path, body, stored, pictures):
    answer = json.loads(body or b"null")
    right = path.endswith("/response") and stored == [True] * pictures
    if not right or (isinstance(answer, dict) and (answer.get("batchItemFailures") or answer.get("statusCode", 200) != 200)):
        sys.exit(f"wrong: {path}, pictures stored as they should be: {stored}, answer: {body[:300]!r}")


def peak_mib(pid):
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))


def zip_mb(binary, directory):
    path = os.path.join(directory, "function.zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.write(binary, "bootstrap")
    return round(os.path.getsize(path) / 1e6, 2)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--http", required=True, help="the function behind the API")
    parser.add_argument("--queue", required=True, help="the function behind the queue")
    parser.add_argument("--python", help="a Python with boto3: measures the same in Python beside it")
    parser.add_argument("--runs", type=int, default=20)
    arguments = parser.parse_args()
    sys.setswitchinterval(0.0005)
    runs, few = arguments.runs, max(3, arguments.runs // 4)
    with tempfile.TemporaryDirectory() as directory:
        bench = Bench(directory)
        result = {}
        pairs = {"rust": ([os.path.abspath(arguments.http)], [os.path.abspath(arguments.queue)])}
        if arguments.python:
            script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "python_function.py")
            pairs["python"] = ([arguments.python, script, "http"], [arguments.python, script, "queue"])
        for name, (by_http, by_queue) in pairs.items():
            result[name] = {
                "http": bench.measure(by_http, http_event(), 1, runs),
                "queue": bench.measure(by_queue, queue_event(1), 1, runs),
                "batch": bench.measure(by_queue, queue_event(10), 10, few, side=512, model_s=0.6, warm=0),
                "large": bench.measure(by_http, http_event(), 1, few, side=1024, warm=3),
            }
        result["zip_mb"] = {"http": zip_mb(arguments.http, directory), "queue": zip_mb(arguments.queue, directory)}
        print(json.dumps(result))


if __name__ == "__main__":
    main()
