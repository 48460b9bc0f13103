# TCP 127.0.0.1:PORT to the neck's socket, by socat: forwarder.sh SOCKET PORT. Prints "ready" once the neck has answered.

socket=$1
port=$2

# -t: an end of one direction must not cut off the other. retry: the sidecar may be on its way back.
connect="UNIX-CONNECT:$socket,retry=100,interval=0.1"

answers() {
  printf 'GET /healthz HTTP/1.0\r\nHost: neck\r\n\r\n' | socat -t 2 - "UNIX-CONNECT:$socket" 2>/dev/null |
    { read -r _ status _ && [ "$status" = 200 ]; }
}

tries=0
until answers; do
  tries=$((tries + 1))
  [ "$tries" -le 100 ] || { echo "neck: the neck did not answer within 5 s"; exit 1; }
  sleep 0.05
done

# The idle connection tells the sidecar that somebody is there.
(while :; do
  socat -u "$connect" OPEN:/dev/null
  sleep 1
done) </dev/null >/dev/null 2>&1 &

# It listens a moment after it is started; until then the port refuses.
socat -t 86400 "TCP-LISTEN:$port,bind=127.0.0.1,reuseaddr,backlog=128,nodelay,fork,max-children=64" "$connect" \
  </dev/null >/dev/null 2>&1 &
tries=0
until socat -u OPEN:/dev/null "TCP:127.0.0.1:$port" 2>/dev/null; do
  tries=$((tries + 1))
  [ "$tries" -le 40 ] || { echo "neck: cannot listen on 127.0.0.1:$port"; exit 1; }
  sleep 0.05
done
echo ready
