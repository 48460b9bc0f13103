# One call of the forge by socat: post.sh NECK COMMAND [NAME=VALUE]... < BODY. Exit 0 ok, 3 out of scope, 1 anything else.

# Characters are bytes.
LC_ALL=C
export LC_ALL

fail() {
  printf 'forge: %s\n' "$1" >&2
  exit 1
}

# Every byte as %xx: longer than needed, and never wrong.
encode() {
  printf '%s' "$1" | od -An -v -tx1 | tr -d '\n' | tr ' ' '%'
}

# The answer's status line and headers end at an empty line; what follows is the text.
tell() {
  cr=$(printf '\r')
  length=
  read -r version status line || fail "the neck did not answer"
  case $version in HTTP/1.?) ;; *) fail "the neck did not answer" ;; esac
  while read -r line; do
    line=${line%"$cr"}
    case $line in
      '') break ;;
      [Cc]ontent-[Ll]ength:*) length=${line#*:} ;;
    esac
  done
  text=$(cat; printf x)
  text=${text%x}
  [ -z "$length" ] || [ "${#text}" -ge "$length" ] || fail "the answer was cut off"
  [ "$status" = 200 ] && { printf '%s' "$text"; exit 0; }
  printf '%s\n' "${text:-the neck answered $status}" >&2
  [ "$status" = 403 ] && exit 3
  exit 1
}

neck=${1#http://}
target=/forge/$2
case $neck in
  */*) target=/${neck#*/}$target; neck=${neck%%/*} ;;
esac
target="/${target#/}"
shift 2
separator='?'
for pair in "$@"; do
  target="$target$separator${pair%%=*}=$(encode "${pair#*=}")"
  separator='&'
done

body=$(cat; printf x)
body=${body%x}
printf 'POST %s HTTP/1.0\r\nHost: %s\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %s\r\n\r\n%s' \
  "$target" "$neck" "${#body}" "$body" | socat -t 300 - "TCP:$neck" 2>/dev/null | tell
