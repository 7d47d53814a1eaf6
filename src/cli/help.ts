import { EXIT_CODES } from './common-options.ts'

/** The end of a command's help. */
export function examples(...commands: readonly string[]): string {
  return `\nExamples:\n${commands.map(command => `  millrace ${command}\n`).join('')}${EXIT_CODES}`
}
