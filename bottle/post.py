# One call of the forge: post.py NECK COMMAND [NAME=VALUE]... < BODY. Exit 0 ok, 3 out of scope, 1 anything else.
import os
import re
import socket
import sys

KEPT = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.~-")


def fail(reason):
    sys.stderr.write("forge: %s\n" % reason)
    sys.exit(1)


def encode(text):
    return "".join(chr(byte) if byte in KEPT else "%%%02X" % byte for byte in os.fsencode(text))


def call(host, port, target):
    body = sys.stdin.buffer.read()
    head = "POST %s HTTP/1.0\r\nHost: %s:%s\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\n\r\n"
    answer = bytearray()
    try:
        neck = socket.create_connection((host, int(port)), timeout=300)
    except OSError:
        fail("the neck does not answer")
    try:
        neck.sendall((head % (target, host, port, len(body))).encode("ascii") + body)
    except OSError:
        pass  # an answer may have come before the whole body was read
    try:
        while True:
            data = neck.recv(65536)
            if not data:
                return bytes(answer)
            answer += data
    except OSError:
        return bytes(answer)


def main():
    base, command, query = sys.argv[1], sys.argv[2], sys.argv[3:]
    url = re.match(r"^http://([^/:]+):(\d+)(/.*?)?/?$", base)
    if url is None:
        fail("BOT_BOTTLE_NECK is not an http URL")
    host, port, prefix = url.groups()
    pairs = [name + "=" + encode(value) for name, _, value in (pair.partition("=") for pair in query)]
    answer = call(host, port, "%s/forge/%s?%s" % (prefix or "", command, "&".join(pairs)))
    head, _, text = answer.partition(b"\r\n\r\n")
    status = re.match(rb"HTTP/1\.[01] (\d+)", head)
    if status is None:
        fail("the neck did not answer")
    length = re.search(rb"(?im)^content-length: *(\d+)", head)
    if length is not None and len(text) < int(length.group(1)):
        fail("the answer was cut off")
    code = int(status.group(1))
    if code == 200:
        sys.stdout.buffer.write(text)
        sys.stdout.buffer.flush()
        sys.exit(0)
    text = text or b"the neck answered %d" % code
    sys.stderr.buffer.write(text if text.endswith(b"\n") else text + b"\n")
    sys.stderr.buffer.flush()
    sys.exit(3 if code == 403 else 1)


main()
