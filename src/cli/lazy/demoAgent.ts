/** The scripted agent of the demo: a shell script that works through the neck, as a real agent would. */

/** The issue that the demo's forge has. */
export const demoIssue = {
  number: 17,
  title: "The cellar door does not close",
  body: "It stands open by a thumb when it rains. Please find out why.",
} as const

const script = `set -eu
say() { printf 'agent: %s\\n' "$*"; }

if [ "$BOT_BOTTLE_RUN" = 1 ]; then
  say "reading the issue"
  forge read-issue ${demoIssue.number} | sed 's/^/  | /'
  say "noting in my workspace what I found"
  echo "the wood swells when it is wet" >notes.txt
  say "commenting on the issue"
  printf 'I looked at the door: %s.' "$(cat notes.txt)" | forge post-comment ${demoIssue.number} >/dev/null
  say "trying to write to issue 1, which is not mine"
  if printf 'hello' | forge post-comment 1; then exit 1; fi
  say "looking for a way out: interfaces $(sed -n '3,$s/:.*//p' /proc/net/dev 2>/dev/null | tr -d ' \\n'), tokens in my environment: $(env | grep -ci token || true)"
  forge signal-done success "told the cause in a comment" >/dev/null
else
  say "back again, run $BOT_BOTTLE_RUN; my notes are still here: $(cat notes.txt)"
  say "the new prompt ends with: $(tail -n 1 "$BOT_BOTTLE_PROMPT_FILE")"
  printf 'Planing a thumb off the edge will do, since %s.' "$(cat notes.txt)" | forge post-comment ${demoIssue.number} >/dev/null
  forge signal-done success "said what to do" >/dev/null
fi
say "done"
`

/** The agent manifest of the demo. */
export const demoAgent = `---
provider: command
bottle: small
description: Looks into cellar doors
command: ${JSON.stringify(["sh", "-c", script])}
---
You are a patient carpenter.
`
