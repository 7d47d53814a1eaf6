import type { Piscina } from 'piscina'
import { MillraceError } from '../base/errors.ts'
import { optionalPackage, PackageMissing } from '../base/optional-package.ts'

const library = optionalPackage<{ Piscina: typeof Piscina }>('piscina')

/**
 * Loads the library that has the threads.
 *
 * @throws {MillraceError} `MISSING_PACKAGE`
 */
export function loadLibrary(): { Piscina: typeof Piscina } {
  try {
    return library()
  } catch (error) {
    if (!(error instanceof PackageMissing)) throw error
    throw new MillraceError(
      'MISSING_PACKAGE',
      `threads() needs the package "${error.package}", which cannot be loaded. Run npm install ${error.package}`,
      { cause: error.cause },
    )
  }
}
