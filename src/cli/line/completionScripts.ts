/** Completion scripts for shells. They ask `bot-bottle __complete WORD...` and evaluate nothing of what it prints. */

/** The hidden command that scripts call with the words of the line up to the cursor. */
export const COMPLETE = "__complete"

/*
 * The answer has a first line of flags, `nospace`, `files` and `directories`, then a line for each word: the word, a tab, its description.
 */

/** A script as it is written here, but for the backslash that keeps `${` from being a template's. */
const script = (text: TemplateStringsArray, ...values: ReadonlyArray<string>): string =>
  String.raw(text, ...values).replaceAll("\\${", "${")

/**
 * bash splits words at `=` and `:` and replaces only the last part. The words are joined again from the line, and what comes before
 * the last part is cut from the answer.
 */
const BASH = script`# bash completion of bot-bottle
_bot_bottle() {
  local line=\${COMP_LINE:0:COMP_POINT} words=() n=-1 i word rest text flags breaks= before=
  for ((i = 0; i <= COMP_CWORD; i++)); do
    rest=\${line#"\${line%%[![:space:]]*}"}
    word=\${COMP_WORDS[i]}
    ((i == COMP_CWORD)) && word=$rest
    if [[ $n -ge 0 && $rest == "$line" ]]; then words[n]+=$word; else words[++n]=$word; fi
    line=\${rest#"$word"}
  done
  for word in : =; do [[ $COMP_WORDBREAKS == *"$word"* ]] && breaks+=$word; done
  word=\${words[n]}
  [[ -n $breaks && $word == *[$breaks]* ]] && before=\${word%"\${word##*[$breaks]}"}
  COMPREPLY=()
  {
    IFS= read -r flags || return 0
    while IFS= read -r text; do
      text=\${text%%$'\t'*}
      COMPREPLY+=("\${text#"$before"}")
    done
  } < <("\${1/#~\//$HOME/}" ${COMPLETE} "\${words[@]:1}" 2>/dev/null)
  [[ $flags == *nospace* ]] && compopt -o nospace
  [[ $flags == *files* ]] && compopt -o default
  [[ $flags == *directories* ]] && compopt -o dirnames
  return 0
}
complete -o nosort -F _bot_bottle bot-bottle 2>/dev/null || complete -F _bot_bottle bot-bottle
`

const ZSH = script`#compdef bot-bottle
# zsh completion of bot-bottle
_bot-bottle() {
  local -a lines values shown space
  local line
  lines=("\${(@f)$("\${\${(Q)words[1]}/#\~\//$HOME/}" ${COMPLETE} "\${(@Q)words[2,CURRENT-1]}" "\${(Q)PREFIX}" 2>/dev/null)}")
  for line in "\${(@)lines[2,-1]}"; do
    values+=("\${line%%$'\t'*}")
    shown+=("\${line/$'\t'/  }")
  done
  [[ $lines[1] == *nospace* ]] && space=(-S '')
  (( $#values )) && compadd -l -V bot-bottle -d shown "\${(@)space}" -a values
  [[ $lines[1] == *(files|directories)* && $PREFIX == --*=* ]] && compset -P '*='
  [[ $lines[1] == *files* ]] && _files
  [[ $lines[1] == *directories* ]] && _files -/
  return 0
}
if [[ $funcstack[1] == _bot-bottle ]]; then _bot-bottle "$@"; else compdef _bot-bottle bot-bottle; fi
`

const FISH = script`# fish completion of bot-bottle
function __bot_bottle_complete
    set -l words (commandline -opc)
    set -l word (commandline -ct)
    set -l program (string replace -r '^~/' "$HOME/" -- $words[1])
    set -e words[1]
    set -l lines ($program ${COMPLETE} $words "$word" 2>/dev/null)
    or return
    set -l flags $lines[1]
    set -e lines[1]
    test (count $lines) -gt 0; and printf '%s\n' $lines
    string match -q '*files*' -- $flags; and __fish_complete_path (string replace -r '^--[^=]*=' '' -- $word)
    string match -q '*directories*' -- $flags; and __fish_complete_directories $word ''
end
complete -c bot-bottle -f -a '(__bot_bottle_complete)'
`

/** The script of a shell. */
export const completionScript = (shell: string): string =>
  shell === "zsh" ? ZSH : shell === "fish" ? FISH : BASH
