"""Both functions as one would write them in Python with boto3, to be measured beside ours. Speaks the Runtime API by itself."""

import base64
import json
import os
import random
import sys
import urllib.request

import boto3

s3 = boto3.client("s3")
bedrock = boto3.client("bedrock-runtime", region_name=os.environ["MODEL_REGION"])
API = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2018-06-01/runtime/invocation"


def draw(prompt):
    seed = random.randint(0, 2147483646)
    body = {
        "taskType": "TEXT_IMAGE",
        "textToImageParams": {"text": prompt},
        "imageGenerationConfig": {"numberOfImages": 1, "quality": "standard", "cfgScale": 8.0, "height": 512, "width": 512, "seed": seed},
    }
    answer = bedrock.invoke_model(modelId=os.environ["MODEL_ID"], body=json.dumps(body))
    image = base64.b64decode(json.loads(answer["body"].read())["images"][0])
    key = f"{os.environ['PREFIX']}/titan_{seed}.png"
    s3.put_object(Bucket=os.environ["BUCKET"], Key=key, Body=image)
    return f"s3://{os.environ['BUCKET']}/{key}"


def handle(event):
    if sys.argv[1] == "http":
        uri = draw(json.loads(event["body"])["prompt"])
        return {"statusCode": 200, "body": json.dumps({"message": "Image generated successfully", "image_uri": uri})}
    for record in event["Records"]:
        draw(record["body"])
    return {"statusCode": 200}


while True:
    with urllib.request.urlopen(f"{API}/next") as got:
        identity, event = got.headers["Lambda-Runtime-Aws-Request-Id"], json.load(got)
    answer = json.dumps(handle(event)).encode()
    urllib.request.urlopen(f"{API}/{identity}/response", answer).read()
