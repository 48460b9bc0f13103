// The markdown documents of a folder: their links, their headings, and the command lines in them.
import { existsSync, readFileSync, readdirSync, statSync } from "node:fs"
import { dirname, join, normalize, relative } from "node:path"

/** README, changelog, context and docs of a checkout or of an unpacked package. */
export const documentsOf = (root) =>
  [
    ...["README.md", "CHANGELOG.md", "CONTEXT.md"].filter((name) => existsSync(join(root, name))),
    ...readdirSync(join(root, "docs"), { recursive: true })
      .filter((name) => name.endsWith(".md"))
      .map((name) => join("docs", name)),
  ].sort()

const FENCE = /^( *)(```+|~~~+)[^\n]*\n[\s\S]*?^ *\2 *$/gm
const LINK = /(!?)\[((?:`[^`]*`|[^\]`])*)\]\(([^)\s]+)\)/g
/** A span of code, or a link. A link inside of code is none. */
const SPAN_OR_LINK = new RegExp(`(\`+)(?!\`)(?:(?!\n\n).)*?[^\`]\\1(?!\`)|${LINK.source}`, "gs")

/** Replaces each link outside of code. `change` gets its text and target, and returns a replacement or undefined. */
export const withLinks = (markdown, change) => {
  // Code is put away first. What is in the text of a link stays.
  const kept = []
  const away = (text) => `\u{e000}${kept.push(text) - 1}\u{e001}`
  const plain = markdown.replace(FENCE, away)
  const links = plain.replace(SPAN_OR_LINK, (whole, code, image, text, target) =>
    code !== undefined || image === "!" ? whole : away(change(text, target) ?? whole),
  )
  const back = (text) => text.replace(/\u{e000}(\d+)\u{e001}/gu, (_, at) => back(kept[at]))
  return back(links)
}

/** The file and the anchor that a relative link of a document points to; undefined for one that leads out of the folder's files. */
export const targetOf = (document, target) => {
  if (/^[a-z][a-z0-9+.-]*:/i.test(target)) return undefined
  const [path = "", anchor] = target.split("#")
  return { file: path === "" ? document : normalize(join(dirname(document), path)), anchor }
}

/** The anchors of a document: of its headings, as GitHub and Gitea make them. */
const anchorsOf = (markdown) => {
  const seen = new Map()
  return new Set(
    [...markdown.replace(FENCE, "").matchAll(/^#{1,6} +(.*?)(?: +#+)? *$/gm)].map(([, heading]) => {
      const text = heading.replace(LINK, "$2")
      const slug = text
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, "")
        .replace(/\s/g, "-")
      const times = seen.get(slug) ?? 0
      seen.set(slug, times + 1)
      return times === 0 ? slug : `${slug}-${times}`
    }),
  )
}

/** What is wrong with the relative links of the documents: a file or an anchor that does not exist. */
export const linkProblems = (root) =>
  documentsOf(root).flatMap((document) => {
    const problems = []
    withLinks(readFileSync(join(root, document), "utf8"), (_, target) => {
      const to = targetOf(document, target)
      if (to === undefined) return undefined
      const file = join(root, to.file)
      if (relative(root, file).startsWith("..") || !existsSync(file))
        problems.push(`${document}: ${target}: there is no ${to.file}`)
      else if (to.anchor !== undefined && statSync(file).isFile() && file.endsWith(".md")) {
        if (!anchorsOf(readFileSync(file, "utf8")).has(to.anchor))
          problems.push(`${document}: ${target}: ${to.file} has no heading for it`)
      }
      return undefined
    })
    return problems
  })

/** The command lines of bot-bottle in the documents. `isWhole`: in a block for a shell, so that nothing of it is missing. */
export const commandsOf = (root) =>
  documentsOf(root).flatMap((document) => {
    const markdown = readFileSync(join(root, document), "utf8")
    const commands = (found, isWhole) =>
      [...found].flatMap(([, text]) => linesOf(text)).map((words) => ({ document, words, isWhole }))
    const spans = markdown.replace(FENCE, "").matchAll(/`(bot-bottle [^`]+)`/g)
    return commands(markdown.matchAll(/^ *```(?:sh|bash|console)\n([\s\S]*?)^ *```$/gm), true).concat(
      commands(spans, false),
    )
  })

const linesOf = (text) =>
  text
    // In a table.
    .replaceAll("\\|", "|")
    .replace(/^.*<<-?'?(\w+)'?.*\n[\s\S]*?^\1$/gm, "")
    .replaceAll(/\\\n/g, " ")
    .split("\n")
    .flatMap((line) => simpleCommands(line.replace(/^\s*\$ /, "")))
    .flatMap((words) => {
      const at = words.findIndex((word) => /^(?:[^=]*\/)?bot-bottle(?:\.cjs)?$/.test(word))
      const isProgram = words.slice(0, at).every((word) => /^(?:\w+=.*|npx|node|exec|sudo)$/.test(word))
      return at < 0 || !isProgram ? [] : [words.slice(at + 1).flatMap(plainWord)]
    })
    // A stand-in for any command.
    .filter(([first = ""]) => !/^[A-Z]{3,}$/.test(first))

/** `[PATH]` is PATH, `install|check` is install, and N is a number. */
const plainWord = (word) => {
  const plain = word.replace(/^\[(.*)\]$/, "$1").replace(/(.)\.{3}$/, "$1")
  const first = /^[\w-]+(\|[\w-]+)+$/.test(plain) ? plain.split("|")[0] : plain
  return [/^[A-Z]$/.test(first) ? "1" : first]
}

/** The simple commands of a line of shell, as words; redirections are left out. */
const simpleCommands = (line) => {
  const commands = [[]]
  const token =
    /\s+|#.*$|(?:\|\||&&|[;|&()]|\$\(|<\()|\d?[<>]+&?\s*[^\s;|&()]*|((?:"(?:\\.|[^"])*"|'[^']*'|\\.|[^\s"'\\;|&()<>]|(?<=[\w-])\|(?=[\w-]))+)/gy
  for (
    let found = token.exec(line);
    found !== null && token.lastIndex <= line.length;
    found = token.exec(line)
  ) {
    const [text, word] = found
    if (text === "") break
    if (word !== undefined) commands.at(-1).push(word.replaceAll(/"((?:\\.|[^"])*)"|'([^']*)'/g, "$1$2"))
    else if (/^(?:\|\||&&|[;|&()]|\$\(|<\()$/.test(text)) commands.push([])
  }
  return commands.filter((words) => words.length > 0)
}
