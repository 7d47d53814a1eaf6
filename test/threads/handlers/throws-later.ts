setImmediate(() => {
  throw new RangeError('no database')
})
await new Promise(() => {})

export default () => {}
