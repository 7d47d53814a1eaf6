#!/usr/bin/env node
import { runCommand } from './program.ts'

const linger = 500

process.exitCode = await runCommand(process.argv.slice(2))
// Nothing is left to do; what stays after a second Ctrl-C is a write that nobody takes.
setTimeout(() => process.exit(), linger).unref()
