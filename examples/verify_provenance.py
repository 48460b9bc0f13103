#!/usr/bin/env python3
"""Verifies a file of `bot-bottle provenance export`, without bot-bottle: Python's standard library, and openssl 3.

Usage: verify_provenance.py FILE PUBLIC_KEY.pem
"""
import base64, hashlib, json, os, subprocess, sys, tempfile

file, key = sys.argv[1:3]
header, log = open(file, "rb").read().split(b"\n", 1)
header, previous = json.loads(header), None
if not header["statements"]:
    sys.exit("there is no statement")
for envelope in header["statements"]:
    kind, payload = envelope["payloadType"].encode(), base64.b64decode(envelope["payload"])
    with tempfile.TemporaryDirectory() as place:
        message, signature = os.path.join(place, "message"), os.path.join(place, "signature")
        open(message, "wb").write(b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload))
        open(signature, "wb").write(base64.b64decode(envelope["signatures"][0]["sig"]))
        check = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", key, "-rawin", "-in", message, "-sigfile", signature]
        if subprocess.run(check, capture_output=True).returncode != 0:
            sys.exit("a statement is not signed by this key")
    statement = json.loads(payload)
    run, logged = statement["predicate"], statement["predicate"]["log"]["bytes"]
    if run["slug"] != header["slug"] or run["previousRun"] != previous:
        sys.exit("run %s: a statement is missing, or belongs elsewhere" % run["run"])
    digests = {subject["name"]: subject["digest"] for subject in statement["subject"]}
    if len(log) < logged or hashlib.sha256(log[:logged]).hexdigest() != digests["operations.jsonl"]["sha256"]:
        sys.exit("run %s: the log was changed or cut off" % run["run"])
    previous = run["run"]
if len(log) > logged:
    sys.exit("no statement covers the last %d bytes" % (len(log) - logged))
print("ok: %s, %d runs" % (header["slug"], len(header["statements"])))
