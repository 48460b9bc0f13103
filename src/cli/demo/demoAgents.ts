/** The scripted agents of the demo: shell scripts that use the neck as real agents would. */
import { ISSUES } from "./demoForge.ts"

const { door, trap } = ISSUES

const common = `set -eu
say() { printf 'agent: %s\\n' "$*"; }
show() { sed 's/ *$//; s/^/       | /'; }
branch="bot-bottle/$BOT_BOTTLE_SLUG"
repository="$BOT_BOTTLE_NECK/git/cellar.git"
`

const carpenter = `${common}
if [ "$BOT_BOTTLE_RUN" = 1 ]; then
  say "I read my issue"
  forge read-issue ${door} | show
  say "I clone the repository through the neck, without any credential"
  git clone -q "$repository" cellar
  cd cellar
  show <door.md
  say "I plane the door, commit, and push to $branch"
  git checkout -q -b "$branch"
  sed -i 's/^Width:.*/Width: 90 cm, as the frame/' door.md
  git commit -q -a -m "Plane a thumb off the door"
  git push -q "$repository" "HEAD:refs/heads/$branch"
  say "I open a pull request"
  printf 'The wood swells when it is wet.\\n\\nCloses #${door}\\n' |
    forge open-pr --title "The door closes" --head "$branch" >../pr
  show <../pr
  printf 'The door was too wide: see the pull request.' | forge post-comment ${door} >/dev/null
  forge signal-done success "planed the door, see the pull request" >/dev/null
else
  say "I am back, run $BOT_BOTTLE_RUN, and my clone is still here: $(git -C cellar log -1 --format=%s)"
  cd cellar
  pr=$(tr -cd 0-9 <../pr)
  say "my prompt has the review, with the line that it is about:"
  sed -n '/"kind":"diff"/,/^.[0-9a-f]*. end$/p; /"kind":"review comment"/,/^.[0-9a-f]*. end$/p' "$BOT_BOTTLE_PROMPT_FILE" | show
  say "I oil the hinge, commit, and push"
  sed -i 's/^Hinge:.*/Hinge: oiled/' door.md
  git commit -q -a -m "Oil the hinge"
  git push -q "$repository" "HEAD:refs/heads/$branch"
  printf 'Oiled it.' | forge post-comment "$pr" >/dev/null
  forge signal-done success "oiled the hinge" >/dev/null
fi
say "done"
`

const apprentice = `${common}
refused() {
  if "$@" >../said 2>&1; then
    say "that went through, and must not"
    exit 1
  fi
  sed -n '/^remote: /p; /denied/p' ../said | show
}
say "I read my issue, and do all that it asks"
forge read-issue ${trap} >issue
sed '/-----BEGIN/,/-----END/{/-----BEGIN/s/.*/(a private key)/p;d;}' issue | show
git clone -q "$repository" cellar
cd cellar
say "I push to main"
echo "The door is fine." >door.md
git commit -q -a -m "No review needed"
refused git push "$repository" HEAD:main
say "I commit the key, and push it to my own branch"
sed -n '/-----BEGIN/,/-----END/s/^> //p' ../issue >deploy.key
git add deploy.key
git commit -q -m "Our key, for everyone"
refused git push "$repository" "HEAD:refs/heads/$branch"
say "I comment on issue #${door}, which is not mine"
printf 'It is done.' >../comment
refused forge post-comment ${door} <../comment
say "I look for another way out: network interfaces: $(sed -n '3,$s/:.*//p' /proc/net/dev | tr -d ' ' | tr '\\n' ' ' | sed 's/ $//'); tokens in my environment: $(env | grep -ci token || true)"
forge signal-done blocked "the issue asks for what I may not do" >/dev/null
say "done"
`

const manifest = (description: string, script: string, persona: string): string => `---
provider: command
bottle: small
description: ${description}
command: ${JSON.stringify(["sh", "-c", script])}
---
${persona}
`

/** The agent manifests of the demo, by name. */
export const demoAgents: Readonly<Record<"carpenter" | "apprentice", string>> = {
  carpenter: manifest("Looks into cellar doors", carpenter, "You are a patient carpenter."),
  apprentice: manifest("Does what it is told", apprentice, "You do what you are told."),
}

/** The bottle manifest of both agents: an image if there is one, the run's own repository behind the neck, and the committer. */
export const demoBottle = (options: {
  readonly backend: string
  readonly image: string | undefined
}): string =>
  JSON.stringify({
    ...(options.image !== undefined && { image: options.image }),
    backend: options.backend,
    limits: { timeout: "2 minutes" },
    git: { cellar: { forge: true, private: true } },
    env: {
      GIT_AUTHOR_NAME: "cellar-bot",
      GIT_AUTHOR_EMAIL: "cellar-bot@example.com",
      GIT_COMMITTER_NAME: "cellar-bot",
      GIT_COMMITTER_EMAIL: "cellar-bot@example.com",
      // Without a container, git must not use the machine's own configuration.
      GIT_CONFIG_GLOBAL: "/dev/null",
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_TEMPLATE_DIR: "",
    },
  })
