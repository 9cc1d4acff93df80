#!/usr/bin/env python3
"""Makes the signed requests beside it, with a signer that shares no code with
the package: run it in its own directory. Each file is one request with bare
newlines; what follows the first empty line is the body, less one final newline.
"""
import hashlib
import hmac
from urllib.parse import quote

KEY, SECRET = "AKIDEXAMPLE", "example/secret+key"
STAMP, REGION = "20260102T030405Z", "eu-west-1"
EMPTY = hashlib.sha256(b"").hexdigest()
SCOPE = f"{STAMP[:8]}/{REGION}/kinesisvideo/aws4_request"


def digest(s):
    return hashlib.sha256(s.encode()).hexdigest()


def signature(canonical):
    key = ("AWS4" + SECRET).encode()
    for part in SCOPE.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    text = "\n".join(["AWS4-HMAC-SHA256", STAMP, SCOPE, digest(canonical)])
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def canonical(method, path, query, headers, signed, payload, overrides):
    values = {}
    for name, value in headers:
        values.setdefault(name.lower(), []).append(value.strip())
    lines = [method, quote(path, safe="/-_.~"), query]
    for name in signed:
        lines.append(name + ":" + overrides.get(name, ",".join(values.get(name, []))))
    return "\n".join(lines + ["", ";".join(signed), payload])


def write(name, method, target, headers, signed, body="", payload=None, path=None, query="",
          overrides=None, after=()):
    path = path or target.split("?")[0]
    payload = digest(body) if payload is None else payload
    c = canonical(method, path, query, headers, signed, payload, overrides or {})
    auth = (f"AWS4-HMAC-SHA256 Credential={KEY}/{SCOPE}, SignedHeaders={';'.join(signed)}, "
            f"Signature={signature(c)}")
    sent = list(headers) + [("Authorization", auth)] + list(after)
    emit(name, method, target, sent, body)


def emit(name, method, target, headers, body):
    with open(name + ".txt", "w", newline="\n") as f:
        f.write(f"{method} {target} HTTP/1.1\n")
        for n, v in headers:
            f.write(f"{n}: {v}\n")
        f.write("\n" + body + "\n")


def presign(name, method, path, host, extra, body, payload):
    q = {"X-Amz-Algorithm": "AWS4-HMAC-SHA256", "X-Amz-Credential": f"{KEY}/{SCOPE}", "X-Amz-Date": STAMP,
         "X-Amz-Expires": "299", "X-Amz-SignedHeaders": "host", **extra}
    enc = sorted((quote(k, safe="-_.~"), quote(v, safe="-_.~")) for k, v in q.items())
    query = "&".join(f"{k}={v}" for k, v in enc)
    c = canonical(method, path, query, [("Host", host)], ["host"], payload, {})
    headers = [("Host", host)] + ([("Content-Length", str(len(body)))] if body else [])
    emit(name, method, f"{path}?{query}&X-Amz-Signature={signature(c)}", headers, body)


JSON = '{"StreamName": "door"}'
SDK = [("Host", "localhost:8443"), ("Content-Type", "application/json"), ("X-Amz-Date", STAMP),
       ("Content-Length", str(len(JSON)))]
SDK_SIGNED = ["content-type", "host", "x-amz-date"]
PUT = [("Host", "localhost"), ("connection", "keep-alive"), ("content-type", "application/json"),
       ("transfer-encoding", "chunked"), ("user-agent", "AWS-SDK-KVS/1.6.4 GCC/12.2.0 Linux/6.1 x86_64"),
       ("X-Amz-Date", STAMP), ("x-amzn-fragment-acknowledgment-required", "1"),
       ("x-amzn-fragment-timecode-type", "ABSOLUTE"), ("x-amzn-producer-start-timestamp", "1767323045.5"),
       ("x-amzn-stream-name", "door")]
PUT_SIGNED = ["connection", "host", "transfer-encoding", "user-agent", "x-amz-date",
              "x-amzn-fragment-acknowledgment-required", "x-amzn-fragment-timecode-type",
              "x-amzn-producer-start-timestamp", "x-amzn-stream-name"]

