import type { Command, Option } from 'commander'
import type { Shell } from './completion-command.ts'

/** A command as completion needs it. */
interface Shape {
  /** `/topics/list`; empty for `millrace` itself. */
  readonly path: string
  readonly commands: readonly Entry[]
  readonly options: readonly OptionShape[]
  /** It takes the name of a file, or one of these words. */
  readonly takes: 'file' | readonly string[]
}

interface Entry {
  readonly name: string
  readonly summary: string
}

interface OptionShape {
  /** With its dashes. */
  readonly names: readonly string[]
  readonly summary: string
  /** What has to follow: one of these words, the name of a file, or something that nobody can guess; null when nothing has. */
  readonly value: readonly string[] | 'file' | 'any' | null
}

/** The script that teaches a shell the commands and options of this program. It is made of them, so it knows them all. */
export function completionScript(shell: Shell, program: Command): string {
  const shapes = shapesOf(program, '')
  if (shell === 'bash') return bash(shapes)
  return shell === 'zsh' ? zsh(shapes) : fish(shapes)
}

function shapesOf(command: Command, path: string): readonly Shape[] {
  const help = command.createHelp()
  const children = help.visibleCommands(command)
  const { registeredArguments } = command
  const shape: Shape = {
    path,
    commands: children.map(child => ({ name: child.name(), summary: help.subcommandDescription(child) })),
    options: help.visibleOptions(command).map(optionShape),
    takes: registeredArguments.some(argument => isFile(argument.name()))
      ? 'file'
      : (registeredArguments[0]?.argChoices ?? []),
  }
  return [shape, ...children.flatMap(child => shapesOf(child, `${path}/${child.name()}`))]
}

function optionShape({ short, long, description, required, argChoices, flags }: Option): OptionShape {
  const names = [short, long].filter(name => name !== undefined)
  const named = /<([\w-]+)/.exec(flags)?.[1]
  const value = argChoices ?? (isFile(named) ? 'file' : 'any')
  return { names, summary: description, value: required ? value : null }
}

function isFile(name: string | undefined): boolean {
  return name === 'file' || name === 'module'
}

/** What follows one of these options of this command: `/consume --order`. */
function valuePatterns(shapes: readonly Shape[], wanted: (value: OptionShape['value']) => boolean): string[] {
  return shapes.flatMap(({ path, options }) =>
    options.filter(({ value }) => wanted(value)).flatMap(({ names }) => names.map(name => `"${path} ${name}"`)),
  )
}

/** The branches of a `case` in bash and zsh that are about the value of an option. */
function valueCases(shapes: readonly Shape[], file: string, words: (words: readonly string[]) => string): string {
  const choices = shapes.flatMap(({ path, options }) =>
    options.flatMap(({ names, value }) =>
      Array.isArray(value)
        ? [`    ${names.map(name => `"${path} ${name}"`).join('|')}) ${words(value)}; return ;;\n`]
        : [],
    ),
  )
  const files = valuePatterns(shapes, value => value === 'file').join('|')
  const others = valuePatterns(shapes, value => value === 'any').join('|')
  return `${choices.join('')}    ${files}) ${file}; return ;;\n    ${others}) return ;;\n`
}

function paths(shapes: readonly Shape[], separator: string): string {
  return shapes.flatMap(({ path }) => (path === '' ? [] : [path])).join(separator)
}

function bash(shapes: readonly Shape[]): string {
  const cases = shapes.map(({ path, commands, options, takes }) => {
    const entries = [...commands.map(({ name }) => name), ...(takes === 'file' ? [] : takes)]
    const dashed = options.flatMap(({ names }) => names)
    return `    "${path}") entries="${entries.join(' ')}" options="${dashed.join(' ')}" files=${takes === 'file' ? 1 : 0} ;;\n`
  })
  return `# Completion of millrace for bash: source <(millrace completion bash)
_millrace() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD - 1]} at= entries= options= files=0 index
  COMPREPLY=()
  for ((index = 1; index < COMP_CWORD; index++)); do
    case "$at/\${COMP_WORDS[index]}" in
      ${paths(shapes, '|')}) at="$at/\${COMP_WORDS[index]}" ;;
    esac
  done
  case "$at $previous" in
${valueCases(shapes, 'compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$current")', words => `mapfile -t COMPREPLY < <(compgen -W "${words.join(' ')}" -- "$current")`)}  esac
  case "$at" in
${cases.join('')}  esac
  if [[ $current == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$options" -- "$current")
  elif ((files)); then
    compopt -o filenames
    mapfile -t COMPREPLY < <(compgen -f -- "$current")
  else
    mapfile -t COMPREPLY < <(compgen -W "$entries" -- "$current")
  fi
}
complete -F _millrace millrace
`
}

function zsh(shapes: readonly Shape[]): string {
  const described = (name: string, summary: string) => quoted(`${name.replaceAll(':', '\\:')}:${summary}`)
  const cases = shapes.map(({ path, commands, options, takes }) => {
    const words = takes === 'file' ? [] : takes.map(word => quoted(word))
    const entries = [...commands.map(({ name, summary }) => described(name, summary)), ...words]
    const dashed = options.flatMap(({ names, summary }) => names.map(name => described(name, summary)))
    return `    "${path}") entries=(${entries.join(' ')}) options=(${dashed.join(' ')}) files=${takes === 'file' ? 1 : 0} ;;\n`
  })
  return `#compdef millrace
# Completion of millrace for zsh: millrace completion zsh > "\${fpath[1]}/_millrace"
_millrace() {
  local at= word files=0
  local -a entries options
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "$at/$word" in
      ${paths(shapes, '|')}) at="$at/$word" ;;
    esac
  done
  case "$at \${words[CURRENT-1]}" in
${valueCases(shapes, '_files', words => `compadd -- ${words.join(' ')}`)}  esac
  case "$at" in
${cases.join('')}  esac
  if [[ \${words[CURRENT]} == -* ]]; then
    _describe option options
  elif ((files)); then
    _files
  else
    _describe command entries
  fi
}
if [[ $funcstack[1] == _millrace ]]; then _millrace "$@"; else compdef _millrace millrace; fi
`
}

function fish(shapes: readonly Shape[]): string {
  const lines = shapes.flatMap(({ path, commands, options, takes }) => {
    const line = (rest: string) => `complete -c millrace -n 'test (__millrace_path) = "${path}"' ${rest}\n`
    const words = takes === 'file' ? [line('-F')] : takes.map(word => line(`-a ${word}`))
    return [
      ...commands.map(({ name, summary }) => line(`-a ${name} -d ${quoted(summary)}`)),
      ...words,
      ...options.map(option => line(fishOption(option))),
    ]
  })
  return `# Completion of millrace for fish: millrace completion fish > ~/.config/fish/completions/millrace.fish
function __millrace_path
    set -l path ''
    for word in (commandline -opc)[2..]
        switch "$path/$word"
            case ${paths(shapes, ' ')}
                set path "$path/$word"
        end
    end
    echo "$path"
end
complete -c millrace -f
${lines.join('')}`
}

function fishOption({ names, summary, value }: OptionShape): string {
  const flags = names.map(name => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`))
  const follows =
    value === null ? '' : value === 'file' ? ' -r -F' : value === 'any' ? ' -x' : ` -x -a '${value.join(' ')}'`
  return `${flags.join(' ')}${follows} -d ${quoted(summary)}`
}

/** For all three shells. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", '’')}'`
}
