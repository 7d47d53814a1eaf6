#!/usr/bin/env node
import { enableCompileCache } from 'node:module'

const lingerMs = 500

// What is compiled once is kept for the next start, which takes two thirds of the time then.
enableCompileCache()
const { runCommand } = await import('./program.ts')

// Nobody reads it any more, so nobody is to be told either.
process.stderr.on('error', () => {})
// Whoever writes what counts is told by the write; help that nobody reads is none of that.
process.stdout.on('error', () => {})
process.exitCode = await runCommand(process.argv.slice(2))
// Nothing is left to do; what stays after a second Ctrl-C is a write that nobody takes.
setTimeout(() => process.exit(), lingerMs).unref()