write("json", "POST", "/describeStream", SDK, SDK_SIGNED, JSON)
write("json-empty-body", "POST", "/listStreams", SDK[:3] + [("Content-Length", "0")], SDK_SIGNED)
write("json-content-length", "POST", "/describeStream", SDK + [("Amz-Sdk-Request", "attempt=1; max=3")],
      ["amz-sdk-request", "content-length"] + SDK_SIGNED, JSON)
write("json-body-hash-announced", "POST", "/describeStream", SDK + [("X-Amz-Content-Sha256", digest(JSON))],
      ["content-type", "host", "x-amz-content-sha256", "x-amz-date"], JSON)
write("json-unsigned-payload-added-later", "POST", "/getMedia", SDK, SDK_SIGNED, JSON,
      after=[("x-amz-content-sha256", "UNSIGNED-PAYLOAD")])
write("json-date-header", "POST", "/describeStream",
      [h for h in SDK if h[0] != "X-Amz-Date"] + [("Date", "Fri, 02 Jan 2026 03:04:05 GMT")],
      ["content-type", "date", "host"], JSON)
write("json-mount-prefix", "POST", "/video%20wall/a+b/describeStream", SDK, SDK_SIGNED, JSON)
write("json-unsorted-query", "POST", "/describeStream?b=2&c&a=1&a=%2b&a%20=+&a=", SDK, SDK_SIGNED, JSON,
      query="a=&a=%2B&a=1&a%20=%20&b=2&c=")
write("json-spaces-collapsed", "POST", "/describeStream", SDK + [("X-Amz-Meta", "a  b   c")],
      SDK_SIGNED + ["x-amz-meta"], JSON, overrides={"x-amz-meta": "a b c"})
write("json-spaces-kept", "POST", "/describeStream", SDK + [("X-Amz-Meta", "a  b   c")],
      SDK_SIGNED + ["x-amz-meta"], JSON)
write("json-repeated-header", "POST", "/describeStream", SDK + [("X-Amz-Meta", "one"), ("x-amz-meta", " two ")],
      SDK_SIGNED + ["x-amz-meta"], JSON)
write("json-host-signed-without-port", "POST", "/describeStream", SDK, SDK_SIGNED, JSON,
      overrides={"host": "localhost"})
write("put-c", "POST", "/putMedia", PUT + [("Expect", "100-continue")], PUT_SIGNED, payload=EMPTY)
write("put-java", "POST", "/putMedia", PUT, PUT_SIGNED, payload="UNSIGNED-PAYLOAD",
      after=[("x-amz-content-sha256", "UNSIGNED-PAYLOAD")])
write("put-unsigned-payload", "POST", "/putMedia", PUT, PUT_SIGNED, payload="UNSIGNED-PAYLOAD")
write("put-java-sdk", "POST", "http://localhost:8443/putMedia",
      [("Host", "localhost:8443")] + PUT[2:] + [("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD")],
      ["host", "transfer-encoding", "x-amz-content-sha256", "x-amz-date", "x-amzn-stream-name"], path="/putMedia",
      payload="STREAMING-AWS4-HMAC-SHA256-PAYLOAD")
write("put-streaming-trailer", "POST", "/putMedia", PUT + [("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER")],
      ["host", "x-amz-content-sha256", "x-amz-date", "x-amzn-stream-name"], payload="STREAMING-UNSIGNED-PAYLOAD-TRAILER")
write("put-go", "POST", "/putMedia?X-Amz-Expires=600", PUT, ["host", "x-amz-date", "x-amzn-stream-name"],
      payload=EMPTY, query="X-Amz-Expires=600")
presign("presigned-json", "POST", "/describeStream", "localhost:8443", {}, JSON, digest(JSON))
presign("presigned-get", "GET", "/", "localhost:8443",
        {"X-Amz-ChannelARN": "arn:aws:kinesisvideo:eu-west-1:111122223333:channel/a b/1",
         "odd": "a+b=c&d/é~*", "empty": ""}, "", EMPTY)
