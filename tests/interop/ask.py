"""What botocore says. `who PROFILE`: the pair it reads and who AWS says it is. `call URL`: lines of JSON (ID, secret, session
token or null, service, action, parameters) on stdin, each answered by a line of JSON (status, code, result, wrong); every answer is held against AWS's own service model.
`moto`: moto's server on a free port, which is printed; it ends with stdin. `versions`: the packages."""

import json
import sys
from importlib.metadata import version


def who(profile):
    import boto3

    session = boto3.Session(profile_name=profile)
    arn = session.client("sts").get_caller_identity()["Arn"]
    print(json.dumps({"key": session.get_credentials().access_key, "arn": arn}))


def call(url):
    import botocore.config
    import botocore.session

    session = botocore.session.Session()
    once = botocore.config.Config(retries={"total_max_attempts": 1}, read_timeout=20)
    clients = {}
    for line in sys.stdin:
        key, secret, token, service, action, parameters = json.loads(line)
        name = (key, secret, token, service)
        if name not in clients:
            clients[name] = session.create_client(
                service, "us-east-1", endpoint_url=url, aws_access_key_id=key, aws_secret_access_key=secret,
                aws_session_token=token, config=once
            )
        print(json.dumps(answer(clients[name], action, parameters), default=str), flush=True)


def answer(client, action, parameters):
    from botocore.exceptions import ClientError

    try:
        result = client._make_api_call(action, parameters)
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        return {"status": status, "code": error.response["Error"]["Code"], "result": {}, "wrong": []}
    status = result.pop("ResponseMetadata")["HTTPStatusCode"]
    shape = client.meta.service_model.operation_model(action).output_shape
    return {"status": status, "code": "", "result": result, "wrong": missing(shape, result, action)}


def missing(shape, value, place):
    """The members that AWS's model says are always there, and are not; and words that are not in an enumeration."""
    if shape is None:
        return []
    if shape.type_name == "structure":
        gone = [f"{place}.{name}" for name in shape.required_members if name not in value]
        return gone + [w for name in value for w in missing(shape.members[name], value[name], f"{place}.{name}")]
    if shape.type_name == "list":
        return [w for item in value for w in missing(shape.member, item, place + "[]")]
    words = getattr(shape, "enum", None)
    return [f"{place}={value}"] if words and value not in words else []


def moto():
    import moto.iam.models
    from moto.server import ThreadedMotoServer

    # The mark of tests/lab/canary.rs, by which a leaked secret is found.
    drawn = moto.iam.models.random_alphanumeric
    moto.iam.models.random_alphanumeric = lambda length: "CaNaRyBiRd" + drawn(length - 10) if length == 40 else drawn(length)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    print(server.get_host_and_port()[1], flush=True)
    sys.stdin.read()
    server.stop()


def versions():
    print(json.dumps({name: version(name) for name in ("moto", "boto3", "botocore", "awscli")}))


if __name__ == "__main__":
    {"who": who, "call": call, "moto": moto, "versions": versions}[sys.argv[1]](*sys.argv[2:])
