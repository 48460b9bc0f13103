# TCP 127.0.0.1:PORT to the neck's socket, by socat: forwarder.sh SOCKET PORT. Prints "ready" once the neck has answered.

neck=$1
port=$2
health='GET /healthz HTTP/1.0\r\nHost: neck\r\n\r\n'

answers() {
  printf "$health" | socat -t 2 - "$1" 2>/dev/null | { read -r _ status _ && [ "$status" = 200 ]; }
}

# await REASON COMMAND...: 600 times within about 30 seconds.
await() {
  reason=$1
  shift
  tries=0
  until "$@"; do
    tries=$((tries + 1))
    [ "$tries" -le 600 ] || { echo "neck: $reason"; exit 1; }
    sleep 0.05
  done
}

# It listens a moment after it is started; when it cannot, it ends.
listens() {
  kill -0 "$listener" 2>/dev/null || { echo "neck: cannot listen on 127.0.0.1:$port"; exit 1; }
  answers "TCP:127.0.0.1:$port"
}

await "the neck did not answer within 30 s" answers "UNIX-CONNECT:$neck"
answers "TCP:127.0.0.1:$port" && { echo "neck: cannot listen on 127.0.0.1:$port: it is taken"; exit 1; }

# retry: the sidecar may be on its way back. -t: an end of one direction must not cut off the other.
connect="UNIX-CONNECT:$neck,retry=100,interval=0.1"
socat -t 86400 "TCP-LISTEN:$port,bind=127.0.0.1,reuseaddr,backlog=128,nodelay,fork,max-children=64" "$connect" \
  </dev/null >/dev/null 2>&1 &
listener=$!
await "cannot listen on 127.0.0.1:$port" listens

# The idle connection tells the sidecar that somebody is there.
(while :; do
  socat -u "$connect" OPEN:/dev/null
  sleep 1
done) </dev/null >/dev/null 2>&1 &
echo ready
