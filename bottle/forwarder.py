# TCP 127.0.0.1:PORT to the neck's socket, in one process: forwarder.py SOCKET PORT. Prints "ready" once the neck has answered.
import os
import selectors
import socket
import sys
import time

PATH, PORT = sys.argv[1], int(sys.argv[2])
PIECE = 65536
FULL = 262144  # bytes that wait for a slow reader before its writer is left waiting
MOST = 400  # connections at once
RETRY_FOR = 10  # seconds that a caller waits for a sidecar on its way back

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


def leave(reason):
    os.write(1, ("neck: %s\n" % reason).encode())
    os._exit(1)


def dial():
    """A connection to the neck, or None."""
    neck = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    neck.setblocking(False)
    try:
        neck.connect(PATH)
        return neck
    except OSError:
        neck.close()
        return None


def healthy():
    neck = dial()
    if neck is None:
        return False
    try:
        neck.settimeout(2)
        neck.sendall(b"GET /healthz HTTP/1.0\r\nHost: neck\r\n\r\n")
        return neck.recv(64).split(b" ")[1:2] == [b"200"]
    except OSError:
        return False
    finally:
        neck.close()


class Side:
    """One end of a pair. One that broke has ended and is sent nothing more; the other is sent all that came before,
    and a caller is held until it has ended: an early answer must reach one that still writes."""

    def __init__(self, sock):
        self.sock = sock
        self.out = bytearray()  # still to be sent to it
        self.eof = False
        self.shut = False  # sent nothing more
        self.other = None
        self.mask = 0
        self.is_caller = False

    def pull(self):
        try:
            data = self.sock.recv(PIECE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.eof = True
        elif not self.other.shut:
            self.other.out += data

    def push(self):
        try:
            if self.out:
                del self.out[: self.sock.send(self.out)]
            if not self.out and self.other.eof and not self.shut:
                self.shut = True
                self.sock.shutdown(socket.SHUT_WR)
        except BlockingIOError:
            pass
        except OSError:
            self.out.clear()
            self.shut = True


class Forwarder:
    def __init__(self, server):
        self.events = selectors.DefaultSelector()
        self.server = server
        self.events.register(server, READ, None)
        self.accepting = True
        self.pairs = 0
        self.waiting = []  # [caller, until] whose neck is not there yet
        self.idle = None
        self.idle_next = 0

    def watch(self, side, mask):
        if mask == side.mask:
            return
        if side.mask == 0:
            self.events.register(side.sock, mask, side)
        elif mask == 0:
            self.events.unregister(side.sock)
        else:
            self.events.modify(side.sock, mask, side)
        side.mask = mask

    def drop(self, side):
        for one in (side, side.other):
            self.watch(one, 0)
            one.sock.close()
        self.count(-1)

    def count(self, change):
        self.pairs += change
        accepting = self.pairs < MOST
        if accepting != self.accepting:
            self.accepting = accepting
            if accepting:
                self.events.register(self.server, READ, None)
            else:
                self.events.unregister(self.server)

    def settle(self, caller, neck):
        """Says again what the pair waits for, or ends it."""
        if caller.eof and caller.shut and neck.shut:
            return self.drop(caller)
        for one in (caller, neck):
            may_read = not one.eof and len(one.other.out) < FULL
            self.watch(one, (READ if may_read else 0) | (WRITE if one.out else 0))

    def turn(self, side, mask):
        if mask & READ:
            side.pull()
        side.push()
        side.other.push()
        self.settle(*(side, side.other) if side.is_caller else (side.other, side))

    def pair(self, caller, neck):
        one, two = Side(caller), Side(neck)
        one.other, two.other, one.is_caller = two, one, True
        self.settle(one, two)

    def accept(self, now):
        try:
            caller, _ = self.server.accept()
        except OSError:
            return
        caller.setblocking(False)
        caller.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.count(1)
        self.waiting.append((caller, now + RETRY_FOR))

    def dial_waiting(self, now):
        waiting, self.waiting = self.waiting, []
        for caller, until in waiting:
            neck = dial()
            if neck is not None:
                self.pair(caller, neck)
            elif now > until:
                caller.close()
                self.count(-1)
            else:
                self.waiting.append((caller, until))
        if self.idle is None and now >= self.idle_next:
            self.idle_next = now + 1
            self.idle = dial()
            if self.idle is not None:
                self.events.register(self.idle, READ, "idle")

    def idle_said(self):
        try:
            if self.idle.recv(PIECE):
                return
        except OSError:
            pass
        self.events.unregister(self.idle)
        self.idle.close()
        self.idle = None

    def serve(self):
        while True:
            now = time.monotonic()
            self.dial_waiting(now)
            for key, mask in self.events.select(0.1 if self.waiting or self.idle is None else None):
                if key.data is None:
                    self.accept(now)
                elif key.data == "idle":
                    self.idle_said()
                elif key.data.mask:
                    self.turn(key.data, mask)


def main():
    server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        server.bind(("127.0.0.1", PORT))
        server.listen(128)
    except OSError as error:
        leave("cannot listen on 127.0.0.1:%d: %s" % (PORT, error.strerror))
    server.setblocking(False)
    until = time.monotonic() + 30
    while not healthy():
        if time.monotonic() > until:
            leave("the neck did not answer within 30 s")
        time.sleep(0.02)
    os.write(1, b"ready\n")
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    Forwarder(server).serve()


main()
