"""Does what peers_test.go lists, with Tencent's own client, and prints the name of each step that held.

Argument: {"host": "127.0.0.1:PORT", "permanent": {id, key}, "temporary": {id, key, token}} as JSON.
"""

import json
import logging
import sys

from qcloud_cos import CosConfig, CosS3Client, CosServiceError

logging.disable(logging.CRITICAL)
arg = json.loads(sys.argv[1])
BUCKET = "examplebucket-1250000000"
KEY = "python/a b+c&d=e%2F(1)'!/日志.txt"
BODY = bytes([0, 255, 13, 10, 128, 65])


def client(id, key, token=None):
    config = CosConfig(
        Region="ap-guangzhou", SecretId=id, SecretKey=key, Token=token, Scheme="http", Domain=arg["host"]
    )
    return CosS3Client(config, retry=0)


def check(holds, what):
    if not holds:
        raise AssertionError(what)


def refused(call, status, code=None):
    try:
        call()
    except CosServiceError as e:
        check(e.get_status_code() == status, f"status {e.get_status_code()}, want {status}")
        # Without a body to read, the client makes up the code of a HEAD, or has none.
        if code:
            check(e.get_error_code() == code, f"code {e.get_error_code()}, want {code}")
            check(e.get_request_id(), "no request ID")
    else:
        raise AssertionError("was not refused")


cos = client(**arg["permanent"])


def put():
    r = cos.put_object(Bucket=BUCKET, Key=KEY, Body=BODY, EnableMD5=True)
    check(r["ETag"] and r["x-cos-hash-crc64ecma"], r)
    wrong = "1B2M2Y8AsgTpgAmY7PhCfg=="
    refused(lambda: cos.put_object(Bucket=BUCKET, Key="python/wrong", Body=BODY, ContentMD5=wrong), 400, "BadDigest")


def get():
    r = cos.get_object(Bucket=BUCKET, Key=KEY)
    check(r["Body"].get_raw_stream().read() == BODY, "other content")
    part = cos.get_object(Bucket=BUCKET, Key=KEY, Range="bytes=1-2")
    check(part["Body"].get_raw_stream().read() == BODY[1:3], "other part")
    refused(lambda: cos.get_object(Bucket=BUCKET, Key="python/none"), 404, "NoSuchKey")


def head():
    r = cos.head_object(Bucket=BUCKET, Key=KEY)
    check(r["Content-Length"] == str(len(BODY)), r)
    refused(lambda: cos.head_object(Bucket=BUCKET, Key="python/none"), 404)


def list_():
    for name in ["1", "2", "3/x", "3/y", "4"]:
        cos.put_object(Bucket=BUCKET, Key="python-list/" + name, Body=b"x")
    keys, prefixes, pages, marker = [], [], 0, ""
    while pages < 9:
        r = cos.list_objects(Bucket=BUCKET, Prefix="python-list/", Delimiter="/", MaxKeys=2, Marker=marker)
        keys += [o["Key"] for o in r.get("Contents", [])]
        prefixes += [p["Prefix"] for p in r.get("CommonPrefixes", [])]
        pages += 1
        if r["IsTruncated"] != "true":
            break
        marker = r["NextMarker"]
    check(keys == ["python-list/1", "python-list/2", "python-list/4"], keys)
    check(prefixes == ["python-list/3/"], prefixes)
    check(pages == 2, pages)
    r = cos.list_objects(Bucket=BUCKET, Prefix="python/")
    check([o["Key"] for o in r["Contents"]] == [KEY], r)


def versioning():
    check(not cos.get_bucket_versioning(Bucket=BUCKET).get("Status"), "versioning is on")


def forbid_overwrite():
    def once(body):
        # The client has no named argument for this header: it goes through its door for any header.
        cos.put_object(Bucket=BUCKET, Key="python/once", Body=body, Metadata={"x-cos-forbid-overwrite": "true"})

    once(b"first")
    refused(lambda: once(b"second"), 409, "FileAlreadyExists")


def delete():
    for _ in range(2):
        cos.delete_object(Bucket=BUCKET, Key=KEY)
    refused(lambda: cos.get_object(Bucket=BUCKET, Key=KEY), 404, "NoSuchKey")


def wrong_key():
    other = client(arg["permanent"]["id"], "other")
    code = "SignatureDoesNotMatch"
    refused(lambda: other.put_object(Bucket=BUCKET, Key="python/wrong", Body=b"x"), 403, code)
    refused(lambda: other.get_object(Bucket=BUCKET, Key="python/once"), 403, code)
    refused(lambda: other.head_object(Bucket=BUCKET, Key="python/once"), 403)
    refused(lambda: other.list_objects(Bucket=BUCKET, Prefix="python/"), 403, code)


def missing_token():
    bare = client(arg["temporary"]["id"], arg["temporary"]["key"])
    refused(lambda: bare.put_object(Bucket=BUCKET, Key="python/wrong", Body=b"x"), 403, "InvalidAccessKeyId")


def temporary_key():
    client(**arg["temporary"]).put_object(Bucket=BUCKET, Key="python/temporary", Body=b"x")


for step in [
    put, get, head, list_, versioning, forbid_overwrite, delete, wrong_key, missing_token, temporary_key,
]:
    step()
    print(step.__name__.strip("_").replace("_", "-"), flush=True)
