#!/usr/bin/env node
import { runCommand } from './program.ts'

const lingerMs = 500

// Nobody reads it any more, so nobody is to be told either.
process.stderr.on('error', () => {})
process.exitCode = await runCommand(process.argv.slice(2))
// Nothing is left to do; what stays after a second Ctrl-C is a write that nobody takes.
setTimeout(() => process.exit(), lingerMs).unref()
