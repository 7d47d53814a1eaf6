import { registerHooks } from 'node:module'

/** As long as it is held, this package is not installed. One that was loaded before stays with those who have it. */
export function withoutPackage(name: string): Disposable {
  const hooks = registerHooks({
    resolve(specifier, context, next) {
      if (specifier === name) throw new Error(`Cannot find package '${name}'`)
      return next(specifier, context)
    },
  })
  return { [Symbol.dispose]: () => hooks.deregister() }
}
