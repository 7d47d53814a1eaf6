import { createRequire } from 'node:module'

/** A package that is needed now cannot be loaded; `cause` says why. */
export class PackageMissing extends Error {
  readonly package: string

  constructor(name: string, cause: unknown) {
    super(`The package ${name} cannot be loaded`, { cause })
    this.package = name
  }
}

/**
 * Loads an optional package when it is first needed: most never need it, and it may not be installed.
 *
 * @throws {PackageMissing}
 */
export function optionalPackage<T>(name: string): () => T {
  let loaded: T | undefined
  return () => {
    try {
      loaded ??= createRequire(import.meta.url)(name) as T
    } catch (error) {
      throw new PackageMissing(name, error)
    }
    return loaded
  }
}
