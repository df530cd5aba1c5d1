"""Measures the worker that receives messages itself, beside stand-ins for SQS, S3 and Bedrock over TLS on this machine alone.

Each measurement is a fresh process. Prints one JSON object: a list of measurements for pictures of 0.8 MB and of 3 MB.

  pictures_a_minute  while the queue is full, from the first message to the last deletion
  overhead_ms        what a picture takes beyond the model's own time, on average over the places
  cpu_ms             processor time of the process for a picture
  peak_mib           the most memory it held
"""

import argparse
import json
import os
import subprocess
import tempfile
import threading
import time

from functions import Bench, Server, World, peak_mib, environment, picture

QUEUE_PATH = "/000000000000/bench"


class Queue(World):
    """The stand-ins with a queue of so many messages before them."""

    def __init__(self, image, model_s, messages):
        super().__init__(image, model_s)
        self.lock, self.left, self.deleted, self.total = threading.Lock(), list(range(messages)), 0, messages
        self.begun, self.done = None, threading.Event()

    def aws(self, method, path, head, body):
        operation = head.get("x-amz-target", "").partition(".")[2]
        if not operation:
            return super().aws(method, path, head, body)
        asked = json.loads(body)
        answer = getattr(self, operation)(asked)
        return 200, {"content-type": "application/x-amz-json-1.0"}, json.dumps(answer).encode()

    def ReceiveMessage(self, asked):
        with self.lock:
            self.begun = self.begun or time.perf_counter()
            most = asked["MaxNumberOfMessages"]
            taken, self.left = self.left[:most], self.left[most:]
        if not taken:
            self.done.wait(asked["WaitTimeSeconds"])
        message = lambda i: {"MessageId": f"message-{i}", "ReceiptHandle": str(i), "Body": f"couch number {i}", "Attributes": {"ApproximateReceiveCount": "1"}}
        return {"Messages": [message(i) for i in taken]}

    def DeleteMessage(self, asked):
        with self.lock:
            self.deleted += 1
            if self.deleted == self.total:
                self.ended = time.perf_counter()
                self.done.set()
        return {}

    def ChangeMessageVisibility(self, asked):
        return {}


def cpu_ms(pid):
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * 1e3 / os.sysconf("SC_CLK_TCK")


def once(bench, binary, image, concurrency, model_s, rounds):
    world = Queue(image, model_s, concurrency * rounds)
    aws = Server(world.aws, bench.tls)
    url = f"https://127.0.0.1:{aws.port}"
    env = environment(0, url, bench.trusted)
    env |= {"AWS_ENDPOINT_URL_SQS": url, "QUEUE_URL": url + QUEUE_PATH, "CONCURRENCY": str(concurrency), "STOP_GRACE": "0"}
    env = {name: value for name, value in env.items() if not name.startswith("AWS_LAMBDA_")}
    process = subprocess.Popen([binary], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        if not world.done.wait(60 + 3 * model_s * rounds):
            raise SystemExit(f"the worker does not go on: {world.deleted} of {world.total}, exit status {process.poll()}")
        pictures = sum(world.stored)
        if pictures != world.total or len(world.spans) != world.total:
            raise SystemExit(f"wrong: {pictures} pictures and {len(world.spans)} drawings of {world.total} messages")
        took = world.ended - world.begun
        return {
            "concurrency": concurrency,
            "pictures_a_minute": round(world.total / took * 60),
            "overhead_ms": round((took / rounds - model_s) * 1e3, 1),
            "cpu_ms": round(cpu_ms(process.pid) / world.total, 1),
            "peak_mib": round(peak_mib(process.pid), 1),
        }
    finally:
        process.kill()
        process.wait()
        aws.listener.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary", help="image-worker-poll")
    parser.add_argument("--model-s", type=float, default=3.0, help="seconds that the model takes")
    parser.add_argument("--rounds", type=int, default=5, help="pictures for each place")
    parser.add_argument("--concurrency", type=int, nargs="+", default=[5, 10, 20])
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        bench = Bench(directory)
        result = {}
        for name, side in (("0.8 MB", 512), ("3 MB", 1024)):
            image = picture(side)
            result[name] = [
                once(bench, os.path.abspath(arguments.binary), image, places, arguments.model_s, arguments.rounds)
                for places in arguments.concurrency
            ]
        print(json.dumps(result))


if __name__ == "__main__":
    main()
